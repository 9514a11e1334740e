"""Reading postings: which sessions hold a word, a beginning of words or a pair, and with what weight."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias
from zlib import crc32

import numpy as np

from migrations.sqlite import rows_in
from search.index import beginnings, postings
from search.index.analysis import buckets_of, speaker_key, term_key
from search.index.beginnings import beginning_of, is_kept
from search.index.folding import pair_id
from search.index.forward import hash_of
from search.index.postings import BLOCK_BITS, IMPACT_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from migrations.sqlite import Connection
    from search.index.postings import Postings
    from search.index.view import View
    from search.query import Item

#: Some sessions, ascending, and how much each is about something.
Impacts: TypeAlias = tuple["NDArray[np.int64]", "NDArray[np.float32]"]

_ROWS_AT_ONCE = 2000
_LAST = "\U0010ffff"


class Terms:
    """The postings of one app's index, in one state of it."""

    def __init__(self, db: Connection, view: View) -> None:
        self._db = db
        self._view = view
        self._posts: dict[str, list[tuple[int, bytes]]] = {}
        self._buckets: dict[tuple[str, str], list[int]] = {}  #: of each pair, in each kind
        self._places: dict[int, list[tuple[int, bytes]]] = {}

    def fetch(
        self, items: Iterable[Item], pairs: Iterable[tuple[str, str]], kinds: Sequence[int]
    ) -> None:
        """Read what is going to be asked for at once: a statement costs more than what it reads."""
        terms = {term for each in items for term in _whole(each)}
        keys = {term_key(kind, each) for each in terms for kind in kinds}
        self._posts = {each: [] for each in keys}
        for key, block, blob in rows_in(
            self._db, "select key, block, postings from post where key in", [*keys]
        ):
            self._posts[key].append((block, blob))
        self._buckets = {each: buckets_of(kinds, *each) for each in pairs}
        buckets = {each for found in self._buckets.values() for each in found}
        self._places = {each: [] for each in buckets}
        blocks = range((self._view.size - 1 >> BLOCK_BITS) + 1)
        ids = {pair_id(bucket, block): (bucket, block) for bucket in buckets for block in blocks}
        for row_id, data in rows_in(self._db, "select id, places from pair where id in", [*ids]):
            bucket, block = ids[row_id]
            self._places[bucket].append((block, data))

    def idf(self, holders: int) -> float:
        """How much a word that so many sessions hold tells of one."""
        return math.log(1 + (self._view.sessions - holders + 0.5) / (holders + 0.5))

    def word(self, term: str, kinds: Iterable[int]) -> NDArray[np.float32]:
        """For each session how much it is about a word, in these kinds: 0 where it does not hold it."""
        found = self._nothing()
        for kind in kinds:
            self._add(found, term_key(kind, term))
        return found

    def spoken_by(self, speaker: int, kinds: Iterable[int]) -> NDArray[np.bool_]:
        """The sessions in which this speaker said or typed anything."""
        found = self._nothing()
        for kind in kinds:
            self._add(found, speaker_key(kind, speaker))
        return found > 0

    def pair(self, pair: tuple[str, str]) -> Impacts:
        """The sessions that hold two words side by side, and how much each is about them.

        They must have been fetched. A few sessions may only seem to hold them.
        """
        found = [np.zeros(0, np.int64)]
        for bucket in self._buckets[pair]:
            found += [
                postings.places_of(data) + (block << BLOCK_BITS)
                for block, data in self._places[bucket]
            ]
            if waiting := self._view.tail.find_pair(bucket, self._view.slots):
                found.append(np.array(waiting, np.int64))
        rows, said = _counted(np.concatenate(found))
        return rows, (IMPACT_MAX * said / (said + self._view.norms[rows])).astype(np.float32)

    def beginning(
        self, prefix: str, kinds: Iterable[int]
    ) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
        """As `word`, for every word that begins so; and the hashes of those words, ascending."""
        if is_kept(prefix):
            return self.word(beginning_of(prefix), kinds), self._hashes(prefix, kinds)
        found = self._nothing()
        hashes: set[int] = set()
        for kind in kinds:
            begin = term_key(kind, prefix)
            rows = self._db.execute(
                "select cast(substr(key, 2) as blob), block, postings from post"
                " where key >= ? and key < ?",
                [begin, begin + _LAST],
            )
            while some := rows.fetchmany(_ROWS_AT_ONCE):
                hashes.update([crc32(word) for word, _, _ in some])
                _put_all(found, some)
            for name in self._view.tail.names_from(begin):
                if self._add_waiting(found, name):
                    hashes.add(hash_of(name[1:]))
        return _saturated(found), np.array(sorted(hashes), np.uint32)

    def _hashes(self, prefix: str, kinds: Iterable[int]) -> NDArray[np.uint32]:
        """Of the words that begin so the hashes, ascending; some may be of words that are gone."""
        waiting = {
            hash_of(name[1:])
            for kind in kinds
            for name in self._view.tail.names_from(term_key(kind, prefix))
        }
        known = beginnings.hashes_of(self._db, prefix)
        return np.union1d(known, np.array([*waiting], np.uint32)) if waiting else known

    def _nothing(self) -> NDArray[np.float32]:
        return np.zeros(self._view.size, np.float32)

    def _add(self, found: NDArray[np.float32], key: str) -> None:
        fetched = self._posts.get(key)
        if fetched is None:
            select = "select block, postings from post where key = ?"
            fetched = self._db.execute(select, [key]).fetchall()
        for block, blob in fetched:
            _put(found, block, blob)
        self._add_waiting(found, key)

    def _add_waiting(self, found: NDArray[np.float32], name: str) -> bool:
        """What waits in the tail of it."""
        waiting = self._view.tail.find(name, self._view.slots)
        for row_id, impact in waiting:
            found[row_id] += impact
        return bool(waiting)


