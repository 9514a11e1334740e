"""The places inside sessions where a query is met, best first, with their snippets.

A line is worth the words it holds, each weighed by how much it tells, and those of the lines around
it once more: what is being talked about is said in more than one breath.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import TYPE_CHECKING

import numpy as np

from search.index.records import KINDS
from search.index.snippets import cut_snippet
from search.results import Moment
from search.text import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from search.index.lines import Session
    from search.index.planning import Plan
    from search.index.records import LineRow
    from search.query import Item

#: A phrase that goes on in the next line is looked for at so many of the lines it may begin in.
CROSSINGS_TRIED = 500
#: Moments stand more than so many lines apart: one place is shown once.
LINES_APART = 5
#: Of the lines of a session that match, so many of the best are put in order at first.
SORTED_AT_ONCE = 48
#: Lines this near count as being around a line.
REACH = 4
#: Words weighed one by one; with more of them, those that tell least are weighed together.
WORDS_WEIGHED = 12
#: What two adjacent words on one line or around it weigh, beside the words themselves.
PAIR_WEIGHT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a query is met in one session."""

    session: Session
    lines: NDArray[np.int64]  #: every line that holds any of it, ascending
    worth: NDArray[np.float32]  #: of each of them


class Weights:
    """What lines are worth that hold these items together."""

    def __init__(
        self,
        plan: Plan,
        weights: Mapping[Item, float],
        pair_weights: Mapping[tuple[str, str], float],
    ) -> None:
        items = sorted(plan.items, key=lambda each: -weights[each])
        self.items = items
        self.bit_of = {item: min(place, WORDS_WEIGHED - 1) for place, item in enumerate(items)}
        bits = min(len(items), WORDS_WEIGHED)
        held = np.arange(1 << bits, dtype=np.uint16)
        self.table = np.zeros(1 << bits, np.float32)
        for bit, item in enumerate(items[:bits]):
            self.table[held >> bit & 1 > 0] += weights[item]
        by_term = {item.terms: self.bit_of[item] for item in items}
        for (first, second), weight in pair_weights.items():
            one, two = by_term.get((first,)), by_term.get((second,))
            if one is not None and two is not None and one != two:
                both = (held >> one & 1 > 0) & (held >> two & 1 > 0)
                self.table[both] += PAIR_WEIGHT * weight

    def places(self, sessions: list[Session], check: Callable[[], None]) -> list[Places]:
        """Where the query is met in these sessions, all of them weighed in one go."""
        starts = list(accumulate((each.record.size + REACH for each in sessions), initial=REACH))
        held = np.zeros(starts[-1], np.uint16)
        for item in self.items:
            check()
            bit = np.uint16(1 << self.bit_of[item])
            lines = [
                start + line
                for start, session in zip(starts, sessions, strict=False)
                for line in session.lines_of(item)
            ]
            held[lines] |= bit
        worth = self.table[held] + self.table[_around(held)]
        found = []
        for start, session in zip(starts, sessions, strict=False):
            lines_of = np.flatnonzero(held[start : start + session.record.size])
            found.append(Places(session=session, lines=lines_of, worth=worth[start + lines_of]))
        return found


