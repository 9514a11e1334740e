"""The ledger made again from the bucket: aside, then taken over in one step."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.errors import LedgerError
from archiver.ledger import Ledger
from archiver.model import format_time
from archiver.records import states_of
from archiver.schedule import SummaryRequest, session_next_attempt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from archiver.archive.archive import Archive
    from archiver.clock import Clock


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild found."""

    sessions: int = 0
    problems: list[str] = field(default_factory=list)


async def rebuild_ledger(
    archive: Archive,
    path: Path,
    clock: Clock,
    *,
    progress: Callable[[int], None] = lambda _done: None,
) -> Rebuilt:
    """Make the ledger at `path` again from the newest inventory of every session.

    A ledger that can still be opened is replaced in one transaction, so that a running process sees
    the old one or the new one; a damaged file is kept beside it under another name.
    """
    aside = path.with_name(f"{path.name}.rebuilt-{os.getpid()}")
    _remove(aside)
    try:
        fresh = Ledger.open(aside)
        try:
            fresh.bind(archive.id)
            rebuilt = await _fill(fresh, archive, clock, progress)
            _swap(fresh, path, clock)
        finally:
            fresh.close()
    finally:
        _remove(aside)
    return rebuilt


async def _fill(
    ledger: Ledger, archive: Archive, clock: Clock, progress: Callable[[int], None]
) -> Rebuilt:
    rebuilt = Rebuilt()
    async for chain in archive.chains():
        if chain.problem:
            rebuilt.problems.append(chain.problem)
        if chain.newest is None:
            continue
        now = clock.now()
        states = states_of(chain.newest.inventory, now)
        ledger.adopt(chain.newest, states, next_attempt_at=session_next_attempt(states), now=now)
        for number, at in chain.requests.items():
            ledger.record_request(chain.session_id, SummaryRequest(number=number, at=at))
        rebuilt.sessions += 1
        progress(rebuilt.sessions)
    return rebuilt


def _swap(fresh: Ledger, path: Path, clock: Clock) -> None:
    try:
        current = Ledger.open(path)
    except LedgerError:
        if path.exists():
            stamp = format_time(clock.now()).replace(":", "")
            path.rename(path.with_name(f"{path.name}.damaged-{stamp}"))
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        current = Ledger.open(path)
    try:
        fresh.keep_from(current)
        current.replace_with(fresh)
    finally:
        current.close()


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
