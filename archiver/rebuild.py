"""The ledger made again from the bucket: aside, then taken over in one step."""

from __future__ import annotations

import os
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.errors import LedgerError
from archiver.ledger import Found, Ledger
from archiver.model import format_time
from archiver.records import states_of
from archiver.schedule import SummaryRequest, session_next_attempt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from archiver.archive.archive import Archive
    from archiver.archive.chains import Chain, Committed
    from archiver.clock import Clock


ADOPTED_AT_ONCE = 200


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
    batch: list[Found] = []
    async with aclosing(archive.chains()) as chains:
        async for chain in chains:
            if chain.problem:
                rebuilt.problems.append(chain.problem)
            if chain.newest is not None:
                batch.append(_found(chain, chain.newest, clock))
            if len(batch) >= ADOPTED_AT_ONCE:
                rebuilt.sessions += ledger.adopt_all(batch, clock.now())
                batch = []
                progress(rebuilt.sessions)
    rebuilt.sessions += ledger.adopt_all(batch, clock.now())
    progress(rebuilt.sessions)
    return rebuilt


def _found(chain: Chain, newest: Committed, clock: Clock) -> Found:
    states = states_of(newest.inventory, clock.now())
    return Found(
        committed=newest,
        states=states,
        next_attempt_at=session_next_attempt(states),
        requests=tuple(SummaryRequest(number=n, at=at) for n, at in chain.requests.items()),
    )


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
