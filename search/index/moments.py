"""The places inside a session where a query is met, with their snippets."""

from __future__ import annotations

import bisect
from itertools import accumulate, islice
from typing import TYPE_CHECKING, NamedTuple

from search.index.appfile import KINDS
from search.results import Moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrations.sqlite import Connection
    from search.index.filters import Scope
    from search.index.planning import Plan
    from search.query import Item, Matcher

#: So many matching lines of a session are looked at closely; the count goes on beyond them.
LINES_READ = 300
#: A phrase that goes on in the next line is looked for at so many of the lines it may begin in.
CROSSINGS_TRIED = 500
#: Moments stand at least this many lines apart: one place is shown once.
LINES_APART = 4
SNIPPET_CHARS = 240
SNIPPET_LEAD_CHARS = 80


class _Line(NamedTuple):
    id: int
    kind: int
    speaker: str
    start_ms: int | None
    end_ms: int | None
    text: str


def find_moments(
    db: Connection,
    plan: Plan,
    scope: Scope,
    matcher: Matcher,
    lines_of_session: tuple[int, int],
    limit: int,
) -> tuple[list[Moment], int]:
    """The best moments of a session, best first, and how many of its lines match."""
    first, last = lines_of_session
    ids = _matching_lines(db, plan, scope, first, last)
    if not ids:
        crossing = _crossing(db, plan, scope, matcher, (first, last)) if plan.lines else None
        return ([crossing][:limit], 1) if crossing else ([], 0)
    if not limit:
        return [], len(ids)
    lines = _lines(db, ids[:LINES_READ])
    chosen = _choose(lines, matcher, limit)
    return [_moment(line, matcher) for line in chosen], len(ids)


def _matching_lines(db: Connection, plan: Plan, scope: Scope, first: int, last: int) -> list[int]:
    if not plan.lines and not scope.names_lines:
        return []
    return _holding(db, scope, plan.lines, first, last)


_COLUMNS = (
    "select line.id, kind, coalesce(speaker.name, ''), start_ms, end_ms, text"
    " from line left join speaker on speaker.id = line.speaker"
)


def _lines(db: Connection, ids: list[int]) -> list[_Line]:
    marks = ",".join("?" * len(ids))
    rows = db.execute(f"{_COLUMNS} where line.id in ({marks}) order by line.id", ids)
    return [_Line(*row) for row in rows]


def _read(db: Connection, scope: Scope, first: int, last: int) -> list[_Line]:
    rows = db.execute(f"{_COLUMNS} where line.id between ? and ? order by line.id", [first, last])
    return [line for line in (_Line(*row) for row in rows) if line.kind in scope.kinds]


def _choose(lines: list[_Line], matcher: Matcher, limit: int) -> list[_Line]:
    """The lines that hold most of the query's words, spread over the session, each text once."""
    worth = {line.id: len(matcher.matched(line.text)) for line in lines}
    chosen: list[_Line] = []
    for line in sorted(lines, key=lambda each: (-worth[each.id], each.id)):
        if len(chosen) == limit:
            break
        if any(abs(line.id - each.id) < LINES_APART or line.text == each.text for each in chosen):
            continue
        chosen.append(line)
    return chosen


def _moment(line: _Line, matcher: Matcher) -> Moment:
    snippet, highlights = cut_snippet(line.text, matcher.ranges(line.text))
    return Moment(
        kind=KINDS[line.kind],
        speaker=line.speaker,
        start_ms=line.start_ms,
        end_ms=line.end_ms,
        snippet=snippet,
        highlights=highlights,
    )


def _crossing(
    db: Connection, plan: Plan, scope: Scope, matcher: Matcher, lines_of_session: tuple[int, int]
) -> Moment | None:
    """A phrase that one person begins and the next line goes on with: the place where it begins."""
    first, last = lines_of_session
    phrases = [each for each in plan.items if len(each.terms) > 1]
    for begin, reach in islice(_crossings(db, scope, phrases, first, last), CROSSINGS_TRIED):
        lines = _read(db, scope, begin, min(begin + reach, last))
        same = [each for each in lines if each.kind == lines[0].kind]
        if (moment := _moment_across(same, matcher)) is not None:
            return moment
    return None


def _crossings(
    db: Connection, scope: Scope, phrases: list[Item], first: int, last: int
) -> Iterator[tuple[int, int]]:
    """Lines that hold a phrase's first term, soon followed by one with its last, and how far to read."""
    for phrase in phrases:
        begins = _holding(db, scope, f'"{phrase.terms[0]}"', first, last)
        ends = _holding(db, scope, f'"{phrase.terms[-1]}"' + "*" * phrase.prefix, first, last)
        reach = len(phrase.terms)
        for begin in begins:
            after = bisect.bisect_right(ends, begin)
            if after < len(ends) and ends[after] - begin <= reach:
                yield begin, reach


def _holding(db: Connection, scope: Scope, expression: str, first: int, last: int) -> list[int]:
    sql, values = scope.ids_sql(expression, first, last)
    return [row[0] for row in db.execute(f"{sql} order by 1", values)]


def _moment_across(lines: list[_Line], matcher: Matcher) -> Moment | None:
    """What the query meets in these lines, read as one."""
    ends = list(accumulate(len(line.text) + 1 for line in lines))
    joined = " ".join(line.text for line in lines)
    ranges = matcher.ranges(joined)
    if not ranges:
        return None
    begin, end = ranges[0]
    first = bisect.bisect_right(ends, begin)
    last = min(bisect.bisect_right(ends, end - 1), len(lines) - 1)
    offset = ends[first] - len(lines[first].text) - 1
    text = joined[offset : ends[last] - 1]
    inside = [(a - offset, b - offset) for a, b in ranges if a >= offset and b <= ends[last]]
    snippet, highlights = cut_snippet(text, inside)
    line = lines[first]
    return Moment(
        kind=KINDS[line.kind],
        speaker=line.speaker,
        start_ms=line.start_ms,
        end_ms=lines[last].end_ms,
        snippet=snippet,
        highlights=highlights,
    )


def cut_snippet(
    text: str, ranges: list[tuple[int, int]]
) -> tuple[str, tuple[tuple[int, int], ...]]:
    """At most 240 characters of a text around its first match, and the matches in them.

    What was left out is shown by an ellipsis; cuts fall on white space where there is some near.
    """
    if len(text) <= SNIPPET_CHARS:
        return text, tuple(ranges)
    begin = max(ranges[0][0] - SNIPPET_LEAD_CHARS, 0) if ranges else 0
    begin = _word_start(text, begin)
    end = _word_end(text, min(begin + SNIPPET_CHARS, len(text)))
    if ranges:
        end = max(end, min(ranges[0][1], begin + 2 * SNIPPET_CHARS))
    lead, tail = "… " if begin else "", " …" if end < len(text) else ""
    shift = len(lead) - begin
    kept = tuple(
        (max(a, begin) + shift, min(b, end) + shift) for a, b in ranges if a < end and b > begin
    )
    return f"{lead}{text[begin:end]}{tail}", kept


def _word_start(text: str, index: int) -> int:
    if index == 0:
        return 0
    space = text.find(" ", index, index + 20)
    return space + 1 if space >= 0 else index


def _word_end(text: str, index: int) -> int:
    if index >= len(text):
        return len(text)
    space = text.rfind(" ", index - 20, index)
    return space if space >= 0 else index
