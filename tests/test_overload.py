"""A budget that does not suffice: what is lost is the fewest possible, and nothing while it suffices."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from archiver.archive import keys
from archiver.archive.inventory import parse_inventory
from archiver.model import SOURCE_RETENTION, Outcome, TranscriptFormat
from archiver.settings import RequestBudget
from archiver.simulated import SummaryMode, generate_meetings
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import Network, connected
from tests.simulation.process import CURRENT, hooked
from tests.simulation.scenario import START, draw
from tests.simulation.world import World, build

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

SESSIONS = 300
#: Session record, transcript and chat: one request each, and nothing else is asked for.
REQUESTS_EACH = 3
LASTS = timedelta(hours=10)
PERIOD_S = 300.0
WORDS_S = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """So many sessions, the moments the source deletes them, and the requests there are."""

    deadlines: list[timedelta]  #: after the start
    per_period: int


def load(seed: int, share: float) -> Load:
    """A backlog whose deadlines lie within hours, and a budget for this share of its requests."""
    rng = random.Random(seed)
    deadlines = sorted(
        timedelta(seconds=rng.uniform(0.1, 1) * LASTS.total_seconds()) for _ in range(SESSIONS)
    )
    periods = LASTS.total_seconds() / PERIOD_S
    return Load(deadlines, round(share * SESSIONS * REQUESTS_EACH / periods))


def fewest_lost(load: Load) -> int:
    """What nobody could do better, knowing everything: requests that fit before no deadline.

    For requests of one size, nearest deadline first is as good as any plan; a window holds as many
    as the budget says, and they may all leave at its beginning.
    """
    done = 0
    for deadline in load.deadlines:
        capacity = (int(deadline.total_seconds() // PERIOD_S) + 1) * load.per_period
        done = min(done + REQUESTS_EACH, max(capacity, done))
    return SESSIONS * REQUESTS_EACH - done


def run(load: Load, folder: Path, apps: int = 3) -> tuple[int, Counter[str]]:
    """How many artifacts the real worker loses, and of which apps."""
    patch = pytest.MonkeyPatch()
    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner, hooked(patch):

            async def whole() -> tuple[int, Counter[str]]:
                world = _world(load, folder, apps)
                with connected(patch, Network(world.source)):
                    living = asyncio.create_task(world.processes[0].live(world.stop))
                    # A day after the last deadline everything has been decided.
                    await asyncio.sleep((LASTS + timedelta(hours=60)).total_seconds())
                    world.stop.set()
                    await living
                CURRENT.set(None)
                return _lost(world)

            return runner.run(whole())
    finally:
        patch.undo()


def _world(load: Load, folder: Path, apps: int) -> World:
    scenario = replace(
        draw(0),
        sessions=[],
        workers=1,
        kills=[[]],
        spells=[],
        settings={
            "formats": (TranscriptFormat.JSON,),
            "summaries": "off",
            "look_every": timedelta(hours=12),
            "lookback_every": timedelta(hours=12),
            "budget": RequestBudget(load.per_period, PERIOD_S),
        },
    )
    scenario.faults = replace(scenario.faults, random_rate=0, rate_limit=0)
    scenario.faults.paging.omit = False
    scenario.faults.paging.most_per_page = scenario.faults.paging.default_per_page = 100
    world = build(scenario, folder)
    meetings = generate_meetings(SESSIONS, 1, utterances=1, chat=1)
    for number, (deadline, meeting) in enumerate(zip(load.deadlines, meetings, strict=True)):
        app_id = world.source.add_app(f"App {number % apps}")
        ended_at: datetime = START + deadline - SOURCE_RETENTION
        world.session_ids.append(
            world.source.add_session(
                replace(meeting, summary_mode=SummaryMode.NONE),
                app_id=app_id,
                started_at=ended_at - timedelta(seconds=WORDS_S),
                ended_at=ended_at,
            )
        )
    return world


def _lost(world: World) -> tuple[int, Counter[str]]:
    newest = {}
    for key in sorted(world.bucket.objects):
        parsed = keys.parse_key(key)
        if parsed is not None and parsed.version:
            newest[parsed.session_id] = parse_inventory(world.bucket.objects[key][0], key)
    assert len(newest) == SESSIONS, "every session has an inventory, even if nothing was had"
    lost: Counter[str] = Counter()
    for inventory in newest.values():
        for entry in inventory.entries:
            assert entry.outcome != Outcome.PENDING, "everything is decided in the end"
            if entry.outcome in {Outcome.LOST, Outcome.ABSENT}:
                lost[inventory.session.app_id] += 1
    return lost.total(), lost


@pytest.mark.parametrize("seed", [1, 2])
def test_with_four_fifths_of_the_budget_the_fewest_possible_are_lost(
    seed: int, tmp_path: Path
) -> None:
    """At most a tenth more than by a plan that knows everything."""
    given = load(seed, 0.8)
    lost, by_app = run(given, tmp_path)
    fewest = fewest_lost(given)

    assert fewest > 0.1 * SESSIONS * REQUESTS_EACH
    assert lost <= 1.1 * fewest, (lost, fewest)
    # No app pays for another: each has a third of the sessions, and of the losses.
    assert max(by_app.values()) <= 1.5 * lost / 3, by_app


def test_while_the_budget_suffices_nothing_is_lost(tmp_path: Path) -> None:
    """The nearest deadline first, in every app."""
    given = load(3, 1.25)
    assert fewest_lost(given) == 0
    assert run(given, tmp_path)[0] == 0