def _around(held: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """What is held by each line or any that is not further away than `REACH`, which is four."""
    found = held.copy()
    for step in (1, 2, 1):
        found[step:] |= found[:-step].copy()
    for step in (1, 2, 1):
        found[:-step] |= found[step:].copy()
    return found


def moments_of(
    places: Places, plan: Plan, limit: int, names: Callable[[int], str]
) -> tuple[list[Moment], int]:
    """The best moments of a session, best first, and how many of its lines match."""
    if not len(places.lines):
        crossing = next(crossings(places.session, plan), None)
        if crossing is None:
            return [], 0
        return [_across(crossing, plan, names)][:limit], 1
    chosen = _choose(places, limit) if limit else []
    return [
        _moment(row, row, row.text, plan.matcher.ranges(row.text), names) for row in chosen
    ], len(places.lines)


def everywhere(session: Session) -> Places:
    """Every line that counts, where there are no words to look for."""
    if session.allowed is None:
        lines = np.arange(session.record.size)
    else:
        lines = np.flatnonzero(session.allowed)
    return Places(session=session, lines=lines, worth=np.zeros(len(lines), np.float32))


def nowhere(session: Session) -> Places:
    """No line: a session is found as a whole."""
    return Places(session=session, lines=np.zeros(0, np.int64), worth=np.zeros(0, np.float32))


def _choose(places: Places, limit: int) -> list[LineRow]:
    """The lines worth most, spread over the session, each text once."""
    worth = places.worth
    if len(worth) > SORTED_AT_ONCE:
        best = np.sort(np.argpartition(-worth, SORTED_AT_ONCE)[:SORTED_AT_ONCE])
        chosen = _greedily(places, worth[best], places.lines[best], limit)
        if len(chosen) == limit:
            return chosen
    return _greedily(places, worth, places.lines, limit)


def _greedily(
    places: Places, worth: NDArray[np.float32], lines: NDArray[np.int64], limit: int
) -> list[LineRow]:
    record, numbers = places.session.record, lines.tolist()
    chosen: list[LineRow] = []
    taken: list[int] = []
    texts: set[str] = set()
    for place in sorted(range(len(numbers)), key=(-worth).tolist().__getitem__):
        number = numbers[place]
        if any(-LINES_APART <= number - each <= LINES_APART for each in taken):
            continue
        row = record.line(number)
        words = " ".join(prepare(row.text).split())  # case and punctuation make no other moment
        if words not in texts:
            chosen.append(row)
            taken.append(number)
            texts.add(words)
            if len(chosen) == limit:
                break
    return chosen


def crossings(session: Session, plan: Plan) -> Iterator[list[LineRow]]:
    """Lines, read as one, that hold a phrase which one person begins and another goes on with."""
    phrases = [each for each in plan.items if len(each.terms) > 1]
    record, allowed = session.record, session.allowed
    for first, last in islice(_candidates(session, phrases), CROSSINGS_TRIED):
        kind = record.kind_of(first)
        rows = [
            record.line(each)
            for each in range(first, last + 1)
            if record.kind_of(each) == kind and (allowed is None or allowed[each])
        ]
        if plan.matcher.ranges(" ".join(row.text for row in rows)):
            yield rows


def _candidates(session: Session, phrases: list[Item]) -> Iterator[tuple[int, int]]:
    """Lines that hold a phrase's first term, and how far the one with its last may be."""
    for phrase in phrases:
        begins, ends = session.ends_of(phrase)
        reach = len(phrase.terms)
        for begin in begins:
            after = bisect.bisect_right(ends, begin)
            if after < len(ends) and ends[after] - begin <= reach:
                yield begin, min(begin + reach, session.record.size - 1)


def _across(rows: list[LineRow], plan: Plan, names: Callable[[int], str]) -> Moment:
    """What the query first meets in these lines, read as one."""
    joined = " ".join(row.text for row in rows)
    ranges = plan.matcher.ranges(joined)
    ends = list(accumulate(len(row.text) + 1 for row in rows))
    begin, end = ranges[0]
    first = bisect.bisect_right(ends, begin)
    last = min(bisect.bisect_right(ends, end - 1), len(rows) - 1)
    offset = ends[first] - len(rows[first].text) - 1
    text = joined[offset : ends[last] - 1]
    inside = [(a - offset, b - offset) for a, b in ranges if a >= offset and b <= ends[last]]
    return _moment(rows[first], rows[last], text, inside, names)


def _moment(
    first: LineRow,
    last: LineRow,
    text: str,
    ranges: list[tuple[int, int]],
    names: Callable[[int], str],
) -> Moment:
    snippet, highlights = cut_snippet(text, ranges)
    return Moment(
        kind=KINDS[first.kind],
        speaker=names(first.speaker),
        start_ms=first.start_ms,
        end_ms=last.end_ms,
        snippet=snippet,
        highlights=highlights,
    )
