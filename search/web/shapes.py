"""What each JSON answer holds, as types: what is answered is made of them, and `/openapi.json` tells of them.

A name is in the document as it is here, with its docstring. Times are RFC 3339 in UTC.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class Coverage(TypedDict):
    """What of the same apps and dates is not in the answer yet, or never will be."""

    pending: int
    lost: int
    listed_through: str | None
    indexed_through: str | None


class Query(TypedDict):
    """The query as it was understood."""

    text: str
    words: list[str]
    warnings: list[str]
    suggestion: str | None


class Total(TypedDict):
    """How many sessions match, and how many of them hold every word."""

    sessions: int
    all_words: int


class Moment(TypedDict):
    """A place in a session; `highlights` are half-open code-point ranges of `snippet`, plain text."""

    kind: str
    speaker: str
    start_ms: int | None
    end_ms: int | None
    at: str | None
    snippet: str
    highlights: tuple[tuple[int, int], ...]
    url: str


class Hit(TypedDict):
    """A session that matches, with its best moments."""

    session_id: str
    app_id: str
    meeting_id: str
    meeting_title: str
    started_at: str | None
    ended_at: str | None
    score: float
    matches: int
    url: str
    moments: list[Moment]


class Opening(TypedDict):
    """What is said of the whole result; the first line of a stream."""

    query: Query
    total: Total
    coverage: Coverage | None


class SearchPage(Opening):
    """One page of a search. Facets count sessions among the best `facets_of`."""

    hits: list[Hit]
    facets: dict[str, list[tuple[str, int]]]
    facets_of: int
    next: str | None


class Problem(TypedDict):
    """An RFC 9457 problem; further members depend on its type."""

    type: str
    title: str
    status: int
    detail: NotRequired[str]
    parameter: NotRequired[str]
    position: NotRequired[int | None]
    suggestion: NotRequired[str]


class StreamEnd(TypedDict):
    """The last line of a stream that is whole: so many sessions were sent."""

    end: Literal[True]
    sessions: int


class StreamError(TypedDict):
    """The last line of a stream that broke off."""

    error: Problem


class Completions(TypedDict):
    """Names, and in how many sessions each is; most first."""

    completions: list[tuple[str, int]]


class Card(TypedDict):
    """A session as lists have it; one that is not indexed yet has no title and no speakers."""

    session_id: str
    app_id: str
    meeting_id: str
    meeting_title: str
    started_at: str | None
    ended_at: str | None
    speakers: list[str]
    attachments: int
    url: str


class SessionsPage(TypedDict):
    """One page of sessions, newest first."""

    sessions: list[Card]
    coverage: Coverage | None
    next: str | None


class IndexedCard(Card):
    """A session, and what is known of it."""

    indexed: bool
    inventory_version: int | None


class Participant(TypedDict):
    """One connection of a participant."""

    name: str
    user_id: str
    custom_id: str
    peer_id: str
    joined_ms: int | None
    left_ms: int | None


class Artifact(TypedDict):
    """What became of one artifact; `digest` is the SHA-256 of its bytes."""

    kind: str
    format: str | None
    outcome: str
    reason: str
    name: str | None
    size_bytes: int | None
    digest: str | None
    encoding: str | None
    fetched_at: str | None
    url: str | None


class Session(TypedDict):
    """A session with its participants and artifacts."""

    session: IndexedCard
    participants: list[Participant]
    artifacts: list[Artifact]


class Line(TypedDict):
    """What one person said or typed."""

    speaker: str
    start_ms: int | None
    end_ms: int | None
    at: str | None
    text: str


class Heading(TypedDict):
    """Which session it is of."""

    session_id: str
    app_id: str
    meeting_title: str
    started_at: str | None


class Transcript(Heading):
    """What was said, in order."""

    utterances: list[Line]


class Chat(Heading):
    """What was typed, in order."""

    messages: list[Line]


class Summary(Heading):
    """The summary, as text."""

    text: str


class Quoting(TypedDict):
    """What a model is to know of an answer before it reads it."""

    notice: str


class FoundByModel(Quoting, SearchPage):
    """One page of a search, as models are told: unseen characters escaped, links inert, texts cut."""


class SessionForModel(Quoting, Session):
    """A session, as models are told; of very many participants and speakers only the first."""

    participants_left_out: int
    speakers_left_out: int


class TranscriptForModel(Quoting, Transcript):
    """A part of a transcript, as models are told, and where the next begins; null at the end."""

    next_from_ms: int | None
    next_skip: int | None


class Range(TypedDict):
    """The apps and dates that were asked for."""

    apps: list[str]
    after: str | None
    before: str | None


Gap = TypedDict("Gap", {"app_id": str, "from": str, "until": str})


class Source(TypedDict):
    """How sure it is that the source's list was seen whole."""

    listed_through: str | None
    gaps: list[Gap]
    sessions_missing: int


class Bucket(TypedDict):
    """Whether the bucket holds what it should."""

    compared_at: str | None
    days_not_compared: int
    inventories_missing: int


class Day(TypedDict):
    """The sessions of one app that began on a day."""

    day: str
    app_id: str
    sessions: int
    live: int
    pending: int
    recorded: int
    artifacts: dict[str, int]
    listed: int | None
    in_bucket: int | None
    missing: int
    compared_at: str | None


class SessionCounts(TypedDict):
    """Sessions in all, and those that are live, pending, or lost in part or whole."""

    sessions: int
    live: int
    pending: int
    lost: int


class Deadline(TypedDict):
    """A session whose time runs out."""

    app_id: str
    session_id: str
    deadline_at: str


class CoverageReport(TypedDict):
    """How much of what there was is archived."""

    range: Range
    sessions: SessionCounts
    artifacts: dict[str, int]
    source: Source
    bucket: Bucket
    days: list[Day]
    nearest_deadlines: list[Deadline]
    indexed_through: str | None


class Who(TypedDict):
    """Whoever read."""

    kind: str
    name: NotRequired[str]
    role: NotRequired[str]
    id: NotRequired[str]


class Read(TypedDict):
    """A line of the record of reads; further members depend on the action."""

    at: str
    who: Who
    action: str
    asked: NotRequired[dict[str, Any]]
    status: NotRequired[int]
    hits: NotRequired[int]
    sessions: NotRequired[list[str]]
    session: NotRequired[str]
    artifact: NotRequired[str]


class Reads(TypedDict):
    """One page of the record of reads, newest first."""

    reads: list[Read]
    next: str | None


class Key(TypedDict):
    """An API key, without its secret; `apps` is null where it sees every app."""

    id: str
    name: str
    role: str
    apps: list[str] | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    state: str
    last_used_at: str | None


class Keys(TypedDict):
    """Every key there is and was."""

    keys: list[Key]


class Setting(TypedDict):
    """A setting, secrets masked."""

    variable: str
    value: str
    origin: str
    default: str


class SettingsTable(TypedDict):
    """Every setting."""

    settings: list[Setting]


class Live(TypedDict):
    """That the process answers."""

    status: str
