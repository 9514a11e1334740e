"""Which lines of a session hold what is looked for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from search.index.forward import Forward, hash_of, key_of
from search.index.records import Record
from search.query import Near, finder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from migrations.sqlite import Connection
    from search.index.filters import Scope
    from search.query import Item

_SESSIONS_AT_ONCE = 100

#: A term by its hash, or the hashes of every word that begins so.
Needle: TypeAlias = bytes | NDArray[np.uint32]


class Needles:
    """The terms of a query by their hashes, with what their beginnings were found to stand for."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = tuple(items)
        self._beginnings: dict[str, NDArray[np.uint32]] = {}
        self._needles: dict[Item, list[Needle]] = {}

    def expand(self, prefix: str, words: Iterable[str]) -> None:
        """Say which words begin so."""
        known = self._beginnings.get(prefix)
        found = np.fromiter(map(hash_of, words), np.uint32)
        self._beginnings[prefix] = np.unique(found if known is None else np.append(found, known))

    def of(self, item: Item) -> list[Needle]:
        """For each term of an item what it is looked for by."""
        found = self._needles.get(item)
        if found is None:
            terms = item.terms[:-1] if item.prefix else item.terms
            found = [key_of(each) for each in terms]
            if item.prefix:
                found.append(self._beginnings[item.terms[-1]])
            self._needles[item] = found
        return found


class Session:
    """One session, looked into; `scope` says which of its lines count."""

    __slots__ = ("_found", "_needles", "allowed", "forward", "record", "row_id")

    def __init__(
        self, row_id: int, record: Record, forward: bytes, needles: Needles, scope: Scope
    ) -> None:
        self.row_id = row_id
        self.record = record
        self.forward = Forward(forward)
        self.allowed = scope.allowed(record)
        self._needles = needles
        self._found: dict[Item | Near, list[int]] = {}

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
        first, *_, last = self._needles.of(item)
        return self._with(first), self._with(last)

    def _look(self, node: Item | Near) -> list[int]:
        if isinstance(node, Near):
            sides = [self.lines_of(each) for each in node.items]
        else:
            sides = [self._with(each) for each in self._needles.of(node)]
        if len(sides) == 1:
            return sides[0]
        lines = sorted(set(sides[0]).intersection(*sides[1:]))
        holds = finder(node)
        return [each for each in lines if holds(self.record.text(each))]

    def _with(self, needle: Needle) -> list[int]:
        """The lines that count and hold this, ascending."""
        forward, allowed = self.forward, self.allowed
        lines: Iterable[int]
        lines = forward.lines(needle) if isinstance(needle, bytes) else forward.lines_of(needle)
        return list(lines) if allowed is None else [each for each in lines if allowed[each]]


def loaded(
    db: Connection, rows: list[int], needles: Needles, scope: Scope, *, with_text: bool = True
) -> Iterator[Session]:
    """These sessions, in the order of their row ids; without their text it is read when it is needed."""
    columns = "id, meta, forward, text" if with_text else "id, meta, forward, null"
    for start in range(0, len(rows), _SESSIONS_AT_ONCE):
        some = rows[start : start + _SESSIONS_AT_ONCE]
        marks = ",".join("?" * len(some))
        found = db.execute(f"select {columns} from body where id in ({marks})", some)
        for row_id, meta, forward, text in found:
            record = Record(meta, text or partial(_text_of, db, row_id))
            yield Session(row_id, record, forward, needles, scope)


def _text_of(db: Connection, row_id: int) -> bytes:
    text: bytes = db.execute("select text from body where id = ?", [row_id]).fetchone()[0]
    return text
