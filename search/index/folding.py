"""Postings of many sessions written where they belong, in one transaction; and those of one taken out.

`post` holds a row for each term and block of sessions, `pair` one for each bucket and block. Readers
see the state before or after, since all of it is one transaction of the one writer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migrations.sqlite import rows_in
from search.index import beginnings, postings, tail
from search.index.analysis import term_key
from search.index.postings import BLOCK_BITS, Gathered
from search.index.records import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from migrations.sqlite import Connection

#: So many sessions wait in the tail at most.
TAIL_SESSIONS = 256
#: A bulk load is written when it holds so many postings of words or of pairs, eight bytes each.
POSTINGS_MAX = 12_000_000
_PLACE_MASK = postings.BLOCK - 1
_ENTRY_BYTES, _PLACE_BYTES = 3, 2
_ROWS_AT_ONCE = 10_000
#: The key of a row of `pair`: its bucket, then its block.
_PAIR_SHIFT = 20


class Batch:
    """Postings of the sessions of one block, put in order of their keys when they are written."""

    def __init__(self, block: int) -> None:
        self.block = block
        self._terms = Gathered()
        self._pairs = Gathered()

    @property
    def is_full(self) -> bool:
        """Whether it takes as much memory as it may."""
        return max(self._terms.size, self._pairs.size) > POSTINGS_MAX

    def add(
        self,
        row_id: int,
        numbers: NDArray[np.integer],
        impacts: NDArray[np.uint8],
        buckets: NDArray[np.uint32],
    ) -> None:
        """Take the postings of a session of this block in; whoever writes knows the numbers' keys."""
        place = row_id & _PLACE_MASK
        self._terms.add(numbers, place, impacts)
        self._pairs.add(buckets, place, np.zeros(len(buckets), np.uint8))

    def write(self, db: Connection, keys_of: Callable[[Iterable[int]], Iterable[str]]) -> None:
        """Write everything to its rows, and be empty."""
        numbers, blobs = list[int](), list[bytes]()
        for number, data in self._terms.take(_ENTRY_BYTES):
            numbers.append(number)
            blobs.append(data)
        # In order of the keys, so that neighbouring rows are written together.
        found = sorted(zip(keys_of(numbers), blobs, strict=True))
        _write_terms(db, self.block, found)
        rows = (
            (pair_id(bucket, self.block), data) for bucket, data in self._pairs.take(_PLACE_BYTES)
        )
        db.executemany(
            "insert into pair values (?, ?) on conflict do"
            " update set places = cast(places || excluded.places as blob)",
            rows,
        )


def _write_terms(db: Connection, block: int, found: list[tuple[str, bytes]]) -> None:
    known = db.execute("select 1 from post where block = ? limit 1", [block]).fetchone()
    fresh = set[str]()
    for start in range(0, len(found), _ROWS_AT_ONCE):
        rows = []
        for key, data in found[start : start + _ROWS_AT_ONCE]:
            old = (
                known
                and db.execute(
                    "select postings from post where key = ? and block = ?", [key, block]
                ).fetchone()
            )
            if not old:
                fresh.add(key[1:])
            blob = postings.extended(old[0], data) if old else postings.encode(data)
            rows.append((key, block, postings.count(blob), blob))
        db.executemany("insert or replace into post values (?, ?, ?, ?)", rows)
    beginnings.learn(db, fresh)


def fold(db: Connection) -> None:
    """Write what waits in the tail where it belongs, within the transaction that is open."""
    batches: dict[int, Batch] = {}
    numbers: dict[str, int] = {}
    for row_id, (keys, impacts, buckets) in tail.read(db):
        block = row_id >> BLOCK_BITS
        mine = np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)
        batch = batches.setdefault(block, Batch(block))
        batch.add(row_id, mine, np.frombuffer(impacts, np.uint8), buckets)
    names = list(numbers)
    for batch in batches.values():
        batch.write(db, lambda found: [names[each] for each in found])
    db.execute("delete from tail")


def remove(db: Connection, row_id: int, keys: Iterable[str], buckets: NDArray[np.uint32]) -> None:
    """Take the postings of one session out, all of which are known."""
    block, place = row_id >> BLOCK_BITS, row_id & _PLACE_MASK
    emptied = set[str]()
    for key in keys:
        row = db.execute(
            "select postings from post where key = ? and block = ?", [key, block]
        ).fetchone()
        left = postings.without(row[0], place) if row else None
        if left is None:
            db.execute("delete from post where key = ? and block = ?", [key, block])
            emptied.add(key[1:])
        else:
            db.execute(
                "update post set sessions = ?, postings = ? where key = ? and block = ?",
                [postings.count(left), left, key, block],
            )
    beginnings.forget(db, [each for each in emptied if not _is_held(db, each)])
    for bucket in np.unique(buckets).tolist():
        number = pair_id(bucket, block)
        row = db.execute("select places from pair where id = ?", [number]).fetchone()
        if places := postings.places_without(row[0], place) if row else b"":
            db.execute("update pair set places = ? where id = ?", [places, number])
        else:
            db.execute("delete from pair where id = ?", [number])


def _is_held(db: Connection, term: str) -> bool:
    """Whether any session's postings are of this term, in whatever kind."""
    keys = [term_key(kind, term) for kind in range(len(KINDS))]
    return any(rows_in(db, "select 1 from post where key in", keys))


def pair_id(bucket: int, block: int) -> int:
    """The row of `pair` that holds the places of a bucket in a block."""
    return bucket << _PAIR_SHIFT | block
