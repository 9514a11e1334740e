"""Ours and the peer by the same clock, in turn: one run to warm up, three timed, the best of them kept."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.search.queries import FACETS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.search.peer import Peer
    from benchmarks.search.queries import Asked, Classes
    from search.index.library import Library

RUNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The milliseconds of a class."""

    p50_ms: float
    p99_ms: float

    @classmethod
    def of(cls, times_ms: Sequence[float]) -> Figures:
        """Of these times; of twenty queries the p99 is the slowest."""
        return cls(p50_ms=percentile(times_ms, 50), p99_ms=percentile(times_ms, 99))

    def __str__(self) -> str:
        return f"{self.p50_ms:.2f} / {self.p99_ms:.2f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A class, measured."""

    ours: Figures
    faceted: Figures
    peer: Figures | None  #: by its best variant
    variant: str
    empty: int  #: queries that found nothing
    unlike: int  #: queries whose totals differ


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def best_ms(call: Callable[[], object], runs: int = RUNS) -> float:
    """The best of so many runs."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times) * 1000


def compare(classes: Classes, library: Library, peer: Peer | None) -> dict[str, Compared]:
    """Every class, measured."""
    return {name: _class(asked, library, peer) for name, asked in classes.items()}


def _class(queries: list[Asked], library: Library, peer: Peer | None) -> Compared:
    calls: list[dict[str, Callable[[], Any]]] = []
    totals: list[tuple[int, int]] = []
    for asked in queries:
        calls.append(_calls(asked, library, peer))
        firsts = {name: call() for name, call in calls[-1].items()}  # all are warm now
        total = firsts["ours"].total_sessions
        theirs = next((each[0] for name, each in firsts.items() if name in _variants()), total)
        totals.append((total, theirs))
    times: dict[str, list[float]] = {name: [] for name in calls[0]}
    for each in calls:
        for name, call in each.items():
            times[name].append(best_ms(call))
    by_variant = {name: Figures.of(taken) for name, taken in times.items() if name in _variants()}
    variant = min(by_variant, key=lambda name: by_variant[name].p50_ms, default="")
    return Compared(
        ours=Figures.of(times["ours"]),
        faceted=Figures.of(times["faceted"]),
        peer=by_variant.get(variant),
        variant=variant,
        empty=sum(not total for total, _ in totals),
        unlike=sum(total != theirs for total, theirs in totals),
    )


def _calls(asked: Asked, library: Library, peer: Peer | None) -> dict[str, Callable[[], Any]]:
    request, faceted = asked.request(), asked.request(FACETS)
    calls: dict[str, Callable[[], Any]] = {
        "ours": lambda: library.search(request),
        "faceted": lambda: library.search(faceted),
    }
    if peer is not None:
        for name, variant in _variants().items():
            calls[name] = lambda variant=variant: peer.search(asked, *variant)  # type: ignore[misc]
    return calls


def _variants() -> dict[str, tuple[str, str]]:
    from benchmarks.search.peer import VARIANTS

    return {f"{moments}, {marks}": (moments, marks) for moments, marks in VARIANTS}


def geometric_mean(values: Sequence[float]) -> float:
    """Their geometric mean."""
    return math.exp(sum(map(math.log, values)) / len(values))
