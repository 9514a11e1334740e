"""A worker that kills itself (SIGKILL) at one step: run as `python -m tests.killed STEP WHEN NUMBER NOW`.

STEP names a method; WHEN is `before` or `after` it; NUMBER is which call of it; NOW is the time it is
to be. The settings come from the environment, as for any worker.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

from archiver.archive.archive import Archive
from archiver.archive.stores import files
from archiver.cli import COMMANDS, run_command
from archiver.clock import SystemClock
from archiver.ledger import Ledger
from archiver.model import parse_time
from archiver.realtimekit import Downloader, RealtimeKit

STEPS: dict[str, tuple[Any, str]] = {
    "fetch": (Downloader, "fetch"),
    "put": (Archive, "put_artifact"),
    "link": (files.Tree, "_link"),
    "write": (files.Tree, "_write"),
    "commit": (Archive, "commit"),
    "claim": (Archive, "claim_summary"),
    "post": (RealtimeKit, "request_summary"),
    "record": (Ledger, "record"),
    "request": (Ledger, "record_request"),
}


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(step: str, when: str, number: int) -> None:
    """Make the process die at this call of this step."""
    owner, name = STEPS[step]
    method = getattr(owner, name)
    calls = 0

    def count() -> bool:
        nonlocal calls
        calls += 1
        return calls == number

    async def later(*args: Any, **more: Any) -> Any:
        mine = count()
        if mine and when == "before":
            _die()
        result = await method(*args, **more)
        if mine:
            _die()
        return result

    def now(*args: Any, **more: Any) -> Any:
        mine = count()
        if mine and when == "before":
            _die()
        result = method(*args, **more)
        if mine:
            _die()
        return result

    setattr(owner, name, later if asyncio.iscoroutinefunction(method) else now)


if __name__ == "__main__":
    arm(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    moment = parse_time(sys.argv[4])
    setattr(SystemClock, "now", lambda _self: moment)  # noqa: B010 — the test's clock
    raise SystemExit(run_command("archiver", COMMANDS, ["sync", "--json"]))
