"""The world of the endpoint's tests, asked by somebody who wants pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.search.web.pages.reading import HTML

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

    from tests.search.web.world import World


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    with world.client() as client:
        client.headers.update(HTML)
        yield client
