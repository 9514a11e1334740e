"""The world every test of the endpoint asks, and somebody on this machine who asks it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.search.web.world import World, build, close, open_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world built once; every test has a copy, which needs no syncing."""
    made = build(tmp_path_factory.mktemp("template"))
    close(made)
    return made.root


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[World]:
    made = open_world(Path(shutil.copytree(template, tmp_path / "world")))
    kept = World(made.root, made.shelf, made.archive, made.ledger)
    yield made
    close(kept)


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    with world.client() as client:
        yield client
