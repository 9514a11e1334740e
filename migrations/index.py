"""The tables of one app's index, step by step. Everything in them can be made again from the bucket.

`sessions` (one row a session) decides which sessions match and in what order; `lines` (one row an
utterance, message or line of a summary, those of a session on consecutive rowids) finds the places.
Both are contentless: they are fed prepared words (search/text.py), split at spaces only, and the text
as it was said stands once, in `line`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_utils import Migrations

from migrations import sqlite

if TYPE_CHECKING:
    from sqlite_utils import Database

_migrations = Migrations("index")


def migrate(connection: sqlite.Connection) -> None:
    """Bring an app's index up to this release."""
    sqlite.migrate(_migrations, connection)


@_migrations(name="0001_initial")
def _initial(db: Database) -> None:
    for statement in (
        "create table about (name text primary key, value text not null) strict, without rowid",
        """
        create table session (
            id integer primary key,
            session_id text not null unique,
            meeting_id text not null,
            title text not null,
            started_at_ms integer not null,
            ended_at_ms integer,
            version integer not null,
            digest text not null,
            line_first integer not null,
            line_last integer not null,
            kinds integer not null,
            attachments integer not null
        ) strict
        """,
        "create index session_started on session (started_at_ms, session_id)",
        """
        create table line (
            id integer primary key,
            session integer not null,
            kind integer not null,
            speaker integer not null,
            start_ms integer,
            end_ms integer,
            text text not null
        ) strict
        """,
        """
        create table speaker (
            id integer primary key,
            name text not null,
            participant_id text not null,
            words text not null,
            unique (name, participant_id)
        ) strict
        """,
        """
        create table participant (
            session integer not null,
            number integer not null,
            peer_id text not null,
            user_id text not null,
            custom_id text not null,
            name text not null,
            joined_at_ms integer,
            left_at_ms integer,
            primary key (session, number)
        ) strict, without rowid
        """,
        """
        create table unread (
            session integer not null,
            name text not null,
            reason text not null,
            primary key (session, name)
        ) strict, without rowid
        """,
        f"""
        create virtual table sessions using fts5
            (transcript, chat, summary, title, content='', tokenize='{sqlite.TOKENIZE}')
        """,
        f"create virtual table lines using fts5 (text, who, content='', tokenize='{sqlite.TOKENIZE}')",
    ):
        db.execute(statement)
