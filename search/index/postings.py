"""Which sessions hold a term, and how much each is about it: one blob for a block of 16,384 sessions.

An entry of `post` is a session's place in the block (two bytes) and its impact (one): what BM25 makes
of how often the term stands there, and of the length. Entries stand in any order behind a byte that
tells them from a dense blob: a byte of 1, and then an impact for every place, 0 where the term is not
held. Of pairs, which seldom come twice, only the places are kept, each as often as it is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

BLOCK_BITS = 14
BLOCK = 1 << BLOCK_BITS

#: Impacts are this many steps fine.
IMPACT_MAX = 255
#: BM25's constants, and the words of an ordinary transcript, chat and summary: found by measurement
#: on real meetings (benchmarks/relevance.py); fixed, so that an impact never has to be made again.
K1, B = 3.0, 0.75
ORDINARY_WORDS = (5000.0, 300.0, 200.0)

_SPARSE, _DENSE = b"\0", b"\1"
_ENTRY = np.dtype({"names": ["place", "impact"], "formats": ["<u2", "u1"], "itemsize": 3})

_NUMBER_SHIFT = np.uint64(BLOCK_BITS + 8)
_ROOM = 1 << 16
_TAKEN_AT_ONCE = 500_000

Postings = tuple["NDArray[np.uint16]", "NDArray[np.uint8]"]


def impacts(counts: NDArray[np.integer], words: int, kind: int) -> NDArray[np.uint8]:
    """The impact of terms that stand so often among so many words of a kind; 1 at least."""
    norm = norm_of(np.array(words), kind)
    found = np.rint(IMPACT_MAX * counts / (counts + norm))
    return np.maximum(found, 1).astype(np.uint8)


def norm_of(words: NDArray[np.integer], kind: int = 0) -> NDArray[np.float32]:
    """What BM25 sets against how often a term stands among so many words of a kind."""
    return (K1 * (1 - B + B * words / ORDINARY_WORDS[kind])).astype(np.float32)


class Gathered:
    """Postings in memory, each one number: what it belongs to, its place, and its impact."""

    def __init__(self) -> None:
        self._postings = np.zeros(_ROOM, np.uint64)
        self.size = 0

    def add(self, numbers: NDArray[np.integer], place: int, found: NDArray[np.uint8]) -> None:
        """Take the postings of a session in."""
        end = self.size + len(numbers)
        if end > len(self._postings):
            grown = np.zeros(max(2 * len(self._postings), end), np.uint64)
            grown[: self.size] = self._postings[: self.size]
            self._postings = grown
        mine = self._postings[self.size : end]
        np.left_shift(numbers.astype(np.uint64), _NUMBER_SHIFT, out=mine)
        mine |= np.uint64(place << 8)
        mine |= found
        self.size = end

    def take(self, width: int) -> Iterator[tuple[int, bytes]]:
        """Each number and its entries, by number: of three bytes, or of two without the impact.

        Nothing is left then.
        """
        postings = self._postings[: self.size]
        self._postings, self.size = np.zeros(_ROOM, np.uint64), 0
        postings.sort()
        start = 0
        while start < len(postings):
            stop = start + _TAKEN_AT_ONCE
            if stop < len(postings):  # all of one number together
                following = (postings[stop - 1] >> _NUMBER_SHIFT) + np.uint64(1)
                stop = int(np.searchsorted(postings, following << _NUMBER_SHIFT))
            yield from _entries(postings[start:stop], width)
            start = stop


def _entries(postings: NDArray[np.uint64], width: int) -> Iterator[tuple[int, bytes]]:
    numbers = postings >> _NUMBER_SHIFT
    firsts = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] + np.uint64(1)))
    places = postings >> np.uint64(8) & np.uint64(BLOCK - 1)
    whole = (places | (postings & np.uint64(IMPACT_MAX)) << np.uint64(16)).astype("<u4")
    data = whole.view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
    begins = (width * firsts).tolist()
    for number, begin, end in zip(
        numbers[firsts].tolist(), begins, [*begins[1:], len(data)], strict=True
    ):
        yield number, data[begin:end]


def entries_of(data: bytes, skip: int = 0) -> Postings:
    """The places and impacts of entries."""
    found = np.frombuffer(data, _ENTRY, -1, skip)
    return found["place"], found["impact"]


def encode(entries: bytes) -> bytes:
    """The blob of `post` that holds these entries."""
    places, found = entries_of(entries)
    if len(places) < _DENSE_LEAST:
        return _SPARSE + entries
    span = int(places.max()) + 1
    if 3 * len(places) < span:
        return _SPARSE + entries
    dense = np.zeros(span, np.uint8)
    dense[places] = found
    return _DENSE + dense.tobytes()


_DENSE_LEAST = 100


def extended(blob: bytes, entries: bytes) -> bytes:
    """The blob of `post` with entries of sessions that it does not hold."""
    if blob[:1] == _SPARSE:
        return encode(blob[1:] + entries)
    places, found = entries_of(entries)
    dense = np.zeros(max(len(blob) - 1, int(places.max()) + 1), np.uint8)
    dense[: len(blob) - 1] = np.frombuffer(blob, np.uint8, -1, 1)
    dense[places] = found
    return _DENSE + dense.tobytes()


def without(blob: bytes, place: int) -> bytes | None:
    """The blob of `post` without the session at this place; None where nothing is left."""
    if blob[:1] == _SPARSE:
        left = entries_without(blob[1:], place)
        return _SPARSE + left if left else None
    dense = np.frombuffer(blob, np.uint8, -1, 1).copy()
    dense[place] = 0
    return _DENSE + dense.tobytes() if dense.any() else None


def entries_without(entries: bytes, place: int) -> bytes:
    """Entries without that of the session at this place."""
    found = np.frombuffer(entries, _ENTRY)
    left: bytes = found[found["place"] != place].tobytes()
    return left


def places_of(data: bytes) -> NDArray[np.int64]:
    """The places of a pair, each as often as it is said there."""
    return np.frombuffer(data, "<u2").astype(np.int64)


def places_without(data: bytes, place: int) -> bytes:
    """The places of a pair without this one."""
    found = np.frombuffer(data, "<u2")
    left: bytes = found[found != place].tobytes()
    return left


def dense_of(blob: bytes) -> NDArray[np.uint8] | None:
    """The impacts of a dense blob of `post` by place; None where it is a sparse one."""
    return np.frombuffer(blob, np.uint8, -1, 1) if blob[:1] == _DENSE else None


def count(blob: bytes) -> int:
    """How many sessions a blob of `post` holds."""
    dense = dense_of(blob)
    return len(blob) // 3 if dense is None else int(np.count_nonzero(dense))


def together(blobs: Iterable[bytes]) -> Postings:
    """The places and impacts of many sparse blobs of `post`; a place may come more than once."""
    return entries_of(b"".join(each[1:] for each in blobs))
