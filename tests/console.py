"""Commands run as a user runs them, against a simulated account, in a folder of their own."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from archiver.simulated import SettableClock, SimulatedSource, generate_meetings, serve_in_thread
from search.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from archiver.simulated import Faults, Meeting


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output, which is one JSON document."""
        return json.loads(self.out)

    @property
    def last_line(self) -> str:
        """The last thing said on standard error."""
        return self.err.strip().splitlines()[-1]


@dataclass(slots=True)
class Console:
    """A folder, an environment and an account."""

    folder: Path
    source: SimulatedSource
    capsys: pytest.CaptureFixture[str]
    environment: pytest.MonkeyPatch
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, *argv: str) -> Ran:
        """`rtk-archive` with these arguments."""
        self.capsys.readouterr()
        try:
            code = main(argv)
        except SystemExit as stopped:  # argparse's way
            code = int(stopped.code or 0)
        captured = self.capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    def answer(self, query: str) -> Any:
        """What a search answers, but for the moment it was asked at, and when the source was seen."""
        document = self.run("search", query, "--json").document
        del document["coverage"]["indexed_through"], document["coverage"]["listed_through"]
        return document

    def set(self, **variables: str) -> None:
        """Set variables of the environment."""
        for name, value in variables.items():
            self.environment.setenv(name, value)


@contextmanager
def console(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    environment: pytest.MonkeyPatch,
    *,
    meetings: tuple[Meeting, ...] | int = 3,
    faults: Faults | None = None,
) -> Iterator[Console]:
    """An account with so many ended sessions, and a shell in an empty folder that is set up for it."""
    made = generate_meetings(meetings, days=2) if isinstance(meetings, int) else meetings
    source = SimulatedSource(clock=SettableClock(datetime.now(UTC)), meetings=made, faults=faults)
    with serve_in_thread(source) as server:
        environment.chdir(folder)
        found = Console(folder, source, capsys, environment)
        found.set(
            CLOUDFLARE_API_TOKEN=source.token,
            CLOUDFLARE_ACCOUNT_ID=source.account_id,
            CLOUDFLARE_BASE_URL=server.base_url,
            COLUMNS="100",
        )
        yield found


def serving(shell: Console, host: str = "127.0.0.1") -> tuple[subprocess.Popen[str], str]:
    """An endpoint in a process of its own, and where it answers this machine."""
    process = subprocess.Popen(
        [sys.executable, "-m", "search", "serve"],
        cwd=shell.folder,
        env={**os.environ, "RTK_ARCHIVE_LISTEN": f"{host}:0"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = process.stderr.readline()
    match = re.search(r"http://[\d.]+(:\d+)", said)
    assert match is not None, said
    return process, f"http://127.0.0.1{match[1]}"


@contextmanager
def own_logs() -> Iterator[None]:
    """Afterwards the logs of this process are set up as they were before."""
    loggers = [logging.getLogger(name) for name in ("archiver", "search")]
    before = [(each.handlers[:], each.level, each.propagate) for each in loggers]
    try:
        yield
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
            logger.handlers[:] = handlers
            logger.setLevel(level)
            logger.propagate = propagate
