"""The ledger: the worker's view of sessions, artifacts, outcomes, deadlines and next attempts.

It can be deleted and made again from the bucket and the source. What it alone knows are counts.
Everything it writes, it writes in one short transaction.
"""

from __future__ import annotations

import functools
import hashlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from archiver.errors import LedgerError
from archiver.model import ArtifactId, Outcome, Session, SessionId, from_ms, to_ms
from archiver.schedule import ArtifactState, Fate, SummaryRequest
from migrations.ledger import migrate
from migrations.sqlite import Connection, DatabaseError, Row, Transaction, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from archiver.archive.archive import Committed

P = ParamSpec("P")
R = TypeVar("R")

HOUR_MS = 3_600_000


def _explained(method: Callable[P, R]) -> Callable[P, R]:
    """Turn SQLite's errors into one that says what to do."""

    @functools.wraps(method)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except DatabaseError as error:
            raise LedgerError(f"the ledger cannot be used: {error}", hint=_hint(error)) from error

    return wrapper


def _hint(error: DatabaseError) -> str:
    text = str(error)
    if "full" in text:
        return "free some space and start again; nothing is lost"
    if "locked" in text:
        return "another process holds it; try again"
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


class Ledger:
    """The ledger file, open."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._db = connection
        self._db.row_factory = Row
        self.path = path

    @classmethod
    @_explained
    def open(cls, path: Path, *, read_only: bool = False) -> Ledger:
        """Open the ledger, made or brought up to date where needed; raises LedgerError."""
        try:
            connection = connect(path, read_only=read_only)
        except OSError as error:
            raise LedgerError(
                f"{path} cannot be opened: {error.strerror}", hint="check RTK_ARCHIVE_DATA"
            ) from error
        try:
            if not read_only:
                migrate(connection)
                with Transaction(connection):
                    connection.execute(
                        "insert or ignore into about values ('epoch', ?)", [uuid.uuid4().hex]
                    )
        except BaseException:
            connection.close()
            raise
        return cls(connection, path)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @property
    @_explained
    def epoch(self) -> str:
        """Changes when the ledger is made again: positions in its list of inventories start anew."""
        return str(self._about("epoch"))

    def _about(self, name: str) -> str | None:
        row = self._db.execute("select value from about where name = ?", [name]).fetchone()
        return str(row[0]) if row else None

    @_explained
    def about(self, name: str) -> str | None:
        """A small fact kept by name."""
        return self._about(name)

    @_explained
    def set_about(self, name: str, value: str) -> None:
        """Keep a small fact."""
        with Transaction(self._db) as db:
            db.execute("insert or replace into about values (?, ?)", [name, value])

    # ------------------------------------------------------------------ discovery

    @_explained
    def see(self, sessions: Iterable[Session], now: datetime) -> int:
        """Take note of sessions the source listed; returns how many of them were new.

        A session that has ended becomes due; one that is known keeps its place, except that its end,
        once known, stays known.
        """
        new = 0
        with Transaction(self._db) as db:
            for session in sessions:
                new += self._see(db, session, to_ms(now))
        return new

    def _see(self, db: Connection, session: Session, now_ms: int) -> int:
        known = db.execute(
            "select ended, transcribed from session where app_id = ? and session_id = ?",
            [session.app_id, session.session_id],
        ).fetchone()
        due_ms = now_ms if session.ended else None
        ended_at_ms = to_ms(session.ended_at) if session.ended_at else None
        if known is None:
            db.execute(
                "insert into session (app_id, session_id, meeting_id, started_at_ms, ended_at_ms,"
                " created_at_ms, ended, transcribed, seen_at_ms, deadline_at_ms, next_attempt_at_ms,"
                " share_key) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    *(session.app_id, session.session_id, session.meeting_id),
                    *(to_ms(session.started_at), ended_at_ms, to_ms(session.created_at)),
                    *(session.ended, session.transcribed, now_ms),
                    *(to_ms(session.deadline_at), due_ms, share_key(session.session_id)),
                ],
            )
            return 1
        if session.ended and not known["ended"]:
            db.execute(
                "update session set ended = 1, ended_at_ms = ?, transcribed = ?,"
                " next_attempt_at_ms = ? where app_id = ? and session_id = ?",
                [ended_at_ms, session.transcribed, due_ms, session.app_id, session.session_id],
            )
        return 0

    @_explained
    def oldest_live_ms(self, app_id: str) -> int | None:
        """When the oldest session of this app that has not ended yet was created."""
        row = self._db.execute(
            "select min(created_at_ms) from session where app_id = ? and not ended", [app_id]
        ).fetchone()
        return None if row[0] is None else int(row[0])

    @_explained
    def apps(self) -> list[str]:
        """The apps that have sessions here."""
        rows = self._db.execute("select distinct app_id from session order by app_id")
        return [str(row[0]) for row in rows]

    # ------------------------------------------------------------------ what is due

    @_explained
    def due(
        self,
        now: datetime,
        limit: int,
        *,
        everything: bool = False,
        of: Range = EVERYTHING,
        share: Share = WHOLE,
    ) -> list[SessionId]:
        """Sessions whose turn it is: nearest deadline first, apps in turn within the same hour.

        With `everything` all that is not settled is due now.
        """
        condition, values = of.where()
        condition += " and share_key % ? = ?"
        values += [share.count, share.index - 1]
        due = "next_attempt_at_ms is not null"
        if not everything:
            due += " and next_attempt_at_ms <= ?"
            values.append(to_ms(now))
        rows = self._db.execute(
            "select app_id, session_id from ("
            f" select *, deadline_at_ms / {HOUR_MS} as hour,"
            f"  row_number() over (partition by deadline_at_ms / {HOUR_MS}, app_id"
            "   order by deadline_at_ms, session_id) as turn"
            f" from session where {condition} and ended and {due})"
            " order by hour, turn, deadline_at_ms, app_id, session_id limit ?",
            [*values, limit],
        )
        return [SessionId(row[0], row[1]) for row in rows]

    @_explained
    def next_due_at(self, share: Share = WHOLE) -> datetime | None:
        """When the next session of this share is due."""
        row = self._db.execute(
            "select next_attempt_at_ms from session where next_attempt_at_ms is not null and ended"
            " and share_key % ? = ? order by next_attempt_at_ms limit 1",
            [share.count, share.index - 1],
        ).fetchone() or (None,)
        return None if row[0] is None else from_ms(row[0])

    @_explained
    def state(self, session_id: SessionId) -> SessionState:
        """Everything known of one session; raises LedgerError where it is not known at all."""
        names = [session_id.app_id, session_id.session_id]
        row = self._db.execute(
            "select * from session where app_id = ? and session_id = ?", names
        ).fetchone()
        if row is None:
            raise LedgerError(f"session {session_id} is not in the ledger")
        artifacts = self._db.execute(
            "select * from artifact where app_id = ? and session_id = ?", names
        )
        requests = self._db.execute(
            "select * from summary_request where app_id = ? and session_id = ?", names
        )
        states = [_artifact_state(each) for each in artifacts]
        return SessionState(
            session=_session(row),
            seen_at=from_ms(row["seen_at_ms"]),
            states={each.artifact: each for each in states},
            requests={
                each["number"]: SummaryRequest(
                    number=each["number"], at=from_ms(each["at_ms"]), fate=Fate(each["fate"])
                )
                for each in requests
            },
            inventory_version=row["inventory_version"],
            inventory_digest=row["inventory_digest"],
            problem=row["problem"],
        )

    @_explained
    def inventory_version(self, session_id: SessionId) -> int:
        """The version of the newest inventory known of a session; 0 where none is."""
        row = self._db.execute(
            "select inventory_version from session where app_id = ? and session_id = ?",
            [session_id.app_id, session_id.session_id],
        ).fetchone()
        return int(row[0]) if row else 0

    @_explained
    def find(self, session_id: str) -> list[SessionId]:
        """Sessions of this id, in whichever app."""
        rows = self._db.execute(
            "select app_id, session_id from session where session_id = ?", [session_id]
        )
        return [SessionId(row[0], row[1]) for row in rows]

    # ------------------------------------------------------------------ results

    @_explained
    def record(
        self,
        session_id: SessionId,
        states: Mapping[ArtifactId, ArtifactState],
        *,
        next_attempt_at: datetime | None,
        now: datetime,
        committed: Committed | None = None,
        problem: str = "",
    ) -> None:
        """Take note of an attempt at a session, and of the inventory it committed, at once."""
        with Transaction(self._db) as db:
            self._record_states(db, session_id, states)
            db.execute(
                "update session set next_attempt_at_ms = ?, attempts = attempts + 1, problem = ?"
                " where app_id = ? and session_id = ?",
                [_ms(next_attempt_at), problem, session_id.app_id, session_id.session_id],
            )
            if committed is not None:
                self._commit(db, committed, now)

    def _record_states(
        self,
        db: Connection,
        session_id: SessionId,
        states: Mapping[ArtifactId, ArtifactState],
    ) -> None:
        db.executemany(
            "insert or replace into artifact values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(session_id.app_id, session_id.session_id),
                    *(each.artifact.kind, each.artifact.format),
                    *(each.outcome, each.reason, each.digest, each.size_bytes, each.attempts),
                    *(_ms(each.first_attempt_at), _ms(each.last_attempt_at)),
                    *(each.last_status, _ms(each.next_attempt_at)),
                )
                for each in states.values()
            ],
        )

    def _commit(self, db: Connection, committed: Committed, now: datetime) -> None:
        inventory = committed.inventory
        names = [inventory.session.app_id, inventory.session.session_id]
        db.execute(
            "insert into inventory (app_id, session_id, version, key, digest, committed_at_ms)"
            " values (?, ?, ?, ?, ?, ?)",
            [*names, inventory.version, inventory.key, committed.digest, to_ms(now)],
        )
        db.execute(
            "update session set inventory_version = ?, inventory_digest = ?"
            " where app_id = ? and session_id = ?",
            [inventory.version, committed.digest, *names],
        )

    @_explained
    def postpone(self, session_id: SessionId, until: datetime, problem: str) -> None:
        """Leave a session alone until then, and say why."""
        with Transaction(self._db) as db:
            db.execute(
                "update session set next_attempt_at_ms = ?, problem = ?"
                " where app_id = ? and session_id = ?",
                [to_ms(until), problem, session_id.app_id, session_id.session_id],
            )

    @_explained
    def record_request(self, session_id: SessionId, request: SummaryRequest) -> None:
        """Take note of what is known of a request for a summary."""
        with Transaction(self._db) as db:
            db.execute(
                "insert or replace into summary_request values (?, ?, ?, ?, ?)",
                [
                    *(session_id.app_id, session_id.session_id, request.number),
                    *(to_ms(request.at), request.fate),
                ],
            )

    @_explained
    def adopt(
        self,
        committed: Committed,
        states: Mapping[ArtifactId, ArtifactState],
        *,
        next_attempt_at: datetime | None,
        now: datetime,
    ) -> bool:
        """Take over a session from its inventory in the bucket; False where it is known already."""
        inventory = committed.inventory
        session_id = inventory.session.id
        with Transaction(self._db) as db:
            self._see(db, inventory.session, to_ms(now))
            row = db.execute(
                "select inventory_version from session where app_id = ? and session_id = ?",
                [session_id.app_id, session_id.session_id],
            ).fetchone()
            if row[0] >= inventory.version:
                return False
            self._record_states(db, session_id, states)
            db.execute(
                "update session set next_attempt_at_ms = ? where app_id = ? and session_id = ?",
                [_ms(next_attempt_at), session_id.app_id, session_id.session_id],
            )
            self._commit(db, committed, now)
        return True

    # ------------------------------------------------------------------ followed by the indexer

    @_explained
    def inventories_after(self, app_id: str, seq: int, limit: int) -> list[InventoryLine]:
        """Inventories of an app committed after this place in the list, oldest first."""
        rows = self._db.execute(
            "select * from inventory where app_id = ? and seq > ? order by seq limit ?",
            [app_id, seq, limit],
        )
        return [
            InventoryLine(
                seq=row["seq"],
                session_id=SessionId(row["app_id"], row["session_id"]),
                version=row["version"],
                key=row["key"],
                digest=row["digest"],
                committed_at_ms=row["committed_at_ms"],
            )
            for row in rows
        ]

    @_explained
    def count_inventories_after(self, app_id: str, seq: int) -> int:
        """How many inventories of an app stand after this place in the list."""
        row = self._db.execute(
            "select count(*) from inventory where app_id = ? and seq > ?", [app_id, seq]
        ).fetchone()
        return int(row[0])

    @_explained
    def newest_seq(self, app_id: str) -> int:
        """The place of an app's newest inventory in the list; 0 where it has none."""
        row = self._db.execute(
            "select max(seq) from inventory where app_id = ?", [app_id]
        ).fetchone()
        return int(row[0] or 0)

    @_explained
    def record_unparsed(self, session_id: SessionId, problems: Mapping[str, str]) -> None:
        """Take note of which archived artifacts of a session could not be read, by object name."""
        names = [session_id.app_id, session_id.session_id]
        with Transaction(self._db) as db:
            db.execute("delete from unparsed where app_id = ? and session_id = ?", names)
            db.executemany(
                "insert into unparsed values (?, ?, ?, ?)",
                [(*names, name, reason) for name, reason in problems.items()],
            )

    # ------------------------------------------------------------------ counts

    @_explained
    def count_requests(self, counts: Mapping[tuple[str, str], int], now: datetime) -> None:
        """Add to today's counts of requests by operation and status."""
        with Transaction(self._db) as db:
            db.executemany(
                "insert into request values (?, ?, ?, ?)"
                " on conflict do update set count = count + excluded.count",
                [(f"{now:%Y-%m-%d}", *names, count) for names, count in counts.items()],
            )

    @_explained
    def requests(self) -> dict[tuple[str, str], int]:
        """Requests made so far, by operation and status."""
        rows = self._db.execute(
            "select operation, status, sum(count) from request group by 1, 2 order by 1, 2"
        )
        return {(row[0], row[1]): row[2] for row in rows}

    @_explained
    def artifact_counts(self, of: Range = EVERYTHING) -> dict[tuple[str, str], int]:
        """How many artifacts of these sessions stand where: by kind and outcome."""
        condition, values = of.where()
        rows = self._db.execute(
            "select kind, outcome, count(*) from artifact join session using (app_id, session_id)"
            f" where {condition} group by 1, 2 order by 1, 2",
            values,
        )
        return {(row[0], row[1]): row[2] for row in rows}

    @_explained
    def session_counts(self, of: Range = EVERYTHING) -> dict[str, int]:
        """How many of these sessions are live, pending, lost in part, or settled."""
        condition, values = of.where()
        row = self._db.execute(
            "select count(*) as sessions, coalesce(sum(not ended), 0) as live"
            f" from session where {condition}",
            values,
        ).fetchone()
        return {"sessions": row["sessions"], "live": row["live"], **self.outstanding(of)}

    @_explained
    def outstanding(self, of: Range = EVERYTHING) -> dict[str, int]:
        """How many of these sessions have something pending, or lost; cheap however many there are."""
        condition, values = of.where()
        pending = self._db.execute(
            "select count(*) from session indexed by session_due"
            f" where next_attempt_at_ms is not null and ended and {condition}",
            values,
        ).fetchone()
        lost = self._db.execute(
            "select count(*) from (select distinct app_id, session_id from artifact"
            " indexed by artifact_lost where outcome = 'lost')"
            f" join session using (app_id, session_id) where {condition}",
            values,
        ).fetchone()
        return {"pending": pending[0], "lost": lost[0]}

    @_explained
    def with_outcome(
        self, outcome: str, of: Range, limit: int, after: tuple[int, str] | None
    ) -> list[Session]:
        """Sessions with an artifact that stands so, newest first, past this time and session id."""
        condition, values = of.where()
        if after is not None:
            condition += " and (started_at_ms, session_id) < (?, ?)"
            values += after
        rows = self._db.execute(
            f"select * from session where {condition} and exists (select 1 from artifact"
            " where artifact.app_id = session.app_id and artifact.session_id = session.session_id"
            " and outcome = ?) order by started_at_ms desc, session_id desc limit ?",
            [*values, outcome, limit],
        )
        return [_session(row) for row in rows]

    @_explained
    def nearest_deadlines(self, of: Range, limit: int) -> list[tuple[SessionId, datetime, str]]:
        """Sessions with something pending, their deadlines and what holds them up."""
        condition, values = of.where()
        rows = self._db.execute(
            "select app_id, session_id, deadline_at_ms, problem from session"
            f" where {condition} and ended and next_attempt_at_ms is not null"
            " order by deadline_at_ms limit ?",
            [*values, limit],
        )
        return [(SessionId(row[0], row[1]), from_ms(row[2]), row[3]) for row in rows]

    @_explained
    def lost(self, of: Range, limit: int) -> list[tuple[SessionId, ArtifactId, str]]:
        """Artifacts that were lost, and why; newest session first."""
        condition, values = of.where()
        rows = self._db.execute(
            "select app_id, session_id, kind, format, reason"
            " from artifact join session using (app_id, session_id)"
            f" where outcome = 'lost' and {condition} order by started_at_ms desc limit ?",
            [*values, limit],
        )
        return [(SessionId(row[0], row[1]), ArtifactId(row[2], row[3]), row[4]) for row in rows]

    @_explained
    def unparsed(self, of: Range, limit: int) -> list[tuple[SessionId, str, str]]:
        """Archived artifacts that could not be read, by object name, and why."""
        condition, values = of.where()
        rows = self._db.execute(
            "select app_id, session_id, name, reason"
            " from unparsed join session using (app_id, session_id)"
            f" where {condition} order by started_at_ms desc, name limit ?",
            [*values, limit],
        )
        return [(SessionId(row[0], row[1]), row[2], row[3]) for row in rows]

    @_explained
    def all_states(self) -> Iterator[SessionState]:
        """Every session, in the order of its id: for comparing one ledger with another."""
        rows = self._db.execute("select app_id, session_id from session order by 1, 2").fetchall()
        for row in rows:
            yield self.state(SessionId(row[0], row[1]))

    # ------------------------------------------------------------------ rebuilding

    @_explained
    def replace_with(self, other: Ledger) -> None:
        """Become a copy of another ledger in one step that other connections never see halfway."""
        other._db.backup(self._db)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)


def _session(row: Row) -> Session:
    transcribed = row["transcribed"]
    return Session(
        app_id=row["app_id"],
        session_id=row["session_id"],
        meeting_id=row["meeting_id"],
        started_at=from_ms(row["started_at_ms"]),
        ended_at=_moment(row["ended_at_ms"]),
        created_at=from_ms(row["created_at_ms"]),
        ended=bool(row["ended"]),
        transcribed=None if transcribed is None else bool(transcribed),
    )


def _artifact_state(row: Row) -> ArtifactState:
    return ArtifactState(
        artifact=ArtifactId(row["kind"], row["format"]),
        outcome=Outcome(row["outcome"]),
        reason=row["reason"],
        digest=row["digest"],
        size_bytes=row["size_bytes"],
        attempts=row["attempts"],
        first_attempt_at=_moment(row["first_attempt_at_ms"]),
        last_attempt_at=_moment(row["last_attempt_at_ms"]),
        last_status=row["last_status"],
        next_attempt_at=_moment(row["next_attempt_at_ms"]),
    )
