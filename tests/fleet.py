"""Workers in processes of their own over one archive, by a clock that runs faster than the machine's."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import signal
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archiver.errors import LedgerError
from archiver.runtime import open_ledger
from archiver.simulated import (
    SettableClock,
    SimulatedSource,
    SummaryMode,
    generate_meetings,
    serve,
)
from tests.kill_campaign import Arrivals, checked, environment, settle
from tests.paced import PacedClock
from tests.rig import Rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PACE = 20.0
#: A fleet that has brought nothing new for so long has done what it can for now.
QUIET_S = 15.0
PATIENCE_S = 300.0
STOP_S = 60.0


@dataclass(slots=True)
class Fleet:
    """A source, an archive, and the workers that are running."""

    one: Rig
    clock: PacedClock
    arrivals: Arrivals
    workers: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    async def start(self, data: str, *arguments: str) -> None:
        """Begin to work, with the ledger in this folder."""
        said = (self.one.folder / f"{data}.stderr").open("ab")
        with said:
            self.workers[data] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.paced"),
                *(self.clock.began_at.isoformat(), str(self.clock.pace), "-v", "work", *arguments),
                env=environment(self.one, data) | {"RTK_ARCHIVE_BUDGET": "99999/1"},
                stdout=asyncio.subprocess.DEVNULL,
                stderr=said,
            )

    async def kill(self, data: str) -> None:
        """SIGKILL."""
        worker = self.workers.pop(data)
        worker.kill()
        await worker.wait()

    async def stop(self) -> None:
        """SIGTERM to all; whoever was gone before, or left with an error, is a finding."""
        for data, worker in self.workers.items():
            if worker.returncode is not None:
                self.findings.append(f"the worker of {data} gave up: {self.said(data)}")
                continue
            worker.send_signal(signal.SIGTERM)
            code = await asyncio.wait_for(worker.wait(), STOP_S)
            # Before it has begun to work, a signal ends whatever it waits for.
            early = code == 1 and "stopped; run it again" in self.said(data)
            if not (early or code in {0, 3}) or "Traceback" in self.said(data):
                self.findings.append(f"the worker of {data} left with {code}: {self.said(data)}")
        self.workers.clear()

    def said(self, data: str) -> str:
        """The last that the worker of this folder said."""
        return (self.one.folder / f"{data}.stderr").read_text(errors="replace")[-500:]

    async def pending(self, data: str) -> int:
        """How many sessions are not settled in this ledger."""
        with suppress(LedgerError):
            async with open_ledger(self.one.configured(data), read_only=True) as ledger:
                counts = ledger.session_counts()
                known = len(self.one.source.session_ids) - counts["sessions"]
                return known + counts["pending"]
        return len(self.one.source.session_ids)

    async def work_on(self, data: str) -> None:
        """Let them work until this ledger has nothing pending, or nothing more can be had for now."""
        before, quiet_s, waited_s = -1, 0.0, 0.0
        while left := await self.pending(data):
            quiet_s = 0.0 if left != before else quiet_s + 0.5
            before, waited_s = left, waited_s + 0.5
            if quiet_s >= QUIET_S or waited_s >= PATIENCE_S:
                return
            await asyncio.sleep(0.5)

    async def settle(self) -> None:
        """Passes over what has to wait for hours, and a look at everything; the workers are stopped."""
        self.one.clock.set(self.clock.now())
        self.one.source.clock = self.one.clock
        await settle(self.one)
        self.findings += await checked(self.one, settled=True)
        self.findings += [
            f"{session_id}: asked for {posts} times"
            for session_id, posts in self.one.source.summary_posts.items()
            if posts > 1
        ]


@asynccontextmanager
async def fleet(folder: Path, sessions: int, seed: int, **settings: object) -> AsyncIterator[Fleet]:
    """A source of so many sessions that have ended, and no worker yet."""
    rng = random.Random(seed)
    modes = (SummaryMode.AUTOMATIC, SummaryMode.ON_REQUEST)
    meetings = [
        dataclasses.replace(each, summary_mode=rng.choice(modes))
        for each in generate_meetings(sessions, seed, utterances=8, chat=3, days=2)
    ]
    clock = PacedClock(datetime.now(UTC), PACE)
    source = SimulatedSource(clock=clock, meetings=meetings)
    async with serve(source) as server:
        one = Rig(source, server.base_url, folder, SettableClock(clock.now()), dict(settings))
        found = Fleet(one, clock, Arrivals(one))
        try:
            yield found
        finally:
            for data in list(found.workers):
                await found.kill(data)
