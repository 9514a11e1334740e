"""Calls in threads whose callers are cancelled."""

from __future__ import annotations

import asyncio
import threading

import pytest

from archiver.threads import to_its_end


async def test_what_a_call_returns_or_raises() -> None:
    """As if it were called here."""
    assert await to_its_end(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await to_its_end(lambda: 1 // 0)


@pytest.mark.parametrize("fails", [False, True])
async def test_whoever_is_cancelled_waits_for_the_thread(fails: bool) -> None:
    """What the call leaves behind is undone, and nothing goes on before it has ended."""
    began, may_end, undone = threading.Event(), threading.Event(), list[int]()
    ended = False

    def call() -> int:
        nonlocal ended
        began.set()
        may_end.wait(10)
        ended = True
        return 1 // (not fails)

    task = asyncio.create_task(to_its_end(call, undo=undone.append))
    await asyncio.to_thread(began.wait)
    task.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ended
    assert undone == ([] if fails else [1])
