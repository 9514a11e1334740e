"""Calls in threads whose callers are cancelled."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

import pytest

from archiver.threads import opened, to_its_end

if TYPE_CHECKING:
    from pathlib import Path


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


async def test_a_file_that_is_opened_for_nobody_is_closed(tmp_path: Path) -> None:
    """A pipe is open once its other end is: by then whoever wanted to read it was cancelled."""
    os.mkfifo(tmp_path / "pipe")
    task = asyncio.create_task(opened(tmp_path / "pipe", "rb"))
    await asyncio.sleep(0)
    task.cancel()
    writing = await asyncio.to_thread(os.open, tmp_path / "pipe", os.O_WRONLY)
    with pytest.raises(asyncio.CancelledError):
        await task

    with pytest.raises(BrokenPipeError):
        os.write(writing, b"for nobody")
    os.close(writing)
