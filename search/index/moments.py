"""The places inside sessions where a query is met, best first, with their snippets.

A line is worth the words it holds, each weighed by how much it tells, and those of the lines around
it once more: what is being talked about is said in more than one breath.
"""

from __future__ import annotations

import bisect
from itertools import accumulate, islice, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from search.index.lines import all_lines_of
from search.index.records import KINDS
from search.index.snippets import cut_snippet
from search.results import Moment
from search.text import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

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


class Places(NamedTuple):
    """Where a query is met in one session."""

    session: Session
    lines: NDArray[np.int64]  #: every line that holds any of it, ascending
    worth: NDArray[np.float32]  #: of each of them
    best: float  #: the greatest worth


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
        self.table = np.zeros(1, np.float32)  #: what a line is worth, by the bits of what it holds
        for item in items[:WORDS_WEIGHED]:
            self.table = np.concatenate((self.table, self.table + np.float32(weights[item])))
        held = np.arange(len(self.table), dtype=np.uint16)
        by_term = {item.terms: self.bit_of[item] for item in items}
        for (first, second), weight in pair_weights.items():
            one, two = by_term.get((first,)), by_term.get((second,))
            if one is not None and two is not None and one != two:
                both = (held >> one & 1 > 0) & (held >> two & 1 > 0)
                self.table[both] += PAIR_WEIGHT * weight

    def places(self, sessions: list[Session], check: Callable[[], None]) -> list[Places]:
        """Where the query is met in these sessions, all of them weighed in one go."""
        starts, held = self._held(sessions, check)
        where = held.nonzero()[0]
        worth = self.table[held[where]] + self.table[_around(held)[where]]
        begins = where.searchsorted(starts)
        bounds = [*begins.tolist(), len(where)]
        return [
            Places(session, where[begin:end] - start, worth[begin:end], best)
            for session, start, (begin, end), best in zip(
                sessions, starts, pairwise(bounds), _greatest(worth, begins), strict=True
            )
        ]

    def lines(self, sessions: list[Session], check: Callable[[], None]) -> NDArray[np.int64]:
        """Every line that holds any of it, counted from the first session's first line."""
        starts, held = self._held(sessions, check)
        where = held.nonzero()[0]
        return where - REACH * np.searchsorted(starts, where, "right")

    def _held(
        self, sessions: list[Session], check: Callable[[], None]
    ) -> tuple[list[int], NDArray[np.uint16]]:
        """Where each session begins, and what is held by each line of all of them, as bits."""
        # Between two sessions lie lines that hold nothing: what is around a line is of its session.
        starts = list(accumulate((each.record.size + REACH for each in sessions), initial=REACH))
        held = np.zeros(starts.pop(), np.uint16)
        for item in self.items:
            check()
            held[all_lines_of(sessions, starts, item)] |= np.uint16(1 << self.bit_of[item])
        return starts, held


def _greatest(worth: NDArray[np.float32], begins: NDArray[np.int64]) -> list[float]:
    """The greatest of each stretch, where it begins is given; 0 of an empty one."""
    greatest = np.zeros(len(begins), np.float32)
    held = np.diff(begins, append=len(worth)) > 0
    if len(worth):
        greatest[held] = np.maximum.reduceat(worth, begins[held])
    found: list[float] = greatest.tolist()
    return found


def _worthless(session: Session, lines: NDArray[np.int64]) -> Places:
    return Places(session, lines, np.zeros(len(lines), np.float32), 0.0)


def _around(held: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """What is held by each line or any that is not further away than `REACH`, which is four."""
    found = held.copy()
    for step in (1, 2, 1):
        found[step:] |= found[:-step].copy()
    for step in (1, 2, 1):
        found[:-step] |= found[step:].copy()
    return found


def moments_of(
    page: Sequence[Places], plan: Plan, limit: int, names: Callable[[int], str]
) -> list[tuple[list[Moment], int]]:
    """Of each session its best moments, best first, and how many of its lines match."""
    # Two lines of one text are rare, and only seen once both are read: `_choose` begins again then.
    chosen = [_spread(_best(each), limit, _any) if limit else [] for each in page]
    rows = [
        each.session.said.lines_at(numbers) if numbers else []
        for each, numbers in zip(page, chosen, strict=True)
    ]
    marked = plan.matcher.marked([row.text for some in rows for row in some])
    found = []
    at = 0
    for places, some in zip(page, rows, strict=True):
        shown, marks = some, marked[at : at + len(some)]
        at += len(some)
        if not len(places.lines):
            found.append(_crossing(places, plan, limit, names))
            continue
        twice = len({each.letters for each in marks}) < len(marks)
        if twice or (len(shown) < limit and len(places.lines) > SORTED_AT_ONCE):
            shown = _choose(places, limit)
            marks = plan.matcher.marked([row.text for row in shown])
        moments = [
            _moment(row, row, row.text, mark.ranges, names)
            for row, mark in zip(shown, marks, strict=True)
        ]
        found.append((moments, len(places.lines)))
    return found


def _crossing(
    places: Places, plan: Plan, limit: int, names: Callable[[int], str]
) -> tuple[list[Moment], int]:
    """What no line holds by itself."""
    crossing = next(crossings(places.session, plan), None)
    if crossing is None:
        return [], 0
    return [_across(crossing, plan, names)][:limit], 1


def everywhere(session: Session) -> Places:
    """Every line that counts, where there are no words to look for."""
    if session.allowed is None:
        return _worthless(session, np.arange(session.record.size))
    return _worthless(session, np.flatnonzero(session.allowed))


def nowhere(session: Session) -> Places:
    """No line: a session is found as a whole."""
    return _worthless(session, np.zeros(0, np.int64))


def _any(_number: int) -> bool:
    return True


def _best(places: Places) -> list[int]:
    """The lines worth most, the best first."""
    lines, worth = places.lines, places.worth
    if len(worth) > SORTED_AT_ONCE:
        best = np.sort(np.argpartition(-worth, SORTED_AT_ONCE)[:SORTED_AT_ONCE])
        lines, worth = lines[best], worth[best]
    found: list[int] = lines[(-worth).argsort(kind="stable")].tolist()
    return found


def _spread(numbers: list[int], limit: int, is_new: Callable[[int], bool]) -> list[int]:
    """The first of these lines that stand apart, as far as each is new."""
    taken: list[int] = []
    for number in numbers:
        if len(taken) == limit:
            break
        for other in taken:
            if -LINES_APART <= number - other <= LINES_APART:
                break
        else:
            if is_new(number):
                taken.append(number)
    return taken


def _choose(places: Places, limit: int) -> list[LineRow]:
    """The lines worth most, spread over the session, each text once."""
    record = places.session.said
    texts: set[str] = set()

    def is_new(number: int) -> bool:
        words = " ".join(prepare(record.text(number)).split())  # case and punctuation make no other
        is_known = words in texts
        texts.add(words)
        return not is_known

    chosen = _spread(_best(places), limit, is_new)
    if len(chosen) < limit and len(places.lines) > SORTED_AT_ONCE:
        texts.clear()
        every: list[int] = places.lines[(-places.worth).argsort(kind="stable")].tolist()
        chosen = _spread(every, limit, is_new)
    return record.lines_at(chosen)


def crossings(session: Session, plan: Plan) -> Iterator[list[LineRow]]:
    """Lines, read as one, that hold a phrase which one person begins and another goes on with."""
    phrases = [each for each in plan.items if len(each.terms) > 1]
    record, allowed = session.said, session.allowed
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
    kind = KINDS[first.kind]
    return Moment(kind, names(first.speaker), first.start_ms, last.end_ms, snippet, highlights)
