"""Facets: how many of the best sessions each speaker, app, kind and month has a part in."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from search.index.records import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from search.index.lines import Session
    from search.index.records import Record

#: Facets are counted among so many of the best sessions.
FACETS_OF = 100
FACETS = ("speaker", "app", "kind", "month")
FACET_VALUES = 50

#: Those of them that only the lines of a session tell.
_OF_LINES = {"speaker", "kind"}


def need_lines(names: tuple[str, ...]) -> bool:
    """Whether any of these facets is told by a session's lines."""
    return bool(_OF_LINES & set(names))


def month_of(started_at_ms: int) -> str:
    """The month, in UTC, as the facet writes it."""
    return _month_of_day(started_at_ms // 86_400_000)


@lru_cache(maxsize=4096)
def _month_of_day(day: int) -> str:
    return f"{datetime.fromtimestamp(day * 86_400, UTC):%Y-%m}"


def parts_of(
    session: Session, lines: NDArray[np.int64], names: Callable[[int], str]
) -> dict[str, set[str]]:
    """Who said these lines of a session, and of which kinds they are."""
    record = session.record
    speakers = record.speakers.tolist()
    who = set(record.spoken_by()[lines].tolist())
    return {
        "speaker": {names(speakers[each]) for each in who} - {""},
        "kind": set(_kinds_of(record, lines)),
    }


def _kinds_of(record: Record, lines: NDArray[np.int64]) -> Iterator[str]:
    begin = place = 0
    for name, count in zip(KINDS, record.counts, strict=True):
        if count and place < len(lines):
            begin += count
            after = len(lines) if begin == record.size else int(lines.searchsorted(begin))
            if after > place:
                yield name
            place = after
