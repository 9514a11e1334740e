"""What an export takes of the machine."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.archives import store_sessions

MIB = 2**20

_MEASURED = """
import sys
from search.cli import main
code = main(sys.argv[1:])
with open("/proc/self/status") as status:
    print(*[line for line in status if line.startswith("VmHWM")])
sys.exit(code)
"""


def _peak_bytes(folder: Path, since: str) -> int:
    """The peak resident size of a process that exports what began since then."""
    argv = ["--data", str(folder / "data"), "--store", f"file:{folder / 'archive'}", "export"]
    argv += [str(folder / f"out-{since}"), "--format", "ocfl", "--reason", "x", "--since", since]
    process = subprocess.run(
        [sys.executable, "-c", _MEASURED, *argv],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    peak = re.search(r"VmHWM:\s+(\d+) kB", process.stdout)
    assert peak is not None
    return int(peak[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells its peak")
def test_many_sessions_take_no_more_memory(tmp_path: Path) -> None:
    """A few at a time are held: ten times as many raise the resident size by no more than 4 MB."""
    asyncio.run(store_sessions(tmp_path / "archive", 40))

    few, many = (_peak_bytes(tmp_path, since) for since in ("2026-01-02", "2026-01-01"))

    assert many - few < 4 * MIB
