"""The ledger: the worker's view of sessions, artifacts, outcomes, deadlines and next attempts.

Everything is written in one short transaction.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.errors import LedgerError
from archiver.ledger.reader import LedgerReader
from archiver.ledger.rows import explained, ms_of, share_key
from archiver.model import to_ms
from migrations.ledger import migrate
from migrations.sqlite import Transaction, connect, open_prepared

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from archiver.archive.chains import Committed
    from archiver.model import ArtifactId, Session, SessionId
    from archiver.schedule import ArtifactState, SummaryRequest
    from migrations.sqlite import Connection


#: Tables of which the bucket holds nothing.
_KEPT = ("app", "event", "event_count", "listed", "listed_day", "request", "vital")


def _prepare(connection: Connection) -> None:
    migrate(connection)
    with Transaction(connection):
        connection.execute("insert or ignore into about values ('epoch', ?)", [uuid.uuid4().hex])


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A session as it was found in the bucket, and what follows for the work."""

    committed: Committed
    states: Mapping[ArtifactId, ArtifactState]
    next_attempt_at: datetime | None
    requests: tuple[SummaryRequest, ...] = ()


class Ledger(LedgerReader):
    """The ledger file, open, for questions and news."""

    @classmethod
    @explained
    def open(cls, path: Path, *, read_only: bool = False, durable: bool = False) -> Ledger:
        """Open the ledger, made or brought up to date where needed; raises LedgerError.

        `durable`: what was written survives the machine, and not only the process.
        """
        try:
            connection = (
                connect(path, read_only=True) if read_only else open_prepared(path, _prepare)
            )
            if durable:
                connection.execute("pragma synchronous = full")
        except OSError as error:
            raise LedgerError(
                f"{path} cannot be opened: {error.strerror}", hint="check RTK_ARCHIVE_DATA"
            ) from error
        return cls(connection, path)

    @explained
    def bind(self, archive_id: str) -> None:
        """Belong to this archive from now on; raises LedgerError where it belongs to another.

        What one archive holds is not missing from another's list of what is still to be captured.
        """
        with Transaction(self._db) as db:
            db.execute("insert or ignore into about values ('archive', ?)", [archive_id])
        if self.about("archive") != archive_id:
            raise LedgerError(
                f"{self.path} is of another archive",
                hint="give every archive a folder of its own in RTK_ARCHIVE_DATA, or make the"
                " ledger and the index again from this one with `rtk-archive rebuild all`",
            )

    @explained
    def expect(self, expectation: str, now: datetime) -> None:
        """Take note of what is asked for; what the source may still have of it is due again at once."""
        with Transaction(self._db) as db:
            if self.about("expectation") == expectation:
                return
            db.execute("insert or replace into about values ('expectation', ?)", [expectation])
            db.execute(
                "update session set next_attempt_at_ms = ?"
                " where inventory_version > 0 and deadline_at_ms > ?",
                [to_ms(now), to_ms(now)],
            )

    @explained
    def note_apps(self, app_ids: Iterable[str], now: datetime) -> None:
        """Take note of the account's apps: what names another is not about us."""
        with Transaction(self._db) as db:
            db.executemany(
                "insert into app values (?, ?) on conflict do update set seen_at_ms = excluded.seen_at_ms",
                [(app_id, to_ms(now)) for app_id in app_ids],
            )

    @explained
    def see(self, sessions: Iterable[Session], now: datetime, *, listed: bool = False) -> int:
        """Take note of sessions of which the source told; returns how many of them were new.

        `listed`: it was the source's own list that told of them.

        A session that has ended becomes due; one that is known keeps its place, except that its end,
        once known, stays known.
        """
        new = 0
        with Transaction(self._db) as db:
            for session in sessions:
                new += self._see(db, session, to_ms(now), listed=listed)
        return new

    def _see(self, db: Connection, session: Session, now_ms: int, *, listed: bool = False) -> int:
        known = db.execute(
            "select ended, listed from session where app_id = ? and session_id = ?",
            [session.app_id, session.session_id],
        ).fetchone()
        due_ms = now_ms if session.ended else None
        ended_at_ms = to_ms(session.ended_at) if session.ended_at else None
        if known is None:
            db.execute(
                "insert into session (app_id, session_id, meeting_id, started_at_ms, ended_at_ms,"
                " created_at_ms, ended, transcribed, seen_at_ms, deadline_at_ms, next_attempt_at_ms,"
                " share_key, listed) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    *(session.app_id, session.session_id, session.meeting_id),
                    *(to_ms(session.started_at), ended_at_ms, to_ms(session.created_at)),
                    *(session.ended, session.transcribed, now_ms),
                    *(to_ms(session.deadline_at), due_ms, share_key(session.session_id), listed),
                ],
            )
            return 1
        if listed and not known["listed"]:
            db.execute(
                "update session set listed = 1 where app_id = ? and session_id = ?",
                [session.app_id, session.session_id],
            )
        if session.ended and not known["ended"]:
            db.execute(
                "update session set ended = 1, ended_at_ms = ?, transcribed = ?,"
                " next_attempt_at_ms = ? where app_id = ? and session_id = ?",
                [ended_at_ms, session.transcribed, due_ms, session.app_id, session.session_id],
            )
        return 0

    @explained
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
                [ms_of(next_attempt_at), problem, session_id.app_id, session_id.session_id],
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
            "insert or replace into artifact values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(session_id.app_id, session_id.session_id),
                    *(each.artifact.kind, each.artifact.format),
                    *(each.outcome, each.reason, each.digest, each.size_bytes, each.attempts),
                    *(ms_of(each.first_attempt_at), ms_of(each.last_attempt_at)),
                    *(each.last_status, ms_of(each.next_attempt_at), ms_of(each.none_at)),
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

    @explained
    def postpone(self, session_id: SessionId, until: datetime, problem: str) -> None:
        """Leave a session alone until then, and say why."""
        with Transaction(self._db) as db:
            db.execute(
                "update session set next_attempt_at_ms = ?, problem = ?"
                " where app_id = ? and session_id = ?",
                [to_ms(until), problem, session_id.app_id, session_id.session_id],
            )

    @explained
    def record_request(self, session_id: SessionId, request: SummaryRequest) -> None:
        """Take note of what is known of a request for a summary."""
        with Transaction(self._db) as db:
            self._record_request(db, session_id, request)

    def _record_request(
        self, db: Connection, session_id: SessionId, request: SummaryRequest
    ) -> None:
        db.execute(
            "insert or replace into summary_request values (?, ?, ?, ?, ?)",
            [
                *(session_id.app_id, session_id.session_id, request.number),
                *(to_ms(request.at), request.fate),
            ],
        )

    @explained
    def adopt(
        self,
        committed: Committed,
        states: Mapping[ArtifactId, ArtifactState],
        *,
        next_attempt_at: datetime | None,
        now: datetime,
    ) -> bool:
        """Take over a session from its inventory in the bucket; False where it is known already."""
        found = Found(committed=committed, states=states, next_attempt_at=next_attempt_at)
        return bool(self.adopt_all([found], now))

    @explained
    def adopt_all(self, found: Iterable[Found], now: datetime) -> int:
        """Take over sessions from their inventories, at once; returns how many were not known."""
        adopted = 0
        with Transaction(self._db) as db:
            for each in found:
                adopted += self._adopt(db, each, now)
                for request in each.requests:
                    self._record_request(db, each.committed.inventory.session.id, request)
        return adopted

    def _adopt(self, db: Connection, found: Found, now: datetime) -> bool:
        inventory = found.committed.inventory
        session_id = inventory.session.id
        self._see(db, inventory.session, to_ms(now))
        row = db.execute(
            "select inventory_version from session where app_id = ? and session_id = ?",
            [session_id.app_id, session_id.session_id],
        ).fetchone()
        if row[0] >= inventory.version:
            return False
        states = found.states.values()
        self._record_states(db, session_id, found.states)
        firsts = [each.first_attempt_at for each in states if each.first_attempt_at]
        db.execute(
            # Whoever asked first saw it first.
            "update session set next_attempt_at_ms = ?, seen_at_ms = min(seen_at_ms, ?)"
            " where app_id = ? and session_id = ?",
            [
                *(ms_of(found.next_attempt_at), to_ms(min(firsts, default=now))),
                *(session_id.app_id, session_id.session_id),
            ],
        )
        self._commit(db, found.committed, now)
        return True

    @explained
    def count_requests(self, counts: Mapping[tuple[str, str], int], now: datetime) -> None:
        """Add to today's counts of requests by operation and status."""
        with Transaction(self._db) as db:
            db.executemany(
                "insert into request values (?, ?, ?, ?)"
                " on conflict do update set count = count + excluded.count",
                [(f"{now:%Y-%m-%d}", *names, count) for names, count in counts.items()],
            )

    @explained
    def note(self, name: str, value: float, now: datetime) -> None:
        """Take note of how a part of the program fares."""
        with Transaction(self._db) as db:
            db.execute("insert or replace into vital values (?, ?, ?)", [name, value, to_ms(now)])

    @explained
    def keep_from(self, other: Ledger) -> None:
        """Take over what the bucket does not tell: counts, vitals, webhooks, and when lists were seen."""
        with Transaction(self._db) as db:
            for table in _KEPT:
                rows = [tuple(row) for row in other._db.execute(f"select * from {table}")]
                if rows:
                    marks = ",".join("?" * len(rows[0]))
                    db.executemany(f"insert or replace into {table} values ({marks})", rows)
            db.executemany(
                "update session set listed = 1 where app_id = ? and session_id = ?",
                other._db.execute("select app_id, session_id from session where listed = 1"),
            )

    @explained
    def replace_with(self, other: Ledger) -> None:
        """Become a copy of another ledger in one step that other connections never see halfway."""
        other._db.backup(self._db)
