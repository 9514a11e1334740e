"""The storage behind the download URLs: no token, a signature, an expiry, and faults on the way."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from archiver.model import Kind
from archiver.simulated.answers import break_connection, storage_error
from archiver.simulated.source import EXTENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from archiver.simulated.faults import Key
    from archiver.simulated.source import SimulatedSource

_CHUNK_BYTES = 64 * 1024
_HOP = re.compile(r"[0-9]{1,6}\Z")
_FORMATS = {extension: format_ for format_, extension in EXTENSIONS.items()}
_MEDIA_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
    "txt": "text/plain",
}


def file_path(session_id: str, kind: str, format_: str) -> str:
    """Where a file is, as a path on the storage host."""
    extension = "txt" if kind == Kind.SUMMARY else EXTENSIONS.get(format_, "csv")
    return f"/files/{session_id}/{kind}.{extension}"


def file_key(session_id: str, name: str) -> Key | None:
    """Which artifact a file name means."""
    kind, _, extension = name.partition(".")
    if kind == Kind.TRANSCRIPT and extension in _FORMATS:
        return session_id, kind, _FORMATS[extension]
    if (kind, extension) in ((Kind.CHAT, "csv"), (Kind.SUMMARY, "txt")):
        return session_id, kind, ""
    return None


def download(source: SimulatedSource, request: Request) -> Response:
    """The file, or what the storage says instead."""
    if "authorization" in request.headers:
        return storage_error(400, "InvalidArgument", "Only one auth mechanism allowed")
    name: str = request.path_params["name"]
    key = file_key(request.path_params["session_id"], name)
    query = request.query_params
    signature, expires = query.get("signature", ""), query.get("expires", "")
    if key is None or not source.is_signed(request.url.path, signature, expires):
        return storage_error(403, "SignatureDoesNotMatch", "The signature does not match")
    faults = source.faults.of(*key)
    if int(expires) <= source.clock.now().timestamp():
        return storage_error(faults.expired_status, "AccessDenied", "Request has expired")
    if not source.has_artifact(source.session(key[0]), key[1], key[2]):
        return storage_error(404, "NoSuchKey", "The specified key does not exist.")
    if source.faults.take("error_times", key):
        return storage_error(faults.error_status, "InternalError", "Please try again.")
    return _redirect(source, request, key) or _body(source, key, name)


def _redirect(source: SimulatedSource, request: Request, key: Key) -> Response | None:
    faults = source.faults.of(*key)
    given = request.query_params.get("hop", "0")
    if not _HOP.match(given):
        return storage_error(400, "InvalidArgument", "hop is a small number")
    hop = int(given)
    if hop < faults.redirects:
        return RedirectResponse(str(request.url.include_query_params(hop=hop + 1)), 302)
    return RedirectResponse(faults.redirect_to, 302) if faults.redirect_to else None


def _body(source: SimulatedSource, key: Key, name: str) -> Response:
    faults = source.faults.of(*key)
    content: bytes | Path = b""
    if not (faults.empty_file or source.faults.take("empty_file_times", key)):
        content = source.content(*key)
        if faults.gzip:
            plain = content.read_bytes() if isinstance(content, Path) else content
            content = gzip.compress(plain, 6, mtime=0)
    answer = FileAnswer(content, slow_s=faults.slow_s, chunked=faults.chunked)
    answer.media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
    answer.headers["content-type"] = answer.media_type
    if faults.gzip:
        answer.headers["content-encoding"] = "gzip"
    if source.faults.take("reset_times", key):
        answer.end = "reset"
    elif source.faults.take("short_times", key):
        answer.end = "short"
    return answer


class FileAnswer(Response):
    """A body in chunks, which may be slow, without a length, or broken off half-way."""

    def __init__(self, content: bytes | Path, *, slow_s: float, chunked: bool) -> None:
        super().__init__()
        self._content = content
        self._slow_s = slow_s
        self.end = "whole"
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        self._size_bytes = size
        del self.headers["content-length"]
        if not chunked:
            self.headers["content-length"] = str(size)
        if isinstance(content, bytes):
            self.headers["etag"] = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        whole = self.end == "whole"
        wanted = self._size_bytes if whole else self._size_bytes // 2
        chunk = min(_CHUNK_BYTES, wanted // 8 + 1) if self._slow_s else _CHUNK_BYTES
        pieces = max(1, -(-wanted // chunk))
        for piece in _pieces(self._content, wanted, chunk):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            if self._slow_s:
                await asyncio.sleep(self._slow_s / pieces)
        if whole:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await break_connection(scope, receive, reset=self.end == "reset")


def _pieces(content: bytes | Path, wanted: int, chunk: int) -> Iterator[bytes]:
    if isinstance(content, bytes):
        for start in range(0, wanted, chunk):
            yield content[start : min(start + chunk, wanted)]
        return
    with content.open("rb") as file:
        while wanted > 0 and (piece := file.read(min(chunk, wanted))):
            wanted -= len(piece)
            yield piece
