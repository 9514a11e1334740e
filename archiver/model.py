"""The nouns of the archive: frozen, typed, without I/O, and without anything said in a meeting."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Kind(StrEnum):
    """What an object of a session is."""

    SESSION = "session"  #: the session and its participants, as the source sent them
    TRANSCRIPT = "transcript"
    CHAT = "chat"
    SUMMARY = "summary"
    PEER_REPORTS = "peer-reports"  #: devices and addresses of every peer; only where asked for


class Outcome(StrEnum):
    """Where an artifact stands; everything but `PENDING` is recorded for good, and may be promoted."""

    PENDING = "pending"  #: looked for, and looked for again until its deadline
    ARCHIVED = "archived"  #: its bytes are in the bucket
    EMPTY = "empty"  #: its bytes are in the bucket, and hold nothing
    ABSENT = "absent"  #: the source said, healthily and to the end, that there is none
    LOST = "lost"  #: it could not be had before the source deleted it
    EXCLUDED = "excluded"  #: not asked for, by a named setting
    DESTROYED = "destroyed"  #: reserved


#: Outcomes after which the source is not asked again.
SETTLED = frozenset(
    {Outcome.ARCHIVED, Outcome.ABSENT, Outcome.LOST, Outcome.EXCLUDED, Outcome.DESTROYED}
)

#: The longest id there may be; the source's own have 36 characters (reference, section 2).
ID_BYTES_MAX = 80
#: The last year a session may be of: a deadline can still be added to it.
YEAR_MAX = 9000

#: The retention of chat, transcript and summary at the source: reference, section 7.
SOURCE_RETENTION = timedelta(days=7)
#: The source counts from the session's start or its end, depending on the page; the start is safe.
DEADLINE_MARGIN = timedelta(hours=1)


class TranscriptFormat(StrEnum):
    """The formats of GET transcript, spelled as the API spells them: reference, section 4.6."""

    JSON = "JSON"
    CSV = "CSV"
    SRT = "SRT"
    VTT = "VTT"


@dataclass(frozen=True, slots=True, order=True)
class ArtifactId:
    """One artifact of a session: its kind, and for a transcript its format."""

    kind: str
    format: str = ""

    def __str__(self) -> str:
        return f"{self.kind}/{self.format}" if self.format else self.kind


CHAT = ArtifactId(Kind.CHAT)
SUMMARY = ArtifactId(Kind.SUMMARY)
SESSION_RECORD = ArtifactId(Kind.SESSION)
PEER_REPORTS = ArtifactId(Kind.PEER_REPORTS)


def transcript(format_: str) -> ArtifactId:
    """The transcript in this format."""
    return ArtifactId(Kind.TRANSCRIPT, format_)


@dataclass(frozen=True, slots=True, order=True)
class SessionId:
    """The whole name of a session: its app and its own id."""

    app_id: str
    session_id: str

    def __str__(self) -> str:
        return f"{self.app_id}/{self.session_id}"


def is_id(text: str) -> bool:
    """Whether an app or a session may be called so: its id becomes a folder's name.

    Percent-encoded that takes three characters for each byte at worst.
    """
    return bool(text) and text.isprintable() and len(text.encode()) <= ID_BYTES_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One run of a meeting, as far as the archive needs to know it; no titles, no names."""

    app_id: str
    session_id: str
    meeting_id: str
    started_at: datetime
    ended_at: datetime | None
    created_at: datetime
    ended: bool
    #: False when the source says that no minute was transcribed; None when it does not say.
    transcribed: bool | None = None

    def __post_init__(self) -> None:
        if not (is_id(self.app_id) and is_id(self.session_id)):
            raise ValueError("an id that is empty, too long or not printable")
        if not self.meeting_id.isprintable():
            raise ValueError("a meeting id that is not printable")
        for moment in (self.started_at, self.ended_at, self.created_at):
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"session {self.session_id}: a time without an offset")
            if moment is not None and moment.year > YEAR_MAX:
                raise ValueError(f"session {self.session_id}: a time no deadline can be added to")

    @property
    def id(self) -> SessionId:
        return SessionId(self.app_id, self.session_id)

    @property
    def deadline_at(self) -> datetime:
        """When the source may delete its artifacts: orders the work and raises alarms."""
        return self.started_at + SOURCE_RETENTION - DEADLINE_MARGIN

    @property
    def ended_or_started_at(self) -> datetime:
        """When it ended; where the source does not say, when it began."""
        return self.ended_at or self.started_at

    @property
    def final_at(self) -> datetime:
        """When what is not there is called absent or lost; an end before the start decides nothing."""
        return max(self.ended_at or self.started_at, self.started_at) + SOURCE_RETENTION


#: Two clocks and a server that keeps whole seconds may differ by this much.
LOCK_SLACK = timedelta(seconds=2)


class LockMode(StrEnum):
    """What S3's Object Lock calls the two kinds of retention, the weaker first."""

    GOVERNANCE = "GOVERNANCE"  #: can be lifted by whoever has the right to
    COMPLIANCE = "COMPLIANCE"  #: by nobody, before it ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What keeps an object from being deleted or overwritten: retention, a legal hold, or neither."""

    mode: str = ""  #: a `LockMode`, or "" where there is no retention
    until: datetime | None = None
    hold: bool = False  #: a legal hold: until somebody lifts it

    def __bool__(self) -> bool:
        return bool(self.mode) or self.hold

    def covers(self, other: Lock) -> bool:
        """Whether this keeps an object at least as strictly, and as long, as the other does."""
        if other.hold and not self.hold:
            return False
        if not other.mode or other.until is None:
            return True
        strict = self.mode == other.mode or self.mode == LockMode.COMPLIANCE
        return strict and self.until is not None and self.until >= other.until - LOCK_SLACK

    def joined(self, other: Lock) -> Lock:
        """The stricter and the longer of both: what neither of them would find too little."""
        modes, untils = {self.mode, other.mode}, [self.until, other.until]
        return Lock(
            mode=next((str(each) for each in reversed(LockMode) if each in modes), ""),
            until=max((each for each in untils if each is not None), default=None),
            hold=self.hold or other.hold,
        )


UNLOCKED = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A downloaded body, whole: what it is, and how it was had."""

    body: bytes | Path = field(repr=False)  #: a large one is in a private file
    size_bytes: int
    digest: str  #: SHA-256 of the bytes as served, 64 hex digits
    media_type: str  #: Content-Type as served, "" where there was none
    encoding: str  #: Content-Encoding as served, "" for identity
    host: str  #: the host it came from; never the URL
    fetched_at: datetime
    source_date: str = ""  #: the source's Date header
    source_etag: str = ""  #: the source's ETag header

    def content(self) -> bytes:
        """The whole body, in memory."""
        return self.body if isinstance(self.body, bytes) else self.body.read_bytes()

    def discard(self) -> None:
        """Remove the file, if there is one: its content is where it belongs."""
        if not isinstance(self.body, bytes):
            self.body.unlink(missing_ok=True)


_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


def is_digest(text: str) -> bool:
    """Whether this is a SHA-256 as we write it: 64 lower-case hex digits."""
    return _DIGEST.match(text) is not None


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond, as every record and answer writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """A moment from either spelling the source uses (reference, 6.4); without an offset it is UTC.

    Raises ValueError for anything else.
    """
    moment = datetime.fromisoformat(text.strip())
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"out of range: {text!r}") from error


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970, UTC: the moment that `format_time` writes."""
    return (moment - _EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """The moment that many milliseconds after 1970, UTC."""
    return _EPOCH + ms * _MILLISECOND
