"""The world of the endpoint's tests, with a meeting full of attacks in its index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from search.mcp.server import over_http
from tests.search.mcp.attacks import attacked
from tests.search.web.conftest import template, world
from tests.search.web.scoped import asking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

    from search.index.library import Library
    from tests.search.web.world import World

__all__ = ["client", "index", "template", "world"]


@pytest.fixture
def index(world: World) -> Iterator[Library]:
    """The real index of this world, in which both apps have a session."""
    with attacked(world) as found:
        yield found


@pytest.fixture
def client(world: World, index: Library) -> Iterator[TestClient]:
    """Somebody on this machine who asks; every read is recorded."""
    trail = world.recorded()
    with asking(world, index, mcp=over_http) as client:
        yield client
    trail.close()
