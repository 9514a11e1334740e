"""One app's index file, written: a session in, a session out, each in one short transaction."""

from __future__ import annotations

import dataclasses
import unicodedata
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from migrations.index import migrate
from migrations.sqlite import (
    Connection,
    DatabaseError,
    OperationalError,
    Transaction,
    open_prepared,
)
from search.errors import IndexDamagedError, SearchError
from search.index import folding, records, tail
from search.index.analysis import Analyser
from search.index.folding import Batch
from search.index.people import People, rows_of
from search.index.position import position_in
from search.index.postings import BLOCK_BITS
from search.index.records import Record
from search.text import prepare

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from search.index.analysis import Analysed
    from search.index.records import LineRow
    from search.index.seam import Document, Position

#: Changes whenever prepared words or what is kept of them do, as with the interpreter's tables of
#: characters: an index of another analysis is made again, since it could not even be told which words
#: to forget.
ANALYSIS = f"7, Unicode {unicodedata.unidata_version}"

#: What `change` names instead of a session where the tail was folded in.
FOLDED = 0
#: So many changes are remembered for readers that look again; whoever was away longer reads it all.
CHANGES_KEPT = 20_000


#: So long the log grows where nothing is folded.
_LOG_PAGES = 40_000

#: Where words of sessions that were taken out still are: in the tables' pages, or only in the log.
_IN_THE_FILE, _IN_THE_LOG = "file", "log"

_OF_A_SESSION = (
    ("body", "id"), ("participant", "session"), ("unread", "session"), ("session", "id")
)  # fmt: skip


def kind_bits(kinds: Iterable[int]) -> int:
    """Kinds as `session.kinds` holds them: which a session has lines of."""
    return sum(1 << kind for kind in kinds)


