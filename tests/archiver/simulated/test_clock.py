"""The clock that is set by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from archiver.simulated import SettableClock

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_set_and_advance() -> None:
    """Time stands still until it is moved."""
    clock = SettableClock(START)
    clock.advance(90)

    assert clock.now() == START + timedelta(seconds=90)

    clock.set(START)

    assert clock.now() == START


def test_naive_time_is_refused() -> None:
    """A moment without an offset is refused."""
    with pytest.raises(ValueError, match="offset"):
        SettableClock(datetime(2026, 1, 1))  # noqa: DTZ001 — what is refused


async def test_sleep_jumps() -> None:
    """A lone sleeper moves time to its wake-up, at once."""
    clock = SettableClock(START)
    await clock.sleep(7 * 86400)

    assert clock.now() == START + timedelta(days=7)


async def test_sleepers_wake_in_order() -> None:
    """Of several sleepers each wakes at its own time, the earliest first."""
    clock = SettableClock(START)
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(nap)
            woken.append((name, (clock.now() - START).total_seconds()))

    await asyncio.gather(sleeper("long", 10), sleeper("often", 3, 3, 3, 3), sleeper("short", 5))

    assert woken == [
        ("often", 3),
        ("short", 5),
        ("often", 6),
        ("often", 9),
        ("long", 10),
        ("often", 12),
    ]


async def test_equal_wake_ups_keep_their_order() -> None:
    """Sleepers with the same wake-up wake in the order in which they lay down."""
    clock = SettableClock(START)
    woken: list[int] = []

    async def sleeper(number: int) -> None:
        await clock.sleep(5)
        woken.append(number)

    await asyncio.gather(*(sleeper(number) for number in range(5)))

    assert woken == [0, 1, 2, 3, 4]


async def test_set_wakes_sleepers() -> None:
    """Moving the clock past a wake-up wakes the sleeper, who does not move it again."""
    clock = SettableClock(START)
    sleeping = asyncio.create_task(clock.sleep(60))
    await asyncio.sleep(0)
    clock.advance(3600)
    await sleeping

    assert clock.now() == START + timedelta(hours=1)


async def test_cancelled_sleeper_is_forgotten() -> None:
    """A sleeper that was cancelled holds nobody up."""
    clock = SettableClock(START)
    sleeping = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    sleeping.cancel()
    await clock.sleep(5)

    assert clock.now() == START + timedelta(seconds=5)


async def test_settling_waits_for_others() -> None:
    """With `settle_s` the clock stands while others finish what takes real time."""
    clock = SettableClock(START, settle_s=0.01)

    async def work() -> datetime:
        await asyncio.sleep(0.001)
        return clock.now()

    seen, _ = await asyncio.gather(work(), clock.sleep(60))

    assert seen == START


async def test_the_clock_stands_while_threads_are_at_work() -> None:
    """However long they take: a disk may be slow."""
    working = [True]
    clock = SettableClock(START, settle_s=0.0005, at_work=lambda: working[0])

    async def work() -> datetime:
        await asyncio.sleep(0.1)
        working[0] = False
        return clock.now()

    seen, _ = await asyncio.gather(work(), clock.sleep(60))

    assert seen == START
    assert clock.now() == START + timedelta(seconds=60)


async def test_no_time_at_all() -> None:
    """Sleeping for nothing only gives way."""
    clock = SettableClock(START)
    await clock.sleep(0)

    assert clock.now() == START
