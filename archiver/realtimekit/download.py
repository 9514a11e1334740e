"""Downloads an artifact from wherever the source says it is, streaming it to disk while hashing."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import secrets
from typing import TYPE_CHECKING, Self

from yarl import URL

from archiver.errors import (
    DownloadError,
    DownloadExpiredError,
    DownloadForbiddenError,
    DownloadInterruptedError,
    DownloadTooLargeError,
    StoreError,
    StoreFullError,
)
from archiver.model import Fetched
from archiver.realtimekit.download_rules import Rules
from archiver.realtimekit.guarded import FAILURES, Guarded, failure_of
from archiver.realtimekit.lenient import escape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    import aiohttp
    from aiohttp.abc import AbstractResolver

    from archiver.clock import Clock
    from archiver.realtimekit.results import DownloadUrl

REDIRECTS_MAX = 3
#: A header is kept for the record up to this length.
HEADER_LENGTH_MAX = 256
_BUFFER_BYTES = 256 * 1024
#: A body up to this size needs no file of its own before it is stored.
MEMORY_BYTES = 128 * 1024
#: No two processes name a file alike, nor does one of them twice.
_RUN, _NUMBERS = secrets.token_hex(8), itertools.count()
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_EXPIRED = frozenset({401, 403, 404, 410})
_PASSING = frozenset({408, 425, 429})


class Downloader:
    """Fetches download URLs, the large ones into `directory`, under rules no hostile URL can leave."""

    def __init__(
        self,
        *,
        directory: Path,
        max_bytes: int,
        clock: Clock,
        memory_bytes: int = MEMORY_BYTES,
        exempt_base_url: str = "",
        timeout_s: float = 30,
        total_timeout_s: float = 3600,
        allowed_hosts: Sequence[str] = (),
        trust_env: bool = False,
        connections: int = 8,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._memory_bytes = memory_bytes
        self._clock = clock
        self._rules = Rules(exempt_base_url=exempt_base_url, allowed_hosts=allowed_hosts)
        self._client = Guarded(
            self._rules,
            timeout_s=timeout_s,
            total_timeout_s=total_timeout_s,
            connections=connections,
            trust_env=trust_env,
            headers={"Accept-Encoding": "identity"},
            resolver=resolver,
            auto_decompress=False,
            read_bufsize=_BUFFER_BYTES,
        )

    async def __aenter__(self) -> Self:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, traceback)

    async def fetch(self, url: DownloadUrl) -> Fetched:
        """The whole body; where it is in a file, that is the caller's to discard."""
        target = self._rules.check(url.reveal())
        for _ in range(REDIRECTS_MAX + 1):
            answer = await self._follow(target)
            if isinstance(answer, Fetched):
                return answer
            target = self._rules.check(answer)
        raise DownloadForbiddenError(f"more than {REDIRECTS_MAX} redirects")

    async def _follow(self, url: URL) -> Fetched | str:
        """One request: the body, or where it is instead; errors never hold the URL."""
        try:
            return await self._request(url)
        except FAILURES as error:
            raise failure_of(error, lambda reason: _at(reason, url)) from None

    async def _request(self, url: URL) -> Fetched | str:
        async with self._client.request("GET", url) as response:
            if response.status in _REDIRECTS:
                return _redirect(url, response)
            if response.status != 200:
                raise _refusal(url, response.status)
            return await self._save(url, response)

    async def _save(self, url: URL, response: aiohttp.ClientResponse) -> Fetched:
        announced = response.content_length
        if announced is not None and announced > self._max_bytes:
            raise self._too_large(url)
        headers = response.headers
        with _Body(self._directory, self._memory_bytes) as part:
            async for chunk in response.content.iter_any():
                part.write(chunk)
                if part.size_bytes > self._max_bytes:
                    raise self._too_large(url)
            if announced is not None and part.size_bytes != announced:
                raise DownloadInterruptedError(_at("a body of another length than said", url))
            body = part.keep()
        encoding = _header(headers.get("Content-Encoding", "")).lower()
        return Fetched(
            body=body,
            size_bytes=part.size_bytes,
            digest=part.digest.hexdigest(),
            media_type=_header(headers.get("Content-Type", "")),
            encoding="" if encoding == "identity" else encoding,
            host=url.host or "",
            fetched_at=self._clock.now(),
            source_date=_header(headers.get("Date", "")),
            source_etag=_header(headers.get("ETag", "")),
        )

    def _too_large(self, url: URL) -> DownloadTooLargeError:
        return DownloadTooLargeError(_at(f"more than {self._max_bytes} bytes", url))


class _Body:
    """A body on its way: in memory while it is small, then in a private file, hashed as it comes.

    The file is gone again unless it is kept. Its writes block: each is at most a buffer long and
    goes to the page cache, which is quicker than handing it to a thread.
    """

    def __init__(self, directory: Path, memory_bytes: int) -> None:
        self._path = directory / f"{_RUN}-{os.getpid()}-{next(_NUMBERS)}.part"
        self._memory_bytes = memory_bytes
        self._held: list[bytes] = []
        self.digest = hashlib.sha256()
        self.size_bytes = 0
        self._kept = False
        self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def write(self, chunk: bytes) -> None:
        self.digest.update(chunk)
        self.size_bytes += len(chunk)
        if self.size_bytes <= self._memory_bytes:
            self._held.append(chunk)
            return
        try:
            if self._descriptor < 0:
                self._open()
            self._append(chunk)
        except OSError as error:
            raise self._failure(error) from None

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o600)
        for chunk in self._held:
            self._append(chunk)
        self._held = []

    def _append(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def keep(self) -> bytes | Path:
        """What was written; a file stays where it is."""
        self._kept = True
        return b"".join(self._held) if self._descriptor < 0 else self._path

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            if not self._kept:
                self._path.unlink(missing_ok=True)

    def _failure(self, error: OSError) -> StoreError:
        where = self._path.parent
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StoreFullError(f"no space left in {where}", hint="free some, then go on")
        return StoreError(f"cannot write in {where}: {error.strerror}")


def _redirect(url: URL, response: aiohttp.ClientResponse) -> str:
    location = response.headers.get("Location", "")
    if not location:
        raise DownloadError(_at("a redirect to nowhere", url), status=response.status)
    try:
        return str(url.join(URL(location, encoded=True)))
    except ValueError:
        raise DownloadForbiddenError(_at("a redirect that cannot be read", url)) from None


def _refusal(url: URL, status: int) -> DownloadError:
    if status in _EXPIRED:
        return DownloadExpiredError(_at(f"{status}, the URL no longer works", url), status=status)
    if status in _PASSING or status >= 500:
        return DownloadInterruptedError(_at(str(status), url), status=status)
    return DownloadError(_at(str(status), url), status=status)


def _at(reason: str, url: URL) -> str:
    return f"download from {escape(url.host or '')}: {reason}"


def _header(value: str) -> str:
    return value.strip()[:HEADER_LENGTH_MAX]
