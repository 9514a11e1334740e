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
from search.web.coverage import coverage_of
from search.web.errors import ArtifactMissingError
from search.web.listing import listed
from search.web.searching import covered_search
from search.web.services import owner_of
from search.web.sessions import find, session_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from search.formats import Participant
    from search.index.seam import Line, SessionCard
    from search.web.parameters import Parameter
    from search.web.services import AppRequest
    from search.web.sessions import Found


async def search(request: AppRequest) -> Response:
    """GET and POST /v1/search."""
    services = request.state["services"]
    values = await params.search_values(request)
    request.state["reading"].asked = values.by_name
    if streaming.is_asked_for(request.headers):
        return await streaming.streamed(request, values)
    owner = owner_of(request)
    asked = params.search_request(values, request.state["apps"])
    asked = replace(asked, cursor=bound.unbind(asked.cursor, owner))
    result, covered = await request.state["threads"].run(lambda: covered_search(services, asked))
    request.state["reading"].found(result.total_sessions, (each.session_id for each in result.hits))
    result = replace(result, next_cursor=bound.bind(result.next_cursor, owner))
    return JSON(answers.search_answer(asked, result, covered, services.settings.public_url))


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
    owner, asked = owner_of(request), params.sessions_request(request.query_params.multi_items())
    asked = replace(asked, cursor=bound.unbind(asked.cursor, owner))
    apps = params.in_scope(asked.apps, request.state["apps"])

    def read() -> shapes.SessionsPage:
        covered = coverage_of(
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
    services = request.state["services"]
    found = await find(request)
    participants: list[Participant] = []
    if (card := found.card) is not None:
        participants = await request.state["threads"].run(lambda: services.index.participants(card))
    answer: shapes.Session = {
        "session": _about(found, services.settings.public_url),
        "participants": [answers.participant_answer(each) for each in participants],
        "artifacts": _artifacts(found, services.settings.public_url),
    }
    return conditional.tagged(request.headers, answer)


def _about(found: Found, public_url: str) -> shapes.IndexedCard:
    inventory = found.inventory
    return {
        **(
            answers.unindexed_answer(found.session, public_url)
            if found.card is None
            else answers.card_answer(found.card, public_url)
        ),
        "indexed": found.card is not None,
        "inventory_version": inventory.version if inventory is not None else None,
    }


def _artifacts(found: Found, public_url: str) -> list[shapes.Artifact]:
    """From the newest inventory; from the ledger where there is none to look at."""
    if found.inventory is not None:
        session_id = found.session.session_id
        entries = found.inventory.entries
        return [answers.entry_answer(each, session_id, public_url) for each in entries]
    states = found.state.states.values() if found.state is not None else ()
    return [answers.state_answer(each) for each in states]


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
    """What the session holds of this kind; raises ArtifactMissingError where that is nothing."""
    index, apps = request.state["services"].index, request.state["apps"]
    session_id = session_id_of(request)

    def read() -> tuple[SessionCard, list[Line]] | None:
        card = index.session(session_id, apps=apps)
        return None if card is None else (card, index.lines(card, kind))

    found = await request.state["threads"].run(read)
    if found is None:
        await find(request)  # raises SessionMissingError unless it is archived or expected
        raise ArtifactMissingError("this session is not indexed yet")
    if not found[1]:
        raise ArtifactMissingError(
            f"this session has no {kind} that could be read",
            hint=f"/v1/sessions/{session_id} says what became of it",
        )
    return found


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
