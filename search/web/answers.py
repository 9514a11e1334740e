"""The shapes of JSON answers: what the index, the ledger and the inventories say, spelled for clients."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.responses import Response

from archiver.model import format_time, from_ms
from search.web.problems import encode_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archiver.archive.inventory import Entry
    from archiver.model import Session
    from archiver.schedule import ArtifactState
    from search.formats import Participant
    from search.index.seam import Line, SearchRequest, SessionCard
    from search.results import Hit, SearchResult
    from search.web import shapes


class JSON(Response):
    """A JSON answer."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return encode_json(content)


def time_of(ms: int | None) -> str | None:
    """A moment as RFC 3339; None where there is none, or none that can be written so."""
    try:
        if ms is None:
            return None
        second, rest_ms = divmod(ms, 1000)
        return _minute_of(second // 60) + _SECONDS[second % 60] + _FRACTIONS[rest_ms]
    except (OverflowError, ValueError, OSError):
        return None


#: How numbers are written in times: an answer tells some sixty times of a few meetings.
_SECONDS = [f":{each:02}" for each in range(60)]
_FRACTIONS = [f".{each:03}Z" for each in range(1000)]


@lru_cache(maxsize=16_384)
def _minute_of(minute: int) -> str:
    """A minute since 1970."""
    return format_time(from_ms(minute * 60_000))[: -len(":00.000Z")]


def _at(started_at_ms: int, start_ms: int | None) -> str | None:
    return None if start_ms is None else time_of(started_at_ms + start_ms)


def session_url(session_id: str, public_url: str) -> str:
    """The page of a session."""
    return f"{public_url}/sessions/{quote(session_id, safe='')}"


def _artifact_url(session_id: str, name: str, public_url: str) -> str:
    return f"{public_url}/v1/sessions/{quote(session_id, safe='')}/artifacts/{name}"


def search_answer(
    request: SearchRequest, result: SearchResult, coverage: shapes.Coverage | None, public_url: str
) -> shapes.SearchPage:
    """What a search answers."""
    return {
        **opening_answer(request, result, coverage),
        "hits": [hit_answer(each, public_url) for each in result.hits],
        "facets": result.facets,
        "facets_of": result.facets_of,
        "next": result.next_cursor,
    }


def opening_answer(
    request: SearchRequest, result: SearchResult, coverage: shapes.Coverage | None
) -> shapes.Opening:
    """What a search answers of the whole result."""
    query = request.query
    return {
        "query": {
            "text": query.text,
            "words": list(query.words),
            "warnings": list(query.warnings),
            "suggestion": result.suggestion or None,
        },
        "total": {"sessions": result.total_sessions, "all_words": result.total_all_words},
        "coverage": coverage,
    }


def hit_answer(hit: Hit, public_url: str) -> shapes.Hit:
    """A session that matches."""
    url, started_at_ms = session_url(hit.session_id, public_url), hit.started_at_ms
    moments: list[shapes.Moment] = []
    for kind, speaker, start_ms, end_ms, snippet, highlights in hit.moments:
        moments.append(
            {
                "kind": kind,
                "speaker": speaker,
                "start_ms": start_ms,
                "end_ms": end_ms,
                "at": None if start_ms is None else time_of(started_at_ms + start_ms),
                "snippet": snippet,
                "highlights": highlights,
                "url": url if start_ms is None else f"{url}#t={start_ms}",
            }
        )
    return {
        "session_id": hit.session_id,
        "app_id": hit.app_id,
        "meeting_id": hit.meeting_id,
        "meeting_title": hit.meeting_title,
        "started_at": time_of(started_at_ms),
        "ended_at": time_of(hit.ended_at_ms),
        "score": hit.score,
        "matches": hit.matches,
        "url": url,
        "moments": moments,
    }


def card_answer(card: SessionCard, public_url: str) -> shapes.Card:
    """A session as the index knows it."""
    return {
        "session_id": card.session_id,
        "app_id": card.app_id,
        "meeting_id": card.meeting_id,
        "meeting_title": card.title,
        "started_at": time_of(card.started_at_ms),
        "ended_at": time_of(card.ended_at_ms),
        "speakers": list(card.speakers),
        "attachments": card.attachments,
        "url": session_url(card.session_id, public_url),
    }


def unindexed_answer(session: Session, public_url: str) -> shapes.Card:
    """A session that only the ledger knows: it has no title and no names."""
    return {
        "session_id": session.session_id,
        "app_id": session.app_id,
        "meeting_id": session.meeting_id,
        "meeting_title": "",
        "started_at": format_time(session.started_at),
        "ended_at": format_time(session.ended_at) if session.ended_at else None,
        "speakers": [],
        "attachments": 0,
        "url": session_url(session.session_id, public_url),
    }


def participant_answer(participant: Participant) -> shapes.Participant:
    """One connection of a participant."""
    return {
        "name": participant.name,
        "user_id": participant.user_id,
        "custom_id": participant.custom_id,
        "peer_id": participant.peer_id,
        "joined_ms": participant.joined_at_ms,
        "left_ms": participant.left_at_ms,
    }


def entry_answer(entry: Entry, session_id: str, public_url: str) -> shapes.Artifact:
    """An artifact as the newest inventory tells of it."""
    url = _artifact_url(session_id, entry.name, public_url)
    return {
        "kind": entry.artifact.kind,
        "format": entry.artifact.format or None,
        "outcome": entry.outcome,
        "reason": entry.reason,
        "name": entry.name or None,
        "size_bytes": entry.size_bytes if entry.has_object else None,
        "digest": entry.digest or None,
        "encoding": entry.encoding or None,
        "fetched_at": entry.fetched_at or None,
        "url": url if entry.has_object else None,
    }


def state_answer(state: ArtifactState) -> shapes.Artifact:
    """An artifact as the ledger knows it, of a session that has no inventory to look at."""
    return {
        "kind": state.artifact.kind,
        "format": state.artifact.format or None,
        "outcome": state.outcome,
        "reason": state.reason,
        "name": None,
        "size_bytes": state.size_bytes if state.digest else None,
        "digest": state.digest or None,
        "encoding": None,
        "fetched_at": None,
        "url": None,
    }


def transcript_answer(card: SessionCard, lines: Iterable[Line]) -> shapes.Transcript:
    """A transcript: who said what, when."""
    return {**_heading(card), "utterances": _lines(card, lines)}


def chat_answer(card: SessionCard, lines: Iterable[Line]) -> shapes.Chat:
    """A chat: who typed what, when."""
    return {**_heading(card), "messages": _lines(card, lines)}


def _lines(card: SessionCard, lines: Iterable[Line]) -> list[shapes.Line]:
    return [
        {
            "speaker": line.speaker,
            "start_ms": line.start_ms,
            "end_ms": line.end_ms,
            "at": _at(card.started_at_ms, line.start_ms),
            "text": line.text,
        }
        for line in lines
    ]


def summary_answer(card: SessionCard, lines: Iterable[Line]) -> shapes.Summary:
    """A summary, as text."""
    return {**_heading(card), "text": "\n".join(line.text for line in lines)}


def _heading(card: SessionCard) -> shapes.Heading:
    return {
        "session_id": card.session_id,
        "app_id": card.app_id,
        "meeting_title": card.title,
        "started_at": time_of(card.started_at_ms),
    }
