"""The ledger's tables, step by step. They hold ids, times, outcomes and digests: no name, title or URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_utils import Migrations

from migrations import sqlite

if TYPE_CHECKING:
    from sqlite_utils import Database

_migrations = Migrations("ledger")


def migrate(connection: sqlite.Connection) -> None:
    """Bring a ledger up to this release."""
    sqlite.migrate(_migrations, connection)


@_migrations(name="0001_initial")
def _initial(db: Database) -> None:
    for statement in (
        "create table about (name text primary key, value text not null) strict, without rowid",
        """
        create table session (
            app_id text not null,
            session_id text not null,
            meeting_id text not null,
            started_at_ms integer not null,
            ended_at_ms integer,
            created_at_ms integer not null,
            ended integer not null,
            transcribed integer,
            seen_at_ms integer not null,
            deadline_at_ms integer not null,
            next_attempt_at_ms integer,
            share_key integer not null,
            attempts integer not null default 0,
            problem text not null default '',
            inventory_version integer not null default 0,
            inventory_digest text not null default '',
            primary key (app_id, session_id)
        ) strict, without rowid
        """,
        "create index session_due on session (next_attempt_at_ms) where next_attempt_at_ms is not null",
        "create index session_started on session (app_id, started_at_ms)",
        "create index session_id on session (session_id)",
        """
        create table artifact (
            app_id text not null,
            session_id text not null,
            kind text not null,
            format text not null,
            outcome text not null,
            reason text not null,
            digest text not null,
            size_bytes integer not null,
            attempts integer not null,
            first_attempt_at_ms integer,
            last_attempt_at_ms integer,
            last_status text not null,
            next_attempt_at_ms integer,
            none_at_ms integer,
            primary key (app_id, session_id, kind, format)
        ) strict, without rowid
        """,
        "create index artifact_lost on artifact (app_id, session_id) where outcome = 'lost'",
        """
        create table summary_request (
            app_id text not null,
            session_id text not null,
            number integer not null,
            at_ms integer not null,
            fate text not null,
            primary key (app_id, session_id, number)
        ) strict, without rowid
        """,
        """
        create table inventory (
            seq integer primary key autoincrement,
            app_id text not null,
            session_id text not null,
            version integer not null,
            key text not null,
            digest text not null,
            committed_at_ms integer not null
        ) strict
        """,
        "create index inventory_app on inventory (app_id, seq)",
        """
        create table request (
            day text not null,
            operation text not null,
            status text not null,
            count integer not null,
            primary key (day, operation, status)
        ) strict, without rowid
        """,
    ):
        db.execute(statement)


@_migrations(name="0002_webhooks")
def _webhooks(db: Database) -> None:
    for statement in (
        """
        create index artifact_alarm on artifact (app_id, session_id)
        where outcome = 'archived' and reason != ''
        """,
        "create table app (app_id text primary key, seen_at_ms integer not null) strict, without rowid",
        """
        create table event (
            webhook_id text not null,
            body_digest text not null,
            uuid text not null,
            name text not null,
            app_id text not null,
            session_id text not null,
            kind text not null,
            format text not null,
            received_at_ms integer not null,
            next_check_at_ms integer,
            checks integer not null default 0,
            primary key (webhook_id, body_digest)
        ) strict, without rowid
        """,
        "create index event_uuid on event (uuid) where uuid != ''",
        "create index event_session on event (session_id)",
        "create index event_app on event (app_id, received_at_ms)",
        "create index event_check on event (next_check_at_ms) where next_check_at_ms is not null",
        """
        create table event_count (
            day text not null,
            name text not null,
            verdict text not null,
            count integer not null,
            primary key (day, name, verdict)
        ) strict, without rowid
        """,
    ):
        db.execute(statement)


@_migrations(name="0003_deadlines")
def _deadlines(db: Database) -> None:
    # All that a look for what is due reads, in the order in which it is due.
    db.execute(
        "create index session_deadline on session"
        " (deadline_at_ms, next_attempt_at_ms, ended, share_key) where next_attempt_at_ms is not null"
    )


@_migrations(name="0004_vitals")
def _vitals(db: Database) -> None:
    for statement in (
        """
        create table vital (
            name text primary key,
            value real not null,
            at_ms integer not null
        ) strict, without rowid
        """,
        # Counted several times a minute: ten times faster than over the table.
        "create index artifact_outcome on artifact (kind, outcome)",
    ):
        db.execute(statement)


@_migrations(name="0005_coverage")
def _coverage(db: Database) -> None:
    for statement in (
        # The spans of time whose sessions the source's list was seen to hold, whole.
        """
        create table listed (
            app_id text not null,
            since_ms integer not null,
            until_ms integer not null,
            primary key (app_id, since_ms)
        ) strict, without rowid
        """,
        """
        create table listed_day (
            app_id text not null,
            day text not null,
            sessions integer not null,
            at_ms integer not null,
            primary key (app_id, day)
        ) strict, without rowid
        """,
        """
        create table bucket_day (
            app_id text not null,
            day text not null,
            sessions integer not null,
            missing integer not null,
            at_ms integer not null,
            primary key (app_id, day)
        ) strict, without rowid
        """,
    ):
        db.execute(statement)


@_migrations(name="0006_seals")
def _seals(db: Database) -> None:
    for statement in (
        # Whether the source's own list was seen to hold the session.
        "alter table session add column listed integer not null default 0",
        # The newest inventory of each session that a seal names.
        """
        create table sealed (
            app_id text not null,
            session_id text not null,
            version integer not null,
            primary key (app_id, session_id)
        ) strict, without rowid
        """,
        # Up to where what the source listed is told by a seal.
        """
        create table sealed_listing (
            app_id text primary key,
            until_ms integer not null
        ) strict, without rowid
        """,
    ):
        db.execute(statement)
