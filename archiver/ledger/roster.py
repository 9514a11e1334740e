"""The roster of a verification: what must be there, what was seen, and how far it has come.

A file of its own, so that a bucket of millions needs no more memory than a small one, and a
verification that was stopped can go on. It is deleted when the verification is done.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.seals import digest_of_ids
from archiver.ledger.rows import explained
from archiver.model import SessionId, to_ms
from migrations.sqlite import connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from archiver.archive.seals import Listing
    from migrations.sqlite import Connection

_TABLES = """
create table if not exists expected (
    folder text primary key, version integer not null, digest text not null, told_by text not null
) strict, without rowid;
create table if not exists sealed (folder text primary key) strict, without rowid;
create table if not exists seen (
    folder text primary key, app_id text not null, session_id text not null,
    started_at_ms integer not null
) strict, without rowid;
create index if not exists seen_started on seen (app_id, started_at_ms);
create table if not exists listing (
    app_id text not null, since_ms integer not null, until_ms integer not null,
    count integer not null, digest text not null, seal text not null,
    primary key (app_id, since_ms)
) strict, without rowid;
create table if not exists state (name text primary key, value text not null) strict, without rowid;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What somebody says of a session's newest inventory."""

    folder: str
    version: int
    digest: str
    told_by: str  #: "seal 12", "the ledger"


class Roster:
    """The file, open; what is written to it counts from the next `save` on."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._db = connection
        self.path = path

    @classmethod
    @explained
    def open(cls, path: Path) -> Roster:
        """Open the roster there, made where there is none; raises LedgerError."""
        connection = connect(path)
        connection.executescript(_TABLES)
        # What a crash costs here is a verification that begins anew.
        connection.execute("pragma synchronous = off")
        connection.execute("begin")
        return cls(connection, path)

    @explained
    def save(self, **state: str) -> None:
        """Keep what was written so far, and these words."""
        self._db.executemany("insert or replace into state values (?, ?)", state.items())
        self._db.execute("commit")
        self._db.execute("begin")

    @explained
    def state(self, name: str) -> str:
        """A word that was saved; "" where there is none."""
        row = self._db.execute("select value from state where name = ?", [name]).fetchone()
        return "" if row is None else str(row[0])

    @explained
    def clear(self) -> None:
        """Begin anew."""
        for table in ("expected", "sealed", "seen", "listing", "state"):
            self._db.execute(f"delete from {table}")
        self.save()

    def close(self) -> None:
        """Keep what was written, and let go of the file."""
        with suppress(Exception):
            self._db.execute("commit")
        self._db.close()

    def delete(self) -> None:
        """Let go of the file and remove it: the verification is done."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    # ------------------------------------------------------------------ what must be there

    @explained
    def expect(self, promises: Iterable[Promise]) -> None:
        """Take note of what must be there; of two that speak of one session, the later version."""
        self._db.executemany(
            "insert into expected values (?, ?, ?, ?) on conflict do update set"
            " version = excluded.version, digest = excluded.digest, told_by = excluded.told_by"
            " where excluded.version > version",
            ((each.folder, each.version, each.digest, each.told_by) for each in promises),
        )

    @explained
    def seal(self, folders: Iterable[str]) -> int:
        """Take note of sessions that a seal names; returns how many no seal before it named."""
        before = self._db.total_changes
        self._db.executemany("insert or ignore into sealed values (?)", ((f,) for f in folders))
        return self._db.total_changes - before

    @explained
    def list_from(self, seal: str, listings: Iterable[Listing]) -> None:
        """Take note of what the source listed, as a seal tells it."""
        self._db.executemany(
            "insert or replace into listing values (?, ?, ?, ?, ?, ?)",
            (
                (each.app_id, to_ms(each.since), to_ms(each.until), each.count, each.digest, seal)
                for each in listings
            ),
        )

    @explained
    def expected(self, folder: str) -> Promise | None:
        """What must be in this folder, if anybody says so."""
        row = self._db.execute(
            "select version, digest, told_by from expected where folder = ?", [folder]
        ).fetchone()
        if row is None:
            return None
        return Promise(folder=folder, version=row[0], digest=row[1], told_by=row[2])

    # ------------------------------------------------------------------ what was there

    @explained
    def see(self, folder: str, session_id: SessionId, started_at: datetime | None) -> None:
        """Take note of a session's folder that is there."""
        self._db.execute(
            "insert or replace into seen values (?, ?, ?, ?)",
            [
                *(folder, session_id.app_id, session_id.session_id),
                -1 if started_at is None else to_ms(started_at),
            ],
        )

    @explained
    def missing(self) -> Iterator[Promise]:
        """What must be there and was not seen."""
        for row in self._db.execute(
            "select * from expected where folder not in (select folder from seen) order by folder"
        ):
            yield Promise(folder=row[0], version=row[1], digest=row[2], told_by=row[3])

    @explained
    def unaccounted(self, until: datetime) -> Iterator[tuple[str, str]]:
        """Where the source listed more sessions than were seen or are known to be missing.

        Of listings up to `until`; each with what all keys of the app start with, and what is told.
        """
        rows = self._db.execute(
            "select * from listing where until_ms <= ? order by app_id, since_ms", [to_ms(until)]
        ).fetchall()
        for app_id, since_ms, until_ms, count, digest, seal in rows:
            ids = self._db.execute(
                "select session_id from seen where app_id = ? and started_at_ms >= ?"
                " and started_at_ms < ? order by session_id",
                [app_id, since_ms, until_ms],
            )
            found, found_digest = digest_of_ids(row[0] for row in ids)
            if found > count or (found == count and found_digest == digest):
                continue
            prefix, missing = keys.app_prefix(app_id), self._missing_in(app_id)
            if found == count and not missing:
                yield prefix, f"other sessions are here than the source listed, says {seal}"
            elif found + missing < count:
                yield prefix, f"the source listed {count} sessions, says {seal}; {found} are here"

    def _missing_in(self, app_id: str) -> int:
        prefix = keys.app_prefix(app_id)
        row = self._db.execute(
            "select count(*) from expected where folder >= ? and folder < ?"
            " and folder not in (select folder from seen)",
            [prefix, prefix + "\x7f"],
        ).fetchone()
        # Of which nobody can tell when it began, because its inventories cannot be read.
        dateless = self._db.execute(
            "select count(*) from seen where app_id = ? and started_at_ms < 0", [app_id]
        ).fetchone()
        return int(row[0]) + int(dateless[0])
