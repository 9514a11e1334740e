"""The README's lines for checking an export without this program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.search.export.world import FORMATS, export
from tests.test_readme import _marked

if TYPE_CHECKING:
    from tests.console import Console

pytestmark = pytest.mark.skipif(
    not (shutil.which("jq") and shutil.which("sha256sum")), reason="needs jq and sha256sum"
)


def _run(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The README's line of this name, in this folder, with the validators at hand."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", _marked(name)],
        cwd=folder,
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def _damage(victim: Path) -> None:
    victim.write_bytes(victim.read_bytes() + b" ")


@pytest.mark.parametrize("format_", FORMATS)
def test_every_file_is_what_the_records_say(shell: Console, format_: str) -> None:
    """The completion record vouches for the manifests, and they for every file."""
    export(shell, format_)
    out = shell.folder / f"out-{format_}"

    whole = _run("export by hand", out)
    assert (whole.returncode, whole.stdout) == (0, ""), whole.stderr
    _damage(next(out.rglob("inventory-0001.json")))
    assert _run("export by hand", out).returncode != 0


def test_a_chain_is_linked(shell: Console) -> None:
    """From the first inventory to the newest, and every artifact they name is there."""
    export(shell, "files")
    newest = next((shell.folder / "out-files").rglob("inventory-0002.json"))

    done = _run("chain by hand", newest.parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert _run("by hand", newest.parent).returncode == 0
    _damage(newest.parent / "inventory-0001.json")
    assert "broken at inventory-0002.json" in _run("chain by hand", newest.parent).stdout


@pytest.mark.parametrize(("format_", "name"), [("bagit", "bag by hand"), ("ocfl", "root by hand")])
def test_the_validators_of_those_fields(shell: Console, format_: str, name: str) -> None:
    """0 for what is whole, and not for a flipped byte."""
    export(shell, format_)
    out = shell.folder / f"out-{format_}"

    whole = _run(name, out)
    assert whole.returncode == 0, whole.stdout + whole.stderr
    _damage(next(out.rglob("chat.*")))
    assert _run(name, out).returncode != 0
