"""Reading postings: which sessions hold a word, a beginning of words or a pair, and with what weight."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from search.index import postings
from search.index.analysis import bucket_of, speaker_key, term_key
from search.index.folding import pair_range
from search.index.postings import BLOCK_BITS, IMPACT_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from migrations.sqlite import Connection
    from search.index.postings import Postings
    from search.index.view import View

_ROWS_AT_ONCE = 2000
_LAST = "\U0010ffff"


class Terms:
    """The postings of one app's index, in one state of it."""

    def __init__(self, db: Connection, view: View) -> None:
        self._db = db
        self._view = view

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

    def pair(self, first: str, second: str, kinds: Iterable[int]) -> NDArray[np.float32]:
        """As `word`, for two words side by side; a few sessions may only seem to hold them."""
        said = self._nothing()
        for kind in kinds:
            bucket = bucket_of(kind, first, second)
            rows = self._db.execute(
                "select id - ?1, places from pair where id >= ?1 and id < ?2", pair_range(bucket)
            )
            for block, data in rows:
                places, counts = postings.places_of(data)
                base = block << BLOCK_BITS
                said[base : base + postings.BLOCK][places] += counts
            for row_id in self._view.tail.find_pair(bucket, self._view.slots):
                said[row_id] += 1
        return IMPACT_MAX * said / (said + self._view.norms)

    def beginning(self, prefix: str, kinds: Iterable[int]) -> tuple[NDArray[np.float32], list[str]]:
        """As `word`, for every word that begins so; and which words those are."""
        found = self._nothing()
        words: dict[str, int] = {}
        for kind in kinds:
            begin = term_key(kind, prefix)
            rows = self._db.execute(
                "select key, block, sessions, postings from post where key >= ? and key < ?",
                [begin, begin + _LAST],
            )
            while some := rows.fetchmany(_ROWS_AT_ONCE):
                _put_all(found, some, words)
            for name in self._view.tail.names_from(begin):
                if self._add_waiting(found, name):
                    words.setdefault(name[1:], 0)
        return found, list(words)

    def _nothing(self) -> NDArray[np.float32]:
        return np.zeros(self._view.size, np.float32)

    def _add(self, found: NDArray[np.float32], key: str) -> None:
        for block, blob in self._db.execute(
            "select block, postings from post where key = ?", [key]
        ):
            _put(found, block, blob)
        self._add_waiting(found, key)

    def _add_waiting(self, found: NDArray[np.float32], name: str) -> bool:
        """What waits in the tail of it."""
        waiting = self._view.tail.find(name, self._view.slots)
        for row_id, impact in waiting:
            found[row_id] += impact
        return bool(waiting)


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


def _put_all(
    found: NDArray[np.float32],
    rows: list[tuple[str, int, int, bytes]],
    words: dict[str, int],
) -> None:
    """Many short postings at once, those of one block put together."""
    sparse: dict[int, list[bytes]] = {}
    for key, block, sessions, blob in rows:
        words[key[1:]] = words.get(key[1:], 0) + sessions
        if blob[0]:
            _put(found, block, blob)
        else:
            sparse.setdefault(block, []).append(blob)
    for block, blobs in sparse.items():
        places, impacts = postings.together(blobs)
        base = block << BLOCK_BITS
        window = found[base : base + postings.BLOCK]
        window += np.bincount(places, impacts, len(window)).astype(np.float32)


def scaled(found: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
    """Impacts as a part of a score."""
    return found * np.float32(weight / IMPACT_MAX)
