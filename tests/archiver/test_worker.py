"""The worker that runs: how often it looks and how far, how much it does at a time, whom it serves first."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from archiver import worker
from archiver.capture import Capture
from archiver.discovery import Discovery
from archiver.simulated import generate_meetings
from tests.rig import STEP, rig

if TYPE_CHECKING:
    from pathlib import Path


HOUR = timedelta(hours=1)


async def test_sessions_that_end_while_it_runs_are_captured(tmp_path: Path) -> None:
    """Live, then ended, then archived: found by looking, without anybody saying so."""
    async with rig(tmp_path, meetings=()) as one:
        app_id = one.source.add_app("Simulated app")
        now = one.clock.now()
        for minutes in (5, 20):
            one.source.add_session(
                app_id=app_id, started_at=now - HOUR, ended_at=now + timedelta(minutes=minutes)
            )
        await one.work(timedelta(minutes=45))

        async with one.runtime() as runtime:
            counts = runtime.ledger.session_counts()
        assert (counts["sessions"], counts["live"], counts["pending"]) == (2, 0, 0)


async def test_short_looks_often_and_the_whole_look_back_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every ten minutes, as set, the newest hours; at the start and every six hours all fourteen days."""
    reaches: list[timedelta] = []
    discover = Discovery.discover

    async def watched(self: Discovery, since: Any, *args: Any, **more: Any) -> Any:
        reaches.append(self._clock.now() - since)
        return await discover(self, since, *args, **more)

    monkeypatch.setattr(Discovery, "discover", watched)
    monkeypatch.setattr(worker, "VITALS_EVERY_S", 3600.0)  # the hours pass in fewer steps
    async with rig(tmp_path, meetings=1) as one:
        await one.work(timedelta(hours=12, minutes=10), look_every=timedelta(minutes=10))

    whole = [index for index, each in enumerate(reaches) if each == timedelta(days=14)]
    assert whole[0] == 0
    assert len(whole) == 3
    assert 70 <= len(reaches) <= 75
    assert {each for each in reaches if each < timedelta(days=14)} == {2 * HOUR}


@pytest.mark.parametrize("running", [True, False])
async def test_no_more_sessions_at_a_time_than_allowed(
    running: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are due."""
    now = most = 0
    attempt = Capture.attempt

    async def watched(self: Capture, *args: Any, **more: Any) -> Any:
        nonlocal now, most
        now += 1
        most = max(most, now)
        try:
            return await attempt(self, *args, **more)
        finally:
            now -= 1

    monkeypatch.setattr(Capture, "attempt", watched)
    async with rig(tmp_path, meetings=12) as one:
        if running:
            await one.work(HOUR, concurrency=3)
        else:
            await one.sync(concurrency=3)
        async with one.runtime() as runtime:
            assert runtime.ledger.session_counts()["pending"] == 0

    assert most == 3


async def test_promise_6_nearest_deadline_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older sessions are captured first; within the same hour the apps take turns."""
    meetings = generate_meetings(8, days=1, app_names=("one", "two"))
    order: list[Any] = []
    attempt = Capture.attempt

    async def watched(self: Capture, session_id: Any, **more: Any) -> Any:
        order.append(session_id)
        return await attempt(self, session_id, **more)

    monkeypatch.setattr(Capture, "attempt", watched)
    async with rig(tmp_path, meetings=meetings) as one:
        await one.sync(concurrency=1)
        hours = [
            int(one.source.session(each.session_id).started_at.timestamp() - 3600) // 3600
            for each in order
        ]

    assert len(order) == 8
    assert hours == sorted(hours)


async def test_what_others_archived_is_followed(tmp_path: Path) -> None:
    """A worker takes in, every few minutes, what another put in the same bucket."""
    async with rig(tmp_path, meetings=3) as one:
        async with one.runtime("first") as runtime:
            stop = asyncio.Event()
            runtime.worker._capture_due = lambda: asyncio.sleep(10**6)  # type: ignore[method-assign]  # it only follows
            running = asyncio.create_task(runtime.worker.run(stop))
            await one.clock.sleep(60)
            await one.sync("second")
            for _ in range(20):
                await one.clock.sleep(STEP.total_seconds())
            stop.set()
            await running
            counts = runtime.ledger.session_counts()

        assert (counts["sessions"], counts["pending"]) == (3, 0)


async def test_a_worker_that_is_given_up_leaves_nothing_running(tmp_path: Path) -> None:
    """As when the endpoint beside it fails: none of its loops goes on without its ledger."""
    async with rig(tmp_path, meetings=1) as one, one.runtime() as runtime:
        before = asyncio.all_tasks()
        working = asyncio.create_task(runtime.worker.run(asyncio.Event()))
        await one.clock.sleep(30)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        left = {each.get_coro().__qualname__ for each in asyncio.all_tasks() - before}  # type: ignore[union-attr]
        assert not [name for name in left if name.startswith("Worker.")]
