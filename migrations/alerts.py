"""The tables of what waits to be told, step by step: ids, times and counts; no query, no name, no word said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_utils import Migrations

from migrations import sqlite

if TYPE_CHECKING:
    from sqlite_utils import Database

_migrations = Migrations("alerts")


def migrate(connection: sqlite.Connection) -> None:
    """Bring a file of alerts up to this release."""
    sqlite.migrate(_migrations, connection)


@_migrations(name="0001_initial")
def _initial(db: Database) -> None:
    for statement in (
        "create table about (name text primary key, value text not null) strict, without rowid",
        """
        create table position (
            app_id text primary key,
            epoch text not null,
            seq integer not null,
            seen_at_ms integer not null,
            unsure_seq integer not null
        ) strict, without rowid
        """,
        """
        create table alert (
            id integer primary key,
            search_id text not null,
            app_id text not null,
            session_id text not null,
            state text not null,
            attempts integer not null,
            found_at_ms integer not null,
            next_at_ms integer not null,
            done_at_ms integer,
            problem text not null,
            unique (search_id, app_id, session_id)
        ) strict
        """,
        "create index alert_pending on alert (search_id, next_at_ms) where state = 'pending'",
        "create table known (search_id text primary key) strict, without rowid",
        """
        create table resting (
            search_id text primary key, at_ms integer not null
        ) strict, without rowid
        """,
    ):
        db.execute(statement)
