"""What a worker takes of the machine, and what it does when there is no more of it."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archiver.archive.keys import parse_key
from archiver.errors import LedgerError
from archiver.ledger import Ledger
from tests.console import console
from tests.disk import small_disk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.console import Console

MIB = 2**20

_MEASURED = """
import sys
from archiver.cli import main
code = main(sys.argv[1:])
with open("/proc/self/status") as status:
    print(*[line for line in status if line.startswith("VmHWM")])
sys.exit(code)
"""


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Console]:
    """A shell for an account with one ended session."""
    with console(tmp_path, capsys, monkeypatch, meetings=1) as found:
        yield found


def _peak_bytes(shell: Console, data: str) -> int:
    """The peak resident size of a process that captures everything."""
    process = subprocess.run(
        [
            sys.executable,
            "-c",
            _MEASURED,
            "--data",
            data,
            "--store",
            f"file:{data}/archive",
            "sync",
        ],
        cwd=shell.folder,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    peak = re.search(r"VmHWM:\s+(\d+) kB", process.stdout)
    assert peak is not None
    return int(peak[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells its peak")
def test_capturing_a_200_mb_transcript_takes_no_more_memory(shell: Console) -> None:
    """A body is written as it comes: the resident size rises by no more than 64 MB."""
    small = _peak_bytes(shell, "small")
    (session_id,) = shell.source.session_ids
    body = b"0123456789abcdef" * (200 * MIB // 16)
    shell.source.put_artifact(session_id, "transcript", body, format="JSON")

    large = _peak_bytes(shell, "large")

    (stored,) = (shell.folder / "large/archive").rglob("transcript.*.json")
    assert stored.stat().st_size == len(body)
    parsed = parse_key(str(stored.relative_to(shell.folder / "large/archive")))
    assert parsed is not None
    assert parsed.digest == hashlib.sha256(body).hexdigest()
    assert large - small < 64 * MIB


@pytest.mark.parametrize("full", ["archive", "data"])
def test_a_full_disk_loses_nothing(shell: Console, full: str) -> None:
    """One clear line and 1; with space again, the next pass archives everything, and all is whole."""
    disk = shell.folder / "disk"
    argv = {
        "archive": ("--store", "file:disk/archive", "--data", "data"),
        "data": ("--store", "file:archive", "--data", "disk/data"),
    }[full]
    (session_id,) = shell.source.session_ids
    shell.source.put_artifact(session_id, "chat", b"id,payload\n" + b"x" * 300_000)
    with small_disk(disk, "256k"):
        ran = shell.run(*argv, "sync")
        assert ran.code == 1
        assert "space" in ran.last_line or "full" in ran.last_line
        assert "Traceback" not in ran.err

        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        assert shell.run(*argv, "sync").code == 0
        checked = shell.run(*argv, "verify", "--json")
        assert (checked.code, checked.document["unreferenced"]) == (0, [])


def test_a_ledger_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    """Wherever in its making the disk is full: with space again it opens, and none is left over."""
    for number, kib in enumerate(range(64, 448, 32)):
        folder = tmp_path / str(number)
        with small_disk(folder, f"{kib}k"):
            with suppress(LedgerError):
                Ledger.open(folder / "ledger.db").close()
            subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
            with closing(Ledger.open(folder / "ledger.db")) as ledger:
                assert ledger.apps() == []
            assert [each.name for each in folder.iterdir()] == ["ledger.db"]
