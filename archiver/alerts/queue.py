"""`alerts.db`: how far the index was looked through for alerts, and what waits to be told to whom.

Deleted, it is made again: whatever came in since a search was made is then looked at, and told, once
more. A row stays once it is delivered, so that no session is told of twice to one search.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, TypeVar

from archiver.errors import AlertError
from archiver.model import to_ms
from migrations.alerts import migrate
from migrations.sqlite import DatabaseError, Transaction, connect, open_prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime
    from pathlib import Path

    from migrations.sqlite import Connection

P = ParamSpec("P")
R = TypeVar("R")

FILE = "alerts.db"


class Place(NamedTuple):
    """How far an app's list of inventories was looked through, and when the index stood there."""

    epoch: str
    seq: int
    seen_at_ms: int  #: 0: nobody saw it stand there
    unsure_seq: int  #: up to here the list's times may be those of a ledger that was made again


class Alert(NamedTuple):
    """One session that one search found, and that is to be told."""

    id: int
    search_id: str
    app_id: str
    session_id: str
    attempts: int  #: so far
    found_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How the alerts of one search stand."""

    delivered: int = 0
    pending: int = 0
    failed: int = 0
    last_delivered_at_ms: int | None = None
    last_problem: str = ""
    is_gone: bool = False  #: its receiver said 410: it rests for good


def _explained(method: Callable[P, R]) -> Callable[P, R]:
    """Turn SQLite's errors into one that says what to do."""

    @functools.wraps(method)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except DatabaseError as error:
            (queue,) = (each for each in args if isinstance(each, Queue))
            raise _unusable(queue.path, error) from error

    return wrapper


def _unusable(path: Path, error: Exception) -> AlertError:
    return AlertError(
        f"{path} cannot be used: {error}",
        hint="see to the disk; deleted, it is made again, and alerts since then are sent once more",
    )


