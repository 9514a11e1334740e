"""The world that saved searches are tried in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.search.alerts.world import AlertWorld, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[AlertWorld]:
    async with world(tmp_path) as made:
        yield made
