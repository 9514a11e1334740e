"""What a query's words do with a text: which of them it holds, where, and which of them rank."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from search.query.nodes import And, Best, Item, Near, Node, Or, Phrase, Query, Word, items_of
from search.stopwords import is_function_word
from search.text import Token, fold_all_in_place, is_unspaced, prepare, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class RankingTerms:
    """What sessions are ranked by: items without function words, and terms that stand together."""

    words: tuple[Item, ...]
    pairs: tuple[tuple[str, str], ...]


def ranking_terms(query: Query) -> RankingTerms:
    """The items that weigh, function words only where there is nothing else, and adjacent pairs."""
    items = items_of(query.root)
    content = tuple(item for item in items if not _is_function(item))
    pairs = (pair for run in _runs(query.root) for pair in _pairs(run))
    return RankingTerms(content or items, tuple(dict.fromkeys(pairs)))


def _is_function(item: Item) -> bool:
    if isinstance(item, Phrase) or item.prefix:
        return False
    return all(map(is_function_word, item.terms))


def _runs(node: Node | None) -> Iterator[list[Item]]:
    """Items that were written side by side."""
    match node:
        case Word() | Phrase():
            yield [node]
        case Best(items=items):
            yield list(items)
        case Near(items=items):
            yield from ([item] for item in items)
        case Or(children=children):
            for child in children:
                yield from _runs(child)
        case And(children=children):
            yield from _runs_of_all(children)


def _runs_of_all(children: Iterable[Node]) -> Iterator[list[Item]]:
    run: list[Item] = []
    for child in children:
        if isinstance(child, Word | Phrase):
            run.append(child)
        else:
            yield run
            yield from _runs(child)
            run = []
    yield run


def _pairs(run: list[Item]) -> Iterator[tuple[str, str]]:
    """Neighbouring terms once function words are left out; a prefix has no neighbour after it."""
    stretch: list[str] = []
    for item in run:
        stretch.extend(term for term in item.terms if not is_function_word(term))
        if item.prefix:
            yield from pairwise(stretch[:-1])
            stretch = []
    yield from pairwise(stretch)


class Marks(NamedTuple):
    """What of each of some texts matches."""

    ranges: list[list[Range]]  #: half-open, of code points, in order and apart
    folded: list[str]  #: the texts without their case and punctuation, which became spaces

    def have_twins(self, begin: int, end: int) -> bool:
        """Whether two of these texts are the same but for their case, spaces and punctuation."""
        folded = self.folded[begin:end]
        firsts = {each[:1] for each in folded}
        if len(firsts) == len(folded) and firsts.isdisjoint(("", " ")):
            return False  # each begins with another letter
        return len({each.replace(" ", "") for each in folded}) < len(folded)


#: Stands between texts that are looked through together; no term holds it.
_BETWEEN = " \n "


class Matcher:
    """The words of one query, ready to be looked for in many texts.

    `items` are those of `ranking_terms(query).words` unless others are given.
    """

    def __init__(self, query: Query, items: Iterable[Item] | None = None) -> None:
        self.items = ranking_terms(query).words if items is None else tuple(items)
        self._needles = tuple(_Needle(item) for item in self.items)

    def ranges(self, text: str) -> list[Range]:
        """The half-open code-point ranges of this text that match, in order and apart."""
        return self.marked([text]).ranges[0]

    def marked(self, texts: Sequence[str]) -> Marks:
        """What of each of these texts matches; many plain ones are looked through in one go."""
        in_place = fold_all_in_place(texts)
        whole = f" {_BETWEEN.join([each for each in in_place if each is not None])} "
        found: list[Range] = []
        for needle in self._needles:
            found += needle.places(whole)
        found = _merged(found)
        found.reverse()
        marks = Marks([], [])
        begin = 0
        for text, folded in zip(texts, in_place, strict=True):
            ranges: list[Range] = []
            marks.ranges.append(ranges)
            if folded is None:
                prepared = f" {prepare(text)} "
                ranges += self._among_tokens(text, prepared)
                marks.folded.append(prepared)
                continue
            marks.folded.append(folded)
            end = begin + len(folded)
            while found and found[-1][0] < end:
                start, stop = found.pop()
                ranges.append((start - begin, stop - begin))
            begin = end + len(_BETWEEN)
        return marks

    def _among_tokens(self, text: str, prepared: str) -> list[Range]:
        needles = [needle for needle in self._needles if needle.is_in(prepared)]
        if not needles:
            return []
        found = tokens(text)
        terms = [token.term for token in found]
        places = [place for needle in needles for place in needle.places_among(found, terms)]
        return _merged([(start, _with_marks(text, end)) for start, end in places])


def finder(node: Item | Near) -> Callable[[str], bool]:
    """Whether a text holds this by itself, as a function of the text."""
    if isinstance(node, Near):
        items, distance = node.items, node.distance
        return lambda text: _are_near(items, distance, [each.term for each in tokens(text)])
    needle = _Needle(node)
    return lambda text: needle.is_in(f" {prepare(text)} ")


def _are_near(items: tuple[Item, ...], distance: int, terms: list[str]) -> bool:
    """Whether at most so many terms lie between each of these items and the last, as FTS5 counts."""
    places = [list(_places(item, terms)) for item in items]
    lengths = [len(item.terms) for item in items]
    return any(
        all(
            any(at <= last and last - (at + length) <= distance for at in each)
            for each, length in zip(places, lengths, strict=True)
        )
        for last in sorted({at for each in places for at in each})
    )


def _places(item: Item, terms: list[str]) -> Iterator[int]:
    *head, last = item.terms
    for place in range(len(terms) - len(item.terms) + 1):
        end = place + len(head)
        if terms[place:end] == head and (
            terms[end].startswith(last) if item.prefix else terms[end] == last
        ):
            yield place


class _Needle:
    """One item, looked for in text that was prepared and put between two spaces."""

    def __init__(self, item: Item) -> None:
        self._terms = item.terms
        self._prefix = item.prefix
        self._unspaced_prefix = item.prefix and is_unspaced(item.terms[-1])
        end = "" if item.prefix else " "
        self._needle = f" {item.terms[0]}{end if len(item.terms) == 1 else ' '}"
        adjacent = " +".join(map(re.escape, item.terms))
        self._pattern = re.compile(f" {adjacent}[^ ]*" if item.prefix else f" {adjacent}(?= )")

    def is_in(self, padded: str) -> bool:
        if self._needle not in padded:
            return False
        return len(self._terms) == 1 or self._pattern.search(padded) is not None

    def places(self, padded: str) -> list[Range]:
        """Places in the text, given that it folds without moving anything."""
        needle, found = self._needle, []
        find = padded.find
        start = find(needle)
        if len(self._terms) == 1 and not self._prefix:
            length = len(needle) - 2
            while start >= 0:
                found.append((start, start + length))
                start = find(needle, start + 1)
            return found
        while start >= 0:
            match = self._pattern.match(padded, start)
            if match:
                found.append((start, match.end() - 1))
            start = find(needle, start + 1)
        return found

    def places_among(self, found: list[Token], terms: list[str]) -> Iterator[Range]:
        """Places in the text that these tokens come from."""
        length = len(self._terms)
        for index in self._candidates(terms):
            last = index + length - 1
            if self._terms[:-1] == tuple(terms[index:last]) and self._ends_at(terms[last]):
                yield found[index].start, self._end(found, last)

    def _candidates(self, terms: list[str]) -> Iterator[int]:
        stop = len(terms) - len(self._terms) + 1
        if len(self._terms) == 1:
            yield from range(stop)
            return
        index = -1
        while True:
            try:
                index = terms.index(self._terms[0], index + 1, max(stop, 0))
            except ValueError:
                return
            yield index

    def _ends_at(self, term: str) -> bool:
        return term.startswith(self._terms[-1]) if self._prefix else term == self._terms[-1]

    def _end(self, found: list[Token], last: int) -> int:
        """Where the match ends: of a bigram found by its first character, before the second."""
        token = found[last]
        if self._unspaced_prefix and len(token.term) > 1 and last + 1 < len(found):
            following = found[last + 1].start
            return following if token.start < following else token.end
        return token.end


def _with_marks(text: str, end: int) -> int:
    """The end moved behind what belongs to the character before it: marks, joiners, skin tones."""
    while end < len(text) and _extends(text[end]):
        end += 1
    return end


def _extends(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "M" or character == "\u200d" or "\U0001f3fb" <= character <= "\U0001f3ff"


def _merged(places: list[Range]) -> list[Range]:
    """These places in order, those that overlap as one."""
    places.sort()
    merged: list[Range] = []
    reached = 0
    for start, end in places:
        if start >= reached:
            merged.append((start, end))
            reached = end
        elif end > reached:
            merged[-1] = merged[-1][0], end
            reached = end
    return merged
