"""The tables of one app's index, step by step. Everything in them can be made again from the bucket.

`sessions` (full text, a row a session) decides what phrases and words near each other match; `post`
and `pair` hold which sessions hold a word, or two words side by side, and how much each is about them,
and decide the order; `body` holds what was said, and where in the session which word stands. What
came in lately waits in `tail` until it is folded into `post` and `pair`; `beginning` has the words by
their first two letters; `change` tells readers which sessions are not what they were. Full-text
tables are contentless and are fed prepared words (search/text.py), split at spaces only.
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
            id integer primary key autoincrement,
            session_id text not null unique,
            meeting_id text not null,
            title text not null,
            started_at_ms integer not null,
            ended_at_ms integer,
            version integer not null,
            digest text not null,
            kinds integer not null,
            words integer not null,
            attachments integer not null
        ) strict
        """,
        """
        create table body (
            id integer primary key, meta blob not null, forward blob not null, text blob not null
        ) strict
        """,
        """
        create table post (
            key text not null,
            block integer not null,
            sessions integer not null,
            postings blob not null,
            primary key (key, block)
        ) strict
        """,
        "create table pair (id integer primary key, places blob not null) strict",
        """
        create table tail (
            id integer primary key,
            keys text not null,
            impacts blob not null,
            buckets blob not null
        ) strict
        """,
        """
        create table change (
            stamp integer primary key autoincrement, session integer not null
        ) strict
        """,
        """
        create table speaker (
            id integer primary key autoincrement,
            name text not null,
            participant_id text not null,
            sessions integer not null,
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
        *(
            f"create virtual table {table} using fts5"
            f" ({columns}, content='', tokenize='{sqlite.TOKENIZE}')"
            for table, columns in (
                ("sessions", "transcript, chat, summary"),
                ("titles", "title"),
                ("names", "name"),
            )
        ),
    ):
        db.execute(statement)


@_migrations(name="0002_beginnings")
def _beginnings(db: Database) -> None:
    db.execute(
        "create table beginning (letters text primary key, hashes blob not null)"
        " strict, without rowid"
    )
