"""Requests to hosts that others name: under the rules, to checked addresses, with nothing to give away.

There is no token, no cookie and no password in them. With `trust_env` a proxy named by the environment
connects in its place, and then resolves the names itself: only the URL and literal addresses are
checked there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import aiohttp

from archiver.errors import DownloadError, DownloadForbiddenError, DownloadInterruptedError
from archiver.realtimekit.download_rules import CheckedResolver, RefusedAddressError
from archiver.realtimekit.proxies import environment_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from aiohttp.abc import AbstractResolver
    from yarl import URL

    from archiver.realtimekit.download_rules import Rules

CONNECT_TIMEOUT_S = 10.0
#: What a request may end with instead of an answer; `failure_of` says what that means.
FAILURES = (TimeoutError, aiohttp.ClientError, OSError, ValueError)


class Guarded:
    """An HTTP client under rules no hostile URL can leave; it follows no redirect."""

    def __init__(
        self,
        rules: Rules,
        *,
        timeout_s: float,
        total_timeout_s: float,
        connections: int,
        trust_env: bool = False,
        headers: Mapping[str, str] | None = None,
        resolver: AbstractResolver | None = None,
        **options: Any,
    ) -> None:
        self._rules = rules
        self._connections = connections
        self._trust_env = trust_env
        self._resolver = resolver
        self._options: dict[str, Any] = options
        self._headers = {"User-Agent": "realtimekit-archive", **(headers or {})}
        self._timeout = aiohttp.ClientTimeout(
            total=total_timeout_s,
            sock_connect=min(timeout_s, CONNECT_TIMEOUT_S),
            sock_read=timeout_s,
        )
        self._direct: aiohttp.ClientSession | None = None
        self._proxied: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        resolver = CheckedResolver(self._rules, self._resolver)
        self._direct = self._open(
            aiohttp.TCPConnector(
                limit=self._connections, resolver=resolver, socket_factory=self._rules.connect
            )
        )
        if self._trust_env:
            self._proxied = self._open(aiohttp.TCPConnector(limit=self._connections))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for session in (self._direct, self._proxied):
            if session is not None:
                await session.close()

    def _open(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            headers=self._headers,
            **self._options,
        )

    def request(self, method: str, url: URL, **more: Any) -> aiohttp.client._RequestContextManager:
        """A request to a URL the rules have let through, as an async context manager."""
        proxy = environment_proxy(url) if self._trust_env else None
        session = self._proxied if proxy else self._direct
        if session is None:
            raise RuntimeError("the client is not open: use it as an async context manager")
        return session.request(method, url, allow_redirects=False, proxy=proxy, **more)


def failure_of(error: Exception, at: Callable[[str], str]) -> DownloadError:
    """What one of `FAILURES` means; `at` puts the place before the reason. It never holds the URL."""
    match error:
        case TimeoutError():
            reason = "no answer in time"
        case aiohttp.ClientConnectorCertificateError():
            reason = "the certificate is not valid"
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, RefusedAddressError):
            return DownloadForbiddenError(at("a forbidden address"))
        case aiohttp.ClientConnectorError():
            reason = "no connection"
        case aiohttp.InvalidURL():
            return DownloadForbiddenError(at("not a URL to be requested"))
        case aiohttp.ClientError() | OSError():
            reason = f"the connection broke ({type(error).__name__})"
        case _:  # not a name that can be asked after, or nothing to be requested
            return DownloadForbiddenError(at("not a URL to be requested"))
    return DownloadInterruptedError(at(reason))
