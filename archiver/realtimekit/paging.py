"""When a walk over numbered pages is over: neither too early nor never, whatever `paging` says."""

from __future__ import annotations

from dataclasses import dataclass, field

from archiver.realtimekit.lenient import Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list: how many rows it has, which, and what the source says about the rest."""

    count: int
    total_count: int | None = None
    end_offset: int | None = None
    ids: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Paging:
    """What `paging` says, at the top level or inside `data` (reference, 3.3)."""

    total_count: int | None
    end_offset: int | None

    @classmethod
    def of(cls, body: Fields) -> Paging:
        """Read from whichever place has it."""
        paging = Fields(body.get("paging") or Fields(body.get("data")).get("paging"))
        return cls(paging.integer("totalcount"), paging.integer("endoffset"))


class Walk:
    """The pages seen so far of one list.

    A list that does not say where it ends is over after `stale_pages_max` pages, one after the other,
    without a new row.

    Walked newest first, a row inserted in front moves the others to later pages: it repeats rows
    and skips none. A row that vanishes meanwhile moves them the other way and may hide one; the
    next, overlapping walk finds it.
    """

    def __init__(self, *, stale_pages_max: int = 1) -> None:
        self._stale_pages_max = stale_pages_max
        self._seen: set[str] = set()
        self._end_offset = 0
        self._stale = 0

    def ends_with(self, page: Page) -> bool:
        """Take one more page; whether it was the last."""
        new = page.ids - self._seen
        self._seen |= new
        if page.count == 0:
            return True
        total_count, end_offset = page.total_count, page.end_offset
        # A page of rows that were all seen may only mean that as many were inserted in front.
        self._stale = 0 if new else self._stale + 1
        over = self._stale >= self._stale_pages_max
        if total_count is None or total_count < page.count:
            return over
        if end_offset is None:
            return over or len(self._seen) >= total_count
        stuck = not new and end_offset <= self._end_offset
        self._end_offset = end_offset
        return stuck or end_offset >= total_count
