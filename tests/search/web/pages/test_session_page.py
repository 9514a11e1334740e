"""The page of one session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.search.web.pages.meetings import ATTACK, MARKDOWN, add_attack
from tests.search.web.pages.reading import page_of
from tests.search.web.world import BODIES, PENDING, SESSION, World, card, said

if TYPE_CHECKING:
    from starlette.testclient import TestClient

URL = f"/sessions/{SESSION}"


def test_what_a_session_is(client: TestClient) -> None:
    """Title, times, length, who spoke when, summary, conversation."""
    page = page_of(client.get(URL))

    assert page.texts("h1") == ["Weekly sync"]
    assert page.texts("p", class_="when") == ["Sat 3 October 2026, 10:00–10:30 · 30 min"]
    assert page.texts("li", class_="lane") == ["Ben50 %", "Ana Souza50 %"]
    assert page.texts("h3") == ["Decisions"]
    lines = page.lines()
    assert [
        each.attributes.get("id") for each in lines if "t=" in (each.attributes.get("id") or "")
    ] == [
        "t=1000",
        "t=123000",
        "t=130000",
    ]


def test_every_moment_of_a_result_is_there(client: TestClient) -> None:
    """The fragment of a link to a moment is the id of its line."""
    found = client.get("/v1/search?q=price").json()
    ids = {each.attributes.get("id") for each in page_of(client.get(URL)).elements}

    urls = [each["url"] for each in found["hits"][0]["moments"] if each["start_ms"] is not None]
    assert urls
    assert {url.partition("#")[2] for url in urls} <= ids


def test_matches_are_marked_and_counted(client: TestClient) -> None:
    """In conversation and summary, with a way from each to the next."""
    page = page_of(client.get(f"{URL}?q=price"))

    assert page.texts("mark") == ["price"] * 3
    assert page.texts("p", class_="matches")[0].startswith("2 matches")
    assert [each["href"] for each in page.all("a", class_="step")] == ["#m2", "#m1"]
    told = [page.texts("span", id=each["aria-describedby"]) for each in page.all("a", class_="hop")]
    assert told == [["leads to the next match"]] * 2
    assert page.one("input", id="q")["value"] == "price"
    assert page.links()["All results for price"] == "/?q=price"


def test_a_query_without_a_match(client: TestClient) -> None:
    """The page says so; a query of filters alone looks for nothing in it."""
    assert page_of(client.get(f"{URL}?q=zebra")).texts("p", class_="matches") == [
        "No matches in what was said"
    ]
    assert not page_of(client.get(f"{URL}?q=speaker:ana")).all("p", class_="matches")


def test_a_query_that_cannot_be_understood(client: TestClient) -> None:
    """The session is there all the same, and what is wrong stands beside the box."""
    page = page_of(client.get(f"{URL}?q=(price"), 400)

    assert page.texts("h1") == ["Weekly sync"]
    assert "this ( is never closed" in page.texts("div", id="problem")[0]
    assert page.one("input", id="q")["aria-describedby"] == "problem"


def test_everything_can_be_downloaded(client: TestClient) -> None:
    """Every link to a file answers."""
    page = page_of(client.get(URL))

    links = [each for each in page.all("a") if "download" in each.attributes]
    assert len(links) == 5 + 3 + 3 + len(BODIES)
    for each in links:
        assert client.get(each["href"]).status_code == 200
    names = {each.attributes["download"] for each in links}
    assert f"{SESSION}.transcript.vtt" in names


def test_what_became_of_each_artifact(client: TestClient) -> None:
    """Outcome, reason, size and digest, as the newest inventory has them."""
    page = page_of(client.get(URL))

    outcomes = page.texts("span", class_="outcome")
    assert sorted(outcomes) == ["archived"] * 5 + ["lost"]
    assert "no healthy answer" in page.texts("p", dir="auto")
    digests = {each["digest"] for each in client.get(f"/v1{URL}").json()["artifacts"]} - {None}
    assert digests <= set(page.texts("code"))


def test_a_session_that_is_not_indexed_yet(client: TestClient) -> None:
    """What is known of it is shown, with what it waits for."""
    page = page_of(client.get(f"/sessions/{PENDING}"))

    assert page.texts("h1") == ["Untitled meeting"]
    assert page.texts("span", class_="outcome") == ["pending"]
    assert any("not indexed yet" in each for each in page.texts("p", class_="empty"))


def test_a_session_in_which_nothing_was_said(client: TestClient, world: World) -> None:
    """The page says so, and has neither picture nor box."""
    world.shelf.add(card("silent"), [])

    page = page_of(client.get("/sessions/silent"))

    assert any("Nothing was said" in each for each in page.texts("p", class_="empty"))
    assert not page.all("input")
    assert not page.all("svg", viewbox="0 0 1000 10")


def test_who_was_there_and_said_nothing(client: TestClient, world: World) -> None:
    """Is named once, below those who spoke."""
    world.shelf.add(card("two"), [said("hello", by="Ben")], *world.shelf.people[SESSION] * 2)

    assert page_of(client.get("/sessions/two")).texts("p", class_="people") == [
        "Also there: Ana Souza"
    ]


@pytest.mark.parametrize("url", ["/sessions/unknown", "/sessions/" + "x" * 500])
def test_a_session_that_is_not_there(client: TestClient, url: str) -> None:
    """Is a page that says so."""
    assert page_of(client.get(url), 404).texts("h1") == ["There is no such session"]


def test_a_parameter_that_is_not_known(client: TestClient) -> None:
    """Is refused, as the API does."""
    page = page_of(client.get(f"{URL}?query=price"), 400)

    assert page.texts("h1") == ["A parameter cannot be understood"]


def test_an_attack_is_text(client: TestClient, world: World) -> None:
    """Of a meeting's title, names, words, chat and summary nothing but text comes to the page."""
    add_attack(world)

    page = page_of(client.get(f"/sessions/{ATTACK}?q=price"))

    assert {each["src"] for each in page.all("script")} == {page.one("script")["src"]}
    assert not page.all("img")
    assert not page.all("iframe")
    assert not [each for each in page.elements for name in each.attributes if name[:2] == "on"]
    assert not [each for each in page.elements if "style" in each.attributes]
    leads = {each["href"].split("?")[0].split("#")[0] for each in page.all("a")}
    assert all(each == "" or each.startswith("/") for each in leads), leads
    assert MARKDOWN[1] in page.text_of("p")
    for hidden in ("\u202e", "\u2066", "\u200b", "\ufeff", "\x1b", "\x00"):
        assert hidden not in page.html
    assert len(page.one("title").text) < 250
