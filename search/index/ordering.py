"""Which matches come first, and which of them a page wants; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Match(NamedTuple):
    """A session that matches; greater is better."""

    tier: int  #: 1 where it holds all words and that comes first
    score: float
    started_at_ms: int
    session_id: str
    row_id: int
    meeting_id: str
    meeting_title: str
    ended_at_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Which part of the matches is wanted."""

    sort: str  #: relevance, newest or oldest
    count: int
    after: tuple[int, str] | None = None  #: by date: past this moment and session id
    newest_row: int | None = None  #: by relevance: rows that came later do not count


def greatest(
    rows: NDArray[np.int64], keys: Sequence[NDArray[Any]], count: int
) -> NDArray[np.int64]:
    """The rows with the greatest keys, the first key first; more of them where they are equal in all."""
    if len(rows) <= count or not keys:
        return rows
    values = keys[0][rows]
    place = len(rows) - count
    limit = np.partition(values, place)[place]
    above, equal = rows[values > limit], rows[values == limit]
    return np.concatenate((above, greatest(equal, keys[1:], count - len(above))))


def is_past(place: tuple[int, str], after: tuple[int, str], cut: Cut) -> bool:
    """Whether a match, by its moment and its session's id, comes after the last that was shown."""
    return place > after if cut.sort == "oldest" else place < after


def sort_key(sort: str) -> Any:
    """The key that puts matches, of one app or of several, in order."""
    if sort == "oldest":
        return lambda each: (each.started_at_ms, each.session_id)
    if sort == "newest":
        return lambda each: (-each.started_at_ms, _reversed(each.session_id))
    return lambda each: (-each.tier, -each.score, -each.started_at_ms, each.session_id)


def _reversed(text: str) -> tuple[int, ...]:
    return (*(-ord(each) for each in text), 1)
