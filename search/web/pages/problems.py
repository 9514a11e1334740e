"""Problems as pages, for people: whoever asks for HTML is not answered with a JSON document.

It stands around everything else, so that a refusal by any part of the program has the same look.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders

from search.web.outermost import is_for_programs
from search.web.pages.places import Place
from search.web.pages.site import PAGE_HEADERS, account_in, rendered
from search.web.problems import MEDIA_TYPE, TYPE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from search.web.pages.site import Context

_NO_PAGES = ("/static/", "/healthz", "/readyz", "/metrics", "/webhooks/")
#: What somebody may do about it, by the slug of the problem.
_ADVICE = {
    "not-found": "No page has this address. Search above, or look through all sessions.",
    "session-missing": "It may have another address, or you may not be allowed to see it.",
    "search-timeout": "Try again, or ask for less: a phrase, a speaker, a range of dates.",
    "index-missing": "Nothing was archived and indexed yet. Once something is, it is found here.",
    "unexpected": "It is in the log of this service. Try again, or go back.",
}


class ProblemPages:
    """Middleware that turns problem documents into pages where a person asked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _is_a_person(scope):
            send = _Translation(scope, send)
        await self._app(scope, receive, send)


def _is_a_person(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] in {"GET", "HEAD", "POST"}
        and not is_for_programs(scope["path"])
        and not scope["path"].startswith(_NO_PAGES)
        and "text/html" in Headers(scope=scope).get("accept", "")
    )


class _Translation:
    """A `send` that holds a problem document back until it is whole, and sends a page instead."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_problem(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        html = rendered("problem.html", context_of(json.loads(self._body), self._scope))
        headers = MutableHeaders(raw=list(start["headers"]))
        headers.update({**PAGE_HEADERS, "Content-Type": "text/html; charset=utf-8"})
        headers["Content-Length"] = str(len(html))
        await self._send({**start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": html})


def _is_problem(message: Message) -> bool:
    content_type = Headers(raw=message["headers"]).get("content-type", "")
    return content_type.split(";")[0] == MEDIA_TYPE


def context_of(problem: Mapping[str, Any], scope: Scope) -> Context:
    """What the page of a problem shows; the query stays in the box."""
    pairs = parse_qsl(scope["query_string"].decode("latin-1"))
    here = Place.of(scope["path"] if scope["path"] == "/" else "/", pairs)
    query = here.value("q") if scope["path"] == "/" else ""
    slug = str(problem["type"]).removeprefix(TYPE_PREFIX)
    position = problem.get("position")
    return {
        **account_in(scope.get("state", {})),
        "query": query,
        "kept": here.without("q").pairs if scope["path"] == "/" and position is not None else (),
        "title": problem["title"],
        "status": problem["status"],
        "detail": problem.get("detail", ""),
        "advice": _ADVICE.get(slug, ""),
        "at": split_at(query, position) if position is not None else None,
        "suggestion": problem.get("suggestion", ""),
    }


def split_at(query: str, position: int) -> tuple[str, str, str]:
    """A query before, at and after the code point at which it cannot be understood."""
    return query[:position], query[position : position + 1], query[position + 1 :]
