"""A simulated source and a whole worker over it, on one clock that can be set."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from anyio.to_thread import current_default_thread_limiter

from archiver.archive.stores import open_store
from archiver.errors import SourceUnavailableError
from archiver.runtime import open_runtime
from archiver.settings import RequestBudget, Secret, Settings
from archiver.simulated import SettableClock, SimulatedSource, generate_meetings, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from concurrent.futures import Executor
    from pathlib import Path

    from archiver.report import Report
    from archiver.runtime import Runtime
    from archiver.simulated import Faults, Meeting

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
#: The clock jumps no further than this while others wait for sockets.
STEP = timedelta(seconds=30)


@dataclass(slots=True)
class Rig:
    """One source, one folder, and as many passes as a test wants."""

    source: SimulatedSource
    base_url: str
    folder: Path
    clock: SettableClock
    settings: dict[str, object] = field(default_factory=dict)

    def configured(self, data: str = "data", **more: object) -> Settings:
        """The settings of a worker whose local files are in this folder."""
        values: dict[str, object] = {
            "token": Secret(self.source.token),
            "account_id": self.source.account_id,
            "base_url": self.base_url,
            "webhook_key_url": f"{self.source.origin}/.well-known/webhooks.json",
            "store": f"file:{self.folder / 'archive'}",
            "data": self.folder / data,
            "budget": RequestBudget(1_000_000, 1.0),
        }
        return Settings(**{**values, **self.settings, **more})  # type: ignore[arg-type]  # by name

    @asynccontextmanager
    async def runtime(self, data: str = "data", **more: object) -> AsyncIterator[Runtime]:
        """A worker, open."""
        settings = self.configured(data, **more)
        async with open_runtime(settings, command="test", clock=self.clock) as runtime:
            yield runtime

    async def sync(self, data: str = "data", **more: object) -> Report:
        """One pass."""
        async with self.runtime(data, **more) as runtime:
            return await runtime.worker.sync()

    async def work(self, for_: timedelta, **more: object) -> None:
        """A worker that runs so long, by the clock."""
        async with self.runtime("data", **more) as runtime:
            stop = asyncio.Event()
            running = asyncio.create_task(runtime.worker.run(stop))
            for _ in range(int(for_ / STEP)):
                await self.clock.sleep(STEP.total_seconds())
            stop.set()
            await running

    async def sync_until_settled(self, *, step: timedelta = timedelta(hours=1)) -> None:
        """Passes at intervals until nothing is pending, at most for the seven days there are."""
        for _ in range(int(timedelta(days=8) / step)):
            try:
                await self.sync()
            except SourceUnavailableError:
                continue  # as whoever runs `sync` from a timer: the next one is due anyway
            async with self.runtime() as runtime:
                counts = runtime.ledger.session_counts()
                if counts["sessions"] == len(self.source.session_ids) and not counts["pending"]:
                    return
            self.clock.advance(step.total_seconds())
        raise AssertionError("something stays pending for ever")

    async def objects(self) -> dict[str, bytes]:
        """Every object in the archive, by key."""
        store = open_store(f"file:{self.folder / 'archive'}")
        try:
            return {info.key: await store.get(info.key) async for info in store.list("")}
        finally:
            await store.close()


class _Threads:
    """Whether anything that blocks is under way beside this event loop: no time passes meanwhile."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._under_way = 0
        self._run: Callable[..., asyncio.Future[Any]] = loop.run_in_executor
        setattr(loop, "run_in_executor", self._counted)  # noqa: B010 — all that blocks goes through it

    def _counted(
        self, executor: Executor | None, call: Callable[..., Any], *args: object
    ) -> asyncio.Future[Any]:
        future = self._run(executor, call, *args)
        self._under_way += 1
        future.add_done_callback(self._done)
        return future

    def _done(self, _future: asyncio.Future[Any]) -> None:
        self._under_way -= 1

    def are_at_work(self) -> bool:
        return bool(self._under_way or current_default_thread_limiter().borrowed_tokens)


@asynccontextmanager
async def rig(
    folder: Path,
    *,
    meetings: tuple[Meeting, ...] | int = 3,
    faults: Faults | None = None,
    **settings: object,
) -> AsyncIterator[Rig]:
    """A source of so many sessions, all of them ended, and a worker for it."""
    threads = _Threads(asyncio.get_running_loop())
    clock = SettableClock(NOW, settle_s=0.001, at_work=threads.are_at_work)
    made = generate_meetings(meetings, days=2) if isinstance(meetings, int) else meetings
    async with AsyncExitStack() as stack:
        source = SimulatedSource(clock=clock, meetings=made, faults=faults)
        server = await stack.enter_async_context(serve(source))
        yield Rig(source, server.base_url, folder, clock, dict(settings))
        await asyncio.sleep(0)
