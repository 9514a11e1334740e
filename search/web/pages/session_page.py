"""The page of one session: what was said, typed and summed up, who spoke when, and what is archived."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.model import to_ms
from search import render
from search.query import Query, QueryError, parse
from search.web.answers import entry_answer, state_answer
from search.web.pages.conversation import colours_of, conversation, in_time
from search.web.pages.marking import Marker
from search.web.pages.places import Place, session_url
from search.web.pages.site import streamed
from search.web.pages.summary import rendered as summary_html
from search.web.pages.timeline import lanes_of, length_of, matches_path, ticks_of
from search.web.pages.times import length_text, when_of
from search.web.pages.words import name_of, title_of
from search.web.parameters import SESSION_PAGE
from search.web.params import Values
from search.web.sessions import find

if TYPE_CHECKING:
    from starlette.responses import Response

    from search.formats import Participant
    from search.index.seam import Line
    from search.web.pages.site import Context
    from search.web.services import AppRequest, Services
    from search.web.sessions import Found
    from search.web.shapes import Artifact

FORMATS = {
    "transcript": ("txt", "vtt", "srt", "csv", "json"),
    "chat": ("txt", "csv", "json"),
    "summary": ("md", "txt", "json"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One kind of what was said, in the formats it can be had in."""

    title: str
    links: list[tuple[str, str, str]]  #: format, URL, the file's name


async def session(request: AppRequest) -> Response:
    """GET /sessions/{session_id}."""
    here = Place.of(request.url.path, request.query_params.multi_items())
    text = Values.of(here.pairs, SESSION_PAGE).text("q")
    query, error = _parsed(text)
    found = await find(request.state, request.path_params["session_id"])
    services = request.state["services"]

    def read() -> Context:
        return _context(services, found, query) | {"query": text, "error": error}

    return await streamed(request, "session.html", read, 400 if error else 200)


def _parsed(text: str) -> tuple[Query, QueryError | None]:
    try:
        return parse(text), None
    except QueryError as error:
        return Query(), error


def _context(services: Services, found: Found, query: Query) -> Context:
    card, session = found.card, found.session
    lines = services.index.lines(card) if card is not None else []
    people = services.index.participants(card) if card is not None else []
    started_ms = card.started_at_ms if card is not None else to_ms(session.started_at)
    ended_ms = card.ended_at_ms if card is not None else None
    if card is None and session.ended_at is not None:
        ended_ms = to_ms(session.ended_at)
    return {
        "title": title_of(card.title if card is not None else ""),
        "session": session,
        "is_indexed": card is not None,
        "started": when_of(started_ms),
        "ended": when_of(ended_ms),
        "length": length_text(started_ms, ended_ms),
        "attachments": card.attachments if card is not None else 0,
        "artifacts": artifacts_of(found),
        "downloads": downloads_of(session.session_id, {line.kind for line in lines}),
        **_said(lines, people, query, None if ended_ms is None else ended_ms - started_ms),
    }


def _said(
    lines: list[Line], people: list[Participant], query: Query, session_ms: int | None
) -> Context:
    marker = Marker(query)
    ordered = in_time(lines)
    colours = colours_of(ordered)
    talk = conversation(ordered, marker, colours)
    length_ms = length_of(ordered, session_ms)
    lanes = lanes_of(ordered, length_ms, colours)
    summed_up = [line for line in lines if line.kind == "summary"]
    markdown = render.as_markdown(summed_up)
    return {
        "talk": talk,
        "summary": summary_html(markdown, marker.ranges_of) if summed_up else None,
        "is_searched": not marker.is_idle,
        "lanes": lanes,
        "length_ms": length_ms,
        "ticks": ticks_of(length_ms),
        "match_path": matches_path(talk.matches, length_ms),
        "silent": silent(people, {each.name for each in lanes}),
    }


def silent(people: list[Participant], speakers: set[str]) -> list[str]:
    """Who took part beside those who have a lane, each once."""
    names = dict.fromkeys(name_of(each.name) for each in people)
    return [name for name in names if name and name not in speakers]


def artifacts_of(found: Found) -> list[Artifact]:
    """What became of each artifact: by the newest inventory, or by the ledger where there is none."""
    if found.inventory is not None:
        session_id = found.session.session_id
        return [entry_answer(each, session_id, "") for each in found.inventory.entries]
    return [state_answer(each) for each in found.state.states.values()] if found.state else []


def downloads_of(session_id: str, kinds: set[str]) -> list[Download]:
    """What can be had as a file."""
    base = f"/v1{session_url(session_id)}"
    return [
        Download(
            title=kind.capitalize(),
            links=[
                (each, f"{base}/{kind}?format={each}", f"{session_id[:80]}.{kind}.{each}")
                for each in formats
            ],
        )
        for kind, formats in FORMATS.items()
        if kind in kinds
    ]
