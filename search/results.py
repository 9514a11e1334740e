"""What a search answers: the values the index returns and every front end renders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Moment(NamedTuple):
    """A place in a session where the query is met; a tuple, since an answer holds dozens."""

    kind: str  #: transcript, chat or summary
    speaker: str  #: display name, "" for a summary
    start_ms: int | None  #: from the session's start; None for a summary
    end_ms: int | None
    snippet: str  #: plain text as it was said; whoever shows it escapes it
    highlights: tuple[tuple[int, int], ...]  #: half-open code-point ranges of `snippet`


class Hit(NamedTuple):
    """A session that matches, with its best moments."""

    app_id: str
    session_id: str
    meeting_id: str
    meeting_title: str
    started_at_ms: int
    ended_at_ms: int | None
    score: float
    matches: int  #: utterances, messages and summary lines of this session that hold a match
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """One page of hits, and how many there are in all."""

    hits: tuple[Hit, ...]
    total_sessions: int
    total_all_words: int  #: how many of them hold every word
    facets: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    facets_of: int = 0
    next_cursor: str | None = None
    suggestion: str = ""  #: a query to try instead, where words of this one are nowhere
    #: Of each app that was searched, how far its index had followed the ledger: its epoch, and the
    #: place in its list.
    positions: dict[str, tuple[str, int]] = field(default_factory=dict)
