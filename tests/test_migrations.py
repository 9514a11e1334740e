"""The local files: made whole by whoever comes first, and left alone where they are too new."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archiver.alerts.queue import Queue
from archiver.errors import AlertError, LedgerError
from archiver.ledger import Ledger
from search.errors import IndexDamagedError
from search.index.appfile import AppFile

if TYPE_CHECKING:
    from collections.abc import Callable

OPENERS: dict[str, Callable[[Path], Ledger | AppFile | Queue]] = {
    "alerts": Queue.open,
    "ledger": Ledger.open,
    "index": AppFile.open,
}


def _open(kind: str, path: str) -> str:
    with closing(OPENERS[kind](Path(path))):
        return "opened"


@pytest.mark.parametrize("kind", OPENERS)
def test_eight_processes_open_a_new_file_at_the_same_time(kind: str, tmp_path: Path) -> None:
    """The worker and the endpoint may be started together in an empty folder."""
    with ProcessPoolExecutor(8, mp_context=get_context("forkserver")) as pool:
        for number in range(4):
            path = tmp_path / str(number) / "file.db"
            opened = list(pool.map(_open, [kind] * 8, [str(path)] * 8))

            assert opened == ["opened"] * 8
            # Two that close at the same moment each leave the log to the other, as SQLite has it;
            # whoever is alone afterwards takes it away. Nothing else may be there then.
            _open(kind, str(path))
            assert [each.name for each in path.parent.iterdir()] == ["file.db"]
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("kind", "error"),
    [("alerts", AlertError), ("ledger", LedgerError), ("index", IndexDamagedError)],
)
def test_a_file_of_a_newer_release_is_left_alone(
    kind: str, error: type[Exception], tmp_path: Path
) -> None:
    """It is refused by name before anything is written to it."""
    path = tmp_path / "file.db"
    OPENERS[kind](path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at)"
            " values (?, '9999_future', '2030-01-01')",
            [kind],
        )
        db.commit()
    before = path.read_bytes()

    with pytest.raises(error, match=r"file\.db.*newer release"):
        OPENERS[kind](path)
    assert path.read_bytes() == before
