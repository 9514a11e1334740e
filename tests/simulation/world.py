"""One run of a scenario: weeks in seconds, the same every time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
import shutil
import tempfile
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archiver.model import Kind
from archiver.realtimekit import SUBSCRIBED
from archiver.settings import RequestBudget, Secret, Settings
from archiver.simulated import EventShape, OperationFault, SimulatedSource, sent
from tests.simulation import network
from tests.simulation.bucket import Bucket
from tests.simulation.loop import LoopClock, VirtualLoop
from tests.simulation.process import CURRENT, Process, ProcessClock, hooked
from tests.simulation.scenario import START, Scenario, Spell

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from archiver.simulated.source import Request

#: Every session has ended by then, and every outcome is final some days later.
LASTS = timedelta(days=11)
REDELIVERIES = 3


@dataclass(slots=True)
class World:
    """A source, a bucket, and workers between them."""

    scenario: Scenario
    folder: Path
    source: SimulatedSource
    bucket: Bucket
    processes: list[Process] = field(default_factory=list)
    posts: list[tuple[str, datetime, int]] = field(default_factory=list)
    session_ids: list[str] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> datetime:
        """The true time."""
        return self.source.clock.now()

    # ------------------------------------------------------------------ a run

    async def run(self) -> None:
        """Let everything happen, to the end."""
        living = [asyncio.create_task(each.live(self.stop)) for each in self.processes]
        scripted = [*(self._spell(each) for each in self.scenario.spells), *self._webhooks()]
        beside = [asyncio.create_task(each) for each in scripted]
        ending = asyncio.create_task(asyncio.sleep(LASTS.total_seconds()))
        try:
            done, _ = await asyncio.wait({*living, ending}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self.stop.set()
            for each in beside:
                each.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        await asyncio.gather(*living)

    async def _spell(self, spell: Spell) -> None:
        await asyncio.sleep(spell.at_s)
        process = self.processes[spell.process]
        if spell.what == "source":
            fault = OperationFault(times=10**9, status=503)
            storage = OperationFault(operation="download", times=10**9, status=0)
            self.source.faults.operations += [fault, storage]
            await asyncio.sleep(spell.for_s)
            self.source.faults.operations.remove(fault)
            self.source.faults.operations.remove(storage)
        elif spell.what == "bucket":
            self.bucket.unreachable = True
            await asyncio.sleep(spell.for_s)
            self.bucket.unreachable = False
        elif spell.what == "bucket full":
            self.bucket.full = True
            await asyncio.sleep(spell.for_s)
            self.bucket.full = False
        elif spell.what == "lost answers":
            self.bucket.lost_answers += 3
        elif spell.what == "disk full":
            process.disk_full = True
            await asyncio.sleep(spell.for_s)
            process.disk_full = False
        elif spell.what == "clock":
            process.clock.skew = timedelta(seconds=spell.skew_s)
            await asyncio.sleep(spell.for_s)
            process.clock.skew = timedelta()

    # ------------------------------------------------------------------ webhooks

    def _webhooks(self) -> list[Coroutine[Any, Any, None]]:
        rng = random.Random(self.scenario.seed + 1)
        told = [
            self._tell(session_id, name, random.Random(rng.random()))
            for session_id in self.session_ids
            for name in SUBSCRIBED
            if rng.random() < self.scenario.webhooks
        ]
        forged = [self._forge(random.Random(rng.random())) for _ in range(self.scenario.forged)]
        return [*told, *forged]

    async def _tell(self, session_id: str, name: str, rng: random.Random) -> None:
        await self._happened(session_id, name)
        shape = rng.choice(list(EventShape))
        for number in range(2 if rng.random() < self.scenario.doubled else 1):
            await asyncio.sleep(rng.choice([1.0, 30.0, 3600.0]))
            delivery = sent(self.source, session_id, name, shape=shape, number=number)
            await self._deliver(delivery.body, delivery.headers, rng)

    async def _happened(self, session_id: str, name: str) -> None:
        session = self.source.session(session_id)
        kinds = {"meeting.chatSynced": Kind.CHAT, "meeting.transcript": Kind.TRANSCRIPT}
        ended_at = session.ended_at
        assert ended_at is not None
        await asyncio.sleep(max((ended_at - self.now()).total_seconds(), 0))
        if name != "meeting.ended":
            kind = kinds.get(name, Kind.SUMMARY)
            format_ = "CSV" if kind is Kind.TRANSCRIPT else ""
            while not self.source.has_artifact(session, kind, format_):  # noqa: ASYNC110 — time is virtual
                await asyncio.sleep(3600)

    async def _forge(self, rng: random.Random) -> None:
        """Somebody else's event, which the source signed as well."""
        await asyncio.sleep(rng.uniform(0, 5 * 86400))
        stranger = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        named = {"organizedBy": {"id": stranger}} if rng.random() < 0.5 else {}
        mine = rng.choice(self.session_ids)
        body = {
            "event": "meeting.summary",
            "sessionId": mine if named else stranger,
            "summaryDownloadUrl": f"{self.source.origin}/files/{stranger}/summary.txt?forged",
            **named,
        }
        headers = {"rtk-uuid": stranger, "rtk-webhook-id": stranger}
        await self._deliver(json.dumps(body).encode(), headers, rng)

    async def _deliver(self, body: bytes, headers: dict[str, str], rng: random.Random) -> None:
        for _ in range(REDELIVERIES):
            if rng.choice(self.processes).deliver(body, headers):
                return
            await asyncio.sleep(60)


