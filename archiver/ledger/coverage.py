"""What was looked at: which of the source's lists were seen whole, and how the bucket compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.ledger.rows import EVERYTHING, Range, explained
from archiver.model import from_ms, to_ms
from migrations.sqlite import Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from migrations.sqlite import Connection

_DAY = "date(started_at_ms / 1000, 'unixepoch')"


@dataclass(slots=True, kw_only=True)
class Day:
    """One app's sessions begun on one day, UTC."""

    app_id: str
    day: str
    sessions: int = 0
    live: int = 0
    pending: int = 0
    recorded: int = 0  #: that have an inventory
    outcomes: dict[str, int] = field(default_factory=dict)  #: of their artifacts
    listed: int | None = None  #: as the source's list had them, when it was last seen whole
    in_bucket: int | None = None  #: when it was last compared
    missing: int = 0  #: inventories the ledger knows and the bucket did not have
    compared_at: datetime | None = None


class Coverage:
    """The ledger's part that is about coverage."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._db = connection
        self.path = path

    @explained
    def note_listed(
        self, app_id: str, since: datetime, until: datetime, days: Mapping[str, int], now: datetime
    ) -> None:
        """The source's list of sessions begun between these moments was seen whole.

        `days` are those that lie in it entirely, with how many sessions each had.
        """
        since_ms, until_ms = to_ms(since), to_ms(until)
        if until_ms <= since_ms:
            return
        with Transaction(self._db) as db:
            row = db.execute(
                "select min(since_ms), max(until_ms) from listed"
                " where app_id = ? and since_ms <= ? and until_ms >= ?",
                [app_id, until_ms, since_ms],
            ).fetchone()
            if row[0] is not None:
                since_ms, until_ms = min(since_ms, row[0]), max(until_ms, row[1])
            db.execute(
                "delete from listed where app_id = ? and since_ms <= ? and until_ms >= ?",
                [app_id, until_ms, since_ms],
            )
            db.execute("insert into listed values (?, ?, ?)", [app_id, since_ms, until_ms])
            db.executemany(
                "insert or replace into listed_day values (?, ?, ?, ?)",
                [(app_id, day, count, to_ms(now)) for day, count in days.items()],
            )

    @explained
    def note_bucket_day(
        self, app_id: str, day: str, *, sessions: int, missing: int, now: datetime
    ) -> None:
        """A day of the bucket was compared with the ledger."""
        with Transaction(self._db) as db:
            db.execute(
                "insert or replace into bucket_day values (?, ?, ?, ?, ?)",
                [app_id, day, sessions, missing, to_ms(now)],
            )

    @explained
    def recorded(self, app_id: str, day: datetime) -> dict[str, int]:
        """The newest inventory known of each session begun on the day of this moment, by session id."""
        begins_at = day.replace(hour=0, minute=0, second=0, microsecond=0)
        rows = self._db.execute(
            "select session_id, inventory_version from session where app_id = ?"
            " and inventory_version > 0 and started_at_ms >= ? and started_at_ms < ?",
            [app_id, to_ms(begins_at), to_ms(begins_at + timedelta(days=1))],
        )
        return {row[0]: row[1] for row in rows}

    @explained
    def spans(self, app_id: str) -> list[tuple[datetime, datetime]]:
        """When the app's list was seen whole, oldest first; no two of them touch."""
        rows = self._db.execute(
            "select since_ms, until_ms from listed where app_id = ? order by since_ms", [app_id]
        )
        return [(from_ms(row[0]), from_ms(row[1])) for row in rows]

    @explained
    def first_start(self, app_id: str) -> datetime | None:
        """When the app's oldest session that is known began."""
        row = self._db.execute(
            "select min(started_at_ms) from session where app_id = ?", [app_id]
        ).fetchone()
        return None if row[0] is None else from_ms(row[0])

    @explained
    def concerns(self) -> tuple[int, int]:
        """Artifacts of which a later body is kept aside, and inventories the bucket did not have."""
        aside = self._db.execute(
            "select count(*) from artifact indexed by artifact_alarm"
            " where outcome = 'archived' and reason != ''"
        ).fetchone()
        missing = self._db.execute("select coalesce(sum(missing), 0) from bucket_day").fetchone()
        return int(aside[0]), int(missing[0])

    @explained
    def days(self, of: Range = EVERYTHING) -> list[Day]:
        """Every day on which a session of these began, newest first."""
        condition, values = of.where()
        rows = self._db.execute(
            f"select app_id, {_DAY}, count(*), sum(not ended),"
            " sum(ended and next_attempt_at_ms is not null), sum(inventory_version > 0)"
            f" from session where {condition} group by 1, 2 order by 2 desc, 1",
            values,
        )
        days = {
            (row[0], row[1]): Day(
                app_id=row[0],
                day=row[1],
                sessions=row[2],
                live=row[3],
                pending=row[4],
                recorded=row[5],
            )
            for row in rows
        }
        outcomes = self._db.execute(
            f"select app_id, {_DAY}, outcome, count(*) from artifact"
            f" join session using (app_id, session_id) where {condition} group by 1, 2, 3",
            values,
        )
        for row in outcomes:
            days[row[0], row[1]].outcomes[row[2]] = row[3]
        self._add_comparisons(days)
        return list(days.values())

    def _add_comparisons(self, days: Mapping[tuple[str, str], Day]) -> None:
        for row in self._db.execute("select app_id, day, sessions from listed_day"):
            if (day := days.get((row[0], row[1]))) is not None:
                day.listed = row[2]
        for row in self._db.execute("select app_id, day, sessions, missing, at_ms from bucket_day"):
            if (day := days.get((row[0], row[1]))) is not None:
                day.in_bucket, day.missing, day.compared_at = row[2], row[3], from_ms(row[4])
