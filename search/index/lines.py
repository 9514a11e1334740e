"""Which lines of a session hold what is looked for."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from migrations.sqlite import rows_in
from search.index.cache import Body
from search.index.forward import (
    Forward,
    Hashes,
    Lines,
    all_lines_from,
    all_steps,
    hash_of,
    steps_in,
)
from search.index.records import Record
from search.query import Near, finder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from migrations.sqlite import Connection
    from search.index.filters import Scope
    from search.index.view import View
    from search.query import Item

_SESSIONS_AT_ONCE = 100

#: A term by its hash, or the hashes of every word that begins so.
Needle: TypeAlias = int | Hashes


class Needles:
    """The terms of a query by their hashes, with what their beginnings were found to stand for."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = tuple(items)
        self._beginnings: dict[str, Hashes] = {}
        self._needles: dict[Item, list[Needle]] = {}
        self._finders: dict[Item | Near, Callable[[str], bool]] = {}

    def expand(self, prefix: str, hashes: NDArray[np.uint32]) -> None:
        """Say which words begin so, by their hashes."""
        known = self._beginnings.get(prefix)
        if known is not None:
            hashes = np.union1d(hashes, known.hashes)
        self._beginnings[prefix] = Hashes(hashes)

    def finder(self, node: Item | Near) -> Callable[[str], bool]:
        """Whether a text holds this by itself, as a function of the text."""
        found = self._finders.get(node)
        if found is None:
            found = self._finders[node] = finder(node)
        return found

    def of(self, item: Item) -> list[Needle]:
        """For each term of an item what it is looked for by."""
        found = self._needles.get(item)
        if found is None:
            terms = item.terms[:-1] if item.prefix else item.terms
            found = [*map(hash_of, terms)]
            if item.prefix:
                found.append(self._beginnings[item.terms[-1]])
            self._needles[item] = found
        return found


class Session:
    """One session, looked into."""

    __slots__ = ("_body", "_found", "_looking", "allowed", "forward", "record", "row_id")

    def __init__(self, looking: Looking, row_id: int, body: Body) -> None:
        self._looking, self._body = looking, body
        self.row_id = row_id
        self.record, self.forward = body
        #: Which of its lines count; None: all of them.
        self.allowed = looking.scope.allowed(self.record) if looking.names_lines else None
        self._found: dict[Item | Near, list[int]] = {}

    @property
    def said(self) -> Record:
        """The record together with its text."""
        if not self.record.has_text:
            db, view = self._looking.db, self._looking.view
            select = "select text from body where id = ?"
            self.record.fill(db.execute(select, [self.row_id]).fetchone()[0])
            view.caches.bodies.resize(view.key(self.row_id), self._body.size_bytes)
        return self.record

    @property
    def needles(self) -> Needles:
        """What is looked for."""
        return self._looking.needles

    @property
    def has_lines(self) -> bool:
        """Whether any line counts."""
        return self.record.size > 0 if self.allowed is None else bool(self.allowed.any())

    def lines_of(self, node: Item | Near) -> list[int]:
        """The lines that hold this by themselves, ascending."""
        found = self._found.get(node)
        if found is None:
            found = self._found[node] = self._look(node)
        return found

    def ends_of(self, item: Item) -> tuple[list[int], list[int]]:
        """The lines that hold the first of several terms, and those that hold the last."""
        first, *_, last = self.needles.of(item)
        return self.holding(first), self.holding(last)

    def _look(self, node: Item | Near) -> list[int]:
        if isinstance(node, Near):
            sides = [self.lines_of(each) for each in node.items]
        else:
            sides = [self.holding(each) for each in self.needles.of(node)]
        if len(sides) == 1:
            return sides[0]
        lines = sorted(set(sides[0]).intersection(*sides[1:]))
        holds = self.needles.finder(node)
        return [each for each in lines if holds(self.said.text(each))]

    def holding(self, needle: Needle) -> list[int]:
        """The lines that count and hold this, ascending."""
        forward, allowed = self.forward, self.allowed
        lines: Iterable[int]
        lines = forward.lines(needle) if isinstance(needle, int) else forward.lines_of(needle)
        return list(lines) if allowed is None else [each for each in lines if allowed[each]]