def build(scenario: Scenario, folder: Path) -> World:
    """The world of a scenario, before its first moment."""
    clock = LoopClock(START)
    source = SimulatedSource(
        clock=clock, meetings=(), faults=scenario.faults, timing=scenario.timing
    )
    world = World(scenario=scenario, folder=folder, source=source, bucket=Bucket())
    for number, planned in enumerate(scenario.sessions):
        started_at = START + timedelta(seconds=planned.begins_at_s)
        session_id = source.add_session(
            planned.meeting,
            app_id=source.add_app(planned.app),
            started_at=started_at,
            ended_at=started_at + timedelta(seconds=planned.lasts_s),
        )
        world.session_ids.append(session_id)
        for kind in (Kind.TRANSCRIPT, Kind.CHAT, Kind.SUMMARY):
            if (faults := scenario.artifact_faults.get((number, kind))) is not None:
                source.faults.per_artifact[session_id, kind, ""] = faults
    # Whoever takes these events has not asked for a signature, and keys take long to make.
    source.sign = lambda body: f"unsigned {len(body)}"  # type: ignore[method-assign]
    note = source.note

    def noted(request: Request) -> None:
        if request.operation == "post_summary":
            world.posts.append((request.session_id, world.now(), request.status))
        note(request)

    source.note = noted  # type: ignore[method-assign]  # a record with times beside its own
    for number in range(scenario.workers):
        world.processes.append(_process(world, number, scenario))
    return world


def _process(world: World, number: int, scenario: Scenario) -> Process:
    settings = Settings(
        token=Secret(world.source.token),
        account_id=world.source.account_id,
        base_url=network.BASE_URL,
        store="file:unused",
        data=world.folder / f"worker-{number}",
        sole_worker=False,
        **{"budget": RequestBudget(100, 60.0), **scenario.settings},  # type: ignore[arg-type]  # by name
    )
    return Process(
        name=f"worker-{number}",
        settings=settings,
        bucket=world.bucket,
        clock=ProcessClock(world.now),
        true_now=world.now,
        kills=list(scenario.kills[number]),
    )


@contextlib.contextmanager
def simulated(scenario: Scenario) -> Iterator[tuple[World, asyncio.Runner]]:
    """Run a scenario; gives its world afterwards, and a way to run more in its time."""
    folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=_fast_folder()))
    patch = pytest.MonkeyPatch()
    numbers = random.Random(scenario.seed + 2)
    random.seed(scenario.seed)
    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner, hooked(patch):
            patch.setattr(secrets, "token_hex", lambda size: numbers.randbytes(size).hex())
            patch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=numbers.getrandbits(128), version=4))

            async def whole() -> World:
                world = build(scenario, folder)
                with network.connected(patch, network.Network(world.source)):
                    await world.run()
                CURRENT.set(None)
                return world

            yield runner.run(whole()), runner
    finally:
        patch.undo()
        shutil.rmtree(folder, ignore_errors=True)


def _fast_folder() -> str | None:
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() else None
