"""Calls that block, in a thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO, Literal

T = TypeVar("T")


async def to_its_end(call: Callable[[], T], *, undo: Callable[[T], object] | None = None) -> T:
    """Call in a thread; whoever is cancelled meanwhile goes on once the call has ended.

    A file that is closed while a thread still writes to it may be another by then: its number is free
    at once. `undo` is given the result that nobody waits for any more, such as a file to be closed.
    """
    running = asyncio.get_running_loop().run_in_executor(None, call)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        if running.exception() is None and undo is not None:
            undo(running.result())
        raise


async def opened(path: Path, mode: Literal["rb", "xb"]) -> BinaryIO:
    """A file, which is open for whoever called and for nobody else; raises OSError."""
    return await to_its_end(lambda: path.open(mode), undo=lambda file: file.close())
