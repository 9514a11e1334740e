"""Rounds: everything in the bucket read back every so many days, a little at a time, oldest first.

A round goes through the bucket in the order of keys and begins again at its end, so whatever was
looked at longest ago comes next. At its end a report of it is kept in the bucket.
"""

from __future__ import annotations

import logging
import math
from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.journal import Journal
from archiver.ledger.roster import Roster
from archiver.model import from_ms, to_ms
from archiver.verify.findings import note_in
from archiver.verify.verifier import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from archiver.archive.archive import Archive
    from archiver.clock import Clock
    from archiver.ledger import Ledger

log = logging.getLogger("archiver.rounds")

#: The part of a round's time over which its sessions are spread.
EVENLY_OVER = 0.9


class Rounds:
    """Verification in a worker: each call does as much as its turn asks for."""

    def __init__(
        self,
        archive: Archive,
        ledger: Ledger,
        clock: Clock,
        *,
        path: Path,
        every: timedelta,
        made: Callable[[datetime], Mapping[str, str]],
    ) -> None:
        self._archive = archive
        self._ledger = ledger
        self._clock = clock
        self._path = path
        self._every = every
        self._made = made

    async def go_on(self) -> None:
        """Do what is due by now; a round that is done waits for the next to be due.

        Raises a transient StoreError where the bucket cannot be read: the round goes on from there.
        """
        if not self._every:
            return
        roster = Roster.open(self._path)
        try:
            await self._go_on(roster)
        finally:
            roster.close()

    async def _go_on(self, roster: Roster) -> None:
        now = self._clock.now()
        began_at = _moment(roster.state("began_at_ms"), now)
        done = roster.state("done")
        if done and began_at is not None and now < began_at + self._every:
            return
        if done or began_at is None:
            roster.clear()
            began_at = now
        verifier = Verifier(self._archive, roster, self._clock)
        await verifier.begin(self._ledger)
        roster.save(began_at_ms=str(to_ms(began_at)))
        verifier.result.resumed = 0  # a round is meant to be done in many parts
        due = self._due_by(now, began_at)
        wanted = None if due is None else due - verifier.result.sessions
        if (wanted is not None and wanted <= 0) or not await verifier.go_on(wanted):
            return
        result = await verifier.finish()
        scope = {"round_days": math.ceil(self._every / timedelta(days=1))}
        link = await Journal(self._archive, keys.REPORTS).write(
            result.report(scope), self._made(self._clock.now())
        )
        note_in(self._ledger, result, self._clock.now())
        roster.save(done=str(link))
        log.info("round.done", extra={"sessions": result.sessions, "damaged": result.damaged})

    def _due_by(self, now: datetime, began_at: datetime) -> int | None:
        """How many sessions must have been looked at by now, evenly over a round; None for all."""
        # Done a little before its time is up: what arrives meanwhile comes on top.
        passed = (now - began_at) / (self._every * EVENLY_OVER)
        if passed >= 1:
            return None
        return math.ceil(self._ledger.session_counts()["sessions"] * passed)


def _moment(text: str, now: datetime) -> datetime | None:
    """A moment that was kept; one that lies ahead was kept by a clock that was wrong."""
    found = from_ms(int(text)) if text else None
    return None if found is None or found > now else found
