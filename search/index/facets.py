"""Facets: how many of the best sessions each speaker, app, kind and month has a part in."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from search.index.records import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

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


def most_of(counter: Counter[str]) -> list[tuple[str, int]]:
    """The values that most sessions have, those first."""
    least = min(sorted(counter.values(), reverse=True)[:FACET_VALUES], default=0)
    found = [each for each in counter.items() if each[1] >= least]  # before they are put in order
    return sorted(found, key=lambda each: (-each[1], each[0]))[:FACET_VALUES]


def parts_of(
    records: Sequence[Record], lines: NDArray[np.int64], names: Callable[[int], str]
) -> dict[str, Counter[str]]:
    """In how many of these sessions each speaker, and each kind, has one of these lines.

    `lines` ascend, counted from the first session's first line.
    """
    ends = np.cumsum([each.counts for each in records])
    held = np.diff(lines.searchsorted(ends), prepend=0).reshape(-1, len(KINDS))
    kinds = zip(KINDS, np.count_nonzero(held, 0).tolist(), strict=True)
    return {
        "speaker": _speakers_of(records, lines, held.sum(1), names),
        "kind": Counter({name: count for name, count in kinds if count}),
    }


def _speakers_of(
    records: Sequence[Record],
    lines: NDArray[np.int64],
    held: NDArray[np.int64],  #: how many of these lines each session has
    names: Callable[[int], str],
) -> Counter[str]:
    speakers = [each.speakers for each in records]
    numbers, counts = np.concatenate(speakers), np.array(list(map(len, speakers)))
    spoken_by = np.concatenate([each.spoken_by() for each in records])
    said = np.zeros(len(numbers), np.bool_)
    said[spoken_by[lines] + np.repeat(np.cumsum(counts) - counts, held)] = True
    speaker, sessions = np.unique(numbers[said], return_counts=True)
    found = list(map(names, speaker.tolist()))
    if len(found) == len({*found}):
        counter = Counter(dict(zip(found, sessions.tolist(), strict=True)))
    else:  # of several who bear one name, all may have spoken in one session
        session = np.repeat(np.arange(len(records)), counts)[said]
        each_once = {*zip(session.tolist(), map(names, numbers[said].tolist()), strict=True)}
        counter = Counter(name for _, name in each_once)
    counter.pop("", None)
    return counter
