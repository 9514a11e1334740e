"""What the ledger's rows say, and how the rest of the program asks for them."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from archiver.errors import LedgerError
from archiver.model import ArtifactId, Outcome, Session, SessionId, from_ms, to_ms
from archiver.schedule import ArtifactState, SummaryRequest
from migrations.sqlite import DatabaseError, NewerSchemaError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from migrations.sqlite import Row

P = ParamSpec("P")
R = TypeVar("R")


def explained(method: Callable[P, R]) -> Callable[P, R]:
    """Turn SQLite's errors into one that says what to do."""

    @functools.wraps(method)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except DatabaseError as error:
            named = (getattr(each, "path", each) for each in args)
            path = next((each for each in named if isinstance(each, Path)), "the ledger")
            raise LedgerError(f"{path} cannot be used: {error}", hint=_hint(error)) from error

    return wrapper


def _hint(error: DatabaseError) -> str:
    text = str(error)
    if "full" in text:
        return "free some space and start again; nothing is lost"
    if "disk I/O" in text:  # so says SQLite, too, where it cannot make room to share memory
        return "look at the disk of RTK_ARCHIVE_DATA: it is full, or failing"
    if "locked" in text:
        return "another process holds it; try again"
    if isinstance(error, NewerSchemaError):
        return "use that release, or make the ledger again with `rtk-archive rebuild ledger`"
    if "malformed" in text or "not a database" in text:
        return "run `rtk-archive rebuild ledger` to make it again from the bucket"
    return "check RTK_ARCHIVE_DATA: its disk and its permissions"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """A session as the ledger knows it."""

    session: Session
    seen_at: datetime
    states: Mapping[ArtifactId, ArtifactState]
    requests: Mapping[int, SummaryRequest]
    inventory_version: int
    inventory_digest: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryLine:
    """One committed inventory, as the indexer follows them."""

    seq: int
    session_id: SessionId
    version: int
    key: str
    digest: str
    committed_at_ms: int


#: When a worker last said that it is alive, as a Unix time.
WORKER_SEEN = "worker_seen"
#: When the last whole look at the source that succeeded began, as a Unix time.
LISTED = "listed"
BUDGET_LEFT = "budget_left"
BUDGET_PAUSE = "budget_pause_s"
FIXITY_FAILURES = "fixity_failures"
#: Objects that a worker put and that are locked less than they were to be.
UNDERLOCKED = "underlocked"
#: When the last whole verification ended, as a Unix time.
VERIFIED = "verified"


@dataclass(frozen=True, slots=True)
class Vital:
    """A number that says how a part of the program fares, and when it said so."""

    value: float
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Ended sessions that lack what the source has not said there is none of."""

    late: int  #: of those, how many ended more than a day ago
    oldest_end_at: datetime | None  #: None where there is no such session
    deadline_at: datetime | None  #: the nearest


@dataclass(frozen=True, slots=True)
class Share:
    """A worker's part of the sessions: number `index` of `count`, stable by session id."""

    index: int = 1
    count: int = 1


WHOLE = Share()


def share_key(session_id: str) -> int:
    """The number that decides whose share a session is: the same everywhere, and for ever."""
    return int.from_bytes(hashlib.sha256(session_id.encode()).digest()[:4], "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Which sessions: of these apps (all if empty), started in this half-open time."""

    apps: tuple[str, ...] = ()
    since_ms: int | None = None
    until_ms: int | None = None

    def where(self, table: str = "session") -> tuple[str, list[Any]]:
        """The condition on `table`, and its parameters."""
        parts, values = ["1"], list[Any]()
        if self.apps:
            parts.append(f"{table}.app_id in ({','.join('?' * len(self.apps))})")
            values += self.apps
        if self.since_ms is not None:
            parts.append(f"{table}.started_at_ms >= ?")
            values.append(self.since_ms)
        if self.until_ms is not None:
            parts.append(f"{table}.started_at_ms < ?")
            values.append(self.until_ms)
        return " and ".join(parts), values


EVERYTHING = Range()


def ms_of(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)


def moment_of(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)


def session_of(row: Row) -> Session:
    transcribed = row["transcribed"]
    return Session(
        app_id=row["app_id"],
        session_id=row["session_id"],
        meeting_id=row["meeting_id"],
        started_at=from_ms(row["started_at_ms"]),
        ended_at=moment_of(row["ended_at_ms"]),
        created_at=from_ms(row["created_at_ms"]),
        ended=bool(row["ended"]),
        transcribed=None if transcribed is None else bool(transcribed),
    )


def artifact_state_of(row: Row) -> ArtifactState:
    return ArtifactState(
        artifact=ArtifactId(row["kind"], row["format"]),
        outcome=Outcome(row["outcome"]),
        reason=row["reason"],
        digest=row["digest"],
        size_bytes=row["size_bytes"],
        attempts=row["attempts"],
        first_attempt_at=moment_of(row["first_attempt_at_ms"]),
        last_attempt_at=moment_of(row["last_attempt_at_ms"]),
        last_status=row["last_status"],
        next_attempt_at=moment_of(row["next_attempt_at_ms"]),
        none_at=moment_of(row["none_at_ms"]),
    )
