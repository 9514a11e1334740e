"""JSON answers compressed on their way, for whoever can read them so."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

VARY = {"Vary": "Accept-Encoding, Sec-Fetch-Site"}
#: An answer is made for one reader, who waits for it: the quickest, a tenth larger than at level 5.
LEVEL = 1
#: Below this a compressed answer still fills one packet.
WORTH_COMPRESSING_BYTES = 1400
#: Above this compressing takes milliseconds that others would wait for.
_LARGE_BYTES = 128 * 1024


def may_compress(headers: Headers) -> bool:
    """Whether the answer may be compressed: the client can read it, and no other site asked for it.

    An answer holds the query beside what was said in meetings. A site that could make a browser ask for
    many queries, and somebody who sees how long the answers are, would learn from their lengths what
    the two have in common. No answer holds a secret of its own.
    """
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return False
    accepted = (
        each.partition(";") for each in headers.get("accept-encoding", "").lower().split(",")
    )
    return any(
        name.strip() == "gzip" and not _is_nothing(weight.strip()) for name, _, weight in accepted
    )


def _is_nothing(weight: str) -> bool:
    return weight.startswith("q=0") and not weight[3:].strip(".0")


class Compression:
    """Middleware that compresses JSON; original bytes leave as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            send = _Sender(send, compressed=may_compress(Headers(scope=scope))).send
        await self._app(scope, receive, send)


class _Sender:
    """A `send` that holds a JSON answer back until it is whole, and sends it compressed."""

    def __init__(self, onward: Send, *, compressed: bool) -> None:
        self._onward = onward
        self._compressed = compressed
        self._start: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_json(message):
            MutableHeaders(scope=message).add_vary_header(VARY["Vary"])
            if self._compressed:
                self._start = message
                return
        if self._start is None:
            await self._onward(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            await self._finish(self._start, bytes(self._body))

    async def _finish(self, start: Message, body: bytes) -> None:
        if len(body) > WORTH_COMPRESSING_BYTES:
            headers = MutableHeaders(scope=start)
            # The bytes are others than those the tag stands for; what they say is the same.
            if (etag := headers.get("etag")) is not None:
                headers["ETag"] = f"W/{etag}"
            body = await _compressed(body)
            headers["Content-Encoding"] = "gzip"
            headers["Content-Length"] = str(len(body))
        await self._onward(start)
        await self._onward({"type": "http.response.body", "body": body})


def _is_json(message: Message) -> bool:
    headers = Headers(raw=message["headers"])
    kind = headers.get("content-type", "").partition(";")[0]
    return kind == "application/json" and "content-disposition" not in headers


async def _compressed(body: bytes) -> bytes:
    if len(body) < _LARGE_BYTES:
        return gzip.compress(body, LEVEL, mtime=0)
    return await anyio.to_thread.run_sync(lambda: gzip.compress(body, LEVEL, mtime=0))
