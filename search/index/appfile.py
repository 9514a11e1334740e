"""One app's index file, written: a session in, a session out, each in one short transaction."""

from __future__ import annotations

import dataclasses
import unicodedata
from contextlib import contextmanager
from typing import TYPE_CHECKING

from migrations.index import migrate
from migrations.sqlite import (
    Connection,
    DatabaseError,
    OperationalError,
    Transaction,
    open_prepared,
)
from search.errors import IndexDamagedError, SearchError
from search.index.seam import Document, Position
from search.text import prepare, prepare_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from search.formats import Participant

#: Changes whenever prepared words do, as with the interpreter's tables of characters: an index of
#: another analysis is made again, since it could not even be told which words to forget.
ANALYSIS = f"4, Unicode {unicodedata.unidata_version}"

KINDS = ("transcript", "chat", "summary")
TRANSCRIPT, CHAT, SUMMARY = range(3)

_LineRow = tuple[int, int, int, int, int | None, int | None, str]


#: The words of a line's second column: who said it, and where. They filter, and never match text.
def speaker_word(speaker: int) -> str:
    """The word that stands for a speaker in `lines`."""
    return f"s{speaker}"


def kind_word(kind: int) -> str:
    """The word that stands for a kind in `lines`."""
    return f"k{kind}"


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
    migrate(connection)
    with Transaction(connection):
        connection.execute("insert or ignore into about values ('analysis', ?)", [ANALYSIS])


