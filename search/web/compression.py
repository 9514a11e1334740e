"""JSON answers compressed on their way, for whoever can read them so."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.datastructures import Headers, MutableHeaders

from search.web.codings import VARY, WORTH_COMPRESSING_BYTES, coding_for, compressed

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from search.web.codings import Coding

#: Above this compressing takes milliseconds that others would wait for.
_LARGE_BYTES = 128 * 1024


class Compression:
    """Middleware that compresses JSON; original bytes leave as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            send = _Sender(send, coding_for(Headers(scope=scope))).send
        await self._app(scope, receive, send)


class _Sender:
    """A `send` that holds a JSON answer back until it is whole, and sends it compressed."""

    def __init__(self, onward: Send, coding: Coding | None) -> None:
        self._onward = onward
        self._coding = coding
        self._start: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_json(message):
            MutableHeaders(scope=message).add_vary_header(VARY["Vary"])
            if self._coding is not None:
                self._start = message
                return
        if self._start is None or self._coding is None:
            await self._onward(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            await self._finish(self._start, bytes(self._body), self._coding)

    async def _finish(self, start: Message, body: bytes, coding: Coding) -> None:
        if len(body) > WORTH_COMPRESSING_BYTES:
            headers = MutableHeaders(scope=start)
            # The bytes are others than those the tag stands for; what they say is the same.
            if (etag := headers.get("etag")) is not None:
                headers["ETag"] = f"W/{etag}"
            body = await _compressed(body, coding)
            headers["Content-Encoding"] = coding
            headers["Content-Length"] = str(len(body))
        await self._onward(start)
        await self._onward({"type": "http.response.body", "body": body})


def _is_json(message: Message) -> bool:
    headers = Headers(raw=message["headers"])
    kind = headers.get("content-type", "").partition(";")[0]
    return kind == "application/json" and "content-disposition" not in headers


async def _compressed(body: bytes, coding: Coding) -> bytes:
    if len(body) < _LARGE_BYTES:
        return compressed(body, coding)
    return await anyio.to_thread.run_sync(partial(compressed, body, coding))
