"""A clock that is set by hand, and that jumps ahead when everyone who could act is asleep."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: A yield that lasts so many times as long as it should says that the machine is busy.
_LATE = 3
_SETTLES_MAX = 20
#: So many while others are at work, who may wait for a slow disk: some seconds.
_SETTLES_AT_WORK_MAX = 2000


class SettableClock:
    """Virtual time: `set` and `advance` move it, and so does whoever sleeps longest unchallenged.

    A sleeper moves time to its own wake-up only if it is the first to wake, and nobody else woke or
    lay down while it yielded once to the loop. `settle_s` makes that yield last so many real
    seconds, for tests in which others wait for sockets or threads and not for this clock; and as long
    as `at_work` says that threads have something to do, it goes on yielding.
    """

    def __init__(
        self, now: datetime, *, settle_s: float = 0, at_work: Callable[[], bool] = lambda: False
    ) -> None:
        self._now = _aware(now)
        self._settle_s = settle_s
        self._at_work = at_work
        self._sleepers: list[tuple[datetime, int]] = []
        self._numbers = itertools.count()
        self._changes = 0

    def now(self) -> datetime:
        return self._now

    def set(self, moment: datetime) -> None:
        """Move to this moment, in either direction; those whose time has come wake up in order."""
        self._now = _aware(moment)
        self._changes += 1

    def advance(self, seconds: float) -> None:
        """Move ahead by so many seconds."""
        self.set(self._now + timedelta(seconds=seconds))

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = (self._now + timedelta(seconds=seconds), next(self._numbers))
        heapq.heappush(self._sleepers, sleeper)
        self._changes += 1
        try:
            await self._wait_for_turn(sleeper)
        finally:
            self._sleepers.remove(sleeper)
            heapq.heapify(self._sleepers)
            self._changes += 1

    async def _wait_for_turn(self, sleeper: tuple[datetime, int]) -> None:
        wake_at, _ = sleeper
        while True:
            changes = self._changes
            await self._settle()
            if self._sleepers[0] != sleeper:
                continue
            if self._now >= wake_at:
                return
            if self._changes == changes:
                self._now = wake_at
                return

    async def _settle(self) -> None:
        """Yield; where that took much longer than it should, others may not have had their turn yet."""
        for settled in range(_SETTLES_AT_WORK_MAX):
            began, were_at_work = time.monotonic(), self._at_work()
            await asyncio.sleep(self._settle_s)
            is_late = time.monotonic() - began > _LATE * self._settle_s
            if were_at_work or self._at_work():
                continue
            if not self._settle_s or not is_late or settled >= _SETTLES_MAX:
                return


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a clock is set to a time with an offset")
    return moment.astimezone(UTC)