class Queue:
    """The file, open."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._db = connection
        self.path = path

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Queue:
        """Open it, made where it is missing; raises AlertError."""
        try:
            connection = (
                connect(path, read_only=True) if read_only else open_prepared(path, migrate)
            )
        except (DatabaseError, OSError) as error:
            raise _unusable(path, error) from error
        return cls(connection, path)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @_explained
    def bind(self, archive_id: str) -> None:
        """Belong to this archive from now on; raises AlertError where it belongs to another."""
        with Transaction(self._db) as db:
            db.execute("insert or ignore into about values ('archive', ?)", [archive_id])
            (known,) = db.execute("select value from about where name = 'archive'").fetchone()
        if known != archive_id:
            raise AlertError(
                f"{self.path} is of another archive",
                hint="give every archive a folder of its own in RTK_ARCHIVE_DATA",
            )

    # ------------------------------------------------------------------ what was found

    @_explained
    def places(self) -> dict[str, Place]:
        """How far each app was looked through."""
        rows = self._db.execute("select app_id, epoch, seq, seen_at_ms, unsure_seq from position")
        return {row[0]: Place(*row[1:]) for row in rows}

    @_explained
    def take(
        self, app_id: str, place: Place | None, found: Iterable[tuple[str, str]], now: datetime
    ) -> int:
        """Note what was found, as search and session, and how far was looked, at once.

        No place: where was looked before. Returns how much of it is new.
        """
        now_ms, before = to_ms(now), self._db.total_changes
        with Transaction(self._db) as db:
            db.executemany(
                "insert or ignore into alert (search_id, app_id, session_id, state, attempts,"
                " found_at_ms, next_at_ms, problem) values (?, ?, ?, 'pending', 0, ?, ?, '')",
                [(search, app_id, session, now_ms, now_ms) for search, session in found],
            )
            new = self._db.total_changes - before
            if place is not None:
                db.execute(
                    "insert or replace into position values (?, ?, ?, ?, ?)", [app_id, *place]
                )
        return new

    @_explained
    def known(self) -> set[str]:
        """The searches for which all that was there before they were known has been looked at."""
        return {row[0] for row in self._db.execute("select search_id from known")}

    @_explained
    def now_known(self, search_ids: Iterable[str]) -> None:
        """For these, too, that is done."""
        with Transaction(self._db) as db:
            rows = [(each,) for each in search_ids]
            db.executemany("insert or ignore into known values (?)", rows)

    @_explained
    def keep_only(self, search_ids: Collection[str]) -> None:
        """Forget all of searches that are no more."""
        gone = [(each,) for each in self.known().difference(search_ids)]
        if gone:
            with Transaction(self._db) as db:
                for table in ("alert", "resting", "known"):
                    db.executemany(f"delete from {table} where search_id = ?", gone)

    # ------------------------------------------------------------------ telling it

    @_explained
    def due(self, now: datetime) -> list[Alert]:
        """The next alert of each search that has one whose time has come, the longest waiting first."""
        rows = self._db.execute(
            "select min(id), search_id, app_id, session_id, attempts, found_at_ms"
            " from alert where state = 'pending' and next_at_ms <= ?"
            " and search_id not in (select search_id from resting)"
            " group by search_id order by 1",
            [to_ms(now)],
        )
        return [Alert(*row) for row in rows]

    @_explained
    def delivered(self, alert: Alert, now: datetime) -> None:
        """Its receiver has it."""
        with Transaction(self._db) as db:
            db.execute(
                "update alert set state = 'delivered', attempts = attempts + 1, done_at_ms = ?,"
                " problem = '' where id = ?",
                [to_ms(now), alert.id],
            )

    @_explained
    def put_off(self, alert: Alert, until: datetime, problem: str, *, tried: bool = True) -> None:
        """It could not be told: it is due again then, and what else waits for its search no sooner.

        `tried`: its receiver was called.
        """
        with Transaction(self._db) as db:
            db.execute(
                "update alert set attempts = attempts + ?, problem = ? where id = ?",
                [int(tried), problem, alert.id],
            )
            db.execute(
                "update alert set next_at_ms = ?1"
                " where search_id = ?2 and state = 'pending' and (id = ?3 or next_at_ms < ?1)",
                [to_ms(until), alert.search_id, alert.id],
            )

    @_explained
    def give_up(self, alert: Alert, problem: str, now: datetime) -> None:
        """It was tried for as long as it is: it is told no more."""
        with Transaction(self._db) as db:
            db.execute(
                "update alert set state = 'failed', attempts = attempts + 1, done_at_ms = ?,"
                " problem = ? where id = ?",
                [to_ms(now), problem, alert.id],
            )

    @_explained
    def withdraw(self, alert: Alert) -> None:
        """There is nothing to tell any more: the session does not match, or is destroyed."""
        with Transaction(self._db) as db:
            db.execute("delete from alert where id = ?", [alert.id])

    @_explained
    def rest(self, search_id: str, now: datetime) -> None:
        """Its receiver wants nothing more: what waits stays, and is not told."""
        with Transaction(self._db) as db:
            db.execute("insert or ignore into resting values (?, ?)", [search_id, to_ms(now)])

    # ------------------------------------------------------------------ for whoever asks

    @_explained
    def tallies(self) -> dict[str, Tally]:
        """How each search stands that found anything, or rests."""
        problems = {
            row[0]: row[1]
            for row in self._db.execute(
                "select search_id, problem, max(next_at_ms) from alert where problem <> ''"
                " group by search_id"
            )
        }
        gone = {row[0] for row in self._db.execute("select search_id from resting")}
        rows = self._db.execute(
            "select search_id, sum(state = 'delivered'), sum(state = 'pending'),"
            " sum(state = 'failed'), max(case when state = 'delivered' then done_at_ms end)"
            " from alert group by search_id"
        )
        found = {
            search_id: Tally(
                delivered=delivered,
                pending=pending,
                failed=failed,
                last_delivered_at_ms=last,
                last_problem=problems.get(search_id, ""),
                is_gone=search_id in gone,
            )
            for search_id, delivered, pending, failed, last in rows
        }
        return {**{each: Tally(is_gone=True) for each in gone}, **found}


def tallies_in(path: Path) -> dict[str, Tally]:
    """How each search stands, as a file says that others write; nothing where there is none."""
    if not path.exists():
        return {}
    queue = Queue.open(path, read_only=True)
    try:
        return queue.tallies()
    finally:
        queue.close()
