"""`field:value` -> `Filters`: which values a field takes, and what several of them mean together."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from search.query.dates import time_range
from search.query.errors import QueryError
from search.query.nodes import Filters
from search.text import prepare

KINDS = ("transcript", "chat", "summary")
DATE_FIELDS = ("after", "before", "on")

_NAMES = {
    "speaker": "speakers",
    "participant": "participants",
    "in": "kinds",
    "meeting": "meetings",
    "app": "apps",
    "session": "sessions",
}


@dataclass(frozen=True, slots=True)
class FilterLeaf:
    """One filter as it was written."""

    field: str
    value: str
    position: int

    @property
    def is_date(self) -> bool:
        return self.field in DATE_FIELDS


class FilterSet:
    """Filters as they are met: values of one field are alternatives, dates narrow each other."""

    def __init__(self) -> None:
        self._values: dict[str, list[str]] = {}
        self._after_ms: int | None = None
        self._before_ms: int | None = None

    @property
    def wants_something(self) -> bool:
        """Whether a filter says what is wanted, not only what is not."""
        return bool(self.build()) and not self.build().only_excluding

    def add(self, leaf: FilterLeaf, *, excluded: bool) -> None:
        """Take this filter. Raises QueryError for a value its field does not take."""
        if leaf.is_date:
            self._add_date(leaf, excluded=excluded)
            return
        name = f"excluded_{_NAMES[leaf.field]}" if excluded else _NAMES[leaf.field]
        self._values.setdefault(name, []).append(_value(leaf))

    def build(self) -> Filters:
        values = {name: tuple(dict.fromkeys(each)) for name, each in self._values.items()}
        return Filters(after_ms=self._after_ms, before_ms=self._before_ms, **values)

    def warnings(self) -> tuple[str, ...]:
        if None in {self._after_ms, self._before_ms}:
            return ()
        assert self._after_ms is not None
        assert self._before_ms is not None
        if self._after_ms < self._before_ms:
            return ()
        return ("no moment lies in the dates of this query: they end before they begin",)

    def _add_date(self, leaf: FilterLeaf, *, excluded: bool) -> None:
        if excluded:
            raise QueryError(
                f"{leaf.field}: cannot be excluded",
                position=leaf.position,
                suggestion="turn it round: before:2026-11-01 instead of -after:2026-11-01",
            )
        start_ms, end_ms = _range(leaf)
        if leaf.field != "before":
            self._after_ms = max(start_ms, start_ms if self._after_ms is None else self._after_ms)
        if leaf.field != "after":
            limit_ms = end_ms if leaf.field == "on" else start_ms
            self._before_ms = min(
                limit_ms, limit_ms if self._before_ms is None else self._before_ms
            )


def _range(leaf: FilterLeaf) -> tuple[int, int]:
    try:
        start_ms, end_ms = time_range(leaf.value)
    except ValueError as error:
        raise QueryError(
            f"{leaf.field}: takes a date",
            position=leaf.position,
            suggestion=f"write it as {leaf.field}:2026-10-03, {leaf.field}:2026-10 or {leaf.field}:2026",
        ) from error
    if leaf.field == "on" and start_ms == end_ms:
        raise QueryError(
            "on: takes a whole day, month or year",
            position=leaf.position,
            suggestion="write on:2026-10-03, or a time with after: and before:",
        )
    return start_ms, end_ms


def _value(leaf: FilterLeaf) -> str:
    if leaf.field == "in":
        return _kind(leaf)
    if not prepare(leaf.value).strip():
        raise QueryError(
            f"{leaf.field}: has nothing to look for",
            position=leaf.position,
            suggestion=f'write a value after the colon, or "{leaf.field}" in quotes',
        )
    return leaf.value


def _kind(leaf: FilterLeaf) -> str:
    kind = leaf.value.lower()
    if kind in KINDS:
        return kind
    close = difflib.get_close_matches(kind, KINDS, n=1)
    raise QueryError(
        "in: takes transcript, chat or summary",
        position=leaf.position,
        suggestion=f"write in:{close[0]}"
        if close
        else "write in:transcript, in:chat or in:summary",
    )