class AppFile:
    """The writer of one app's index."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._db = connection
        self._path = path
        self._inode = path.stat().st_ino
        self._speakers: dict[tuple[str, str], int] = {}

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
            row = self._db.execute("select value from about where name = 'analysis'").fetchone()
        return row is not None and row[0] == ANALYSIS

    def position(self) -> Position:
        """How far this index has followed the ledger."""
        with _explained(self._path):
            rows = dict(self._db.execute("select name, value from about").fetchall())
        return Position(
            archive=rows.get("archive", ""),
            epoch=rows.get("epoch", ""),
            seq=int(rows.get("seq", 0)),
        )

    def versions(self) -> dict[str, int]:
        """The inventory version of every session in it."""
        with _explained(self._path):
            return dict(self._db.execute("select session_id, version from session").fetchall())

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
                    self._remove(session_id)
                for document in documents:
                    self._put(document)
                self._db.executemany("insert or replace into about values (?, ?)", about.items())
        except BaseException:
            self._speakers.clear()  # names taken in a transaction that was rolled back
            raise

    def remove(self, session_id: str) -> bool:
        """Forget a session; False where it was not known."""
        with _explained(self._path), Transaction(self._db):
            return self._remove(session_id) is not None

    def _put(self, document: Document) -> None:
        row_id = self._remove(document.session_id) or self._next("session")
        first = self._next("line")
        rows = list(self._rows(document, row_id, first))
        prepared = prepare_all([row[6] for row in rows])
        self._insert_lines(rows, prepared)
        self._db.execute(
            "insert into sessions (rowid, transcript, chat, summary, title) values (?, ?, ?, ?, ?)",
            [row_id, *_columns(rows, prepared), prepare(document.title)],
        )
        self._db.execute(
            "insert into session values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                *(row_id, document.session_id, document.meeting_id, document.title),
                *(document.started_at_ms, document.ended_at_ms),
                *(document.version, document.digest, first, first + len(rows) - 1),
                kind_bits({row[2] for row in rows}),
                document.chat.attachments if document.chat else 0,
            ],
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

    def _insert_lines(self, rows: list[_LineRow], prepared: list[str]) -> None:
        self._db.executemany("insert into line values (?, ?, ?, ?, ?, ?, ?)", rows)
        self._db.executemany(
            "insert into lines (rowid, text, who) values (?, ?, ?)", _words(rows, prepared)
        )

    def _rows(self, document: Document, row_id: int, first: int) -> Iterator[_LineRow]:
        number = first
        people = _by_name(document.participants)
        if document.transcript is not None:
            numbers: dict[tuple[str, str, str], int] = {}
            # Unpacked at once: this runs for every utterance there is.
            for (
                start_ms,
                end_ms,
                name,
                _,
                user_id,
                custom_id,
                text,
            ) in document.transcript.utterances:
                said_by = (name, user_id, custom_id)
                if (who := numbers.get(said_by)) is None:
                    known = user_id or custom_id or people.get(name, "")
                    who = numbers[said_by] = self._speaker(name, known)
                yield (number, row_id, TRANSCRIPT, who, start_ms, end_ms, text)
                number += 1
        if document.chat is not None:
            for message in document.chat.messages:
                known = message.participant_id
                who = self._speaker(message.speaker, known or people.get(message.speaker, ""))
                at_ms = message.at_ms
                yield (number, row_id, CHAT, who, at_ms, at_ms, message.text)
                number += 1
        if document.summary is not None:
            for text in document.summary.text.splitlines():
                if text.strip():
                    yield (number, row_id, SUMMARY, 0, None, None, text.strip())
                    number += 1

    def _speaker(self, name: str, participant_id: str) -> int:
        """The number of this person under this name; 0 is nobody."""
        who = (name, participant_id)
        if (known := self._speakers.get(who)) is not None:
            return known
        if who == ("", ""):
            return 0
        row = self._db.execute(
            "select id from speaker where name = ? and participant_id = ?", who
        ).fetchone()
        if row is None:
            self._db.execute(
                "insert into speaker (name, participant_id, words) values (?, ?, ?)",
                [*who, " ".join(prepare(name).split())],
            )
            row = self._db.execute("select last_insert_rowid()").fetchone()
        self._speakers[who] = int(row[0])
        return int(row[0])

    def _remove(self, session_id: str) -> int | None:
        """Forget a session and return its row id, which it keeps when it comes back."""
        found = self._db.execute(
            "select id, line_first, line_last, title from session where session_id = ?",
            [session_id],
        ).fetchone()
        if found is None:
            return None
        row_id, first, last, title = found
        rows = self._db.execute(
            "select * from line where id between ? and ? order by id", [first, last]
        ).fetchall()
        # A contentless table forgets a row only when told the words it was fed.
        prepared = prepare_all([row[6] for row in rows])
        self._db.executemany(
            "insert into lines (lines, rowid, text, who) values ('delete', ?, ?, ?)",
            _words(rows, prepared),
        )
        self._db.execute(
            "insert into sessions (sessions, rowid, transcript, chat, summary, title)"
            " values ('delete', ?, ?, ?, ?, ?)",
            [row_id, *_columns(rows, prepared), prepare(title)],
        )
        self._db.execute("delete from line where id between ? and ?", [first, last])
        self._db.execute("delete from participant where session = ?", [row_id])
        self._db.execute("delete from unread where session = ?", [row_id])
        self._db.execute("delete from session where id = ?", [row_id])
        return int(row_id)

    def _next(self, table: str) -> int:
        row = self._db.execute(f"select coalesce(max(id), 0) + 1 from {table}").fetchone()
        return int(row[0])

    def optimize(self) -> None:
        """Merge the full-text tables into one piece each: after a bulk load."""
        with _explained(self._path):
            for table in ("sessions", "lines"):
                self._db.execute(f"insert into {table} ({table}) values ('optimize')")
            self._db.execute("pragma wal_checkpoint(truncate)")


def _by_name(participants: Iterable[Participant]) -> dict[str, str]:
    """Whose name it is, where only one participant has it: some layouts name nobody's id."""
    found: dict[str, str] = {}
    for each in participants:
        known = each.user_id or each.custom_id
        found[each.name] = known if found.get(each.name, known) == known else ""
    return found


def _words(rows: list[_LineRow], prepared: list[str]) -> Iterator[tuple[int, str, str]]:
    written: dict[tuple[int, int], str] = {}
    for (number, _, kind, speaker, _, _, _), text in zip(rows, prepared, strict=True):
        who = written.get((speaker, kind))
        if who is None:
            who = written[speaker, kind] = f"{speaker_word(speaker)} {kind_word(kind)}"
        yield number, text, who


def _columns(rows: list[_LineRow], prepared: list[str]) -> list[str]:
    """The words of a session by kind, as one row of `sessions` holds them."""
    columns: list[list[str]] = [[] for _ in KINDS]
    for row, text in zip(rows, prepared, strict=True):
        columns[row[2]].append(text)
    return [" ".join(each) for each in columns]
