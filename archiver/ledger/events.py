"""What webhooks told: which events came, and which sessions are still to be confirmed by the API.

Of an event its name, session and artifact are kept; no URL, no title, no name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.ledger.rows import explained
from archiver.model import SOURCE_RETENTION, Kind, Outcome, to_ms
from migrations.sqlite import Transaction

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from archiver.model import ArtifactId, SessionId
    from migrations.sqlite import Connection

#: Longer than any session can still be promoted: a body that comes again by then is known.
KEPT = timedelta(days=60)
#: So long after its deadline an event about a session is too late to change anything.
LATE_MAX = 2 * SOURCE_RETENTION
#: A session is asked for at doubling intervals so often; after that, polling alone finds it.
CHECKS_MAX = 8
CHECK_FIRST = timedelta(minutes=1)
#: An app whose last event is no older than this is taken to tell of everything by webhook.
HEARD_MAX = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event as it was delivered; only what the body says is proven by its signature."""

    name: str
    app_id: str  #: "" where the event names none
    session_id: str
    artifact: ArtifactId | None
    body_digest: str
    webhook_id: str  #: of a header
    uuid: str  #: of a header


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A session that webhooks told of, and that is not known to have ended."""

    session_id: str
    app_id: str
    checks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What webhooks said of one session, and whether its app's have come lately."""

    lately: bool
    kinds: frozenset[str]


