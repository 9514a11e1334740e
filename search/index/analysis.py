"""From the lines of a session to what the index keeps of them: words, impacts, pairs, places; pure.

A session is cut into words once and then counted by numpy: this runs for everything that was ever
said, and decides how fast an index is built.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from search.index import forward
from search.index.beginnings import beginning_of
from search.index.postings import impacts
from search.index.records import KINDS
from search.stopwords import is_function_word
from search.text import prepare_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from search.index.records import LineRow

#: Pairs of words are known by one of so many numbers; two that share one only rank a little higher.
BUCKET_BITS = 20
_KIND_LETTERS = "tcs"
#: Between two lines, where words are counted: never part of a word (search/text.py).
_LINE_END = "\0"
_LINE_BITS = 24
_KIND_BITS = 2
_KIND_MASK = (1 << _KIND_BITS) - 1
_SPEAKER = "@"
_TERMS_KEPT = 1_000_000
_STEM_LEAST = 4


def term_key(kind: int, term: str) -> str:
    """What a term of a kind is called among the postings."""
    return _KIND_LETTERS[kind] + term


def speaker_key(kind: int, speaker: int) -> str:
    """The same for whoever said anything of that kind; no term begins so."""
    return f"{_KIND_LETTERS[kind]}{_SPEAKER}{speaker}"


def stem_of(term: str) -> str:
    """A word without its plural, by which pairs of words are known: `prices rose` is `price rose`."""
    if len(term) > _STEM_LEAST and term.endswith("ies"):
        return f"{term[:-3]}y"
    if len(term) >= _STEM_LEAST and term.endswith("s") and not term.endswith("ss"):
        return term[:-1]
    return term


def buckets_of(kinds: Iterable[int], first: str, second: str) -> list[int]:
    """The number in each kind of two words that stand side by side, function words left out."""
    one, two = forward.hash_of(stem_of(first)), forward.hash_of(stem_of(second))
    mixed = (one * 0x9E3779B1 + (two ^ 0x85EBCA77) * 0xC2B2AE3D) & _WORD
    mixed ^= mixed >> 15
    return [(mixed * (0x2C1B3C6D + 2 * kind) & _WORD) >> 32 - BUCKET_BITS for kind in kinds]


_WORD = 0xFFFFFFFF


def _buckets(
    kind: int, first: NDArray[np.uint32], second: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    # As `buckets_of`, of many pairs at once.
    mixed = first * np.uint32(0x9E3779B1) + (second ^ np.uint32(0x85EBCA77)) * np.uint32(0xC2B2AE3D)
    mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(0x2C1B3C6D + 2 * kind)
    buckets: NDArray[np.uint32] = mixed >> np.uint32(32 - BUCKET_BITS)
    return buckets


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysed:
    """What the index keeps of one session, besides its record."""

    columns: tuple[str, ...]  #: of each kind its words, for the full-text table
    words: int  #: how many there are
    #: Of its terms, their beginnings and its speakers by kind, as `Analyser.keys` knows them.
    numbers: NDArray[np.int64]
    impacts: NDArray[np.uint8]  #: of each of these
    buckets: NDArray[np.uint32]  #: of pairs, ascending; one comes as often as it is said
    forward: bytes


class _Numbers(dict[str, int]):
    """Words by number, each numbered when it is first met; and what is known of each."""

    def __init__(self) -> None:
        super().__init__()
        self.terms: list[str] = []
        self.hashes = np.zeros(1024, np.uint32)
        self.stems = np.zeros(1024, np.uint32)
        #: The number of each term's beginning; 0 where it has none.
        self.beginnings = np.zeros(1024, np.int64)
        self.weighs = np.zeros(1024, np.bool_)
        self[_LINE_END]

    def __missing__(self, term: str) -> int:
        number = self[term] = len(self.terms)
        self.terms.append(term)
        if number == len(self.hashes):
            for name in ("hashes", "stems", "beginnings", "weighs"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate((old, np.zeros_like(old))))
        data = term.encode("utf-8", "surrogatepass")
        self.hashes[number] = crc32(data)
        self.stems[number] = forward.hash_of(stem_of(term))
        self.weighs[number] = number > 0 and not is_function_word(term)
        if beginning := beginning_of(term):
            self.beginnings[number] = self[beginning]
        return number


class Analyser:
    """Cuts sessions into words; it remembers the words it has met, and numbers them."""

    def __init__(self) -> None:
        self._numbers = _Numbers()

    @property
    def is_full(self) -> bool:
        """Whether it has met so many words that it should forget them."""
        return len(self._numbers) > _TERMS_KEPT

    def forget(self) -> None:
        """Forget every word, and its number."""
        self._numbers = _Numbers()

    def keys(self, numbers: Iterable[int]) -> list[str]:
        """What these terms, beginnings and speakers of a kind are called among the postings."""
        terms = self._numbers.terms
        return [_KIND_LETTERS[each & _KIND_MASK] + terms[each >> _KIND_BITS] for each in numbers]

    def analyse(self, rows: Sequence[LineRow]) -> Analysed:
        """What the index keeps of these lines, which are in order of their kinds."""
        numbers = self._numbers
        prepared = prepare_all([row.text for row in rows])
        bounds = _bounds(rows)
        columns, found, lines, buckets = [], [], [], []
        for kind, (first, end) in enumerate(bounds):
            texts = prepared[first:end]
            columns.append(" ".join(texts))
            words = f" {_LINE_END} ".join(texts).split()
            ids = np.fromiter(map(numbers.__getitem__, words), np.int64, len(words))
            at_end = ids == 0
            line = np.cumsum(at_end) + first
            buckets.append(_pairs(kind, numbers.stems[ids[numbers.weighs[ids]]]))
            found.append(ids[~at_end])
            lines.append(line[~at_end])
        terms, found_impacts, packed = _terms(
            numbers, np.concatenate(found), np.concatenate(lines), bounds, [len(x) for x in found]
        )
        speakers = _speakers(numbers, rows)
        pairs = np.concatenate(buckets)
        pairs.sort()
        return Analysed(
            columns=tuple(columns),
            words=sum(map(len, found)),
            numbers=np.concatenate((terms, speakers)),
            impacts=np.concatenate((found_impacts, np.ones(len(speakers), np.uint8))),
            buckets=pairs,
            forward=packed,
        )


def _bounds(rows: Sequence[LineRow]) -> list[tuple[int, int]]:
    """Where the lines of each kind begin and end."""
    kinds = [row.kind for row in rows]
    ends = [bisect_right(kinds, kind) for kind in range(len(KINDS))]
    return list(pairwise([0, *ends]))


def _pairs(kind: int, stems: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The buckets of the words that follow one another."""
    return _buckets(kind, stems[:-1], stems[1:])


