"""Workers that race each other: run as `python -m tests.racing FOLDER NAME…`, a worker for each name.

The settings come from the environment, but every worker has a ledger and a folder of its own. Each line
on standard input, `NOW SESSION`, is a race: all of them make a pass over this session at once, by a
clock that is set to NOW. Each is answered by a line of JSON: what they wrote first, and what went wrong.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archiver.errors import ArchiverError, ObjectExistsError
from archiver.model import parse_time
from archiver.runtime import open_runtime
from archiver.settings import load_settings

if TYPE_CHECKING:
    from archiver.archive.stores import Store, Stored
    from archiver.runtime import Runtime


class SetClock:
    """The machine's clock, from the time it was last set to."""

    def __init__(self) -> None:
        self._shift = timedelta()

    def set(self, moment: datetime) -> None:
        """It is this time now."""
        self._shift = moment - datetime.now(UTC)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._shift

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Witness:
    """A store that remembers which records it was first to write, and for which it came too late."""

    def __init__(self, store: Store, won: list[tuple[str, str]], lost: list[str]) -> None:
        self._store = store
        self._won = won
        self._lost = lost

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def put(self, key: str, body: Any, *, digest: str, **more: Any) -> Stored:
        """Put, and remember what became of a record."""
        record = key.rpartition("/")[2].startswith(("inventory-", "summary-request-"))
        try:
            stored = await self._store.put(key, body, digest=digest, **more)
        except ObjectExistsError:
            self._lost += [key] if record else []
            raise
        self._won += [(key, digest)] if record else []
        return stored


async def _race(racers: list[Runtime], session_id: str) -> list[str]:
    """One pass of all of them at the same time; returns what went wrong."""
    started = await asyncio.gather(
        *(each.worker.sync(session_id=session_id) for each in racers), return_exceptions=True
    )
    problems = []
    for report in started:
        if isinstance(report, ArchiverError):
            problems.append(report.message)
        elif isinstance(report, BaseException):
            raise report
        else:
            problems += report.problems.values()
    return problems


async def main(folder: Path, names: list[str]) -> None:
    """Race for every line."""
    settings, clock = load_settings(os.environ), SetClock()
    won, lost = list[tuple[str, str]](), list[str]()
    async with AsyncExitStack() as stack:
        racers: list[Runtime] = []
        while line := await asyncio.to_thread(sys.stdin.readline):
            now, session_id = line.split()
            clock.set(parse_time(now))
            for name in names[len(racers) :]:
                own = dataclasses.replace(settings, data=folder / name)
                racer = await stack.enter_async_context(
                    open_runtime(own, command="race", clock=clock)
                )
                witness = Witness(racer.archive.store, won, lost)
                setattr(racer.archive, "store", witness)  # noqa: B010 — it does what a store does
                racers.append(racer)
            problems = await _race(racers, session_id)
            answer = {"won": won, "lost": len(lost), "problems": problems}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
            won.clear()
            lost.clear()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
