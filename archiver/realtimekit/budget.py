"""How many requests the whole process may send, and when it may send none at all."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archiver.clock import Clock

#: A pause longer than this cannot be told from for ever, and would overflow a date.
_LONGEST_PAUSE_S = 366 * 86_400.0


class Budget:
    """A sliding window over all requests, first come first served, and a pause that stops them all.

    Within any `period_s` seconds no more than `requests` are let through.
    """

    def __init__(self, requests: int, period_s: float, clock: Clock) -> None:
        if requests < 1 or period_s <= 0:
            raise ValueError(f"a budget of {requests} requests per {period_s} seconds")
        self._requests = requests
        self._period = timedelta(seconds=period_s)
        self._clock = clock
        self._taken: deque[datetime] = deque()
        self._queue = asyncio.Lock()
        self._paused_until: datetime | None = None
        self._latest = clock.now()
        self._set_back = timedelta()

    async def acquire(self) -> None:
        """Wait for a place in the window, behind everyone who asked before."""
        async with self._queue:
            while (wait_s := self._wait_s()) > 0:
                await self._clock.sleep(wait_s)
            self._taken.append(self._now())

    def pause(self, seconds: float) -> None:
        """Let nothing through for so long; of several pauses the one that ends last counts."""
        until = self._now() + timedelta(seconds=min(max(seconds, 0.0), _LONGEST_PAUSE_S))
        if self._paused_until is None or until > self._paused_until:
            self._paused_until = until

    @property
    def paused_until(self) -> datetime | None:
        """When the pause ends, None while there is none."""
        paused_until = self._paused_until
        return paused_until if paused_until and paused_until > self._now() else None

    def pause_left_s(self) -> float:
        """For how many seconds nothing is let through."""
        paused_until = self.paused_until
        return (paused_until - self._now()).total_seconds() if paused_until else 0.0

    def left(self) -> int:
        """How many requests could leave at once."""
        self._forget()
        return 0 if self.paused_until else self._requests - len(self._taken)

    def _wait_s(self) -> float:
        """How long from now until the next request may leave, by what is known now."""
        self._forget()
        now = self._now()
        opens_at = now
        if len(self._taken) >= self._requests:
            opens_at = self._taken[0] + self._period
        return (max(opens_at, self.paused_until or now) - now).total_seconds()

    def _forget(self) -> None:
        earliest = self._now() - self._period
        while self._taken and self._taken[0] <= earliest:
            self._taken.popleft()

    def _now(self) -> datetime:
        """The clock's time, except that it never runs backwards: a clock set back costs no wait."""
        now = self._clock.now() + self._set_back
        if now < self._latest:
            self._set_back += self._latest - now
            now = self._latest
        self._latest = now
        return now
