"""The search page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from archiver.access import Reader, Role
from search.errors import IndexMissingError
from search.web.rules import match
from tests.search.web.pages.meetings import SCRIPT, add_attack
from tests.search.web.pages.reading import Page, page_of
from tests.search.web.world import OTHER_APP, SESSION, World, card, said

if TYPE_CHECKING:
    from starlette.testclient import TestClient


def test_a_session_with_its_moments(client: TestClient) -> None:
    """Title, day and length; beneath it each moment: time, speaker, marked words, one link to it."""
    page = page_of(client.get("/?q=price"))

    assert page.links()["Weekly sync"] == f"/sessions/{SESSION}?q=price"
    assert "Sat 3 October 2026, 10:00 · 30 min" in page.texts("p", class_="when")
    spoken, typed, summed_up = page.all("a", class_="moment")
    assert " ".join(spoken.text.split()) == (
        "2:03Ana Souzawe can hold the renewal price until March"
    )
    assert spoken["href"] == f"/sessions/{SESSION}?q=price#t=123000"
    assert typed["href"] == f"/sessions/{SESSION}?q=price#t=130000"
    assert "chat" in typed.text
    assert summed_up["href"] == f"/sessions/{SESSION}?q=price#summary"
    assert page.texts("mark") == ["price"] * 3
    assert page.texts("p", class_="total") == ["1 meeting"]


def test_the_query_stays_in_the_box(client: TestClient) -> None:
    """With the filters in force as hidden fields, so that the next query keeps them."""
    page = page_of(client.get("/?q=price&speaker=Ana&sort=newest"))

    assert page.one("input", id="q")["value"] == "price"
    form = client.get("/?q=price&speaker=Ana&sort=newest").text.split("</form>")[0]
    hidden = Page(form).all("input", type="hidden")
    assert [(each["name"], each["value"]) for each in hidden] == [
        ("speaker", "Ana"),
        ("sort", "newest"),
    ]


def test_facets_chips_and_orders_are_links(client: TestClient) -> None:
    """Every change of the search is a URL."""
    page = page_of(client.get("/?q=price&speaker=Ana&after=2026-10"))
    links = page.links()

    assert links["Spoken1"] == "/?q=price&speaker=Ana&after=2026-10&in=transcript"
    assert links["October 20261"] == "/?q=price&speaker=Ana&after=2026-10&before=2026-11"
    assert links["said by Ana: remove this filter×"] == "/?q=price&after=2026-10"
    assert links["Newest first"] == "/?q=price&speaker=Ana&after=2026-10&sort=newest"
    assert page.texts("a", **{"aria-current": "true"}) == ["Best first"]


def test_the_parameters_are_those_of_the_api(client: TestClient, world: World) -> None:
    """Both ask the index the same thing; facets and the number of hits are the page's own."""
    query = "q=price&speaker=Ana&in=chat&after=2026-10&sort=newest&match=all&moments=1&limit=7"
    client.get(f"/?{query}")
    client.get(f"/v1/search?{query}")

    by_page, by_api = world.shelf.asked[-2:]
    assert by_page.facets == ("speaker", "kind", "month", "app")
    assert (by_page.query, by_page.sort, by_page.match, by_page.moments, by_page.limit) == (
        by_api.query,
        by_api.sort,
        by_api.match,
        by_api.moments,
        by_api.limit,
    )


def test_a_page_has_as_many_hits_as_people_look_at(client: TestClient, world: World) -> None:
    """Ten, unless its URL says otherwise: a browser paints them sooner, and more are a click away."""
    client.get("/?q=price")

    assert world.shelf.asked[-1].limit == 10


def test_what_a_form_sends_empty_means_nothing(client: TestClient) -> None:
    """Dates that were not filled in are no error."""
    assert page_of(client.get("/?q=price&after=&before=")).texts("mark")


def test_more_results_are_a_link(client: TestClient, world: World) -> None:
    """With everything else as it is, and none on the last page."""
    for number in range(15):
        world.shelf.add(card(f"more-{number}"), [said("the price")])

    first = page_of(client.get("/?q=price&sort=newest"))
    more = first.one("a", rel="next")["href"]
    assert more == "/?q=price&sort=newest&cursor=10"
    assert not page_of(client.get(more)).all("a", rel="next")


def test_more_matches_than_moments(client: TestClient) -> None:
    """How many more there are leads into the session."""
    page = page_of(client.get("/?q=price&moments=1"))

    assert page.links()["2 more matches in this meeting"] == f"/sessions/{SESSION}?q=price"


def test_what_is_pending_or_lost_is_said_quietly(client: TestClient) -> None:
    """In the range of the search, with a link to those sessions."""
    page = page_of(client.get("/?q=price&after=2026-10"))

    links = page.links()
    assert links["1 session of this range still pending"] == (
        "/sessions?after=2026-10&outcome=pending"
    )
    assert links["1 session lost in part or whole"] == "/sessions?after=2026-10&outcome=lost"
    assert not page_of(client.get("/?q=price&after=2030")).all("p", class_="notes")