def _counted(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each of these once, ascending, and how often it stands there: as `np.unique`, in half the time."""
    rows.sort()
    changes = np.ones(len(rows) + 1, np.bool_)
    np.not_equal(rows[1:], rows[:-1], out=changes[1:-1])
    bounds = changes.nonzero()[0]
    return rows[bounds[:-1]], bounds[1:] - bounds[:-1]


def _whole(item: Item) -> Iterator[str]:
    """The terms of an item that have postings of their own."""
    *firsts, last = item.terms
    yield from firsts
    if not item.prefix:
        yield last
    elif is_kept(last):
        yield beginning_of(last)


def _put(found: NDArray[np.float32], block: int, blob: bytes) -> None:
    dense = postings.dense_of(blob)
    if dense is not None:
        base = block << BLOCK_BITS
        window = found[base : base + len(dense)]
        window += dense[: len(window)]
    else:
        _put_entries(found, block, postings.entries_of(blob, 1))


def _put_entries(found: NDArray[np.float32], block: int, entries: Postings) -> None:
    """Add the impacts of sessions of one block, each of which is named once."""
    base = block << BLOCK_BITS
    places, impacts = entries
    found[base : base + postings.BLOCK][places] += impacts


def _put_all(found: NDArray[np.float32], rows: list[tuple[bytes, int, bytes]]) -> None:
    """Many short postings at once, those of one block put together."""
    for block in {block for _, block, _ in rows}:
        blobs = [blob for _, each, blob in rows if each == block]
        places, impacts = postings.together([blob for blob in blobs if not blob[0]])
        base = block << BLOCK_BITS
        window = found[base : base + postings.BLOCK]
        window += np.bincount(places, impacts, len(window)).astype(np.float32)
        for blob in blobs:
            if blob[0]:
                _put(found, block, blob)


def _saturated(found: NDArray[np.float32]) -> NDArray[np.float32]:
    """Many words that begin so weigh no more together than one that is said all the time."""
    return IMPACT_MAX * found / (found + IMPACT_MAX)


def part_of_score(weight: float) -> np.float32:
    """What impacts are multiplied by to be a part of a score."""
    return np.float32(weight / IMPACT_MAX)
