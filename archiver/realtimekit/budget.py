"""How many requests the whole process may send, and when it may send none at all."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections import deque
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from archiver.errors import TurnMissedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.clock import Clock

#: A pause longer than this cannot be told from for ever, and would overflow a date.
_LONGEST_PAUSE_S = 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class _Turn:
    at: float  #: the smaller, the sooner
    until: datetime | None  #: after that, never


#: Who asks on behalf of nothing in particular, as when sessions are listed, waits for nobody.
_AT_ONCE = _Turn(-math.inf, None)
_TURN: ContextVar[_Turn] = ContextVar("turn", default=_AT_ONCE)


@contextmanager
def in_turn(gone_at: datetime, now: datetime) -> Iterator[None]:
    """Whatever is asked for in this block, also by tasks begun in it, waits by when it may be deleted.

    What may be gone already comes last.
    """
    late = now >= gone_at
    token = _TURN.set(_Turn(math.inf, None) if late else _Turn(gone_at.timestamp(), gone_at))
    try:
        yield
    finally:
        _TURN.reset(token)


class Budget:
    """A sliding window over all requests, the nearest deadline first, and a pause that stops them all.

    Within any `period_s` seconds no more than `requests` are let through; of those with one deadline,
    whoever came first.
    """

    def __init__(self, requests: int, period_s: float, clock: Clock) -> None:
        if requests < 1 or period_s <= 0:
            raise ValueError(f"a budget of {requests} requests per {period_s} seconds")
        self._requests = requests
        self._period = timedelta(seconds=period_s)
        self._clock = clock
        self._taken: deque[datetime] = deque()
        self._waiting: list[tuple[float, int]] = []  #: a heap of turns, and the order they came in
        self._numbers = itertools.count()
        self._moved = asyncio.Event()  #: set, and replaced, when the first of them changes
        self._paused_until: datetime | None = None
        self._latest = clock.now()
        self._set_back = timedelta()

    async def acquire(self) -> None:
        """Wait for a place in the window, by the turn of whoever asks: see `in_turn`.

        Raises TurnMissedError where the deadline passes meanwhile: no request is spent on what is gone.
        """
        turn = _TURN.get()
        mine = (turn.at, next(self._numbers))
        heapq.heappush(self._waiting, mine)
        try:
            while True:
                if turn.until is not None and self._clock.now() >= turn.until:
                    raise TurnMissedError("its time was up before there was a request to spend")
                if self._waiting[0] != mine:
                    await self._moved.wait()
                elif (wait_s := self._wait_s()) > 0:
                    await self._sleep(wait_s, turn.until)
                else:
                    self._taken.append(self._now())
                    return
        finally:
            self._waiting.remove(mine)
            heapq.heapify(self._waiting)
            self._moved.set()
            self._moved = asyncio.Event()

    async def _sleep(self, wait_s: float, until: datetime | None) -> None:
        left_s = wait_s if until is None else (until - self._clock.now()).total_seconds()
        await self._clock.sleep(max(min(wait_s, left_s), 0.001))

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
