"""`copy` and `verify --against` as a user runs them: answers, exit codes, and a kill at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.console import console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.console import Console


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Console]:
    """A shell whose archive holds three captured sessions."""
    with console(tmp_path, capsys, monkeypatch) as found:
        assert found.run("sync").code == 0
        yield found


def files(root: Path) -> dict[str, bytes]:
    """Everything in a folder that is an archive, but canaries and what is half written."""
    return {
        str(each.relative_to(root)): each.read_bytes()
        for each in root.rglob("*")
        if each.is_file() and not {"canaries", ".tmp"} & set(each.relative_to(root).parts)
    }


def test_a_copy_is_an_archive_of_its_own(shell: Console) -> None:
    """Copied, verified, compared, searched from; a second copy does nothing."""
    copied = shell.run("copy", "file:moved", "--json")
    assert copied.code == 0
    assert copied.document["sessions"] == 3
    assert copied.document["record"] == "_archive/copies/00000001.json"
    assert files(shell.folder / "moved") == files(shell.folder / "data/archive")
    compared = shell.run("verify", "--against", "file:moved", "--json")
    assert (compared.code, compared.document["differences"]) == (0, [])
    again = shell.run("copy", "file:moved")
    assert (again.code, "0 objects copied" in again.out) == (0, True)
    assert "nothing to record" in again.out

    found = shell.answer("contract")
    there = ("--store", "file:moved", "--data", "elsewhere")
    assert shell.run(*there, "rebuild", "all").code == 0
    assert shell.run(*there, "verify").code == 0
    document = shell.run(*there, "search", "contract", "--json").document
    assert document["hits"] == found["hits"]


def test_damage_is_4_and_news_are_3(shell: Console) -> None:
    """A damaged byte is named by copy, comparison and repair; what is only not copied yet is pending."""
    assert shell.run("copy", "file:moved").code == 0
    chat = next((shell.folder / "moved").rglob("chat.*"))
    chat.chmod(0o600)
    body = chat.read_bytes()
    chat.write_bytes(b"x")
    key = str(chat.relative_to(shell.folder / "moved"))

    compared = shell.run("verify", "--against", "file:moved")
    assert (compared.code, f"differs: {key}" in compared.out) == (4, True)
    copied = shell.run("copy", "file:moved")
    assert (copied.code, f"conflict: {key}" in copied.out) == (4, True)
    there = ("--store", "file:moved", "--data", "elsewhere")
    repaired = shell.run(*there, "copy", "--repair", "file:data/archive", "--json")
    assert repaired.code == 4
    assert [each["problem"] for each in repaired.document["problems"]] == ["corrupt"]
    chat.unlink()
    assert shell.run("verify", "--against", "file:moved").code == 3
    assert shell.run(*there, "copy", "--repair", "file:data/archive").code == 0
    assert chat.read_bytes() == body
    session = shell.source.session_ids[0]
    assert shell.run("verify", "--session", session, "--against", "file:moved").code == 0


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("copy",), 2, "required"),
        (("copy", "ftp://x"), 2, "names no store"),
        (("copy", "file:moved", "--repair", "file:other"), 2, "not allowed"),
        (("copy", "file:data/archive"), 1, "lies within the other"),
        (("copy", "file:data/archive/below"), 1, "lies within the other"),
        (("copy", "file:data/../data"), 1, "lies within the other"),
        (("copy", "--repair", "file:nothing-there"), 1, "there is no archive"),
        (("verify", "--against", "file:data/archive"), 1, "lies within the other"),
        (
            ("verify", "--against", "file:nothing-there"),
            1,
            "there is nothing in file:nothing-there",
        ),
        (("import", "nothing-there", "--app", "a"), 1, "nothing-there is no folder"),
    ],
)
def test_what_cannot_be_meant(shell: Console, argv: tuple[str, ...], code: int, said: str) -> None:
    """Wrong words are 2; a store within the other, or none at all, is 1: nothing is written."""
    before = files(shell.folder / "data/archive")

    ran = shell.run(*argv)

    assert ran.code == code
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert files(shell.folder / "data/archive") == before


def test_a_password_in_a_url_is_not_repeated(shell: Console) -> None:
    """Neither by the parser nor by what it says."""
    ran = shell.run("copy", "https://me:hunter2@example.com/bucket")

    assert ran.code == 2
    assert "hunter2" not in ran.err + ran.out


def test_killed_at_any_moment_it_goes_on(shell: Console) -> None:
    """`kill -9` at random: whatever is there is whole, and in the end everything is."""
    rng, killed = random.Random(7), 0
    argv = [sys.executable, "-m", "archiver", "copy", "file:moved"]
    while killed < 4:
        with subprocess.Popen(argv, cwd=shell.folder, env=os.environ, stderr=-3, stdout=-3) as run:
            began = time.monotonic()
            while not (shell.folder / "moved/_archive/format.json").exists():
                assert time.monotonic() < began + 60
                time.sleep(0.001)
                if run.poll() is not None:
                    break
            time.sleep(rng.random() * 0.05)
            run.send_signal(signal.SIGKILL)
        killed += 1
        there = ("--store", "file:moved", "--data", "elsewhere")
        checked = shell.run(*there, "verify", "--json")
        assert (checked.code, checked.document["findings"]) == (0, [])

    assert shell.run("copy", "file:moved").code == 0
    here, moved = files(shell.folder / "data/archive"), files(shell.folder / "moved")
    assert here == moved


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells its peak")
@pytest.mark.parametrize("what", ["copy", "verify"])
def test_memory_does_not_grow_with_the_archive(what: str) -> None:
    """Ten thousand objects take no more than one thousand do, but for a few megabytes."""
    peaks = []
    for objects in (1_000, 10_000):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", what, "--objects", str(objects)],
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        assert " 0 problems" in done.stdout or " 0 damaged" in done.stdout
        peaks.append(int(done.stdout.split("peak ")[-1].split()[0]))

    small, large = peaks
    assert large - small <= 10
    assert large <= 100
