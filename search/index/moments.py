"""The places inside sessions where a query is met, best first, with their snippets.

A line is worth the words it holds, each weighed by how much it tells, and those of the lines around
it once more: what is being talked about is said in more than one breath.
"""

from __future__ import annotations

import bisect
from functools import cached_property
from itertools import accumulate, islice, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from search.index.lines import all_lines_of, lines_by_session
from search.index.records import KINDS, Columns
from search.index.snippets import cut_snippet
from search.results import Moment
from search.text import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from search.index.lines import Session
    from search.index.planning import Plan
    from search.index.records import LineRow
    from search.query import Item

#: A phrase that goes on in the next line is looked for at so many of the lines it may begin in.
CROSSINGS_TRIED = 500
#: Moments stand more than so many lines apart: one place is shown once.
LINES_APART = 5
#: Lines this near count as being around a line.
REACH = 4
#: Words weighed one by one; with more of them, those that tell least are weighed together.
WORDS_WEIGHED = 12
#: So many sessions are put in order in one go.
_WEIGHED_AT_ONCE = 64
#: How their number, a worth, which is never negative, and a line share 63 bits; no artifact has more
#: lines, since none has so many bytes (`search.formats.Limits`).
_LINE_BITS, _SESSION_SHIFT = 26, 57
_LINE_MAX, _WORTH_MAX = (1 << _LINE_BITS) - 1, 0x7FFFFFFF
#: What two adjacent words on one line or around it weigh, beside the words themselves.
PAIR_WEIGHT = 0.5


class Places(NamedTuple):
    """Where a query is met in one session."""

    session: Session
    met: int  #: how many lines hold any of it
    lines: Iterable[int]  #: which, those worth most first
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
        self._weights, self._pair_weights = weights, pair_weights

    @cached_property
    def table(self) -> NDArray[np.float32]:
        """What a line is worth, by the bits of what it holds."""
        items, bit_of = self.items, self.bit_of
        table = np.zeros(1, np.float32)
        for item in items[:WORDS_WEIGHED]:
            table = np.concatenate((table, table + np.float32(self._weights[item])))
        held = np.arange(len(table), dtype=np.uint16)
        by_term = {item.terms: bit_of[item] for item in items}
        for (first, second), weight in self._pair_weights.items():
            one, two = by_term.get((first,)), by_term.get((second,))
            if one is not None and two is not None and one != two:
                both = (held >> one & 1 > 0) & (held >> two & 1 > 0)
                table[both] += PAIR_WEIGHT * weight
        return table

    def places(self, sessions: list[Session], check: Callable[[], None]) -> list[Places]:
        """Where the query is met in these sessions."""
        weighed = self._alike if len(self.items) == 1 else self._weighed
        found: list[Places] = []
        for start in range(0, len(sessions), _WEIGHED_AT_ONCE):
            found += weighed(sessions[start : start + _WEIGHED_AT_ONCE], check)
        return found

    def _weighed(self, sessions: list[Session], check: Callable[[], None]) -> list[Places]:
        """The same of a few sessions, all of them put in order in one go."""
        starts, held = self._held(sessions, check)
        where = held.nonzero()[0]
        worth = self.table[held[where]] + self.table[_around(held)[where]]
        begins = where.searchsorted(starts)
        counts = np.diff(begins, append=len(where))
        # One number for each line, by which it stands where it belongs: those of the first session
        # first, of those the ones that are worth most (as bits a number from 0 on keeps its order),
        # and of those the earliest.
        keys = where + (_WORTH_MAX - worth.view(np.int32).astype(np.int64) << _LINE_BITS)
        keys += np.repeat((np.arange(len(sessions)) << _SESSION_SHIFT) - starts, counts)
        keys.sort()
        firsts = keys[np.minimum(begins, len(keys) - 1)] if len(keys) else begins
        best = _WORTH_MAX - (firsts >> _LINE_BITS & _WORTH_MAX).astype(np.int32)
        lines = (keys & _LINE_MAX).data
        return [
            Places(session, end - begin, lines[begin:end], most if end > begin else 0.0)
            for session, begin, end, most in zip(
                sessions,
                begins.tolist(),
                (begins + counts).tolist(),
                best.view(np.float32).tolist(),
                strict=True,
            )
        ]

    def _alike(self, sessions: list[Session], check: Callable[[], None]) -> list[Places]:
        """The same where a single item is looked for: no line has more of it to tell than another."""
        check()
        (item,) = self.items
        worth = float(2 * np.float32(self._weights[item]))  # of itself, and of what is around it
        found = lines_by_session(sessions, item)
        counts = list(map(len, found))
        best = [worth if count else 0.0 for count in counts]
        return list(map(Places, sessions, counts, found, best))

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
    read, ends = Columns.of_nothing(), [0]
    for places in page:
        if limit and places.met:
            places.session.said.read(_spread(places.lines, limit), read)
        ends.append(len(read.texts))
    marks = plan.matcher.marked(read.texts)
    moments = _moments(read, marks.ranges, names)
    found = []
    for places, (begin, end) in zip(page, pairwise(ends), strict=True):
        if not places.met:
            found.append(_crossing(places, plan, limit, names))
        elif marks.have_twins(begin, end):
            chosen = _choose(places, limit)
            ranges = plan.matcher.marked(chosen.texts).ranges
            found.append((_moments(chosen, ranges, names), places.met))
        else:
            found.append((moments[begin:end], places.met))
    return found


def _moments(
    read: Columns, ranges: Sequence[list[tuple[int, int]]], names: Callable[[int], str]
) -> list[Moment]:
    """What is shown of these lines, given what of each matches."""
    kinds, speakers, starts_ms, ends_ms, texts = read
    snippets, highlights = [], []
    for snippet, met in map(cut_snippet, texts, ranges):
        snippets.append(snippet)
        highlights.append(met)
    names_of_kinds = map(KINDS.__getitem__, kinds)
    columns = names_of_kinds, map(names, speakers), starts_ms, ends_ms, snippets, highlights
    return list(map(Moment, *columns))


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
        return Places(session, session.record.size, range(session.record.size), 0.0)
    lines = np.flatnonzero(session.allowed).tolist()
    return Places(session, len(lines), lines, 0.0)


def nowhere(session: Session) -> Places:
    """No line: a session is found as a whole."""
    return Places(session, 0, (), 0.0)


def _spread(
    numbers: Iterable[int], limit: int, is_new: Callable[[int], bool] | None = None
) -> list[int]:
    """The first of these lines that stand apart, as far as each is new."""
    taken: list[int] = []
    for number in numbers:
        for other in taken:
            if -LINES_APART <= number - other <= LINES_APART:
                break
        else:
            if is_new is None or is_new(number):
                taken.append(number)
                if len(taken) == limit:
                    break
    return taken


def _choose(places: Places, limit: int) -> Columns:
    """The lines worth most, spread over the session, each text once."""
    record = places.session.said
    texts: set[str] = set()

    def is_new(number: int) -> bool:
        words = " ".join(prepare(record.text(number)).split())  # case and punctuation make no other
        is_known = words in texts
        texts.add(words)
        return not is_known

    read = Columns.of_nothing()
    record.read(_spread(places.lines, limit, is_new), read)
    return read


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
    begun = rows[first]
    return Moment(
        KINDS[begun.kind],
        names(begun.speaker),
        begun.start_ms,
        rows[last].end_ms,
        *cut_snippet(text, inside),
    )
