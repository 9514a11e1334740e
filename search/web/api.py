"""The JSON routes: search, the list of sessions, one session, and what was said in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from search import render
from search.web import answers, bound, params
from search.web.answers import JSON
from search.web.artifacts import artifact
from search.web.coverage import coverage_of
from search.web.errors import ArtifactMissingError
from search.web.listing import listed
from search.web.services import owner_of
from search.web.sessions import find, session_id_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from search.formats import Participant
    from search.index.seam import Line, SearchRequest, SessionCard
    from search.results import SearchResult
    from search.web.answers import Document
    from search.web.services import AppRequest, Services
    from search.web.sessions import Found

#: The furthest moment of a session that may be asked for: eleven days.
MOMENT_LIMIT_MS = 999_999_999
TRANSCRIPT_FORMATS = ("json", "vtt", "srt", "csv", "txt")
CHAT_FORMATS = ("json", "csv", "txt")
SUMMARY_FORMATS = ("json", "txt", "md")


async def search(request: AppRequest) -> Response:
    """GET and POST /v1/search."""
    services = request.state["services"]
    values = await params.search_values(request)
    request.state["reading"].asked = values.by_name
    owner = owner_of(request)
    asked = params.search_request(values, request.state["apps"])
    asked = replace(asked, cursor=bound.unbind(asked.cursor, owner))
    result, covered = await request.state["threads"].run(lambda: _search(services, asked))
    request.state["reading"].found(result.total_sessions, (each.session_id for each in result.hits))
    result = replace(result, next_cursor=bound.bind(result.next_cursor, owner))
    return JSON(answers.search_answer(asked, result, covered, services.settings.public_url))


def _search(services: Services, asked: SearchRequest) -> tuple[SearchResult, Document | None]:
    # Coverage first: what is committed in between is then in the answer, and counted as not yet.
    filters = asked.query.filters
    covered = coverage_of(
        services,
        apps=params.in_scope(filters.apps, asked.apps),
        excluded=filters.excluded_apps,
        after_ms=filters.after_ms,
        before_ms=filters.before_ms,
    )
    return services.index.search(asked), covered


async def complete(request: AppRequest) -> Response:
    """GET /v1/complete."""
    index = request.state["services"].index
    asked = params.complete_request(request)
    apps = params.in_scope(asked.apps, request.state["apps"])
    found = await request.state["threads"].run(
        lambda: index.complete(asked.field, asked.text, apps=apps, limit=asked.limit)
    )
    return JSON({"completions": [list(each) for each in found]})


async def sessions(request: AppRequest) -> Response:
    """GET /v1/sessions."""
    services = request.state["services"]
    owner, asked = owner_of(request), params.sessions_request(request.query_params.multi_items())
    asked = replace(asked, cursor=bound.unbind(asked.cursor, owner))
    apps = params.in_scope(asked.apps, request.state["apps"])

    def read() -> Document:
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
    return JSON(
        {
            "session": _about(found, services.settings.public_url),
            "participants": [answers.participant_answer(each) for each in participants],
            "artifacts": _artifacts(found, services.settings.public_url),
        }
    )


def _about(found: Found, public_url: str) -> Document:
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


def _artifacts(found: Found, public_url: str) -> list[Document]:
    """From the newest inventory; from the ledger where there is none to look at."""
    if found.inventory is not None:
        session_id = found.session.session_id
        entries = found.inventory.entries
        return [answers.entry_answer(each, session_id, public_url) for each in entries]
    states = found.state.states.values() if found.state is not None else ()
    return [answers.state_answer(each) for each in states]


async def transcript(request: AppRequest) -> Response:
    """GET /v1/sessions/{session_id}/transcript."""
    values = _values(request, {"format", "from_ms", "to_ms"})
    chosen = values.choice("format", TRANSCRIPT_FORMATS, "json")
    from_ms, to_ms = _moment(values, "from_ms"), _moment(values, "to_ms")
    card, lines = await _lines(request, "transcript")
    lines = render.between(lines, from_ms, to_ms)
    return _rendered(chosen, lines, lambda: answers.lines_answer(card, "utterances", lines))


async def chat(request: AppRequest) -> Response:
    """GET /v1/sessions/{session_id}/chat."""
    chosen = _values(request, {"format"}).choice("format", CHAT_FORMATS, "json")
    card, lines = await _lines(request, "chat")
    return _rendered(chosen, lines, lambda: answers.lines_answer(card, "messages", lines))


async def summary(request: AppRequest) -> Response:
    """GET /v1/sessions/{session_id}/summary."""
    chosen = _values(request, {"format"}).choice("format", SUMMARY_FORMATS, "json")
    card, lines = await _lines(request, "summary")
    return _rendered(chosen, lines, lambda: answers.summary_answer(card, lines))


def _values(request: AppRequest, known: set[str]) -> params.Values:
    return params.Values.of(request.query_params.multi_items(), known)


def _moment(values: params.Values, name: str) -> int | None:
    if name not in values.by_name:
        return None
    return values.number(name, 0, 0, MOMENT_LIMIT_MS)


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


def _rendered(chosen: str, lines: list[Line], document: Callable[[], Document]) -> Response:
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
