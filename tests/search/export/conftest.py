"""The archive that the tests of exports share: made once, copied for each."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.console import Console, own_logs
from tests.search.export.world import archived

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.simulated import SimulatedSource


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SimulatedSource]:
    """A folder that holds an archive with ledger and index, and what was the source of it."""
    folder = tmp_path_factory.mktemp("archived")
    with (
        own_logs(),
        pytest.MonkeyPatch.context() as environment,
        archived(folder, environment) as source,
    ):
        return folder, source


@pytest.fixture
def shell(
    made: tuple[Path, SimulatedSource],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Console:
    """A shell in a folder with a copy of that archive; its source is gone."""
    folder, source = made
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Console(tmp_path, source, capsys, monkeypatch)
