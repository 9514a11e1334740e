"""Coverage: what is archived, and of which time nobody can tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from archiver.archive.keys import parse_key
from archiver.coverage import certainty, coverage_document, gaps, listed_through
from archiver.errors import SourceUnavailableError
from archiver.ledger import EVERYTHING, Ledger, Range
from archiver.model import Session, format_time, to_ms
from archiver.runtime import open_runtime
from archiver.simulated import OperationFault
from tests.rig import NOW, rig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archiver.clock import Clock

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Skewed:
    """A clock that is off by so much."""

    clock: Clock
    by: timedelta

    def now(self) -> datetime:
        return self.clock.now() + self.by

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)


def session_at(started_at: datetime) -> Session:
    """A session of an hour that has ended."""
    return Session(
        app_id="app",
        session_id="one",
        meeting_id="m",
        started_at=started_at,
        ended_at=started_at + HOUR,
        created_at=started_at,
        ended=True,
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "ledger.db")
    opened.note_apps(["app"], NOW)
    yield opened
    opened.close()


def _looked(ledger: Ledger, *spans: tuple[int, int]) -> None:
    """The list was seen whole between these hours before now."""
    for since, until in spans:
        ledger.coverage.note_listed("app", NOW - since * HOUR, NOW - until * HOUR, {}, NOW)


def _gaps(
    ledger: Ledger, since: int | None = None, until: int | None = None
) -> list[tuple[int, int]]:
    of = Range(
        since_ms=None if since is None else to_ms(NOW - since * HOUR),
        until_ms=None if until is None else to_ms(NOW - until * HOUR),
    )
    return [((NOW - a) // HOUR, (NOW - b) // HOUR) for _, a, b in gaps(ledger, of, NOW)]


def test_looks_that_overlap_leave_no_gap(ledger: Ledger) -> None:
    """In whatever order they were taken, they are one span."""
    _looked(ledger, (100, 90), (50, 0), (92, 40), (91, 89))
    assert ledger.coverage.spans("app") == [(NOW - 100 * HOUR, NOW)]
    assert _gaps(ledger) == []


def test_a_gap_at_the_head_in_the_middle_and_at_the_tail_is_seen(ledger: Ledger) -> None:
    """Before the first look, while nobody looked, and since the last."""
    _looked(ledger, (100, 80), (60, 5))
    assert _gaps(ledger) == [(80, 60), (5, 0)]
    assert _gaps(ledger, since=120) == [(120, 100), (80, 60), (5, 0)]
    assert _gaps(ledger, since=70, until=50) == [(70, 60)]
    assert _gaps(ledger, since=50, until=10) == []
    assert _gaps(ledger, since=300, until=200) == [(300, 200)]
    assert listed_through(ledger, EVERYTHING) == format_time(NOW - 5 * HOUR)


def test_an_app_that_was_never_listed(ledger: Ledger) -> None:
    """Is not covered at all, once a range is named; and there is no time up to which all are."""
    assert _gaps(ledger, since=24) == [(24, 0)]
    assert listed_through(ledger, EVERYTHING) is None


def test_a_minute_since_the_last_look_is_no_gap(ledger: Ledger) -> None:
    """The next look is on its way."""
    ledger.coverage.note_listed("app", NOW - DAY, NOW - timedelta(minutes=5), {}, NOW)
    assert _gaps(ledger, since=20) == []


async def test_by_day_and_app(tmp_path: Path) -> None:
    """Every session once, every artifact by its outcome, compared with the list and the bucket."""
    async with rig(tmp_path, meetings=5) as one:
        one.source.faults.on(kind="chat", never=True)
        await one.sync_until_settled(step=6 * HOUR)
        await one.sync()
        async with one.runtime() as runtime:
            document = coverage_document(runtime.ledger, EVERYTHING, one.clock.now())

    days = document["days"]
    assert sum(each["sessions"] for each in days) == document["sessions"]["sessions"] == 5
    assert document["artifacts"]["absent"] == 5
    assert sum(each["artifacts"]["absent"] for each in days) == 5
    for each in days:
        assert each["in_bucket"] == each["recorded"] == each["sessions"] == each["listed"]
        assert each["missing"] == 0
    assert document["source"]["gaps"] == []
    assert document["source"]["sessions_missing"] == 0
    assert document["bucket"]["inventories_missing"] == 0
    assert document["bucket"]["days_not_compared"] == 0


async def test_what_the_bucket_lacks_is_seen(tmp_path: Path) -> None:
    """An inventory that is gone is missing at the next comparison, though the ledger has it."""
    async with rig(tmp_path, meetings=2) as one:
        await one.sync_until_settled()
        victim = next((tmp_path / "archive").rglob("inventory-0001.json"))
        victim.unlink()
        await one.sync()
        async with one.runtime() as runtime:
            document = coverage_document(runtime.ledger, EVERYTHING, one.clock.now())
    assert document["bucket"]["inventories_missing"] == 1
    assert [each["missing"] for each in document["days"] if each["missing"]] == [1]
    assert parse_key(str(victim.relative_to(tmp_path / "archive"))) is not None


async def test_a_list_that_was_not_seen_whole_covers_nothing(tmp_path: Path) -> None:
    """A page that failed, or a row nobody can read: what it held is not known."""
    async with rig(tmp_path, meetings=3) as one:
        one.source.faults.paging.most_per_page = 1
        one.source.faults.operations.append(
            OperationFault(operation="list_sessions", status=500, times=100, skip=1)
        )
        with pytest.raises(SourceUnavailableError):
            await one.sync()
        async with one.runtime() as runtime:
            (app_id,) = runtime.ledger.known_apps()
            assert runtime.ledger.coverage.spans(app_id) == []
            one.source.faults.operations.clear()
            await runtime.worker.sync()
            assert len(runtime.ledger.coverage.spans(app_id)) == 1


async def test_a_worker_that_was_down_for_long_leaves_a_gap(tmp_path: Path) -> None:
    """Longer than it looks back: what began meanwhile and was deleted was seen by nobody."""
    async with rig(tmp_path, meetings=1) as one:
        await one.sync()
        one.clock.advance(20 * 86_400)
        await one.sync()
        async with one.runtime() as runtime:
            found = gaps(runtime.ledger, EVERYTHING, one.clock.now())
    assert [(until - since) // DAY for _, since, until in found] == [6]


async def test_a_clock_that_runs_ahead_says_nothing_of_the_future(tmp_path: Path) -> None:
    """Else days to come would count as seen, and a worker that then stopped would leave no gap."""
    async with rig(tmp_path, meetings=1) as one:
        ahead = Skewed(one.clock, 8 * DAY)
        async with open_runtime(one.configured(), command="test", clock=ahead) as runtime:
            await runtime.worker.sync()
            (app_id,) = runtime.ledger.known_apps()
            assert runtime.ledger.coverage.spans(app_id) == []
            assert "listed" not in runtime.ledger.vitals()
            runtime.ledger.coverage.note_listed(app_id, NOW - DAY, NOW, {}, NOW)
        later = NOW + DAY
        async with one.runtime() as runtime:
            of = Range(since_ms=to_ms(NOW - DAY))
            assert gaps(runtime.ledger, of, later) == [(app_id, NOW, later)]


def test_a_day_that_is_asked_for_from_its_first_moment_is_compared(ledger: Ledger) -> None:
    """A range that begins or ends at midnight holds whole days; one that begins at noon does not."""
    midnight = NOW.replace(hour=0)
    ledger.see([session_at(midnight + HOUR)], NOW)
    days = {f"{midnight:%Y-%m-%d}": 3}
    ledger.coverage.note_listed("app", midnight - DAY, NOW, days, NOW)

    def missing(since: datetime, until: datetime | None = None) -> int:
        of = Range(since_ms=to_ms(since), until_ms=to_ms(until) if until else None)
        found: int = certainty(ledger, of, NOW)["source"]["sessions_missing"]
        return found

    assert missing(midnight) == missing(midnight, midnight + DAY) == 2
    assert missing(midnight + HOUR) == missing(midnight, midnight + 2 * HOUR) == 0