def all_lines_of(
    sessions: Sequence[Session], starts: Sequence[int], item: Item
) -> NDArray[np.int64] | list[int]:
    """The lines of all these sessions that hold this item, each session's counted from its start."""
    needles = sessions[0].needles.of(item) if sessions else []
    if len(needles) == 1 and sessions[0].allowed is None:
        (needle,) = needles
        if isinstance(needle, int):
            return all_lines_from(starts, steps_in([each.forward for each in sessions], needle))
        whose, found = all_steps([each.forward for each in sessions], needle)
        return all_lines_from([starts[each] for each in whose], found)
    return [
        start + line
        for start, each in zip(starts, sessions, strict=True)
        for line in each.lines_of(item)
    ]


def lines_by_session(sessions: Sequence[Session], item: Item) -> Sequence[Lines | list[int]]:
    """The lines that hold this item, of each of these sessions; ascending."""
    needles = sessions[0].needles.of(item) if sessions else []
    if len(needles) == 1 and sessions[0].allowed is None:
        (needle,) = needles
        if isinstance(needle, int):
            return list(map(Lines, steps_in([each.forward for each in sessions], needle)))
        *starts, size = accumulate((each.record.size for each in sessions), initial=0)
        held = np.zeros(size, np.bool_)
        held[all_lines_of(sessions, starts, item)] = True
        lines = held.nonzero()[0]
        bounds = [*lines.searchsorted(starts).tolist(), len(lines)]
        return [
            (lines[begin:end] - start).tolist()
            for start, (begin, end) in zip(starts, pairwise(bounds), strict=True)
        ]
    return [each.lines_of(item) for each in sessions]


def all_lines(sessions: Sequence[Session]) -> NDArray[np.int64]:
    """Every line that counts, counted from the first session's first line."""
    if not sessions or sessions[0].allowed is None:
        return np.arange(sum(each.record.size for each in sessions))
    return np.concatenate([each.allowed for each in sessions]).nonzero()[0]


class Looking:
    """Looks for the same in one session after the other, within one scope and one state of the index."""

    def __init__(self, db: Connection, view: View, needles: Needles, scope: Scope) -> None:
        self.db, self.view, self.needles, self.scope = db, view, needles, scope
        self.names_lines = scope.names_lines

    def into(self, rows: list[int], *, with_text: bool) -> list[Session]:
        """These sessions; what has to be read of them is kept for whoever asks next."""
        view, cache = self.view, self.view.caches.bodies
        bodies: dict[int, Body] = {}
        missing, silent = [], []
        for row_id, body in zip(rows, map(cache.get, view.keys(rows)), strict=True):
            if body is None:
                missing.append(row_id)
                continue
            bodies[row_id] = body
            if with_text and not body.record.has_text:
                silent.append(row_id)
        columns = "id, meta, forward, text" if with_text else "id, meta, forward, null"
        for row_id, meta, forward, text in _read(self.db, columns, missing):
            body = bodies[row_id] = Body(Record(meta, text), Forward(forward))
            cache.put(view.key(row_id), body, body.size_bytes)
        for row_id, text in _read(self.db, "id, text", silent):
            body = bodies[row_id]
            body.record.fill(text)
            cache.resize(view.key(row_id), body.size_bytes)
        return [Session(self, each, bodies[each]) for each in rows]

    def through(self, rows: list[int]) -> Iterator[Session]:
        """Any number of sessions, one after the other; of many nothing is kept."""
        if len(rows) <= _SESSIONS_AT_ONCE:  # of a few some are shown, and looked into again
            yield from self.into(rows, with_text=False)
            return
        view, cache = self.view, self.view.caches.bodies
        for start in range(0, len(rows), _SESSIONS_AT_ONCE):
            some = rows[start : start + _SESSIONS_AT_ONCE]
            known = dict(zip(some, map(cache.get, view.keys(some)), strict=True))
            missing = [each for each, body in known.items() if body is None]
            for row_id, meta, forward in _read(self.db, "id, meta, forward", missing):
                known[row_id] = Body(Record(meta), Forward(forward))
            for row_id, body in known.items():
                if body is not None:
                    yield Session(self, row_id, body)


def _read(db: Connection, columns: str, rows: list[int]) -> Iterator[tuple[Any, ...]]:
    return rows_in(db, f"select {columns} from body where id in", rows)
