"""A writer may be killed at any statement: the index is one of its committed states, and goes on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from migrations.sqlite import faults
from search.index import folding
from search.index.appfile import AppFile
from search.index.seam import Position
from tests.search.corpus import NOWHERE, Made
from tests.search.index import killed
from tests.search.index.test_upkeep import QUERIES, told

if TYPE_CHECKING:
    import pytest

SEED = 5
KILLS = 10


def test_a_killed_writer_leaves_a_committed_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it dies, what its position says is there, whole, and the next writer goes on from it."""
    monkeypatch.setattr(folding, "TAIL_SESSIONS", killed.TAIL_SESSIONS)
    run = [sys.executable, "-m", "tests.search.index.killed", str(tmp_path), str(SEED), str(KILLS)]
    folders = subprocess.run(run, capture_output=True, check=True, text=True).stdout.split()
    assert len(folders) == KILLS
    reached = set()
    for folder in map(Path, folders):
        made = Made.of(folder)
        with closing(AppFile.open(made.path())) as file:
            done = file.position().seq
            reached.add(done)
            compare(made, done, QUERIES)
            for number, (coming, gone) in enumerate(killed.steps(SEED)[done:], start=done + 1):
                file.put(coming, Position(archive="a", epoch="e", seq=number), gone=gone)
            file.fold()
            compare(made, killed.STEPS, QUERIES[::4])
        assert faults(made.path(), within_s=60) == []
        made.close()
    assert len(reached) > KILLS // 2


def compare(made: Made, done: int, queries: list[str]) -> None:
    """The index tells what one made afresh after so many steps tells."""
    expected = killed.after(SEED, done)
    fresh = Made.of(made.root / "fresh")
    with closing(AppFile.open(fresh.path())) as file:
        file.put(expected, NOWHERE)
    for text in queries:
        assert told(fresh.search(text, limit=100)) == told(made.search(text, limit=100)), text
    assert len(expected) == made.library.count()
    fresh.close()
    shutil.rmtree(fresh.root)
