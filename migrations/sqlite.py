"""One way to open a SQLite file: the newer library where it is installed, the same pragmas everywhere."""

from __future__ import annotations

import importlib
import os
import sqlite3 as _standard
import time
import uuid
from contextlib import closing
from typing import TYPE_CHECKING

from sqlite_utils import Database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from sqlite_utils import Migrations
else:
    try:
        # The extra `sqlite` brings a newer library, 1.3 to 1.8 times faster at full-text search.
        sqlite3 = importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        sqlite3 = _standard

Connection = sqlite3.Connection
Row = sqlite3.Row
DatabaseError = sqlite3.DatabaseError
OperationalError = sqlite3.OperationalError
VERSION: str = sqlite3.sqlite_version

BUSY_TIMEOUT_MS = 10_000
MIGRATION_TRIES = 3
#: A statement may name some thousand values.
_KEYS_AT_ONCE = 500


def connect(path: Path, *, read_only: bool = False) -> Connection:
    """Open a file in WAL mode, private to its owner; transactions are begun by hand.

    Raises OperationalError where it cannot be opened, DatabaseError where it is no database.
    """
    if read_only:
        uri = f"{path.absolute().as_uri()}?mode=ro"
    else:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        uri = path.absolute().as_uri()
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_MS / 1000
    )
    try:
        connection.execute(f"pragma busy_timeout = {BUSY_TIMEOUT_MS}")
        if not read_only:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            # Each checkpoint waits for the disk, in the thread that happens to write.
            connection.execute("pragma wal_autocheckpoint = 8000")
            connection.execute("pragma journal_size_limit = 67108864")
    except BaseException:
        connection.close()
        raise
    return connection


def rows_in(db: Connection, select: str, keys: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of a statement that ends in `in`, for any number of keys; in any order."""
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        some = keys[start : start + _KEYS_AT_ONCE]
        yield from db.execute(f"{select} ({','.join('?' * len(some))})", some)


def faults(path: Path, *, within_s: float) -> list[str] | None:
    """What SQLite finds wrong with a file, at most a few lines; None where it takes longer than that.

    Raises DatabaseError where the file is none, or cannot be opened.
    """
    deadline = time.monotonic() + within_s
    with closing(connect(path, read_only=True)) as connection:
        connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
        try:
            found = [str(row[0]) for row in connection.execute("pragma quick_check(5)")]
        except OperationalError as error:
            if "interrupted" in str(error):
                return None
            raise
    return [] if found == ["ok"] else found


#: How FTS5 splits what it is fed: at spaces only (search/text.py).
TOKENIZE = "unicode61 remove_diacritics 0 categories ''L* M* N* P* S* C*''"
#: What this release uses of SQLite, each with a statement that fails where it is not there.
_FEATURES = {
    "strict tables": "create table a (b integer primary key) strict",
    "full-text search": f"create virtual table c using fts5 (d, content='', tokenize='{TOKENIZE}')",
    "upsert": "insert into a values (1) on conflict do update set b = excluded.b",
    "window functions": "select row_number() over (order by b) from a",
}


def missing_features() -> list[str]:
    """What this release uses of SQLite, and this SQLite lacks."""
    missing = []
    with closing(sqlite3.connect(":memory:")) as connection:
        for name, statement in _FEATURES.items():
            try:
                connection.execute(statement)
            except DatabaseError:
                missing.append(name)
    return missing


class NewerSchemaError(DatabaseError):
    """A later release has changed this file's tables."""


def migrate(migrations: Migrations, connection: Connection) -> None:
    """Bring a file up to this release, whoever else may be doing the same at the moment.

    Raises NewerSchemaError, and leaves the file alone, where a later release was here before.
    """
    db = Database(connection)
    known = {each.name for each in migrations.pending(Database(memory=True))}
    unknown = sorted({each.name for each in migrations.applied(db)} - known)
    if unknown:
        raise NewerSchemaError(f"a newer release has changed it ({', '.join(unknown)})")
    for tries_left in reversed(range(MIGRATION_TRIES)):
        if not migrations.pending(db):
            return
        try:
            migrations.apply(db)
        except OperationalError as error:
            # Whoever is second finds the tables there already, and nothing left to do.
            if not tries_left or "already exists" not in str(error):
                raise


def open_prepared(path: Path, prepare: Callable[[Connection], None]) -> Connection:
    """A connection for writing to a file that `prepare` has given its tables.

    A new file is made aside: whoever sees it under its name sees it whole, however many make it at
    the same time.
    """
    if not path.exists():
        aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}.new")
        try:
            with closing(_prepared(aside, prepare)) as connection:
                # Closing would leave behind what finds no space, and say nothing.
                connection.execute("pragma wal_checkpoint(truncate)")
            os.link(aside, path)
        except FileExistsError:
            pass  # another process made it meanwhile
        finally:
            for suffix in ("", "-wal", "-shm"):
                aside.with_name(aside.name + suffix).unlink(missing_ok=True)
    return _prepared(path, prepare)


def _prepared(path: Path, prepare: Callable[[Connection], None]) -> Connection:
    connection = connect(path)
    try:
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


class Transaction:
    """`with Transaction(connection):` one short write transaction, rolled back on any error."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Connection:
        self._connection.execute("begin immediate")
        return self._connection

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if kind is None:
                self._connection.execute("commit")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
