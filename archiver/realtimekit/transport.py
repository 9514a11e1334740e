"""One request to RealtimeKit's API: budget, retries, and every failure as one of our errors."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Self, TypeVar

import aiohttp
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    wait_exponential,
    wait_random,
)
from yarl import URL

from archiver.errors import (
    ArchiverError,
    PayloadError,
    RateLimitedError,
    SettingsError,
    SourceConflictError,
    SourceDeniedError,
    SourceError,
    SourceNotFoundError,
    SourceRefusedError,
    SourceUnavailableError,
)
from archiver.realtimekit.addresses import is_host_name, is_loopback_host
from archiver.realtimekit.lenient import decode
from archiver.realtimekit.payloads import parse_error
from archiver.realtimekit.proxies import environment_proxy
from archiver.realtimekit.timekeeping import Timekeeping
from archiver.realtimekit.waits import retry_after_s, seconds_until
from archiver.retries import retried

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from archiver.clock import Clock
    from archiver.realtimekit.budget import Budget

T = TypeVar("T")

BODY_BYTES_MAX = 64 * 1024 * 1024
#: The source blocks everyone for five minutes (reference, 3.2); so long do we wait unless told.
RATE_LIMIT_PAUSE_S = 300.0
#: Rate limits are waited out and so have a count of their own, beside the attempts.
RATE_LIMITS_MAX = 8
CONNECT_TIMEOUT_S = 10.0
#: A whole answer may take this many times the longest silence within it.
TOTAL_TIMEOUT_FACTOR = 10

_TOKEN_HINT = "check CLOUDFLARE_API_TOKEN (permission Realtime) and CLOUDFLARE_ACCOUNT_ID"  # noqa: S105 — advice, no secret
_BASE_URL_HINT = "check CLOUDFLARE_BASE_URL"
_back_off = wait_exponential(multiplier=0.5, max=20) + wait_random(0, 1)


class Token:
    """The API token; it shows itself only to the request it authorises."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise SettingsError(
                "CLOUDFLARE_API_TOKEN is missing or holds characters no token has",
                hint="copy it anew from the Cloudflare dashboard",
            )
        self._text = text

    def header(self) -> str:
        """The value of the Authorization header."""
        return f"Bearer {self._text}"

    def redact(self, text: str) -> str:
        """The text without the token, should the source have echoed it."""
        return text.replace(self._text, "***")

    def __repr__(self) -> str:
        return "Token(***)"

    def __reduce__(self) -> str:
        raise TypeError("a token is not written down")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is asked for: the operation's name for messages, and the request without its base."""

    operation: str
    path: str
    method: str = "GET"
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    #: Whether 404 is an answer of its own rather than an error.
    may_be_missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, read to its end."""

    status: int
    body: str = field(repr=False)
    retry_after: str = ""
    resets_at: str = ""


class Transport:
    """Sends calls to one base URL, with one token, within one budget."""

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        budget: Budget,
        clock: Clock,
        on_request: Callable[[str, str], None],
        timeout_s: float,
        attempts: int,
        connections: int,
        trust_env: bool,
    ) -> None:
        self._base_url = checked_base_url(base_url)
        self._token = Token(token)
        self._budget = budget
        self._clock = clock
        self._on_request = on_request
        self._attempts = attempts
        self._connections = connections
        self._places = asyncio.Semaphore(connections)
        self._trust_env = trust_env
        self._timeout = aiohttp.ClientTimeout(
            total=timeout_s * TOTAL_TIMEOUT_FACTOR,
            sock_connect=min(timeout_s, CONNECT_TIMEOUT_S),
            sock_read=timeout_s,
        )
        self._session: aiohttp.ClientSession | None = None
        self.timekeeping = Timekeeping()

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            headers={"User-Agent": "realtimekit-archive", "Accept": "application/json"},
            skip_auto_headers=("Content-Type",),
        )
        # Else the library sends again by itself over a new connection: past budget, pause and count.
        self._session._retry_connection = False  # noqa: SLF001 — as its own test client does
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, call: Call, parse: Callable[[Answer], T]) -> T:
        """The parsed answer; transient failures are tried again, except of a POST.

        A POST starts something, and whether it did is known to nobody after a time-out or a 5xx:
        the caller looks before asking again (reference, section 5).
        """
        if call.method == "POST":
            return await self._attempt(call, parse)
        attempts = count()
        return await retried(
            self._retrying, lambda: self._attempt(call, parse, again=next(attempts) > 0)
        )

    def _retrying(self) -> AsyncRetrying:
        patience = _Patience(self._attempts)
        return AsyncRetrying(
            sleep=self._clock.sleep,
            stop=patience.is_over,
            wait=patience.wait_s,
            retry=retry_if_exception(_is_transient),
            reraise=True,
        )

    async def _attempt(self, call: Call, parse: Callable[[Answer], T], *, again: bool = False) -> T:
        answer = await self._answer(call)
        # What an attempt before may have removed is gone, as was asked.
        if not (again and call.method == "DELETE" and answer.status == 404):
            self._refuse(call, answer)
        try:
            return parse(answer)
        except SourceError as error:
            reason = self._token.redact(f"{call.operation}: {error.message}")
            kind = PayloadError if isinstance(error, PayloadError) else SourceUnavailableError
            raise kind(reason, operation=call.operation, status=answer.status) from None

    async def _answer(self, call: Call) -> Answer:
        # The connection first, then the budget: what the budget has let through leaves at once,
        # and nothing that waits for a connection leaves during a pause.
        async with self._places:
            await self._budget.acquire()
            status = "error"
            try:
                answer = await self._exchange(call)
                status = str(answer.status)
            finally:
                self._on_request(call.operation, status)
            return answer

    async def _exchange(self, call: Call) -> Answer:
        """Send and read; whatever the HTTP library raises becomes one error without a URL."""
        try:
            return await self._request(call)
        except aiohttp.ConnectionTimeoutError:
            sent, reason = False, "no connection in time"
        except TimeoutError:
            sent, reason = True, "no answer in time"
        except aiohttp.ClientConnectorCertificateError:
            sent, reason = False, "the certificate is not valid"
        except aiohttp.ClientConnectorError as error:
            sent, reason = False, f"no connection: {error.strerror or type(error).__name__}"
        except (aiohttp.ClientError, OSError) as error:
            sent, reason = True, f"the connection broke: {type(error).__name__}"
        except UnicodeError:
            sent, reason = False, "the host's name is none"
        except ValueError as error:
            sent, reason = True, f"the request failed: {type(error).__name__}"
        raise SourceUnavailableError(
            f"{call.operation}: {reason}",
            operation=call.operation,
            hint="" if sent else _BASE_URL_HINT,
            sent=sent,
        )

    async def _request(self, call: Call) -> Answer:
        if self._session is None:
            raise RuntimeError("the client is not open: use it as an async context manager")
        url = URL(f"{self._base_url}{call.path}", encoded=True)
        headers = {"Authorization": self._token.header()}
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        before = self._clock.now()
        async with self._session.request(
            call.method,
            url.with_query(call.query) if call.query else url,
            data=call.body,
            headers=headers,
            allow_redirects=False,
            proxy=environment_proxy(url) if self._trust_env else None,
        ) as response:
            self.timekeeping.compare(response.headers.get("Date", ""), before, self._clock.now())
            body = await _read(response, call)
            return Answer(
                status=response.status,
                body=decode(body),
                retry_after=response.headers.get("Retry-After", ""),
                resets_at=response.headers.get("X-Ratelimit-Reset", ""),
            )

    def _refuse(self, call: Call, answer: Answer) -> None:
        """Raise what a status means (reference, 3.4); return for those that are an answer."""
        status = answer.status
        if 200 <= status < 300 or (status == 404 and call.may_be_missing):
            return
        message = self._message(call, answer)
        if status == 429:
            pause_s = self._pause(answer, unless_told_s=RATE_LIMIT_PAUSE_S)
            raise RateLimitedError(message, operation=call.operation, retry_after_s=pause_s)
        if status in (408, 425) or status >= 500:
            self._pause(answer, unless_told_s=0)
            raise SourceUnavailableError(message, operation=call.operation, status=status)
        kinds = {
            401: SourceDeniedError,
            403: SourceDeniedError,
            404: SourceNotFoundError,
            409: SourceConflictError,
        }
        kind = kinds.get(status, SourceRefusedError)
        hint = _TOKEN_HINT if kind is SourceDeniedError else ""
        if 300 <= status < 400:
            hint = f"redirects are not followed; {_BASE_URL_HINT}"
        raise kind(message, operation=call.operation, status=status, hint=hint)

    def _pause(self, answer: Answer, *, unless_told_s: float) -> float:
        """Stop the whole process for as long as the source asks."""
        now = self._clock.now()
        told_s = retry_after_s(answer.retry_after, now)
        # Every answer has the other header; only of a 429 does it say how long to keep away.
        if told_s is None and answer.status == 429:
            told_s = seconds_until(answer.resets_at, now)
        pause_s = unless_told_s if told_s is None else max(told_s, 1.0)
        self._budget.pause(pause_s)
        return pause_s

    def _message(self, call: Call, answer: Answer) -> str:
        # Before the message is cut to length, lest the cut leave half a token.
        code, text = parse_error(self._token.redact(answer.body))
        said = " ".join(part for part in (code if code != str(answer.status) else "", text) if part)
        return self._token.redact(f"{call.operation}: {answer.status} {said}".rstrip())


class _Patience:
    """How often one call is tried: failures and rate limits are counted apart."""

    def __init__(self, attempts: int) -> None:
        self._attempts = attempts
        self._failures = 0
        self._rate_limits = 0

    def is_over(self, state: RetryCallState) -> bool:
        if _is_rate_limited(state):
            self._rate_limits += 1
            return self._rate_limits >= RATE_LIMITS_MAX
        self._failures += 1
        return self._failures >= self._attempts

    def wait_s(self, state: RetryCallState) -> float:
        # The budget is paused already, and the next attempt waits there with everyone else.
        return 0.0 if _is_rate_limited(state) else _back_off(state)


def _is_rate_limited(state: RetryCallState) -> bool:
    return state.outcome is not None and isinstance(state.outcome.exception(), RateLimitedError)


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, ArchiverError) and error.transient


async def _read(response: aiohttp.ClientResponse, call: Call) -> bytes:
    chunks: list[bytes] = []
    size_bytes = 0
    async for chunk in response.content.iter_any():
        size_bytes += len(chunk)
        if size_bytes > BODY_BYTES_MAX:
            raise SourceUnavailableError(
                f"{call.operation}: the answer is longer than {BODY_BYTES_MAX} bytes",
                operation=call.operation,
                status=response.status,
            )
        chunks.append(chunk)
    return b"".join(chunks)


def checked_base_url(base_url: str) -> str:
    """The base URL without its last slash; anything but HTTPS or loopback is a SettingsError."""
    try:
        url = URL(base_url.strip())
        host = url.host or ""
    except ValueError:
        url, host = URL(), ""
    if not host or url.scheme not in ("https", "http"):
        raise SettingsError("CLOUDFLARE_BASE_URL is no URL", hint="it takes https://HOST/PATH")
    if not is_host_name(host):
        raise SettingsError("CLOUDFLARE_BASE_URL names no host", hint="it takes https://HOST/PATH")
    if url.user or url.password or url.query_string or url.fragment:
        raise SettingsError("CLOUDFLARE_BASE_URL holds more than scheme, host and path")
    if url.scheme == "http" and not is_loopback_host(host):
        raise SettingsError(
            "CLOUDFLARE_BASE_URL is not HTTPS",
            hint="only a loopback address may be asked over plain http",
        )
    return str(url).rstrip("/")
