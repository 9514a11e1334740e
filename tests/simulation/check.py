"""One seed, from its drawing to the invariants."""

from __future__ import annotations

import logging
import signal
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from archiver.archive import keys
from archiver.archive.inventory import parse_inventory
from archiver.model import Outcome
from tests.simulation.invariants import broken, trace
from tests.simulation.scenario import draw
from tests.simulation.world import simulated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.world import World

#: A run that takes longer, in real time, turns in a circle.
STUCK_S = 300


@dataclass(slots=True)
class Checked:
    """What came of a seed."""

    seed: int
    broken: list[str] = field(default_factory=list)
    trace: str = ""
    sessions: int = 0
    requests: int = 0
    kills: int = 0
    posts: int = 0
    lost: int = 0

    def add(self, other: Checked) -> None:
        """Count what happened there as well."""
        for name in ("sessions", "requests", "kills", "posts", "lost"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def check(seed: int) -> Checked:
    """Run a seed and tell what does not hold; a crash or a circle does not hold either."""
    checked = Checked(seed)
    with _quiet(), _not_for_ever(seed):
        try:
            with simulated(draw(seed)) as (world, runner):
                checked.broken = runner.run(broken(world))
                _count(checked, world)
        except BaseException:  # noqa: BLE001 — whatever ends a run is its result
            checked.broken = [traceback.format_exc(limit=-12)]
    return checked


def _count(checked: Checked, world: World) -> None:
    checked.trace = trace(world)
    checked.sessions = len(world.session_ids)
    checked.requests = world.source.counts.total()
    checked.kills = sum(
        end.startswith("killed") for process in world.processes for end in process.ends
    )
    checked.posts = len(world.posts)
    newest: dict[str, list[str]] = {}
    for key in sorted(world.bucket.objects):
        parsed = keys.parse_key(key)
        if parsed is not None and parsed.version:
            inventory = parse_inventory(world.bucket.objects[key][0], key)
            newest[parsed.folder] = [each.outcome for each in inventory.entries]
    checked.lost = sum(each.count(Outcome.LOST) for each in newest.values())


@contextmanager
def _quiet() -> Iterator[None]:
    levels = {}
    for name in ("archiver", "search", "asyncio"):
        levels[name] = logging.getLogger(name).level
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def _not_for_ever(seed: int) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TimeoutError(f"seed {seed} turns in a circle")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(STUCK_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
