"""Ours and the peer by the same clock, in turn: one run to warm up, three timed, the best of them kept."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.search.peer import VARIANTS, Peer
from benchmarks.search.peer_answers import Answers
from benchmarks.search.queries import FACETS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

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
class Best:
    """The quickest way of a peer."""

    figures: Figures
    variant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A class, measured."""

    ours: Figures
    faceted: Figures
    peer: Best | None  #: giving the same answer
    lean: Best | None  #: with less to do
    empty: int  #: queries that found nothing
    unlike: int  #: queries of which the peer's total differs


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


class Peers:
    """A peer that answers as we do, and one with less to do."""

    def __init__(self, root: Path) -> None:
        self._same, self._lean = Answers(root), Peer(root)

    def calls(self, asked: Asked) -> dict[tuple[str, str], Callable[[], Any]]:
        """Every way of either, by which it is and how it goes about it."""
        found: dict[tuple[str, str], Callable[[], Any]] = {}
        for moments, marks in VARIANTS:
            name = f"{moments}, {marks}"
            found["peer", name] = partial(self._same.search, asked, moments, marks)
            found["lean", name] = partial(self._lean.search, asked, moments, marks)
        return found


def compare(classes: Classes, library: Library, peers: Peers | None) -> dict[str, Compared]:
    """Every class, measured."""
    return {name: _class(asked, library, peers) for name, asked in classes.items()}


def _class(queries: list[Asked], library: Library, peers: Peers | None) -> Compared:
    times: dict[tuple[str, str], list[float]] = {}
    totals: list[tuple[int, int]] = []
    calls = [_calls(asked, library, peers) for asked in queries]
    for each in calls:
        firsts = {name: call() for name, call in each.items()}  # all are warm now
        total = firsts["ours", ""].total_sessions
        theirs = [found.total_sessions for (who, _), found in firsts.items() if who == "peer"]
        totals.append((total, theirs[0] if theirs else total))
    for each in calls:
        for name, call in each.items():
            times.setdefault(name, []).append(best_ms(call))
    figures = {name: Figures.of(taken) for name, taken in times.items()}
    return Compared(
        ours=figures["ours", ""],
        faceted=figures["faceted", ""],
        peer=_best(figures, "peer"),
        lean=_best(figures, "lean"),
        empty=sum(not total for total, _ in totals),
        unlike=sum(total != theirs for total, theirs in totals),
    )


def _calls(
    asked: Asked, library: Library, peers: Peers | None
) -> dict[tuple[str, str], Callable[[], Any]]:
    calls: dict[tuple[str, str], Callable[[], Any]] = {
        ("ours", ""): partial(library.search, asked.request()),
        ("faceted", ""): partial(library.search, asked.request(FACETS)),
    }
    return calls if peers is None else calls | peers.calls(asked)


def _best(figures: dict[tuple[str, str], Figures], who: str) -> Best | None:
    ways = [
        Best(figures=found, variant=way) for (whose, way), found in figures.items() if whose == who
    ]
    return min(ways, key=lambda each: each.figures.p50_ms, default=None)


def geometric_mean(values: Sequence[float]) -> float:
    """Their geometric mean."""
    return math.exp(sum(map(math.log, values)) / len(values))
