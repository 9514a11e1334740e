"""The browse page."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from search.errors import IndexMissingError
from tests.search.web.pages.reading import page_of
from tests.search.web.world import APP, OTHER_APP, PENDING, SESSION, STARTED, World, card, said

if TYPE_CHECKING:
    from starlette.testclient import TestClient


def test_sessions_stand_under_their_days(client: TestClient, world: World) -> None:
    """Newest first, each with time, length and speakers."""
    world.shelf.add(card("same-day", started=STARTED + timedelta(hours=2)), [])
    world.shelf.add(card("day-before", started=STARTED - timedelta(days=1)), [])

    page = page_of(client.get("/sessions"))

    assert page.texts("h2") == ["Sat 3 October 2026", "Fri 2 October 2026"]
    assert page.texts("p", class_="when") == ["12:0030 min", "10:0030 min", "10:0030 min"]
    assert page.texts("p", class_="people") == ["Ana Souza, Ben"] * 3


def test_it_is_filtered(client: TestClient) -> None:
    """By the parameters of the API, with what was chosen in the form."""
    page = page_of(client.get("/sessions?speaker=Nobody&after=2026-10-03&outcome="))

    assert "No sessions like these." in page.texts("p", class_="lead")
    assert page.one("input", name="speaker")["value"] == "Nobody"
    assert page.one("input", name="after")["value"] == "2026-10-03"
    assert page.links()["Show all"] == "/sessions"


def test_by_outcome(client: TestClient) -> None:
    """What is pending may not be indexed at all, and is there nevertheless."""
    page = page_of(client.get("/sessions?outcome=pending"))

    assert page.links()["Untitled meeting"] == f"/sessions/{PENDING}"
    assert not page.all("p", class_="notes")
    assert SESSION in client.get("/sessions?outcome=lost").text


def test_it_is_paged(client: TestClient, world: World) -> None:
    """Earlier sessions are a link, and from there one back to the newest."""
    for number in range(3):
        world.shelf.add(card(f"more-{number}"), [])

    first = page_of(client.get("/sessions?limit=2"))
    second = page_of(client.get(first.links()["Earlier sessions"]))

    assert len(first.all("li", class_="row")) == len(second.all("li", class_="row")) == 2
    assert "Back to the newest" not in first.links()
    assert second.links()["Back to the newest"] == "/sessions?limit=2"
    assert "Earlier sessions" not in second.links()


def test_several_apps_are_a_choice(client: TestClient, world: World) -> None:
    """One app is none."""
    assert not page_of(client.get("/sessions")).all("select", name="app")
    world.shelf.places[OTHER_APP] = ("", 0)
    world.shelf.add(card("other", OTHER_APP), [said("x")])

    page = page_of(client.get(f"/sessions?app={OTHER_APP}"))

    assert page.texts("option")[:3] == ["every app", APP, OTHER_APP]
    assert "selected" in page.all("option")[2].attributes
    assert len(page.all("li", class_="row")) == 1


def test_before_anything_is_indexed(client: TestClient, world: World) -> None:
    """There is an empty list, and no error."""
    world.open_ledger().path.unlink()
    world.shelf.error = IndexMissingError("there is no index yet")

    page = page_of(client.get("/sessions"))

    assert "As soon as one is archived it stands here." in page.texts("p")
