"""Problems as pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from search.errors import SearchTimeoutError
from search.query import QueryError, parse
from search.web.pages.problems import split_at
from search.web.pages.site import POLICY
from tests.search.web.pages.reading import HTML, page_of
from tests.search.web.world import NamelessError, World

if TYPE_CHECKING:
    from starlette.testclient import TestClient

PATHS = ["/?q=(a", "/sessions/none", "/nowhere", "/coverage?x=1"]


@pytest.mark.parametrize("path", PATHS)
def test_a_program_is_told_in_json(world: World, path: str) -> None:
    """Who does not ask for HTML gets the problem document, from the same URL."""
    with world.client() as client:
        answer = client.get(path)

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize("path", ["/v1/search?q=(a", "/static/0/style.css", "/v1/sessions/none"])
def test_what_is_for_programs_stays_so(client: TestClient, path: str) -> None:
    """Below /v1/ everybody is answered in JSON, whatever is asked for."""
    assert client.get(path).headers["content-type"] == "application/problem+json"


def test_where_a_query_cannot_be_understood(client: TestClient) -> None:
    """The query stays in the box with its filters, the place is marked, a way out is shown."""
    page = page_of(client.get("/?q=price+AND&speaker=Ana"), 400)

    assert page.texts("h1") == ["The query cannot be understood"]
    box = page.one("input", id="q")
    assert (box["value"], box["aria-invalid"]) == ("price AND", "true")
    assert page.one("input", type="hidden")["value"] == "Ana"
    assert page.texts("mark") == ["A"]
    with pytest.raises(QueryError) as refused:
        parse("price AND")
    assert refused.value.message in page.texts("p")
    assert refused.value.suggestion in page.texts("p")


def test_a_place_in_a_query() -> None:
    """A position may be the end, and counts code points."""
    assert split_at("😀 AND", 2) == ("😀 ", "A", "ND")
    assert split_at("(a", 2) == ("(a", "", "")


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (SearchTimeoutError("too slow", hint="again"), 503, "The search took too long"),
        (NamelessError("secret"), 500, "Something went wrong on our side"),
        (ValueError("secret"), 500, "Something went wrong on our side"),
    ],
)
def test_every_failure_has_the_same_look(
    client: TestClient, world: World, error: Exception, status: int, title: str
) -> None:
    """With the headers of a page and of the problem, and nothing of an error nobody foresaw."""
    world.shelf.error = error

    answer = client.get("/?q=price")

    page = page_of(answer, status)
    assert page.texts("h1") == [title]
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["cache-control"] == "private, no-store"
    assert ("retry-after" in answer.headers) == (status == 503)
    assert "secret" not in answer.text


def test_whoever_is_not_let_in_sees_a_page(world: World) -> None:
    """A refusal before any page was reached looks like one, too."""
    with world.client(peer=("10.0.0.1", 1)) as client:
        assert page_of(client.get("/", headers=HTML)).texts("h1") == ["Sign in"]
    with world.client(base_url="http://evil.example") as client:
        page_of(client.get("/sessions", headers=HTML), 421)


def test_whoever_is_lost_is_told_where_to_go_on(client: TestClient) -> None:
    """A page that is not there names the ways to what is."""
    page = page_of(client.get("/nowhere"), 404)
    assert any("Search above" in text for text in page.texts("p"))


def test_the_length_is_that_of_the_page(client: TestClient) -> None:
    """Also for a HEAD, whose answer has the same headers."""
    get, head = client.get("/nowhere"), client.head("/nowhere")

    assert int(get.headers["content-length"]) == len(get.content)
    assert dict(get.headers) == dict(head.headers)


def test_an_error_says_nothing_that_could_be_markup(client: TestClient) -> None:
    """What a problem repeats of a request is text."""
    answer = client.get("/sessions/%3Cb%3Ex")

    assert "<b>x" in page_of(answer, 404).texts("p", class_="lead")[0]
    assert "<b>x" not in answer.text
