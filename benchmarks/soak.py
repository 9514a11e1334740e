"""A worker that captures for a long time: does it grow, and what does a settled archive cost?

    python -m benchmarks.soak [--sessions 50000] [--folder DIR]

One worker captures so many short meetings from a source in another process into a folder, and this
prints its resident size and its open files as it goes; then how long `sync` takes over the archive
that is settled. Linux only: that is who tells both of a process.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archiver.runtime import open_runtime
from benchmarks.source import machine, settings_of, source_of

if TYPE_CHECKING:
    from archiver.runtime import Runtime
    from archiver.settings import Settings

UTTERANCES = 4
LOOKS = 20  #: how often it is looked at on the way
SYNC_BAR_S = 60.0
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Look:
    """What the process was at one moment."""

    seconds: float
    settled: int
    resident_bytes: int
    open_files: int

    def __str__(self) -> str:
        return (
            f"{self.seconds:7.0f} s  {self.settled:7} settled  "
            f"{self.resident_bytes / MIB:6.0f} MiB resident  {self.open_files:4} open files"
        )


def look(began: float, settled: int) -> Look:
    """This process, now."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    resident_kib = int(status.split("VmRSS:")[1].split()[0])
    open_files = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return Look(time.perf_counter() - began, settled, resident_kib * 1024, open_files)


async def _watch(runtime: Runtime, sessions: int, stop: asyncio.Event) -> list[Look]:
    """Look at the process now and then, until everything is settled or the worker stopped."""
    began, looks = time.perf_counter(), list[Look]()
    while not stop.is_set():
        settled = runtime.worker.total.settled
        if settled >= len(looks) * sessions / LOOKS:
            looks.append(look(began, settled))
            print(looks[-1], flush=True)
        if settled == sessions:
            break
        await asyncio.sleep(1)  # the worker tells nobody how far it is
    stop.set()
    return looks


async def capture(settings: Settings, sessions: int) -> list[Look]:
    """Capture everything as `work` does, and stop."""
    async with open_runtime(settings, command="soak") as runtime, asyncio.TaskGroup() as group:
        stop = asyncio.Event()
        worker = group.create_task(runtime.worker.run(stop))
        worker.add_done_callback(lambda _task: stop.set())
        watched = group.create_task(_watch(runtime, sessions, stop))
    return watched.result()


async def settled_sync(settings: Settings) -> tuple[float, int]:
    """How long a pass takes that finds nothing to do, and how many sessions were listed."""
    began = time.perf_counter()
    async with open_runtime(settings, command="soak") as runtime:
        report = await runtime.worker.sync()
    if report.attempted:
        raise SystemExit(f"{report.attempted} sessions were not settled")
    return time.perf_counter() - began, report.listed


def soak(sessions: int, folder: Path) -> None:
    """Capture, then sync, and say what was seen."""
    with source_of(sessions, UTTERANCES) as base_url:
        settings = settings_of(base_url, folder)
        looks = asyncio.run(capture(settings, sessions))
        last, half = looks[-1], looks[len(looks) // 2]
        sync_s, listed = asyncio.run(settled_sync(settings))
    grown_mib = (last.resident_bytes - half.resident_bytes) / MIB
    print(
        f"{last.settled} sessions in {last.seconds:.0f} s, {last.settled / last.seconds:.0f} a second; "
        f"since half-way {grown_mib:+.0f} MiB and {last.open_files - half.open_files:+} open files"
    )
    print(
        f"sync over the settled archive: {sync_s:.1f} s for {listed} sessions "
        f"(bar: {SYNC_BAR_S:.0f} s at 50,000)   [{machine()}]"
    )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sessions", type=int, default=50_000)
    parser.add_argument("--folder", type=Path, help="where the archive is put, and stays")
    args = parser.parse_args()
    if args.folder:
        soak(args.sessions, args.folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        soak(args.sessions, Path(folder))


if __name__ == "__main__":
    main()
