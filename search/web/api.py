"""The JSON routes: search, the list of sessions, one session, and what was said in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from search import render
from search.web import answers, bound, conditional, parameters, params, shapes, streaming
from search.web.answers import JSON
from search.web.artifacts import artifact
from search.web.coverage import coverage_now
from search.web.listing import listed
from search.web.searching import search_page
from search.web.services import owner_of
from search.web.sessions import lines_of, session_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from search.index.seam import Line, SessionCard
    from search.web.parameters import Parameter
    from search.web.services import AppRequest


async def search(request: AppRequest) -> Response:
    """GET and POST /v1/search."""
    values = await params.search_values(request)
    if streaming.is_asked_for(request.headers):
        return await streaming.streamed(request, values)
    return await search_page(request.state, values, JSON)


async def complete(request: AppRequest) -> Response:
    """GET /v1/complete."""
    index = request.state["services"].index
    asked = params.complete_request(request)
    apps = params.in_scope(asked.apps, request.state["apps"])
    found = await request.state["threads"].run(
        lambda: index.complete(asked.field, asked.text, apps=apps, limit=asked.limit)
    )
    return JSON(shapes.Completions(completions=found))


async def sessions(request: AppRequest) -> Response:
    """GET /v1/sessions."""
    services = request.state["services"]
    owner, asked = (
        owner_of(request.state),
        params.sessions_request(request.query_params.multi_items()),
    )
    asked = replace(asked, cursor=bound.unbind(asked.cursor, owner))
    apps = params.in_scope(asked.apps, request.state["apps"])

    def read() -> shapes.SessionsPage:
        covered = coverage_now(
            services, apps=apps, after_ms=asked.after_ms, before_ms=asked.before_ms
        )
        found, following = listed(services, asked, apps)
        return {"sessions": found, "coverage": covered, "next": bound.bind(following, owner)}

    document = await request.state["threads"].run(read)
    shown = [each["session_id"] for each in document["sessions"]]
    request.state["reading"].found(len(shown), shown)
    return JSON(document)


async def session(request: AppRequest) -> Response:
    """GET /v1/sessions/{session_id}."""
    params.no_parameters(request)
    answer = await session_answer(request.state, request.path_params["session_id"])
    return conditional.tagged(request.headers, answer)


async def transcript(request: AppRequest) -> Response:
    """GET /v1/sessions/{session_id}/transcript."""
    values = _values(request, parameters.TRANSCRIPT)
    chosen = values.choice("format")
    from_ms, to_ms = values.number("from_ms"), values.number("to_ms")
    card, lines = await _lines(request, "transcript")
    lines = render.between(lines, from_ms, to_ms)
    return _rendered(chosen, lines, lambda: answers.transcript_answer(card, lines))


async def chat(request: AppRequest) -> Response:
    """GET /v1/sessions/{session_id}/chat."""
    chosen = _values(request, parameters.CHAT).choice("format")
    card, lines = await _lines(request, "chat")
    return _rendered(chosen, lines, lambda: answers.chat_answer(card, lines))


async def summary(request: AppRequest) -> Response:
    """GET /v1/sessions/{session_id}/summary."""
    chosen = _values(request, parameters.SUMMARY).choice("format")
    card, lines = await _lines(request, "summary")
    return _rendered(chosen, lines, lambda: answers.summary_answer(card, lines))


def _values(request: AppRequest, known: Mapping[str, Parameter]) -> params.Values:
    return params.Values.of(request.query_params.multi_items(), known)


async def _lines(request: AppRequest, kind: str) -> tuple[SessionCard, list[Line]]:
    return await lines_of(request.state, request.path_params["session_id"], kind)


def _rendered(
    chosen: str, lines: list[Line], document: Callable[[], Mapping[str, Any]]
) -> Response:
    if chosen == "json":
        return JSON(document())
    write, media_type = render.FORMATS[chosen]
    body = write(lines).encode("utf-8", "replace")
    return Response(body, headers={"Content-Type": media_type})


ROUTES = [
    Route("/v1/search", search, methods=["GET", "POST"]),
    Route("/v1/complete", complete),
    Route("/v1/sessions", sessions),
    Route("/v1/sessions/{session_id}", session),
    Route("/v1/sessions/{session_id}/transcript", transcript),
    Route("/v1/sessions/{session_id}/chat", chat),
    Route("/v1/sessions/{session_id}/summary", summary),
    Route("/v1/sessions/{session_id}/artifacts/{name}", artifact),
]
