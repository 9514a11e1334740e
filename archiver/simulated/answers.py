"""Answers that are not a success: both error shapes, HTML, and connections that break."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from starlette.responses import Response

from archiver.simulated.faults import ErrorShape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

#: Under this name the server puts the connection's transport into the scope.
CONNECTION = "archiver.simulated.connection"

_HTML = (
    "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
    "<body><h1>Bad gateway</h1><p>cloudflare</p></body></html>"
)


class Refusal(Exception):  # noqa: N818 — an answer, raised to leave early
    """An error answer in place of the one a request asked for."""

    def __init__(
        self, status: int, message: str, shape: ErrorShape = ErrorShape.REALTIMEKIT, code: int = 0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.shape = shape
        self.code = code or status

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """The answer in its shape."""
        if self.shape is ErrorShape.HTML:
            return Response(_HTML, self.status, headers, media_type="text/html")
        if self.shape is ErrorShape.EMPTY:
            return Response(b"", self.status, headers)
        body = json.dumps(self._body(), ensure_ascii=False)
        return Response(body, self.status, headers, media_type="application/json")

    def _body(self) -> dict[str, object]:
        if self.shape is ErrorShape.MESSAGE:
            return {"message": self.message}
        error = {"code": self.code, "message": self.message}
        if self.shape is ErrorShape.CLOUDFLARE:
            return {"success": False, "errors": [error], "messages": [], "result": None}
        return {"success": False, "error": error}


def storage_error(status: int, code: str, message: str) -> Response:
    """An error as S3 writes it."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    )
    return Response(body, status, media_type="application/xml")


class Dropped(Response):
    """No answer at all: the connection is held for a while, then reset."""

    def __init__(self, hold_s: float = 0) -> None:
        super().__init__(status_code=500)
        self._hold_s = hold_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del send
        await asyncio.sleep(self._hold_s)
        await break_connection(scope, receive)


async def break_connection(scope: Scope, receive: Receive, *, reset: bool = True) -> None:
    """End the connection here and now: with a reset, or as if all had been said."""
    transport = scope.get("extensions", {}).get(CONNECTION)
    if transport is None:
        raise ConnectionResetError("the connection breaks here, by a fault that was asked for")
    if reset:
        # Lingering for zero seconds is what makes the kernel send a reset.
        linger = struct.pack("ii", 1, 0)
        connection = transport.get_extra_info("socket")
        with suppress(OSError):  # the client was quicker
            if connection is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    else:
        transport.close()
    # Only then does the protocol know that it lost its connection, and not the app its manners.
    while (await receive())["type"] != "http.disconnect":
        pass