def test_an_index_that_lags_says_so(client: TestClient, world: World) -> None:
    """What was archived since then is not found yet."""
    world.shelf.places = {}

    notes = page_of(client.get("/?q=price")).texts("p", class_="notes")

    assert "what was archived after 20 Nov 2026, 09:00 is not indexed yet" in notes[0]


def test_nothing_found(client: TestClient) -> None:
    """What may be in the way is named: a filter, or else the words."""
    words = page_of(client.get("/?q=zebra"))
    filtered = page_of(client.get("/?q=zebra&speaker=Ana"))

    assert "Nothing that matches was found." in words.texts("p", class_="lead")
    assert "renew*" in words.texts("code")
    assert filtered.links()["search everything"] == "/?q=zebra"


def test_nothing_asked_for(client: TestClient) -> None:
    """What can be searched, the newest sessions, and examples that find something."""
    page = page_of(client.get("/"))

    assert page.texts("h1") == ["What was said?"]
    assert page.links()["Weekly sync"] == f"/sessions/{SESSION}"
    assert page.texts("a", class_="try") == [
        "renewal price",
        '"renewal price"',
        'speaker:"Ana Souza"',
        'meeting:"Weekly sync"',
    ]
    for each in page.all("a", class_="try"):
        assert client.get(each["href"]).status_code == 200


def test_how_many_hold_every_word(client: TestClient, world: World) -> None:
    """With the way to those alone, where there are any, and not where all of them do."""
    none = page_of(client.get("/?q=price+zebra"))
    assert none.texts("p", class_="total") == ["1 meetingnone with every word"]
    assert "with every word" not in " ".join(none.links())
    whole = page_of(client.get("/?q=renewal+price"))
    assert whole.texts("p", class_="total") == ["1 meeting"]
    world.shelf.add(card("another"), [said("a price")])
    some = page_of(client.get("/?q=renewal+price"))
    assert some.texts("p", class_="total") == ["2 meetings1 with every word"]
    assert some.links()["1 with every word"] == "/?q=renewal+price&match=all"


def test_every_example_of_the_help_is_a_query(client: TestClient) -> None:
    """Each can be clicked, and none is an error."""
    page = page_of(client.get("/"))

    examples = [each["href"] for each in page.all("a") if each["href"].startswith("/?q=")]
    assert len(examples) >= 10
    assert {client.get(each).status_code for each in examples} == {200}


def test_filters_alone_are_a_search(client: TestClient) -> None:
    """Without a word, whoever asks for a speaker sees the sessions."""
    assert page_of(client.get("/?speaker=Ana")).texts("p", class_="total") == ["1 meeting"]


def test_before_anything_is_indexed(client: TestClient, world: World) -> None:
    """The first page says that there is nothing yet; a search says so, too."""
    world.shelf.error = IndexMissingError("there is no index yet", hint="capture something")

    assert "Nothing is archived yet" in page_of(client.get("/")).texts("h2")
    assert page_of(client.get("/?q=price"), 503).texts("h1") == ["There is no index yet"]


@pytest.mark.parametrize("apps", [(OTHER_APP,), ()])
def test_nobody_sees_another_app(
    client: TestClient, world: World, monkeypatch: pytest.MonkeyPatch, apps: tuple[str, ...]
) -> None:
    """What a request may see holds for every page."""
    world.shelf.add(card("other-session", OTHER_APP), [said("another price")])
    monkeypatch.setattr("search.web.access.Access.__call__", _letting_in(apps))

    assert SESSION not in client.get("/").text
    found = page_of(client.get("/?q=price"))
    assert len(found.all("li", class_="hit")) == len(apps)
    assert len(page_of(client.get("/sessions")).all("li", class_="row")) == len(apps)
    assert client.get(f"/sessions/{SESSION}").status_code == 404
    coverage = page_of(client.get("/coverage"))
    assert "0 sessions" in coverage.texts("li")
    assert SESSION not in coverage.html


def _letting_in(apps: tuple[str, ...]) -> object:
    async def access(self, scope, receive, send):  # type: ignore[no-untyped-def]  # as ASGI has it
        if scope["type"] == "http":
            reader = Reader(kind="key", name="a key", role=Role.READER, apps=apps, id="1")
            scope["state"] |= {"apps": apps, "reader": reader, "match": match(scope["path"])}
        await self._app(scope, receive, send)

    return access


def test_an_attack_is_text(client: TestClient, world: World) -> None:
    """No element, no attribute and no link of a page comes from a meeting."""
    add_attack(world)

    page = page_of(client.get("/?q=price"))

    assert not page.all("svg", onload="alert(1)")
    assert not page.all("img")
    assert {each["src"] for each in page.all("script")} == {page.one("script")["src"]}
    assert not [each for each in page.elements for name in each.attributes if name[:2] == "on"]
    assert any(SCRIPT in each.text for each in page.all("h2"))
    for hidden in ("\u202e", "\u2066", "\u200b", "\ufeff", "\x1b", "\x00"):
        assert hidden not in page.html
