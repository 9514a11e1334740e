"""What a reader keeps in memory of one app's index: of each session when it began and what it has.

A view belongs to one state of the file. The next is made from it and from what changed since, so that
sessions that come in cost a reader only themselves.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from migrations.sqlite import rows_in
from search.index import tail
from search.index.appfile import FOLDED
from search.index.folding import TAIL_SESSIONS
from search.index.postings import norm_of
from search.index.tail import Tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from migrations.sqlite import Connection
    from search.index.cache import Caches, Key

S = TypeVar("S", bound=np.generic)
_Row = tuple[int, int, int, int]

#: Snapshots of a file that are read at the same time; an older one is made anew when it is needed.
_VIEWS_KEPT = 4
_SELECT = "select id, started_at_ms, kinds, words from session"
_SLOTS_MAX = 4 * TAIL_SESSIONS
#: With more changes than this what the caches hold is read anew, which costs less than remembering.
_TOUCHED_MAX = 4096
_numbers = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One state of an index; arrays have an entry for each row id."""

    stamp: int
    started_at_ms: NDArray[np.int64]
    kinds: NDArray[np.uint8]  #: which kinds a session has lines of, as bits
    norms: NDArray[np.float32]  #: what BM25 sets against how often a pair is said
    present: NDArray[np.bool_]
    sessions: int  #: how many are present
    newest_row: int
    tail: Tail
    slots: dict[int, int]  #: of each session that waits in the tail, where it stands there
    file: int  #: a number that no other file is known by in this process
    caches: Caches
    base: int  #: the state since when sessions are as they are that are not in `touched`
    touched: dict[int, int]  #: the state since when other sessions are so

    def key(self, row_id: int) -> Key:
        """What a session is kept under in the caches, as it is in this state."""
        return self.file, row_id, self.touched.get(row_id, self.base)

    def keys(self, rows: Iterable[int]) -> list[Key]:
        """The same of many."""
        file, touched, base = self.file, self.touched, self.base
        if not touched:
            return [(file, row_id, base) for row_id in rows]
        return [(file, row_id, touched.get(row_id, base)) for row_id in rows]

    @property
    def size(self) -> int:
        """One more than the greatest row id, at least."""
        return len(self.present)


class Views:
    """The views of one file; any number of threads may ask at once."""

    def __init__(self, caches: Caches) -> None:
        self._file = next(_numbers)
        self._caches = caches
        self._views: dict[int, View] = {}
        self.names = {0: ""}  #: of speakers, by number; a number never comes to mean another
        self._lock = threading.Lock()

    def of(self, db: Connection) -> View:
        """The view of the state that this connection's transaction sees."""
        first, last = db.execute(
            "select (select min(stamp) from change), (select max(stamp) from change)"
        ).fetchone()
        stamp = last or 0
        found = self._views.get(stamp)
        if found is not None:
            return found
        with self._lock:
            found = self._views.get(stamp)
            if found is None:
                older = max((each for each in self._views if each < stamp), default=None)
                if older is None or older + 1 < first:
                    found = _whole(db, stamp, self._file, self._caches)
                else:
                    found = _next(db, self._views[older], stamp)
                self._views[stamp] = found
                for each in sorted(self._views)[:-_VIEWS_KEPT]:
                    del self._views[each]
        return found


def _whole(db: Connection, stamp: int, file: int, caches: Caches) -> View:
    rows = db.execute(_SELECT).fetchall()
    size = max((row[0] for row in rows), default=0) + 1
    view = View(
        stamp=stamp,
        started_at_ms=np.zeros(size, np.int64),
        kinds=np.zeros(size, np.uint8),
        norms=np.ones(size, np.float32),
        present=np.zeros(size, np.bool_),
        sessions=len(rows),
        newest_row=size - 1,
        tail=Tail(),
        slots={},
        file=file,
        caches=caches,
        base=stamp,
        touched={},
    )
    _fill(view, rows)
    view.slots.update((row_id, view.tail.add(row_id, found)) for row_id, found in tail.read(db))
    return view


def _fill(view: View, rows: Sequence[_Row]) -> None:
    if rows:
        ids, started_at_ms, kinds, words = (np.array(each) for each in zip(*rows, strict=True))
        view.started_at_ms[ids] = started_at_ms
        view.kinds[ids] = kinds
        view.norms[ids] = norm_of(words)
        view.present[ids] = True


def _next(db: Connection, older: View, stamp: int) -> View:
    changed = {
        row[0]
        for row in db.execute(
            "select distinct session from change where stamp > ? and stamp <= ?",
            [older.stamp, stamp],
        )
    }
    # What was taken in anew, again and again, fills the tail with what nobody sees any more.
    folded = FOLDED in changed or len(older.tail.rows) > _SLOTS_MAX
    ids = sorted(changed - {FOLDED})
    many = len(older.touched) + len(ids) > _TOUCHED_MAX
    rows = [*rows_in(db, f"{_SELECT} where id in", ids)]
    newest_row = max(older.newest_row, max(ids, default=0))
    present = _grown(older.present, newest_row)
    present[ids] = False
    view = View(
        stamp=stamp,
        started_at_ms=_grown(older.started_at_ms, newest_row),
        kinds=_grown(older.kinds, newest_row),
        norms=_grown(older.norms, newest_row, 1),
        present=present,
        sessions=int(np.count_nonzero(present)) + len(rows),
        newest_row=newest_row,
        tail=Tail() if folded else older.tail,
        slots={} if folded else dict(older.slots),
        file=older.file,
        caches=older.caches,
        base=stamp if many else older.base,
        touched={} if many else older.touched | dict.fromkeys(ids, stamp),
    )
    _fill(view, rows)
    for each in ids:
        view.slots.pop(each, None)
    waiting = tail.read(db, None if folded else ids)
    view.slots.update((row_id, view.tail.add(row_id, found)) for row_id, found in waiting)
    return view


def _grown(array: NDArray[S], newest_row: int, fill: int = 0) -> NDArray[S]:
    """A copy of an array that reaches to this row."""
    found = np.full(newest_row + 1, fill, array.dtype)
    found[: len(array)] = array
    return found
