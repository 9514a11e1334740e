from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.errors import TurnMissedError
from archiver.realtimekit import Budget, in_turn
from tests.archiver.realtimekit.servers import START, FakeClock
from tests.simulation.loop import LoopClock
from tests.simulation.loop import run as run_virtually

HOUR = timedelta(hours=1)


@given(
    requests=st.integers(1, 5),
    period_s=st.integers(1, 20),
    gaps_s=st.lists(st.integers(0, 10), max_size=30),
)
def test_no_window_holds_more(requests: int, period_s: int, gaps_s: list[int]) -> None:
    """Within any period, wherever it begins, no more requests leave than the budget has."""

    async def run() -> list[datetime]:
        clock = FakeClock()
        budget = Budget(requests, period_s, clock)
        left = []
        for gap_s in gaps_s:
            clock.moment += timedelta(seconds=gap_s)
            await budget.acquire()
            left.append(clock.now())
        return left

    left = asyncio.run(run())
    for first, later in zip(left, left[requests:], strict=False):
        assert later - first >= timedelta(seconds=period_s)


async def test_first_come_first_served() -> None:
    """Of those with the same deadline, or none, whoever asked first leaves first."""
    budget, order = Budget(1, 10, FakeClock()), []

    async def leave(number: int) -> None:
        await budget.acquire()
        order.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(leave(number))

    assert order == [0, 1, 2, 3, 4]


async def test_the_longest_pause_wins() -> None:
    """A shorter pause does not shorten a longer one, and nothing leaves before its end."""
    clock = FakeClock()
    budget = Budget(10, 60, clock)
    budget.pause(300)
    budget.pause(5)

    assert START + timedelta(seconds=300) == budget.paused_until
    assert budget.left() == 0
    await budget.acquire()
    assert START + timedelta(seconds=300) == clock.now()
    assert budget.paused_until is None
    assert budget.left() == 9


async def test_a_pause_without_end_does_not_overflow() -> None:
    """A pause of any length is taken, even one that no calendar holds."""
    budget = Budget(1, 1, FakeClock())
    budget.pause(1e300)

    assert budget.paused_until is not None


async def test_a_clock_set_back_costs_no_wait() -> None:
    """When the machine's clock is set back an hour, the window does not close for an hour."""
    clock = FakeClock()
    budget = Budget(1, 10, clock)
    await budget.acquire()
    clock.moment -= timedelta(hours=1)
    await budget.acquire()

    assert sum(clock.slept) <= 10


async def test_a_cancelled_wait_leaves_the_queue_whole() -> None:
    """Whoever gives up waiting takes no place, and the next in line goes on."""

    class Patient(FakeClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(3600)

    clock = Patient()
    budget = Budget(1, 10, clock)
    await budget.acquire()
    waiting = asyncio.create_task(budget.acquire())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    clock.moment += timedelta(seconds=10)

    assert budget.left() == 1
    await budget.acquire()


@pytest.mark.parametrize(("requests", "period_s"), [(0, 1), (1, 0), (-1, 5)])
def test_a_budget_of_nothing_is_refused(requests: int, period_s: float) -> None:
    """A budget that would never let anything through is an error at once."""
    with pytest.raises(ValueError, match="a budget of"):
        Budget(requests, period_s, FakeClock())


def test_the_nearest_deadline_goes_first() -> None:
    """Whoever came when: what has no deadline at once, what may be gone already last."""

    async def asked() -> list[str]:
        clock = LoopClock(START)
        budget, order = Budget(1, 10, clock), list[str]()
        await budget.acquire()

        async def ask(name: str, gone_at: datetime | None) -> None:
            if gone_at is None:
                await budget.acquire()
            else:
                with in_turn(gone_at, clock.now()):
                    await budget.acquire()
            order.append(name)

        await asyncio.gather(
            ask("gone", START - HOUR),
            ask("late", START + 3 * HOUR),
            ask("soon", START + HOUR),
            ask("soon too", START + HOUR),
            ask("a list", None),
        )
        return order

    assert run_virtually(asked()) == ["a list", "soon", "soon too", "late", "gone"]


async def test_no_request_is_spent_on_what_is_gone() -> None:
    """Whose deadline passes while it waits is told so, and takes no place in the window."""
    clock = FakeClock()
    budget = Budget(1, 300, clock)
    await budget.acquire()
    with in_turn(START + timedelta(seconds=100), START), pytest.raises(TurnMissedError):
        await budget.acquire()
    assert clock.now() < START + timedelta(seconds=101)
    await budget.acquire()
    assert clock.now() == START + timedelta(seconds=300)
