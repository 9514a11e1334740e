"""How the archive fares, in numbers, as Prometheus reads them: what the ledger says, and nobody's name.

Every process tells the same, for all of it is read from the ledger; what a process alone knows is
handed in.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from archiver.errors import ArchiverError
from archiver.ledger import (
    BUDGET_LEFT,
    BUDGET_PAUSE,
    FIXITY_FAILURES,
    LISTED,
    UNDERLOCKED,
    VERIFIED,
    WORKER_SEEN,
    Ledger,
)
from archiver.model import Kind, Outcome
from archiver.release import version

if TYPE_CHECKING:
    from pathlib import Path

    from prometheus_client.core import Metric

    from archiver.clock import Clock
    from archiver.settings import Settings

log = logging.getLogger("archiver.metrics")

#: Understood by every release of Prometheus.
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "rtk_archive_"
#: What a worker said of its budget longer ago than this says nothing of the present.
BUDGET_KNOWN = timedelta(minutes=2)

#: Values by the labels they stand under, in the order of the family's labels.
Samples: TypeAlias = Collection[tuple[tuple[str, ...], float]]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name without the prefix, what it means, and the names of its labels."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()

    @property
    def is_counter(self) -> bool:
        return self.name.endswith("_total")


FAMILIES = (
    Family("build_info", "The installed release", ("version",)),
    Family(
        "sessions",
        "Sessions: all that are known, and of these the live, those with a look still to come, "
        "and those with something lost",
        ("state",),
    ),
    Family("artifacts", "Artifacts by kind and outcome", ("kind", "outcome")),
    Family(
        "oldest_unarchived_age_seconds",
        "Since the end of the oldest session with something pending of which the source does not "
        "say that there is none; 0 where there is no such session",
    ),
    Family(
        "nearest_deadline_seconds",
        "Until the source deletes something that such a session still lacks; negative once past",
    ),
    Family("late_sessions", "Such sessions that ended more than a day ago"),
    Family("requests_total", "Requests to the source", ("operation", "status")),
    Family("budget_left_requests", "Requests that could leave at once"),
    Family("budget_pause_seconds", "How long the source wants to be left alone"),
    Family("listed_timestamp_seconds", "When the last whole look that succeeded began"),
    Family("worker_seen_timestamp_seconds", "When a worker last said that it is alive"),
    Family(
        "kept_aside_artifacts",
        "Archived artifacts of which a later body held less, and is kept aside",
    ),
    Family("missing_inventories", "Inventories that the bucket did not have when it was compared"),
    Family("fixity_failures", "Findings of the last whole verification"),
    Family("verified_timestamp_seconds", "When the last whole verification ended"),
    Family("sealed_timestamp_seconds", "When the last seal was made that the ledger knows of"),
    Family("underlocked_objects", "Objects put with a shorter or weaker lock than was asked for"),
    Family(
        "webhooks_total", "Events the source signed, by what became of them", ("event", "verdict")
    ),
    Family("webhooks_refused_total", "Webhooks this process did not let in", ("reason",)),
    Family("index_sessions", "Sessions in the index"),
    Family("index_lag_inventories", "Inventories that are committed and not yet indexed"),
    Family("index_lag_seconds", "Since the oldest of them was committed; 0 where there is none"),
    Family("unread_artifacts", "Archived artifacts that could not be read, and are not searchable"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFacts:
    """How far the index has come, computed by whoever has one."""

    sessions: int
    lag_inventories: int
    lag_s: float
    unread: int


#: What computes them from the ledger and the present moment; None where the index cannot be used.
FactsOf: TypeAlias = Callable[[Ledger, datetime], IndexFacts | None]


def exposition(
    ledger: Ledger | None,
    now: datetime,
    *,
    index: IndexFacts | None = None,
    refused: Mapping[str, int] | None = None,
) -> bytes:
    """The whole text; without a ledger only which release this is, and what was refused.

    `refused` counts webhooks by reason. A metric about which nothing is known is left out. Blocks;
    raises LedgerError.
    """
    samples: dict[str, Samples] = {"build_info": [((version(),), 1)]}
    if ledger is not None:
        samples |= _of_sessions(ledger, now) | _of_vitals(ledger, now)
        aside, missing = ledger.coverage.concerns()
        samples |= {"kept_aside_artifacts": _only(aside), "missing_inventories": _only(missing)}
        if (sealed_at := ledger.sealing.sealed_at()) is not None:
            samples["sealed_timestamp_seconds"] = _only(sealed_at.timestamp())
        samples["requests_total"] = ledger.requests().items()
        samples["webhooks_total"] = ledger.events.counts().items()
    if index is not None:
        samples |= {
            "index_sessions": _only(index.sessions),
            "index_lag_inventories": _only(index.lag_inventories),
            "index_lag_seconds": _only(index.lag_s),
            "unread_artifacts": _only(index.unread),
        }
    samples["webhooks_refused_total"] = [((each,), n) for each, n in (refused or {}).items()]
    return _text(samples)


def _only(value: float) -> Samples:
    return [((), value)]


def _of_sessions(ledger: Ledger, now: datetime) -> dict[str, Samples]:
    counts, waiting = ledger.session_counts(), ledger.waiting(now)
    # Every series is there from the start: the first loss is seen as an increase.
    artifacts = {
        (str(kind), str(outcome)): 0
        for kind in Kind
        for outcome in Outcome
        if outcome is not Outcome.DESTROYED
    }
    samples: dict[str, Samples] = {
        "sessions": [
            (("known",), counts["sessions"]),
            *(((state,), counts[state]) for state in ("live", "pending", "lost")),
        ],
        "artifacts": (artifacts | ledger.artifact_counts()).items(),
        "oldest_unarchived_age_seconds": _only(_seconds(now, waiting.oldest_end_at or now)),
        "late_sessions": _only(waiting.late),
    }
    if waiting.deadline_at is not None:
        left_s = (waiting.deadline_at - now).total_seconds()
        samples["nearest_deadline_seconds"] = _only(left_s)
    return samples


def _seconds(now: datetime, since: datetime) -> float:
    return max((now - since).total_seconds(), 0.0)


def _of_vitals(ledger: Ledger, now: datetime) -> dict[str, Samples]:
    vitals = ledger.vitals()
    names = {
        "worker_seen_timestamp_seconds": WORKER_SEEN,
        "listed_timestamp_seconds": LISTED,
        "fixity_failures": FIXITY_FAILURES,
        "verified_timestamp_seconds": VERIFIED,
        "underlocked_objects": UNDERLOCKED,
    }
    if WORKER_SEEN in vitals and now - vitals[WORKER_SEEN].at <= BUDGET_KNOWN:
        names |= {"budget_left_requests": BUDGET_LEFT, "budget_pause_seconds": BUDGET_PAUSE}
    return {name: _only(vitals[of].value) for name, of in names.items() if of in vitals}


def _text(samples: Mapping[str, Samples]) -> bytes:
    # Loaded here, for it is slow to load, and most commands do without it.
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    class Collected:
        def collect(self) -> Iterable[Metric]:
            for each in FAMILIES:
                if not (values := samples.get(each.name)):
                    continue
                kind = CounterMetricFamily if each.is_counter else GaugeMetricFamily
                family = kind(PREFIX + each.name, each.meaning, labels=each.labels)
                for labels, value in values:
                    family.add_metric(labels, value)
                yield family

    registry = CollectorRegistry()
    registry.register(Collected())
    return generate_latest(registry)


# ---------------------------------------------------------------------- the file


class MetricsFile:
    """The same text in a file, where node_exporter's textfile collector finds it."""

    def __init__(self, path: Path, ledger: Path, clock: Clock, facts: FactsOf | None) -> None:
        self._path = path
        self._ledger = ledger
        self._clock = clock
        self._facts = facts
        self._failed = False

    async def write(self) -> None:
        """Write it anew, whole or not at all; what is in the way is said once, and stops nobody."""
        try:
            await asyncio.to_thread(self._write)
        except (ArchiverError, OSError) as error:
            if not self._failed:
                log.warning("metrics.failed", extra={"error": _reason(error)})
            self._failed = True
        else:
            self._failed = False

    def _write(self) -> None:
        now = self._clock.now()
        with closing(Ledger.open(self._ledger, read_only=True)) as ledger:
            index = self._facts(ledger, now) if self._facts else None
            text = exposition(ledger, now, index=index)
        replace_file(self._path, text)


def _reason(error: ArchiverError | OSError) -> str:
    return error.message if isinstance(error, ArchiverError) else f"file: {error.strerror}"


def replace_file(path: Path, content: bytes) -> None:
    """Put this in the file's place in one step; anybody may read it."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.new")
    aside.unlink(missing_ok=True)
    try:
        # A new file, and no link that somebody else has put there.
        with aside.open("xb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(content)
        aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise


async def _nothing() -> None:
    """Nobody wants a file."""


def teller(
    settings: Settings, clock: Clock, facts: FactsOf | None = None
) -> Callable[[], Awaitable[None]]:
    """What writes the file these settings name; it does nothing where they name none."""
    path = settings.metrics_file
    return MetricsFile(path, settings.ledger_path, clock, facts).write if path else _nothing
