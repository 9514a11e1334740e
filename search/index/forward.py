"""Which lines of one session hold which term: a small inverted index of its own, as one blob.

Terms stand by the CRC-32 of their UTF-8, ascending; then where the lines of each begin and end among
the bytes that follow, both in the byte order of the machine, which alone reads its own index: steps of
one byte (255: so many lines, and more to come). Two terms of a session may share a hash, and a term
may share one with another that is not there: once in five million look-ups of a session, which nobody
will notice.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_HEADER = struct.Struct("<IB")
_HASH = np.dtype("=u4")
_NARROW, _WIDE = np.dtype("=u2"), np.dtype("=u4")
_ON = 255
_ON_BYTE = bytes([_ON])


def hash_of(term: str) -> int:
    """What a term is known by in a session."""
    return crc32(term.encode("utf-8", "surrogatepass"))


def pack(hashes: NDArray[np.uint32], sizes: NDArray[np.int64], lines: NDArray[np.int64]) -> bytes:
    """The blob of these terms: of each its hash, on how many lines it stands, and on which.

    `lines` are those of the first term, ascending, then those of the second, and so on.
    """
    order = hashes.argsort(kind="stable")
    begins, hashes, sizes = (np.cumsum(sizes) - sizes)[order], hashes[order], sizes[order]
    ends = np.cumsum(sizes)
    lines = lines[np.arange(len(lines)) + np.repeat(begins - (ends - sizes), sizes)]
    steps = np.diff(lines, prepend=-1)
    begins = ends - sizes
    steps[begins] = lines[begins] + 1
    data, ends = _bytes_of(steps, ends)
    dtype = _NARROW if len(data) <= np.iinfo(_NARROW).max else _WIDE
    return b"".join(
        (
            _HEADER.pack(len(hashes), dtype.itemsize),
            hashes.astype(_HASH).tobytes(),
            np.concatenate(([0], ends)).astype(dtype).tobytes(),
            data,
        )
    )


def _bytes_of(steps: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[bytes, NDArray[np.int64]]:
    """The steps as bytes, and where those of each term end."""
    if not len(steps) or int(steps.max()) < _ON:
        return steps.astype(np.uint8).tobytes(), ends
    more = steps // _ON
    last = np.cumsum(more + 1) - 1
    data = np.full(int(last[-1]) + 1, _ON, np.uint8)
    data[last] = steps % _ON
    extra = np.concatenate(([0], np.cumsum(more)))
    return data.tobytes(), ends + extra[ends]


class Lines:
    """The lines that steps lead to, ascending: counted at once, and made out one by one."""

    __slots__ = ("_steps",)

    def __init__(self, steps: bytes) -> None:
        self._steps = steps

    def __len__(self) -> int:
        return len(self._steps) - self._steps.count(_ON_BYTE)

    def __iter__(self) -> Iterator[int]:
        steps = self._steps
        if not steps:
            return iter(())
        if _ON_BYTE not in steps:
            return accumulate(steps[1:], initial=steps[0] - 1)
        return self._far_apart()

    def _far_apart(self) -> Iterator[int]:
        line = -1
        for step in self._steps:
            line += step
            if step != _ON:
                yield line


class Hashes:
    """Many terms by their hashes, to be looked for among those of many sessions."""

    __slots__ = ("_low", "hashes")

    def __init__(self, hashes: NDArray[np.uint32]) -> None:
        self.hashes = hashes  #: ascending
        self._low = np.zeros(1 << 16, np.bool_)
        self._low[hashes & np.uint32(0xFFFF)] = True

    def among(self, known: NDArray[np.uint32]) -> NDArray[np.int64]:
        """The places of those of `known` that are these."""
        # Nearly all that are not differ in the lower half already, which is one look at a table.
        maybe: NDArray[np.int64] = self._low[known & np.uint32(0xFFFF)].nonzero()[0]
        if not len(maybe):
            return maybe
        found = known[maybe]
        nearest = self.hashes.searchsorted(found)
        nearest[nearest == len(self.hashes)] = 0
        here: NDArray[np.int64] = maybe[self.hashes[nearest] == found]
        return here


class Forward:
    """The blob, for looking terms up."""

    __slots__ = ("blob", "count", "data_at", "ends", "keys")

    def __init__(self, blob: bytes) -> None:
        self.count, width = _HEADER.unpack_from(blob)
        ends_at = _HEADER.size + _HASH.itemsize * self.count
        self.data_at = ends_at + width * (self.count + 1)
        self.blob = blob
        view = memoryview(blob)
        self.keys = view[_HEADER.size : ends_at].cast("I")
        self.ends = view[ends_at : self.data_at].cast("H" if width == _NARROW.itemsize else "I")

    @property
    def size_bytes(self) -> int:
        """How long the blob is."""
        return len(self.blob)

    def lines(self, term: int) -> Lines:
        """The lines of the term with this hash; ascending."""
        return Lines(*steps_in([self], term))

    def lines_of(self, hashes: Hashes) -> list[int]:
        """The lines that hold any of these terms; ascending."""
        _, found = all_steps([self], hashes)
        return sorted({line for steps in found for line in Lines(steps)})

    @property
    def hashes(self) -> NDArray[np.uint32]:
        """Of every term, ascending."""
        return np.frombuffer(self.blob, _HASH, self.count, _HEADER.size)

    def steps_at(self, places: NDArray[np.int64]) -> list[bytes]:
        """The steps of the terms whose hashes stand there."""
        blob, data, ends = self.blob, self.data_at, np.asarray(self.ends)
        begins, stops = ends[places].tolist(), ends[places + 1].tolist()
        return [blob[data + begin : data + stop] for begin, stop in zip(begins, stops, strict=True)]

    def holds(self, hashes: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Of each of these terms, whose hashes ascend, whether any line holds it."""
        held = np.zeros(len(hashes), np.bool_)
        if len(hashes):
            known = self.hashes
            places = np.minimum(hashes.searchsorted(known), len(hashes) - 1)
            held[places[hashes[places] == known]] = True
        return held


