"""Of a session that was taken out nothing is left in any file, whichever SQLite wrote it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from search.index.appfile import AppFile
from tests.search.corpus import NOWHERE, Made, document
from tests.search.index.erasing import fill, left, pieces_of, secret

if TYPE_CHECKING:
    from pathlib import Path

    from search.index.seam import Document


@pytest.mark.parametrize("which", ["standard", "newest"])
def test_nothing_of_a_session_is_left(tmp_path: Path, which: str) -> None:
    """No word, name, title, id nor compressed text, however it was kept, when it is purged."""
    if which == "newest":
        pytest.importorskip("pysqlite3", reason="only the standard SQLite is installed")
    run = [sys.executable, "-m", "tests.search.index.erasing", str(tmp_path), which]
    version, *found = subprocess.run(
        run, capture_output=True, check=True, text=True
    ).stdout.splitlines()

    assert (version == sqlite3.sqlite_version) == (which == "standard")
    assert found == []


def test_a_reader_may_delay_it_and_no_more(tmp_path: Path) -> None:
    """While somebody reads an older state it is not done, and the index says so; then it is."""
    made = Made.of(tmp_path)
    readers = made.library._readers
    with closing(AppFile.open(made.path())) as file:
        file._db.execute("pragma busy_timeout = 50")
        fill(file)
        pieces = pieces_of(file)["folded"]
        with readers.reading(made.path(), readers.deadline()) as (db, _):
            assert db.execute("select count(*) from session").fetchone()[0] > 100
            assert file.remove("secret-folded")
            file.optimize()
            assert file.is_unpurged or not [*left(tmp_path, "folded", pieces)]
        file.optimize()
        assert not file.is_unpurged
        assert [*left(tmp_path, "folded", pieces)] == []
    made.close()


@pytest.mark.parametrize("kept", ["in the tail", "folded"])
def test_a_session_that_is_gone_is_nowhere(tmp_path: Path, kept: str) -> None:
    """Neither found nor shown nor suggested nor completed, before it is purged as after."""
    made = Made.of(tmp_path, [document("s", [("Ana", "renewal price")]), secret("gone")])
    with closing(AppFile.open(made.path())) as file:
        if kept == "folded":
            file.fold()
        assert made.search("xylophonicgone0").total_sessions == 1
        assert file.remove("secret-gone")
        for _ in range(2):
            for text in ("xylophonic*", "bassoongone", 'participant:"userid-gone-00"', "meeting:x"):
                assert made.ids(text) == []
            assert made.search("xylophonycgone0").suggestion == ""
            assert made.library.complete("speaker", "Zebulon", apps=None) == []
            assert made.library.complete("meeting", "Harpsi", apps=None) == []
            assert made.library.session("secret-gone", apps=None) is None
            assert made.library.count() == 1
            file.optimize()
    made.close()


def again(version: int) -> Document:
    return document("s", [(f"Speaker{version}", f"words{version}")], version=version)


def test_nobody_is_remembered_who_speaks_nowhere(tmp_path: Path) -> None:
    """Names go with the last session in which they speak."""
    made = Made.of(tmp_path)
    with closing(AppFile.open(made.path())) as file:
        for version in range(3):
            file.put([again(version)], NOWHERE)
        assert made.library.complete("speaker", "Speaker2", apps=None) == [("Speaker2", 1)]
        assert made.library.complete("speaker", "Speaker1", apps=None) == []
        file.optimize()
    assert not any(
        b"Speaker1" in each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()
    )
    made.close()
