"""GET /v1/coverage, and the coverage in every search answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from archiver.model import format_time
from search.errors import IndexDamagedError, IndexMissingError
from tests.search.web.world import APP, STARTED

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from tests.search.web.world import World


def test_coverage_by_day_and_app(client: TestClient) -> None:
    """Sessions and artifacts by outcome, in all and by day, private and not stored."""
    answer = client.get("/v1/coverage")
    document = answer.json()

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"
    assert document["sessions"]["sessions"] == sum(each["sessions"] for each in document["days"])
    assert {each["app_id"] for each in document["days"]} <= set(document["range"]["apps"])
    counted = sum(sum(each["artifacts"].values()) for each in document["days"])
    assert counted == sum(document["artifacts"].values()) > 0
    assert document["indexed_through"]


def test_coverage_of_a_range(client: TestClient) -> None:
    """Half-open, of the apps that are named."""
    day = f"{STARTED:%Y-%m-%d}"
    document = client.get("/v1/coverage", params={"app": APP, "after": day}).json()
    assert document["range"] == {"apps": [APP], "after": f"{day}T00:00:00.000Z", "before": None}
    before = client.get("/v1/coverage", params={"app": APP, "before": "2001-01"}).json()
    assert before["days"] == []
    assert before["sessions"]["sessions"] == 0


def test_gaps_are_told_of(client: TestClient, world: World) -> None:
    """The time in which nobody saw the source's list, and up to when it was seen."""
    ledger = world.open_ledger()
    since, until = STARTED - timedelta(days=1), STARTED + timedelta(hours=1)
    ledger.coverage.note_listed(APP, since, until, {}, STARTED)
    document = client.get("/v1/coverage", params={"app": APP}).json()
    assert document["source"]["gaps"][0]["from"] == format_time(until)
    assert document["source"]["listed_through"] == format_time(until)
    found = client.get("/v1/search", params={"q": "price", "app": APP}).json()
    assert found["coverage"]["listed_through"] == format_time(until)


@pytest.mark.parametrize("query", ["after=yesterdayish", "app=", "limit=3", "before=1&before=2"])
def test_what_cannot_be_understood(query: str, client: TestClient) -> None:
    """Is a 400 that names the parameter."""
    answer = client.get(f"/v1/coverage?{query}")
    assert answer.status_code == 400
    assert answer.json()["parameter"]


def test_without_a_ledger(world: World) -> None:
    """503: nobody can tell."""
    world.open_ledger().path.unlink()
    with world.client() as client:
        assert client.get("/v1/coverage").status_code == 503


def test_before_anything_is_indexed(client: TestClient, world: World) -> None:
    """What the ledger knows is told, and that the index has nothing yet of what is committed."""
    whole = client.get("/v1/coverage").json()
    world.shelf.error = IndexMissingError("there is no index yet")
    document = client.get("/v1/coverage").json()

    assert document.pop("indexed_through") <= whole.pop("indexed_through")
    assert document == whole


def test_with_an_index_that_cannot_be_used(client: TestClient, world: World) -> None:
    """What the ledger knows is told; how far the index has come, nobody can tell."""
    whole = client.get("/v1/coverage").json()
    world.shelf.error = IndexDamagedError("the index was made by another release")
    document = client.get("/v1/coverage").json()

    assert document == whole | {"indexed_through": None}
