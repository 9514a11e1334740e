"""Threads for what blocks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import pytest

from search.errors import BusyError
from search.web import services
from search.web.services import Threads

if TYPE_CHECKING:
    from anyio.abc import TaskGroup


async def test_a_call_runs_in_a_thread() -> None:
    """The event loop is free while a call blocks."""
    here = threading.get_ident()

    assert here != await Threads(1).run(threading.get_ident)


async def test_what_a_call_raises_comes_out() -> None:
    """An error in the thread is the caller's."""
    with pytest.raises(ZeroDivisionError):
        await Threads(1).run(lambda: 1 // 0)


async def busy(threads: Threads, group: TaskGroup, release: threading.Event) -> None:
    """Give every thread something slow to do, one after the other."""
    began = threading.Semaphore(0)

    def block() -> None:
        began.release()
        release.wait(10)

    for _ in range(services.THREADS):
        group.start_soon(threads.run, block)
        assert await anyio.to_thread.run_sync(lambda: began.acquire(timeout=10))


async def test_a_call_whose_turn_does_not_come_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """When every thread is busy for too long, a request is told to come again."""
    monkeypatch.setattr(services, "SLOW_S", 0)
    release = threading.Event()
    threads = Threads(0.5)

    async with anyio.create_task_group() as group:
        await busy(threads, group, release)
        with pytest.raises(BusyError, match="too many requests"):
            await threads.run(lambda: None)
        release.set()

    assert await threads.run(lambda: 7) == 7


async def test_a_slow_call_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls go on beside as many slow ones as there are threads but one."""
    monkeypatch.setattr(services, "SLOW_S", 0.001)
    release = threading.Event()
    threads = Threads(10)

    async with anyio.create_task_group() as group:
        for _ in range(services.THREADS - 1):
            group.start_soon(threads.run, lambda: release.wait(10))
        assert await threads.run(lambda: 7) == 7
        assert not release.is_set()
        release.set()


async def test_few_calls_begin_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are over soon do not pass the interpreter's lock around among them."""
    monkeypatch.setattr(services, "SLOW_S", 60)
    running, most, lock = 0, 0, threading.Lock()

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1

    threads = Threads(10)
    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(threads.run, call)

    assert most <= services.AT_ONCE


async def test_more_than_may_wait_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that only grows helps nobody: 429, and come again."""
    monkeypatch.setattr(services, "SLOW_S", 0)
    monkeypatch.setattr(services, "WAITING_MAX", 1)
    release = threading.Event()
    threads = Threads(10)

    async with anyio.create_task_group() as group:
        await busy(threads, group, release)
        group.start_soon(threads.run, lambda: None)
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
