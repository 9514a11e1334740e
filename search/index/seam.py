"""What the rest of the program asks of an index, whatever its design."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from search.formats import Chat, Participant, Summary, Transcript
    from search.query import Query
    from search.results import SearchResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """All that is searched of one session."""

    app_id: str
    session_id: str
    meeting_id: str
    title: str
    started_at_ms: int
    ended_at_ms: int | None
    version: int  #: of the inventory it was read from
    digest: str  #: of that inventory
    participants: Sequence[Participant] = ()
    transcript: Transcript | None = None
    chat: Chat | None = None
    summary: Summary | None = None
    unread: Mapping[str, str] = field(default_factory=dict)  #: reasons, by the object's bare name


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far an app's index has followed a ledger's list of an archive's inventories."""

    archive: str = ""
    epoch: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """One search: the query, the apps that may be opened, and how the answer is cut."""

    query: Query
    apps: tuple[str, ...] | None = None  #: None: every app there is
    sort: str = "relevance"  #: relevance, newest or oldest
    match: str = "best"  #: best or all
    limit: int = 20
    moments: int = 3
    cursor: str = ""
    facets: tuple[str, ...] = ()


class Line(NamedTuple):
    """One stretch of a session as it was indexed; a tuple, since a session has thousands."""

    kind: str
    speaker: str
    start_ms: int | None
    end_ms: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """An artifact that is archived and could not be read."""

    session_id: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCard:
    """A session as a list shows it."""

    app_id: str
    session_id: str
    meeting_id: str
    title: str
    started_at_ms: int
    ended_at_ms: int | None
    version: int
    attachments: int
    speakers: tuple[str, ...]


class IndexReader(Protocol):
    """Answers questions; every call may run in its own thread."""

    def search(self, request: SearchRequest) -> SearchResult:
        """Sessions that match, with moments. Raises SearchTimeoutError, CursorError."""
        ...

    def sessions(
        self,
        *,
        apps: tuple[str, ...] | None,
        after_ms: int | None = None,
        before_ms: int | None = None,
        speaker: str = "",
        limit: int = 50,
        cursor: str = "",
    ) -> tuple[list[SessionCard], str | None]:
        """Sessions newest first, and the cursor of the next page."""
        ...

    def session(self, session_id: str, *, apps: tuple[str, ...] | None) -> SessionCard | None:
        """One session by its id, in whichever of these apps."""
        ...

    def participants(self, card: SessionCard) -> list[Participant]:
        """Who took part in a session, one entry a connection."""
        ...

    def lines(self, card: SessionCard, kind: str = "") -> list[Line]:
        """What was said, typed or summed up in a session, in order."""
        ...

    def complete(
        self, field: str, text: str, *, apps: tuple[str, ...] | None, limit: int = 10
    ) -> list[tuple[str, int]]:
        """Speakers or meetings whose names hold what was typed, and in how many sessions; most first."""
        ...

    def count(self) -> int:
        """How many sessions the index holds."""
        ...

    def unread(self, limit: int) -> tuple[list[Unread], int]:
        """Artifacts that are archived and could not be read, newest sessions first; and how many."""
        ...

    def positions(self, *, apps: tuple[str, ...] | None = None) -> dict[str, tuple[str, int]]:
        """How far each of these apps' index has followed the ledger: its epoch, and the place in its list."""
        ...
