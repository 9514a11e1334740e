"""/mcp, where programs that speak the Model Context Protocol ask; what answers them is `search.mcp`.

A browser tells which page asks: of another site only pages that the settings name may, and with a key,
as the protocol wants against rebound names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.routing import Route

from search.web.access import header_values
from search.web.permission import NOT_FOUND
from search.web.problems import Problem
from search.web.rules import MCP_PATH

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

FOREIGN_ORIGIN = Problem(
    slug="foreign-origin",
    title="A page of another site asks",
    status=403,
    detail="it may, with a key, once RTK_ARCHIVE_CORS_ORIGINS names its site",
)


class Models:
    """The route: hands on to what answers models, once it may be asked."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _answer(scope)(scope, receive, send)


def _answer(scope: Scope) -> ASGIApp:
    served: ASGIApp | None = scope["state"]["mcp"]
    if served is None:
        return NOT_FOUND.response()
    if scope["method"] != "POST":  # nothing is told but what was asked for
        raise HTTPException(405, headers={"Allow": "POST"})
    return served if _may_ask(scope) else FOREIGN_ORIGIN.response()


def _may_ask(scope: Scope) -> bool:
    """Whether no page asks, or one of ours, or one that is named and has a key."""
    state = scope["state"]
    origins = [each.decode("latin-1").lower() for each in header_values(scope, b"origin")]
    if not origins or origins == [state["door"].rule.origin(scope)]:
        return True
    named = state["services"].settings.cors_origins
    has_key = bool(header_values(scope, b"authorization"))
    return has_key and len(origins) == 1 and origins[0] in named


ROUTES = [Route(MCP_PATH, Models())]
