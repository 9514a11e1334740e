"""A command whose clock runs faster: run as `python -m tests.paced BEGAN PACE ARGUMENT…`.

At BEGAN its clock was right; since then so many of its seconds pass in each. Whoever is told the same
has the same time. The settings come from the environment.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

from archiver.cli import main
from archiver.clock import SystemClock
from archiver.model import parse_time


class PacedClock:
    """The machine's clock until it began, and faster since."""

    def __init__(self, began_at: datetime, pace: float) -> None:
        self.began_at = began_at
        self.pace = pace

    def now(self) -> datetime:
        return self.began_at + (datetime.now(UTC) - self.began_at) * self.pace

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.pace)


if __name__ == "__main__":
    clock = PacedClock(parse_time(sys.argv[1]), float(sys.argv[2]))
    setattr(SystemClock, "now", lambda _self: clock.now())  # noqa: B010 — as wished
    setattr(SystemClock, "sleep", lambda _self, seconds: clock.sleep(seconds))  # noqa: B010
    raise SystemExit(main(sys.argv[3:]))
