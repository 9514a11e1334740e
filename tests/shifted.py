"""A command whose clock began elsewhere: run as `python -m tests.shifted NOW ARGUMENT…`.

NOW is the time it is to be when it starts; from there its clock goes on as any other. The settings
come from the environment.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from archiver.cli import main
from archiver.clock import SystemClock
from archiver.model import parse_time

if __name__ == "__main__":
    shift = parse_time(sys.argv[1]) - datetime.now(UTC)
    setattr(SystemClock, "now", lambda _self: datetime.now(UTC) + shift)  # noqa: B010 — as wished
    raise SystemExit(main(sys.argv[2:]))
