"""Threads for what blocks."""

from __future__ import annotations

import threading

import anyio
import pytest

from search.errors import BusyError
from search.web import services
from search.web.services import Threads


async def test_a_call_runs_in_a_thread() -> None:
    """The event loop is free while a call blocks."""
    here = threading.get_ident()

    assert here != await Threads(1).run(threading.get_ident)


async def test_what_a_call_raises_comes_out() -> None:
    """An error in the thread is the caller's."""
    with pytest.raises(ZeroDivisionError):
        await Threads(1).run(lambda: 1 // 0)


async def test_a_call_whose_turn_does_not_come_is_refused() -> None:
    """When every thread is busy for too long, a request is told to come again."""
    release = threading.Event()
    threads = Threads(0.01)

    async def block() -> None:
        await threads.run(lambda: release.wait(10))

    async with anyio.create_task_group() as group:
        for _ in range(services.THREADS):
            group.start_soon(block)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(BusyError, match="too many requests"):
            await threads.run(lambda: None)
        release.set()

    assert await threads.run(lambda: 7) == 7


async def test_more_than_may_wait_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that only grows helps nobody: 429, and come again."""
    monkeypatch.setattr(services, "WAITING_MAX", 1)
    release = threading.Event()
    threads = Threads(10)

    async def block() -> None:
        await threads.run(lambda: release.wait(10))

    async with anyio.create_task_group() as group:
        for _ in range(services.THREADS + 1):
            group.start_soon(block)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(BusyError):
            await threads.run(lambda: None)
        release.set()


async def test_a_call_that_is_given_up_frees_its_place() -> None:
    """Stopping does not wait for a search, and leaves no place taken."""
    release = threading.Event()
    threads = Threads(0.01)
    for _ in range(services.THREADS + 1):
        with anyio.move_on_after(0.01):
            await threads.run(lambda: release.wait(10))
    release.set()

    assert await threads.run(lambda: 7) == 7
