"""Seconds to export an archive in each format, against a loop that copies and hashes the same objects.

    python -m benchmarks.export [--sessions 1000] [--rounds 3]

The bare loop reads each object once, takes its SHA-256 and writes it, and does nothing else: no chain
is checked, nothing parsed, rendered or recorded. Every export runs in a process of its own, so that
its peak of memory is its own, too.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.archives import store_sessions
from benchmarks.source import machine
from search.export.layouts import LAYOUTS

_MEASURED = """
import resource, sys, time
from search.cli import main
begin = time.perf_counter()
code = main(sys.argv[1:])
seconds = time.perf_counter() - begin
print(code, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def bare(archive: Path, target: Path) -> float:
    """Copy every object and take its digest; returns the seconds."""
    begin = time.perf_counter()
    for path in archive.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            hashlib.sha256(data).digest()
            copy = target / path.relative_to(archive)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(data)
    os.sync()
    return time.perf_counter() - begin


def exported(archive: Path, target: Path, format_: str) -> tuple[float, int]:
    """Export all of it; returns the seconds and the peak of memory in bytes."""
    argv = ["--store", f"file:{archive}", "--data", str(target.parent / "data"), "export"]
    argv += [str(target), "--format", format_, "--reason", "a benchmark"]
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *argv],
        capture_output=True,
        text=True,
        check=True,
    )
    code, seconds, peak_kib = done.stdout.split()[-3:]
    assert code == "0", done.stderr
    return float(seconds), int(peak_kib) * 1024


def main() -> None:
    """Measure in turn, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(store_sessions(folder / "archive", args.sessions))
        floor: list[float] = []
        took: dict[str, list[float]] = {each: [] for each in LAYOUTS}
        peaks = dict.fromkeys(LAYOUTS, 0)
        for _ in range(args.rounds):
            floor.append(bare(folder / "archive", folder / "bare"))
            shutil.rmtree(folder / "bare")
            for format_ in LAYOUTS:
                seconds, peak = exported(folder / "archive", folder / format_, format_)
                took[format_].append(seconds)
                peaks[format_] = max(peaks[format_], peak)
                shutil.rmtree(folder / format_)
    base = statistics.median(floor)
    print(f"bare loop: {args.sessions / base:,.0f} sessions/s")
    for format_, seconds_of in took.items():
        middle = statistics.median(seconds_of)
        print(
            f"{format_}: {args.sessions / middle:,.0f} sessions/s, {middle / base:.1f} times as long, "
            f"{peaks[format_] / 2**20:.0f} MB at most"
        )


if __name__ == "__main__":
    main()
