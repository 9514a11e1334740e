"""A worker as a process: started, killed between any two of its steps, and started again."""

from __future__ import annotations

import asyncio
import contextvars
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from archiver import upkeep as upkeep_module
from archiver import worker as worker_module
from archiver.errors import ArchiverError, LedgerError
from archiver.intake import Intake
from archiver.realtimekit import Downloader
from archiver.realtimekit.transport import Transport
from archiver.runtime import open_runtime
from migrations import sqlite
from search import indexer as indexer_module
from search.formats import Limits
from search.indexer import Indexer
from tests.simulation.bucket import Bucket, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    import pytest

    from archiver.runtime import Runtime
    from archiver.settings import Settings

#: Whose step is being made; tasks inherit it from the one that started them.
CURRENT: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)
RESTART_S = 300.0


class Killed(BaseException):
    """SIGKILL: nothing that runs after it leaves a trace."""


class ProcessClock:
    """The time a process believes it is."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.skew = timedelta()

    def now(self) -> datetime:
        return self._now() + self.skew

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(slots=True)
class Process:
    """One worker with its own local files."""

    name: str
    settings: Settings
    bucket: Bucket
    clock: ProcessClock
    true_now: Callable[[], datetime]
    kills: list[tuple[int, float]] = field(
        default_factory=list
    )  #: after so many steps; then down, in seconds
    disk_full: bool = False
    dead: bool = True
    steps: int = 0
    kill_after: int | None = None
    runtime: Runtime | None = None
    died: asyncio.Event = field(default_factory=asyncio.Event)
    ends: list[str] = field(default_factory=list)  #: how each life ended
    puts: list[tuple[str, bytes, timedelta]] = field(default_factory=list)  #: with the clock's skew

    def step(self, name: str) -> None:
        """One step is about to be made, or was made; the process may not live to see the next."""
        if self.dead:
            raise Killed(name)
        self.steps += 1
        if self.kill_after is not None and self.steps >= self.kill_after:
            self.dead = True
            self.ends.append(f"killed: {name}")
            self.died.set()
            raise Killed(name)

    def fill(self) -> None:
        """A write to a disk that may be full."""
        if self.disk_full:
            raise sqlite.OperationalError("database or disk is full")

    def store(self) -> MemoryStore:
        """This process's way to the bucket."""
        store = MemoryStore(self.bucket, self.true_now, self.step)
        store.on_put = lambda key, body: self.puts.append((key, body, self.clock.skew))
        return store

    async def live(self, until: asyncio.Event) -> None:
        """Run, die, and run again, until it is told to stop."""
        CURRENT.set(self)
        while not until.is_set():
            self.dead, self.steps = False, 0
            self.kill_after, down_s = self.kills.pop(0) if self.kills else (None, RESTART_S)
            self.died = asyncio.Event()
            await self._life(until)
            self.dead, self.runtime = True, None
            if not until.is_set():
                await asyncio.sleep(down_s)

    async def _life(self, until: asyncio.Event) -> None:
        life = asyncio.create_task(self._work(until))
        died = asyncio.create_task(self.died.wait())
        await asyncio.wait({life, died}, return_when=asyncio.FIRST_COMPLETED)
        died.cancel()
        if not life.done():
            life.cancel()
        (ended,) = await asyncio.gather(life, return_exceptions=True)
        if not self.dead and isinstance(ended, BaseException):
            self._explain(ended)

    def _explain(self, error: BaseException) -> None:
        """A worker may give up for a fault that passes, and is then started again; never for a bug."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        passing = isinstance(error, ArchiverError) and error.transient
        if not passing and not (isinstance(error, LedgerError) and self.disk_full):
            raise error
        self.ends.append(f"gave up: {error}")

    async def _work(self, until: asyncio.Event) -> None:
        async with open_runtime(self.settings, command="work", clock=self.clock) as runtime:
            self.runtime = runtime
            indexer = Indexer(
                runtime.archive, runtime.ledger, self.settings.index_path, Limits(size_bytes=2**20)
            )
            try:
                async with asyncio.TaskGroup() as group:
                    working = group.create_task(runtime.worker.run(until))
                    group.create_task(indexer.run(until))
                    await asyncio.wait({working})
            finally:
                indexer.close()

    def deliver(self, body: bytes, headers: dict[str, str]) -> bool:
        """A webhook at this process's door: whether it was confirmed."""
        if self.dead or self.runtime is None:
            return False
        token = CURRENT.set(self)
        try:
            told = self.runtime.worker.discovery.told.set
            intake = Intake(self.settings, self.clock, offers=self.runtime.offers, told=told)
            intake.take(body, webhook_id=headers["rtk-webhook-id"], uuid=headers["rtk-uuid"])
            intake.wake()
        except (Killed, ArchiverError):
            return False
        finally:
            CURRENT.reset(token)
        return True


async def _inline(call: Any, *args: Any, **_: Any) -> Any:
    """In place of a thread, whose turn would come whenever it does."""
    return call(*args)


def _open_store(_url: str, **_kept: object) -> MemoryStore:
    process = CURRENT.get()
    assert process is not None
    return process.store()


@contextmanager
def hooked(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every step at the bucket, the disk and the network is one at which a process can die."""
    exit_, enter = sqlite.Transaction.__exit__, sqlite.Transaction.__enter__
    exchange, fetch = Transport._exchange, Downloader.fetch

    def entering(self: Any) -> Any:
        if process := CURRENT.get():
            process.step("begin")
        return enter(self)

    def leaving(self: Any, kind: object, error: object, trace: object) -> None:
        process = CURRENT.get()
        if process is None or kind is not None:
            exit_(self, kind, error, trace)
            return
        try:
            process.step("before commit")
            process.fill()
        except BaseException as stopped:
            exit_(self, type(stopped), stopped, None)
            raise
        exit_(self, None, None, None)
        process.step("after commit")

    def around(method: Any) -> Any:
        async def call(self: Any, *args: Any, **more: Any) -> Any:
            process = CURRENT.get()
            if process is not None:
                process.step(f"before {method.__name__}")
            result = await method(self, *args, **more)
            if process is not None:
                process.step(f"after {method.__name__}")
            return result

        return call

    with patch.context() as within:
        within.setattr(sqlite.Transaction, "__enter__", entering)
        within.setattr(sqlite.Transaction, "__exit__", leaving)
        within.setattr(Transport, "_exchange", around(exchange))
        within.setattr(Downloader, "fetch", around(fetch))
        within.setattr(anyio.to_thread, "run_sync", _inline)
        within.setattr("archiver.runtime.open_store", _open_store)
        # Loops that only look whether there is something to do look less often: weeks pass.
        within.setattr(worker_module, "IDLE_MAX", timedelta(hours=1))
        within.setattr(worker_module, "FOLLOW_EVERY", timedelta(hours=6))
        within.setattr(worker_module, "CONFIRM_EVERY_S", 1800.0)
        within.setattr(upkeep_module, "EVERY_S", 6 * 3600.0)
        within.setattr(indexer_module, "POLL_S", 6 * 3600.0)
        within.setattr(worker_module, "VITALS_EVERY_S", 6 * 3600.0)
        yield
