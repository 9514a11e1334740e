"""Which sessions are selected, and what an empty or half-seen selection says."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from archiver.model import format_time
from tests.search.export.world import export, manifest

if TYPE_CHECKING:
    from tests.console import Console


def _selected(shell: Console, *argv: str) -> set[str]:
    ran = export(shell, "jsonl", *argv)
    assert ran.code == 0, ran.err
    found = {each["session"] for each in manifest(shell.folder / "out-jsonl")["sessions"]}
    shutil.rmtree(shell.folder / "out-jsonl")
    return found


def test_by_session_app_range_and_query(shell: Console) -> None:
    """Alone and together: what is selected meets all of it."""
    every = set(shell.source.session_ids)
    first = shell.source.session(shell.source.session_ids[0])
    of_app = {each.session_id for each in shell.source.sessions_of(first.app_id)}
    marker = first.meeting.title.split()[-1]

    assert _selected(shell) == every
    assert _selected(shell, "--session", first.session_id) == {first.session_id}
    assert _selected(shell, "--app", first.app_id) == of_app < every
    assert _selected(shell, "--query", marker) == {first.session_id}
    assert _selected(shell, "--query", "contract OR hello", "--app", first.app_id) == of_app
    assert _selected(shell, *(each for one in every for each in ("--session", one))) == every


def test_a_range_is_half_open_to_the_millisecond(shell: Console) -> None:
    """A session that begins at the end is out, one that begins at the start is in."""
    first = shell.source.session(shell.source.session_ids[0])
    begins, just_after = first.started_at, first.started_at + timedelta(milliseconds=1)

    found = _selected(shell, "--since", format_time(begins), "--until", format_time(just_after))
    assert found == {first.session_id}
    every = set(shell.source.session_ids)
    later = _selected(shell, "--since", format_time(just_after))
    earlier = _selected(shell, "--until", format_time(begins))
    assert later | earlier == every - {first.session_id}
    assert not later & earlier


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (("--since", "2100-01-01"), "nothing is selected"),
        (("--app", "nowhere"), "nothing is selected"),
        (("--query", "nobodysaidthis"), "nothing is selected"),
        (("--session", "nowhere"), "session nowhere is not in"),
        (("--query", "a AND"), "AND"),
    ],
)
def test_an_empty_selection_is_an_error(shell: Console, argv: tuple[str, str], word: str) -> None:
    """1, one line that says so, and no folder is left behind."""
    ran = export(shell, "files", *argv)

    assert (ran.code, ran.out) == (1, "")
    assert word in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not (shell.folder / "out-files").exists()


@pytest.mark.parametrize(
    "argv", [("--reason", "x"), ("--format", "files"), ("--format", "zip", "--reason", "x")]
)
def test_format_and_reason_are_needed(shell: Console, argv: tuple[str, ...]) -> None:
    """2 is wrong usage."""
    assert shell.run("export", "out", *argv).code == 2
    assert not (shell.folder / "out").exists()


def test_a_query_needs_an_index(shell: Console) -> None:
    """1 and what to do, where there is none; without a query none is needed."""
    shutil.rmtree(shell.folder / "data/index")

    ran = export(shell, "files", "--query", "contract")
    assert ran.code == 1
    assert "there is no index yet" in ran.err
    assert export(shell, "files").code == 0


def test_a_query_says_what_it_could_not_see(shell: Console) -> None:
    """3, and the folders of what is archived and not indexed."""
    everything = shell.folder / "data/archive"
    aside = shell.folder / "aside"
    folder = next(each.parent for each in everything.rglob("inventory-0001.json"))
    key = f"{folder.relative_to(everything)}/"
    folder.rename(aside)
    shutil.rmtree(shell.folder / "data/index")
    shell.run("rebuild", "index")
    aside.rename(folder)

    ran = export(shell, "files", "--query", "contract OR hello")

    assert ran.code == 3
    assert "1 sessions are not indexed" in ran.err
    missed = manifest(shell.folder / "out-files")["not_covered"]["query"]
    assert missed["not_indexed"] == [key]
