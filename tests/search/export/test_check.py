"""An export that was cut, flipped, or added to is told apart from one that is whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from tests.disk import small_disk
from tests.search.export.world import FORMATS, check, export

if TYPE_CHECKING:
    from pathlib import Path

    from tests.console import Console

#: Dies at a call of one of the folder's methods, as if the machine had.
_KILLED = """
import os, signal, sys
from search.export import folder
from search.cli import main
name, number = sys.argv[1], int(sys.argv[2])
method, calls = getattr(folder.ExportFolder, name), 0
def wrapped(*args):
    global calls
    calls += 1
    if calls == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return method(*args)
setattr(folder.ExportFolder, name, wrapped)
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.parametrize(
    ("format_", "method", "number"),
    [
        ("files", "open", 2),
        ("files", "open", 9),
        ("jsonl", "settle", 1),
        *((each, "write_last", 1) for each in FORMATS),
    ],
)
def test_killed_in_the_middle_it_is_incomplete(
    shell: Console, format_: str, method: str, number: int
) -> None:
    """Whatever is there by then, `--check` says that it was cut; and it is never written over."""
    argv = ["export", "cut", "--format", format_, "--reason", "a test"]
    process = subprocess.run(
        [sys.executable, "-c", _KILLED, method, str(number), *argv],
        cwd=shell.folder,
        env=os.environ,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert process.returncode == -signal.SIGKILL
    assert "the export was cut" in check(shell, "cut")["export-complete.json"]
    again = shell.run(*argv)
    assert again.code == 1
    assert "is not empty" in again.err


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("format_", FORMATS)
def test_every_change_is_named(shell: Console, format_: str) -> None:
    """A flipped byte, a file that is missing, one too many, and a link in a file's place."""
    export(shell, format_)
    out = shell.folder / f"out-{format_}"
    flipped, gone, linked, *_ = sorted(out.rglob("inventory-000*.json"))
    _flip(flipped)
    gone.unlink()
    linked.unlink()
    linked.symlink_to("/etc/hostname")
    (out / "added.txt").write_text("who am I?")

    found = check(shell, out.name)

    assert found.pop(str(flipped.relative_to(out))) == "not what its digest says"
    assert found.pop(str(gone.relative_to(out))) == "missing"
    assert found.pop("added.txt") == "nothing says why it is there"
    assert str(linked.relative_to(out)) in found
    assert len(found) == 1


@pytest.mark.parametrize("name", ["manifest-sha256.txt", "tagmanifest-sha256.txt"])
def test_a_manifest_is_not_believed_either(shell: Console, name: str) -> None:
    """The completion record has its digest."""
    export(shell, "bagit")
    _flip(shell.folder / "out-bagit" / name)

    assert check(shell, "out-bagit")[name] == "not what its digest says"


def test_records_that_are_none(shell: Console) -> None:
    """A completion record that cannot be read, or points elsewhere, is damage and no accident."""
    export(shell, "files")
    out = shell.folder / "out-files"
    complete = out / "export-complete.json"
    record = json.loads(complete.read_bytes())
    for text in (b"", b"[]", b"{}", b'{"format":"another","manifests":[]}', b"\xff"):
        complete.write_bytes(text)
        assert [*check(shell, out.name)] == ["export-complete.json"]
    manifest = out / "manifest-sha256.txt"
    listed = manifest.read_bytes()
    manifest.write_bytes(b"nonsense\n")
    forged = {"path": manifest.name, "digest": sha256(manifest.read_bytes()).hexdigest()}
    complete.write_bytes(json.dumps({**record, "manifests": [forged]}).encode())
    assert check(shell, out.name)[manifest.name] == "it is no list of digests"
    manifest.write_bytes(listed)
    record["manifests"][0]["path"] = "../data/ledger.db"
    complete.write_bytes(json.dumps(record).encode())
    assert "points out" in check(shell, out.name)["../data/ledger.db"]


def test_a_folder_that_is_not_there(shell: Console) -> None:
    """1, in one line."""
    ran = shell.run("export", "nowhere", "--check")

    assert (ran.code, len(ran.err.splitlines())) == (1, 1)


def test_a_full_disk_is_one_clear_line(shell: Console) -> None:
    """1, what to do about it, and an export that is known to be cut."""
    disk = shell.folder / "disk"
    with small_disk(disk, "256k"):
        ran = export(shell, "files", to="disk/out")

        assert ran.code == 1
        assert len(ran.err.splitlines()) == 1
        assert "no space left" in ran.err
        assert "free some space" in ran.err
        assert "export-complete.json" in check(shell, "disk/out")