def _terms(
    numbers: _Numbers,
    ids: NDArray[np.int64],
    lines: NDArray[np.int64],
    bounds: list[tuple[int, int]],
    words: list[int],
) -> tuple[NDArray[np.int64], NDArray[np.uint8], bytes]:
    """The numbers and impacts of a session's terms and beginnings by kind, and its forward blob."""
    if not len(ids):
        nothing = np.zeros(0, np.int64)
        empty = forward.pack(nothing.astype(np.uint32), nothing, nothing)
        return nothing, np.zeros(0, np.uint8), empty
    placed = np.sort(ids << _LINE_BITS | lines)
    term, line = placed >> _LINE_BITS, placed & ((1 << _LINE_BITS) - 1)
    new_term = _changes(term)
    new_line = new_term | _changes(line)
    firsts = np.flatnonzero(new_term)
    sizes = np.add.reduceat(new_line.astype(np.int64), firsts)
    packed = forward.pack(numbers.hashes[term[firsts]], sizes, line[new_line])
    kinds = (line >= bounds[1][0]).astype(np.int64) + (line >= bounds[2][0])
    groups = np.flatnonzero(new_term | _changes(kinds))
    counts = np.diff(groups, append=len(term))
    named = term[groups] << _KIND_BITS | kinds[groups]
    begun, begun_counts = _begun(numbers.beginnings[term[groups]], kinds[groups], counts)
    named, counts = np.concatenate((named, begun)), np.concatenate((counts, begun_counts))
    found = np.zeros(len(named), np.uint8)
    for kind in range(len(KINDS)):
        chosen = named & _KIND_MASK == kind
        found[chosen] = impacts(counts[chosen], words[kind], kind)
    return named, found, packed


def _begun(
    beginnings: NDArray[np.int64], kinds: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The beginnings by kind, and how often words begin so, of terms that stand so often."""
    order = (named := beginnings << _KIND_BITS | kinds).argsort(kind="stable")
    order = order[np.searchsorted(named[order], 1 << _KIND_BITS) :]  # those that have one
    if not len(order):
        return order, order
    named = named[order]
    firsts = np.flatnonzero(_changes(named))
    return named[firsts], np.add.reduceat(counts[order], firsts)


def _changes(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where a value is another than the one before; the first is."""
    found = np.empty(len(values), np.bool_)
    found[:1] = True
    np.not_equal(values[1:], values[:-1], out=found[1:])
    return found


def _speakers(numbers: _Numbers, rows: Sequence[LineRow]) -> NDArray[np.int64]:
    said = {(row.kind, row.speaker) for row in rows if row.speaker}
    found = [numbers[_SPEAKER + str(speaker)] << _KIND_BITS | kind for kind, speaker in said]
    return np.array(found, np.int64)