#: What SQLite says where the file is whole, and the machine or another process is in the way.
_IN_THE_WAY = ("locked", "full", "readonly", "unable to open", "disk I/O")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Tell damage, which a rebuild mends, from what somebody has to see to."""
    try:
        yield
    except (DatabaseError, OSError) as error:
        in_the_way = isinstance(error, OperationalError) and any(
            each in str(error) for each in _IN_THE_WAY
        )
        if in_the_way or isinstance(error, OSError):
            raise SearchError(
                f"the index {path.name} cannot be written: {error}",
                hint="check RTK_ARCHIVE_DATA: its disk, its permissions, and who else writes there",
            ) from error
        raise IndexDamagedError(
            f"the index {path.name} cannot be used: {error}", hint="run `rtk-archive rebuild index`"
        ) from error


def _prepare(connection: Connection) -> None:
    connection.execute("pragma cache_size = -65536")
    # Folding, which takes long anyway, empties the log: no session that is taken in waits for that.
    connection.execute(f"pragma wal_autocheckpoint = {_LOG_PAGES}")
    connection.execute("pragma temp_store = memory")  # no words in files of their own
    connection.execute("pragma secure_delete = on")
    migrate(connection)
    with Transaction(connection):
        connection.execute("insert or ignore into about values ('analysis', ?)", [ANALYSIS])


def is_of_this_release(db: Connection) -> bool:
    """Whether an index was made by this definition of a word; of others nothing is told aright."""
    row = db.execute("select value from about where name = 'analysis'").fetchone()
    return row is not None and row[0] == ANALYSIS


class _Gone(NamedTuple):
    """A session that was taken out."""

    row_id: int
    title: str
    numbers: frozenset[int]  #: of its terms and speakers
    speakers: set[int]


class AppFile:
    """The writer of one app's index."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._db = connection
        self._path = path
        self._inode = path.stat().st_ino
        self._people = People(connection)
        self._analyser = Analyser()
        self._load: Batch | None = None

    @classmethod
    def open(cls, path: Path) -> AppFile:
        """Open an app's index, made where there is none.

        Raises IndexDamagedError, or SearchError where it cannot be written just now.
        """
        with _explained(path):
            connection = open_prepared(path, _prepare)
            try:
                return cls(connection, path)
            except BaseException:
                connection.close()
                raise

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @property
    def is_there(self) -> bool:
        """Whether this still is the file under its name: an index may be deleted at any time."""
        try:
            return self._path.stat().st_ino == self._inode
        except OSError:
            return False

    @property
    def is_current(self) -> bool:
        """Whether this index was made by the same definition of a word."""
        with _explained(self._path):
            return is_of_this_release(self._db)

    def position(self) -> Position:
        """How far this index has followed the ledger."""
        with _explained(self._path):
            return position_in(self._db)

    def versions(self) -> dict[str, int]:
        """The inventory version of every session in it."""
        with _explained(self._path):
            return dict(self._db.execute("select session_id, version from session").fetchall())

    # ------------------------------------------------------------------ sessions in and out

    def put(
        self, documents: Sequence[Document], position: Position, *, gone: Iterable[str] = ()
    ) -> None:
        """Take these sessions in, or anew, and move on to this position, in one transaction.

        Sessions that are `gone` are forgotten.

        Raises IndexDamagedError, or SearchError where it cannot be written just now.
        """
        about = {**dataclasses.asdict(position), "seq": str(position.seq)}
        try:
            with _explained(self._path), Transaction(self._db):
                for session_id in gone:
                    self._erase(session_id)
                for document in documents:
                    self._put(document)
                self._db.executemany("insert or replace into about values (?, ?)", about.items())
                self._forget_changes()
        except BaseException:
            self._people.forget()  # names taken in a transaction that was rolled back
            raise
        self._fold_if_many()

    def remove(self, session_id: str) -> bool:
        """Forget a session; False where it was not known."""
        with _explained(self._path), Transaction(self._db):
            return self._erase(session_id)

    def _erase(self, session_id: str) -> bool:
        gone = self._remove(session_id)
        if gone is not None:
            self._people.fall_silent(gone.speakers)
            self._must_be_purged()
        return gone is not None

    def _put(self, document: Document) -> None:
        if self._analyser.is_full:
            self._flush()
            self._analyser.forget()
        gone = self._remove(document.session_id)
        rows = list(rows_of(document, self._people))
        analysed = self._analyser.analyse(rows)
        row_id = self._insert_session(document, gone.row_id if gone else None, rows, analysed.words)
        meta, text = records.pack(rows)
        self._db.execute(
            "insert into body values (?, ?, ?, ?)", [row_id, meta, analysed.forward, text]
        )
        self._db.execute(
            "insert into sessions (rowid, transcript, chat, summary) values (?, ?, ?, ?)",
            [row_id, *analysed.columns],
        )
        self._people.speak({row.speaker for row in rows})
        self._keep_postings(row_id, analysed)
        self._changed(row_id)
        if gone:
            self._people.fall_silent(gone.speakers)
            if gone.title != document.title or not gone.numbers <= _set(analysed.numbers):
                self._must_be_purged()

    def _insert_session(
        self, document: Document, row_id: int | None, rows: Sequence[LineRow], words: int
    ) -> int:
        found = self._db.execute(
            "insert into session values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) returning id",
            [
                *(row_id, document.session_id, document.meeting_id, document.title),
                *(document.started_at_ms, document.ended_at_ms, document.version, document.digest),
                kind_bits({row.kind for row in rows}),
                words,
                document.chat.attachments if document.chat else 0,
            ],
        ).fetchone()
        row_id = int(found[0])
        self._db.execute(
            "insert into titles (rowid, title) values (?, ?)", [row_id, prepare(document.title)]
        )
        self._db.executemany(
            "insert into participant values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(row_id, number, each.peer_id, each.user_id, each.custom_id, each.name),
                    *(each.joined_at_ms, each.left_at_ms),
                )
                for number, each in enumerate(document.participants)
            ],
        )
        self._db.executemany(
            "insert into unread values (?, ?, ?)",
            [(row_id, name, reason) for name, reason in document.unread.items()],
        )
        return row_id

    def _remove(self, session_id: str) -> _Gone | None:
        """Forget a session; it keeps its row id when it comes back."""
        found = self._db.execute(
            "select session.id, title, meta, text from session join body on body.id = session.id"
            " where session_id = ?",
            [session_id],
        ).fetchone()
        if found is None:
            return None
        row_id, title, meta, text = found
        rows = Record(meta, text).lines()
        # A contentless table forgets a row only when told the words it was fed.
        analysed = self._analyser.analyse(rows)
        self._db.execute(
            "insert into sessions (sessions, rowid, transcript, chat, summary)"
            " values ('delete', ?, ?, ?, ?)",
            [row_id, *analysed.columns],
        )
        self._db.execute(
            "insert into titles (titles, rowid, title) values ('delete', ?, ?)",
            [row_id, prepare(title)],
        )
        self._flush()
        if not self._db.execute("delete from tail where id = ? returning 1", [row_id]).fetchone():
            keys = self._analyser.keys(analysed.numbers.tolist())
            folding.remove(self._db, row_id, keys, analysed.buckets)
        for table, column in _OF_A_SESSION:
            self._db.execute(f"delete from {table} where {column} = ?", [row_id])
        self._changed(row_id)
        return _Gone(row_id, title, _set(analysed.numbers), {row.speaker for row in rows})

    def _must_be_purged(self) -> None:
        """Note that words are in the file that no session holds, where nobody looks."""
        self._db.execute("insert or replace into about values ('unpurged', ?)", [_IN_THE_FILE])

    # ------------------------------------------------------------------ postings

    def loading(self) -> None:
        """From now on gather postings in memory; they count once `optimize` was called."""
        self._load = Batch(0)

    def _keep_postings(self, row_id: int, analysed: Analysed) -> None:
        if self._load is None:
            keys = self._analyser.keys(analysed.numbers.tolist())
            tail.write(self._db, row_id, keys, analysed)
            return
        block = row_id >> BLOCK_BITS
        if self._load.block != block or self._load.is_full:
            self._flush()
            self._load = Batch(block)
        self._load.add(row_id, analysed.numbers, analysed.impacts, analysed.buckets)

    def _flush(self) -> None:
        if self._load is not None:
            self._load.write(self._db, self._analyser.keys)

    def _fold_if_many(self) -> None:
        with _explained(self._path):
            waiting = self._db.execute("select count(*) from tail").fetchone()[0]
            if waiting >= folding.TAIL_SESSIONS:
                self.fold()

    def fold(self) -> None:
        """Write the postings that wait where they belong, in one transaction."""
        with _explained(self._path):
            with Transaction(self._db):
                folding.fold(self._db)
                self._changed(FOLDED)
            self._db.execute("pragma wal_checkpoint(passive)")

    def _forget_changes(self) -> None:
        self._db.execute(
            "delete from change where stamp <= (select max(stamp) from change) - ?", [CHANGES_KEPT]
        )

    def _changed(self, session: int) -> None:
        self._db.execute("insert into change (session) values (?)", [session])

    def optimize(self) -> None:
        """Merge the full-text tables into one piece each, and write what was gathered.

        Of sessions that were taken out no word is left in any file afterwards, unless a reader still
        looks at the state before: then `is_unpurged` stays true, and it is tried again.
        """
        with _explained(self._path):
            with Transaction(self._db):
                for table in ("sessions", "titles", "names"):
                    self._db.execute(f"insert into {table} ({table}) values ('optimize')")
                self._flush()  # into the pages that merging has just given back
                self._load = None
                self._changed(FOLDED)
            if self._unpurged() == _IN_THE_FILE:
                self._write_anew()
                self._db.execute(
                    "update about set value = ? where name = 'unpurged'", [_IN_THE_LOG]
                )
            self._empty_the_log()

    def purge(self) -> None:
        """Leave no word behind of what was taken out; as `optimize`, where that has not been done yet."""
        if self._unpurged() == _IN_THE_FILE:
            self.optimize()
        else:
            with _explained(self._path):
                self._empty_the_log()

    def _write_anew(self) -> None:
        """SQLite leaves pieces of rows that it moved in the gaps of its pages."""
        # The copy that is made on the way is as large as the index, and may not fit in memory.
        self._db.execute("pragma temp_store = file")
        try:
            self._db.execute("vacuum")
        finally:
            self._db.execute("pragma temp_store = memory")

    def _empty_the_log(self) -> None:
        busy = self._db.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
        if not busy:
            self._db.execute("delete from about where name = 'unpurged'")

    @property
    def is_unpurged(self) -> bool:
        """Whether words of sessions that were taken out are still in the files, where nobody looks."""
        with _explained(self._path):
            return self._unpurged() is not None

    def _unpurged(self) -> str | None:
        row = self._db.execute("select value from about where name = 'unpurged'").fetchone()
        return None if row is None else str(row[0])


def _set(numbers: NDArray[np.int64]) -> frozenset[int]:
    return frozenset(numbers.tolist())
