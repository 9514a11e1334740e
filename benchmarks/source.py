"""A simulated source in a process of its own, so that it does not share a core's time with its client."""

from __future__ import annotations

import asyncio
import multiprocessing
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archiver.clock import SystemClock
from archiver.settings import RequestBudget, Secret, Settings
from archiver.simulated import SimulatedSource, generate_meetings, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from pathlib import Path

ACCOUNT = "simulated-account"
TOKEN = "simulated-token"
UTTERANCES = 100
CONCURRENCY = 8
NO_LIMIT = RequestBudget(1_000_000, 1.0)


def _serve(sessions: int, utterances: int, ready: Connection) -> None:
    async def run() -> None:
        meetings = generate_meetings(sessions, seed=1, utterances=utterances)
        source = SimulatedSource(clock=SystemClock(), meetings=meetings)
        async with serve(source) as server:
            ready.send(server.base_url)
            await asyncio.Event().wait()

    asyncio.run(run())


@contextmanager
def source_of(sessions: int, utterances: int = UTTERANCES) -> Iterator[str]:
    """The base URL of a source with so many sessions of that length, all of them ended."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(sessions, utterances, there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.kill()
        process.join()


def settings_of(base_url: str, folder: Path) -> Settings:
    """A worker's settings for that source, with a folder to itself and no limit to what it may ask."""
    return Settings(
        token=Secret(TOKEN),
        account_id=ACCOUNT,
        base_url=base_url,
        store=f"file:{folder / 'archive'}",
        data=folder / "data",
        budget=NO_LIMIT,
        concurrency=CONCURRENCY,
    )


def machine() -> str:
    """What the figures were taken on."""
    import os
    import platform

    from migrations.sqlite import VERSION

    return (
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, SQLite {VERSION}, "
        f"{os.cpu_count()} cores"
    )