class Events:
    """The ledger's part that is about webhooks."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._db = connection
        self.path = path

    @explained
    def take(self, delivery: Delivery, now: datetime, *, summary_after: timedelta) -> bool:
        """Take note of an event, its session and artifact in one transaction; False where it is known.

        The artifact is due at once, unless it is settled as archived or excluded; a summary, which
        follows a transcript, `summary_after` that.
        """
        with Transaction(self._db) as db:
            if self._is_known(db, delivery):
                return False
            session = db.execute(
                "select app_id, ended from session where session_id = ?"
                " and (app_id = ? or ? = '') limit 1",
                [delivery.session_id, delivery.app_id, delivery.app_id],
            ).fetchone()
            ended = session is not None and session["ended"]
            artifact = delivery.artifact
            db.execute(
                "insert into event values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                [
                    *(delivery.webhook_id, delivery.body_digest, delivery.uuid, delivery.name),
                    *(session["app_id"] if session else delivery.app_id, delivery.session_id),
                    *((artifact.kind, artifact.format) if artifact else ("", "")),
                    *(to_ms(now), None if ended else to_ms(now)),
                ],
            )
            if ended and artifact is not None:
                names = [session["app_id"], delivery.session_id]
                self._revive(db, names, artifact.kind, now)
                if artifact.kind == Kind.TRANSCRIPT:
                    self._hasten_summary(db, names, now + summary_after)
        return True

    @staticmethod
    def _is_known(db: Connection, delivery: Delivery) -> bool:
        # The id of a delivery is not signed: it counts only together with what is.
        row = db.execute(
            "select 1 from event where (webhook_id = ? and body_digest = ?)"
            " or (uuid = ? and uuid != '' and session_id = ? and name = ?)",
            [
                *(delivery.webhook_id, delivery.body_digest),
                *(delivery.uuid, delivery.session_id, delivery.name),
            ],
        ).fetchone()
        return row is not None

    @staticmethod
    def _revive(db: Connection, names: list[str], kind: str, now: datetime) -> None:
        """What is not there yet is due now; what was given up is pending again."""
        changed = db.execute(
            "update artifact set next_attempt_at_ms = ?,"
            " outcome = case when outcome in (?, ?) then ? else outcome end"
            " where app_id = ? and session_id = ? and kind = ? and outcome in (?, ?, ?, ?)"
            " and exists (select 1 from session where session.app_id = artifact.app_id"
            "  and session.session_id = artifact.session_id and deadline_at_ms > ?)",
            [
                *(to_ms(now), Outcome.ABSENT, Outcome.LOST, Outcome.PENDING, *names, kind),
                *(Outcome.PENDING, Outcome.EMPTY, Outcome.ABSENT, Outcome.LOST),
                to_ms(now - LATE_MAX),
            ],
        )
        if changed.rowcount:
            db.execute(
                "update session set next_attempt_at_ms = min(coalesce(next_attempt_at_ms, ?), ?)"
                " where app_id = ? and session_id = ?",
                [to_ms(now), to_ms(now), *names],
            )

    @staticmethod
    def _hasten_summary(db: Connection, names: list[str], at: datetime) -> None:
        db.execute(
            "update artifact set next_attempt_at_ms = min(next_attempt_at_ms, ?)"
            " where app_id = ? and session_id = ? and kind = ? and outcome = ?",
            [to_ms(at), *names, Kind.SUMMARY, Outcome.PENDING],
        )

    @explained
    def unconfirmed(self, now: datetime, limit: int) -> list[Told]:
        """Sessions to ask the API for: those whose app is named first."""
        rows = self._db.execute(
            "select session_id, max(app_id) as app_id, min(checks) as checks from event"
            " where next_check_at_ms <= ? group by session_id"
            " order by max(app_id) = '', min(received_at_ms) limit ?",
            [to_ms(now), limit],
        )
        return [
            Told(session_id=row["session_id"], app_id=row["app_id"], checks=row["checks"])
            for row in rows
        ]

    @explained
    def confirm(self, session_id: SessionId, now: datetime) -> None:
        """The session is ours and has ended: what was told of its artifacts holds."""
        names = [session_id.app_id, session_id.session_id]
        with Transaction(self._db) as db:
            kinds = db.execute(
                "select distinct kind from event where session_id = ? and kind != ''"
                " and next_check_at_ms is not null",
                [session_id.session_id],
            ).fetchall()
            db.execute(
                "update event set app_id = ?, next_check_at_ms = null where session_id = ?",
                names,
            )
            for row in kinds:
                self._revive(db, names, row[0], now)

    @explained
    def reconsider(self, session_id: SessionId, since: datetime, now: datetime) -> None:
        """What was told of a session's artifacts since then holds, whatever was recorded meanwhile."""
        kinds = self._db.execute(
            "select distinct kind from event where session_id = ? and app_id = ? and kind != ''"
            " and received_at_ms > ?",
            [session_id.session_id, session_id.app_id, to_ms(since)],
        ).fetchall()
        if kinds:
            with Transaction(self._db) as db:
                for row in kinds:
                    self._revive(db, [session_id.app_id, session_id.session_id], row[0], now)

    @explained
    def check_again(self, told: Told, now: datetime, *, asked: bool) -> None:
        """The session was not found, or is live: it is asked for again later, and not for ever."""
        checks = told.checks + asked
        again = to_ms(now + CHECK_FIRST * (1 << min(told.checks, CHECKS_MAX)))
        with Transaction(self._db) as db:
            db.execute(
                "update event set checks = ?, next_check_at_ms = ? where session_id = ?"
                " and next_check_at_ms is not null",
                [checks, again if checks < CHECKS_MAX else None, told.session_id],
            )

    @explained
    def heard(self, session_id: SessionId, now: datetime) -> Heard:
        """What webhooks said of this session, and whether those of its app have come lately."""
        kinds = self._db.execute(
            "select distinct kind from event where session_id = ? and app_id = ?",
            [session_id.session_id, session_id.app_id],
        ).fetchall()
        last = self._db.execute(
            "select max(received_at_ms) from event where app_id = ?", [session_id.app_id]
        ).fetchone()
        lately = last[0] is not None and last[0] >= to_ms(now - HEARD_MAX)
        return Heard(lately=lately, kinds=frozenset(row[0] for row in kinds if row[0]))

    @explained
    def count(self, name: str, verdict: str, now: datetime) -> None:
        """Add one to today's count of events of this name that met with this verdict."""
        with Transaction(self._db) as db:
            db.execute(
                "insert into event_count values (?, ?, ?, 1)"
                " on conflict do update set count = count + 1",
                [f"{now:%Y-%m-%d}", name, verdict],
            )

    @explained
    def counts(self) -> dict[tuple[str, str], int]:
        """How many events came, by name and verdict."""
        rows = self._db.execute(
            "select name, verdict, sum(count) from event_count group by 1, 2 order by 1, 2"
        )
        return {(row[0], row[1]): row[2] for row in rows}

    @explained
    def prune(self, now: datetime) -> None:
        """Forget events that are too old to matter."""
        with Transaction(self._db) as db:
            db.execute("delete from event where received_at_ms < ?", [to_ms(now - KEPT)])
