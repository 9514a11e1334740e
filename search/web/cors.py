"""Pages of other sites that the settings name: they may ask here with a key, and only so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware

from search.web.outermost import is_for_programs

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_METHODS = ("GET", "HEAD", "POST", "DELETE")
_OF_MCP = ("Mcp-Method", "Mcp-Name", "MCP-Protocol-Version", "Mcp-Session-Id")
_SENT = (
    *("Authorization", "Content-Type", "If-Match", "If-None-Match", "If-Range", "Range"),
    *_OF_MCP,
)
_READ = ("Content-Range", "ETag", "Repr-Digest", "Retry-After")


class Cors:
    """Middleware that lets pages of these origins read what a key is answered under /v1/ and at /mcp.

    Never with cookies; and where this machine needs no key, a page of another site still does.
    """

    def __init__(self, app: ASGIApp, *, origins: tuple[str, ...]) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_SENT,
            expose_headers=_READ,
            allow_credentials=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shared = scope["type"] == "http" and is_for_programs(scope["path"])
        if shared and (scope["method"] == "OPTIONS" or "authorization" in Headers(scope=scope)):
            await self._cors(scope, receive, send)
        else:
            await self._app(scope, receive, send)
