"""A small source with one long-ended session, served on a real port."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp
import pytest

from archiver.simulated import SettableClock, SimulatedSource, generate_meetings, serve
from tests.archiver.simulated.api import Api

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOON)


@pytest.fixture
def source(clock: SettableClock) -> SimulatedSource:
    return SimulatedSource(clock=clock, meetings=generate_meetings(1))


@pytest.fixture
def session_id(source: SimulatedSource) -> str:
    """The one session, which ended yesterday."""
    return source.session_ids[0]


@pytest.fixture
async def api(source: SimulatedSource) -> AsyncIterator[Api]:
    """A client that shows bodies as they were sent."""
    async with (
        serve(source) as server,
        aiohttp.ClientSession(auto_decompress=False) as http,
    ):
        yield Api(http, source, server)