def all_steps(forwards: Sequence[Forward], hashes: Hashes) -> tuple[list[int], list[bytes]]:
    """Whatever is there of these terms in many sessions: which session's it is, and its steps."""
    known = [each.hashes for each in forwards]
    places = hashes.among(np.concatenate(known))
    bounds = list(accumulate(map(len, known), initial=0))
    cuts = places.searchsorted(bounds).tolist()
    whose, steps = list[int](), list[bytes]()
    for number, (begin, end) in enumerate(pairwise(cuts)):
        if begin < end:
            whose += [number] * (end - begin)
            steps += forwards[number].steps_at(places[begin:end] - bounds[number])
    return whose, steps


def steps_in(forwards: Sequence[Forward], term: int) -> list[bytes]:
    """The steps of the term with this hash in many sessions, for `Lines` or `all_lines_from`."""
    found = []
    for each in forwards:  # twenty of them for each word of a query
        keys = each.keys
        place = bisect_left(keys, term)
        if place == each.count or keys[place] != term:
            found.append(b"")
        else:
            data, ends = each.data_at, each.ends
            found.append(each.blob[data + ends[place] : data + ends[place + 1]])
    return found


def all_lines_from(starts: Sequence[int], steps: Sequence[bytes]) -> NDArray[np.int64]:
    """The lines of many sessions in one array, each session's counted from its start."""
    joined = b"".join(steps)
    if not joined:
        return np.zeros(0, np.int64)
    each = np.frombuffer(joined, np.uint8)
    gone = np.zeros(len(each) + 1, np.int64)
    np.cumsum(each, out=gone[1:])
    sizes = list(map(len, steps))
    begins = list(accumulate(sizes, initial=0))[:-1]
    lines = gone[1:] + np.repeat(np.array(starts) - 1 - gone[begins], sizes)
    return lines[each != _ON] if _ON_BYTE in joined else lines
