"""What the ledger tells without being changed: what is due, where things stand, what was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archiver.errors import LedgerError
from archiver.ledger.coverage import Coverage
from archiver.ledger.events import Events
from archiver.ledger.rows import (
    EVERYTHING,
    WHOLE,
    InventoryLine,
    Range,
    SessionState,
    Share,
    Vital,
    Waiting,
    artifact_state_of,
    explained,
    moment_of,
    session_of,
)
from archiver.ledger.sealing import Sealing
from archiver.model import (
    DEADLINE_MARGIN,
    SOURCE_RETENTION,
    ArtifactId,
    Session,
    SessionId,
    from_ms,
    to_ms,
)
from archiver.schedule import HEALTHY, PLANNED_AHEAD_MAX, SOFT_ALARM, Fate, SummaryRequest
from migrations.sqlite import Row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from migrations.sqlite import Connection

HOUR_MS = 3_600_000


class LedgerReader:
    """The ledger file, open, for questions."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._db = connection
        self._db.row_factory = Row
        self.path = path
        self.events = Events(connection, path)
        self.coverage = Coverage(connection, path)
        self.sealing = Sealing(connection, path)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @property
    @explained
    def epoch(self) -> str:
        """Changes when the ledger is made again: positions in its list of inventories start anew."""
        return str(self.about("epoch"))

    @property
    @explained
    def data_version(self) -> int:
        """Changes when another connection has changed anything."""
        return int(self._db.execute("pragma data_version").fetchone()[0])

    @explained
    def about(self, name: str) -> str | None:
        """A small fact kept by name."""
        row = self._db.execute("select value from about where name = ?", [name]).fetchone()
        return str(row[0]) if row else None

    @explained
    def oldest_live_ms(self, app_id: str) -> int | None:
        """When the oldest session of this app that has not ended yet was created."""
        row = self._db.execute(
            "select min(created_at_ms) from session where app_id = ? and not ended", [app_id]
        ).fetchone()
        return None if row[0] is None else int(row[0])

    @explained
    def live_before(self, moment: datetime) -> list[Session]:
        """Sessions created before then that nobody has seen the end of."""
        rows = self._db.execute(
            "select * from session where not ended and created_at_ms < ? order by created_at_ms",
            [to_ms(moment)],
        )
        return [session_of(row) for row in rows]

    @explained
    def apps(self) -> list[str]:
        """The apps that have sessions here."""
        rows = self._db.execute("select distinct app_id from session order by app_id")
        return [str(row[0]) for row in rows]

    @explained
    def known_apps(self) -> list[str]:
        """The apps the source listed, whether they have sessions or not."""
        rows = self._db.execute("select app_id from app order by app_id")
        return [str(row[0]) for row in rows]

    @explained
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

        Those whose artifacts the source may have deleted by now come last: where requests are short,
        none is spent on what is gone. With `everything` all that is not settled is due now.
        """
        condition, values = of.where()
        mine, numbers = share.where()
        condition += f" and {mine} and ended and next_attempt_at_ms is not null"
        values += numbers
        if not everything:
            # What lies too far ahead was planned by a clock that was wrong.
            condition += " and (next_attempt_at_ms <= ? or next_attempt_at_ms > ?)"
            values += [to_ms(now), to_ms(now + PLANNED_AHEAD_MAX)]
        gone_ms = to_ms(now - DEADLINE_MARGIN)
        found = self._in_turn(f"{condition} and deadline_at_ms > ?", [*values, gone_ms], limit)
        if len(found) < limit:
            late = f"{condition} and deadline_at_ms <= ?"
            found += self._in_turn(late, [*values, gone_ms], limit - len(found))
        return found

    def _in_turn(self, condition: str, values: list[Any], limit: int) -> list[SessionId]:
        # Only the hours in which the answer lies are put in order: all of a backlog may be due.
        last = self._db.execute(
            f"select deadline_at_ms / {HOUR_MS} from session indexed by session_deadline"
            f" where {condition} order by deadline_at_ms limit 1 offset ?",
            [*values, limit - 1],
        ).fetchone()
        if last is not None:
            condition += " and deadline_at_ms < ?"
            values.append((last[0] + 1) * HOUR_MS)
        rows = self._db.execute(
            "select app_id, session_id from ("
            f" select app_id, session_id, deadline_at_ms, deadline_at_ms / {HOUR_MS} as hour,"
            f"  row_number() over (partition by deadline_at_ms / {HOUR_MS}, app_id"
            "   order by deadline_at_ms, session_id) as turn"
            f" from session indexed by session_deadline where {condition})"
            " order by hour, turn, deadline_at_ms, app_id, session_id limit ?",
            [*values, limit],
        )
        return [SessionId(row[0], row[1]) for row in rows]

    @explained
    def overdue(self, now: datetime, limit: int) -> list[SessionId]:
        """Sessions whose outcomes should have been final by then, and are not."""
        rows = self._db.execute(
            "select app_id, session_id from session indexed by session_due"
            " where next_attempt_at_ms is not null and ended"
            " and max(coalesce(ended_at_ms, started_at_ms), started_at_ms) < ?"
            " order by started_at_ms limit ?",
            [to_ms(now - SOURCE_RETENTION), limit],
        )
        return [SessionId(row[0], row[1]) for row in rows]

    @explained
    def next_due_at(self, now: datetime, share: Share = WHOLE) -> datetime | None:
        """When, after now, the next session of this share becomes due."""
        mine, numbers = share.where()
        row = self._db.execute(
            "select next_attempt_at_ms from session where next_attempt_at_ms > ? and ended"
            f" and {mine} order by next_attempt_at_ms limit 1",
            [to_ms(now), *numbers],
        ).fetchone() or (None,)
        return None if row[0] is None else from_ms(row[0])

    @explained
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
        states = [artifact_state_of(each) for each in artifacts]
        return SessionState(
            session=session_of(row),
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

    @explained
    def inventory_version(self, session_id: SessionId) -> int:
        """The version of the newest inventory known of a session; 0 where none is."""
        row = self._db.execute(
            "select inventory_version from session where app_id = ? and session_id = ?",
            [session_id.app_id, session_id.session_id],
        ).fetchone()
        return int(row[0]) if row else 0

    @explained
    def find(self, session_id: str) -> list[SessionId]:
        """Sessions of this id, in whichever app."""
        rows = self._db.execute(
            "select app_id, session_id from session where session_id = ?", [session_id]
        )
        return [SessionId(row[0], row[1]) for row in rows]

    @explained
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

    @explained
    def count_inventories_after(self, app_id: str, seq: int) -> int:
        """How many inventories of an app stand after this place in the list."""
        row = self._db.execute(
            "select count(*) from inventory where app_id = ? and seq > ?", [app_id, seq]
        ).fetchone()
        return int(row[0])

    @explained
    def newest_seq(self, app_id: str) -> int:
        """The place of an app's newest inventory in the list; 0 where it has none."""
        row = self._db.execute(
            "select max(seq) from inventory where app_id = ?", [app_id]
        ).fetchone()
        return int(row[0] or 0)

    @explained
    def requests(self) -> dict[tuple[str, str], int]:
        """Requests made so far, by operation and status."""
        rows = self._db.execute(
            "select operation, status, sum(count) from request group by 1, 2 order by 1, 2"
        )
        return {(row[0], row[1]): row[2] for row in rows}

    @explained
    def artifact_counts(self, of: Range = EVERYTHING) -> dict[tuple[str, str], int]:
        """How many artifacts of these sessions stand where: by kind and outcome."""
        condition, values = of.where()
        of_these = f"join session using (app_id, session_id) where {condition}" if values else ""
        rows = self._db.execute(
            f"select kind, outcome, count(*) from artifact {of_these} group by 1, 2 order by 1, 2",
            values,
        )
        return {(row[0], row[1]): row[2] for row in rows}

    @explained
    def session_counts(self, of: Range = EVERYTHING) -> dict[str, int]:
        """How many of these sessions are live, pending, lost in part, or settled."""
        condition, values = of.where()
        row = self._db.execute(
            "select count(*) as sessions, coalesce(sum(not ended), 0) as live"
            f" from session where {condition}",
            values,
        ).fetchone()
        return {"sessions": row["sessions"], "live": row["live"], **self.outstanding(of)}

    @explained
    def outstanding(self, of: Range = EVERYTHING) -> dict[str, int]:
        """How many of these sessions have something pending, or lost; cheap however many there are."""
        condition, values = of.where()
        pending = self._db.execute(
            "select count(*) from session indexed by session_deadline"
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

    @explained
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
        return [session_of(row) for row in rows]

    @explained
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

    @explained
    def waiting(self, now: datetime) -> Waiting:
        """The sessions that lack what the source has not said there is none of.

        What it healthily says is not there is looked for until its time is up all the same; that
        is no reason to worry.
        """
        healthy = sorted(HEALTHY)
        of_it = "artifact.app_id = session.app_id and artifact.session_id = session.session_id"
        row = self._db.execute(
            "select min(coalesce(ended_at_ms, started_at_ms)), min(deadline_at_ms),"
            " coalesce(sum(coalesce(ended_at_ms, started_at_ms) < ?), 0)"
            " from session indexed by session_due"
            " where next_attempt_at_ms is not null and ended and (problem != ''"
            f" or not exists (select 1 from artifact where {of_it})"
            f" or exists (select 1 from artifact where {of_it} and outcome = 'pending'"
            "  and (none_at_ms is null or reason != ''"
            f"   or last_status not in ({','.join('?' * len(healthy))}))))",
            [to_ms(now - SOFT_ALARM), *healthy],
        ).fetchone()
        return Waiting(
            oldest_end_at=moment_of(row[0]), deadline_at=moment_of(row[1]), late=int(row[2])
        )

    @explained
    def vitals(self) -> dict[str, Vital]:
        """How the parts of the program fare, by name."""
        rows = self._db.execute("select name, value, at_ms from vital")
        return {row[0]: Vital(row[1], from_ms(row[2])) for row in rows}

    @explained
    def lost(self, of: Range, limit: int) -> list[tuple[SessionId, ArtifactId, str]]:
        """Artifacts that were lost, and why; newest session first."""
        return self._reasons("artifact", "outcome = 'lost'", of, limit)

    @explained
    def alarms(self, of: Range, limit: int) -> list[tuple[SessionId, ArtifactId, str]]:
        """Artifacts that are archived and of which something is to be told all the same."""
        artifacts = "artifact indexed by artifact_alarm"
        return self._reasons(artifacts, "outcome = 'archived' and reason != ''", of, limit)

    def _reasons(
        self, artifacts: str, which: str, of: Range, limit: int
    ) -> list[tuple[SessionId, ArtifactId, str]]:
        condition, values = of.where()
        rows = self._db.execute(
            "select app_id, session_id, kind, format, reason"
            f" from {artifacts} join session using (app_id, session_id)"
            f" where {which} and {condition} order by started_at_ms desc limit ?",
            [*values, limit],
        )
        return [(SessionId(row[0], row[1]), ArtifactId(row[2], row[3]), row[4]) for row in rows]

    @explained
    def all_states(self) -> Iterator[SessionState]:
        """Every session, in the order of its id: for comparing one ledger with another."""
        rows = self._db.execute("select app_id, session_id from session order by 1, 2").fetchall()
        for row in rows:
            yield self.state(SessionId(row[0], row[1]))
