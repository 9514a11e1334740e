"""The coverage page."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest

from archiver.ledger import FIXITY_FAILURES, VERIFIED
from search.errors import IndexDamagedError, IndexMissingError
from search.web.pages.coverage_page import bounds_of, facts_of
from search.web.params import CoverageRequest
from tests.search.web.pages.reading import page_of
from tests.search.web.world import APP, NOW, OTHER_APP, PENDING, SESSION, STARTED, World, session

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from search.web.shapes import CoverageReport

OCTOBER = "/coverage?after=2026-10&before=2026-11"


def test_the_numbers_of_a_range(client: TestClient) -> None:
    """Sessions and artifacts, in all and by day, each a link to those sessions."""
    page = page_of(client.get(OCTOBER))

    assert page.texts("li") == ["2 sessions", "1 with something pending", "1 with something lost"]
    rows = page.texts("tr")
    assert any(each.startswith("2026-10-03 1 5 archived") for each in rows)
    links = page.links()
    day = "/sessions?after=2026-10-03&before=2026-10-04"
    assert links["2026-10-03"] == day
    assert links["5 archived on 2026-10-03"] == f"{day}&outcome=archived"
    for url in links.values():
        if url.startswith("/"):
            assert client.get(url).status_code == 200


def test_the_calendar(client: TestClient) -> None:
    """Each day says how many sessions it had and what became of them, and leads to them."""
    page = page_of(client.get(OCTOBER))

    assert page.texts("caption") == ["October 2026"]
    assert "3 October 2026: 1 session, lost ▲" in page.texts("a")
    assert "4 October 2026: 1 session, pending ◷" in page.texts("a")


def test_what_runs_out_and_what_was_lost(client: TestClient) -> None:
    """The nearest deadlines, and each lost artifact with its reason."""
    page = page_of(client.get(OCTOBER))

    rows = page.texts("tr")
    assert any(PENDING in each and "ago" in each for each in rows)
    assert f"{SESSION} transcript SRT no healthy answer" in rows


def test_without_a_range_the_last_months(client: TestClient) -> None:
    """As far back as anything is known: what was before the first look is no gap."""
    page = page_of(client.get("/coverage"))

    assert page.one("input", name="after")["value"] == "2026-10-03"
    assert page.one("input", name="before")["value"] == "2026-11-21"
    assert page.texts("caption") == ["November 2026", "October 2026"]
    assert "Later" not in page.links()
    assert page.links()["Earlier"] == "/coverage?after=2026-08-01&before=2026-10-03"


def test_the_bounds_of_a_range() -> None:
    """What is asked for holds; the rest is the last three months."""
    nothing = CoverageRequest(apps=(), after_ms=None, before_ms=None)

    bounds = bounds_of(nothing, NOW, None)
    known = bounds_of(nothing, NOW, NOW - timedelta(days=400))
    assert bounds == known
    assert bounds.before_ms is not None
    assert bounds.after_ms is not None
    assert (bounds.before_ms - bounds.after_ms) // 86_400_000 == 30 + 31 + 20
    late = bounds_of(nothing, NOW, NOW + timedelta(days=4))
    assert (late.after_ms or 0) < (late.before_ms or 0)


def test_when_everything_was_last_read_back(client: TestClient, world: World) -> None:
    """And how much was not what it should be."""
    assert "Everything read back" in client.get("/coverage").text
    ledger = world.open_ledger()
    ledger.note(VERIFIED, 1.0, STARTED)
    ledger.note(FIXITY_FAILURES, 2, STARTED)

    page = page_of(client.get("/coverage"))

    assert "3 Oct 2026, 10:00 2 findings: run `rtk-archive verify`" in page.texts("dd")


def test_how_sure_one_can_be() -> None:
    """A gap, a lag and a missing inventory are no good sign, and each says what it is."""
    document = {
        "source": {
            "listed_through": None,
            "gaps": [{"from": "2026-10-01T00:00:00Z", "until": "2026-10-02T00:00:00Z"}] * 2,
            "sessions_missing": 3,
        },
        "bucket": {"compared_at": None, "days_not_compared": 1, "inventories_missing": 2},
        "indexed_through": "2026-11-20T08:00:00Z",
    }

    facts = {each.name: each for each in facts_of(cast("CoverageReport", document), NOW, NOW, 0)}

    assert {name: each.is_good for name, each in facts.items()} == {
        "Source listed": False,
        "Gaps in what was listed": False,
        "Index current to": False,
        "Everything read back": True,
        "Bucket compared": False,
    }
    assert facts["Index current to"].detail == "2 h ago"
    assert facts["Gaps in what was listed"].detail == (
        "1 Oct 2026, 00:00 to 2 Oct 2026, 00:00; 3 sessions were listed and are not known"
    )


def test_without_a_ledger(client: TestClient, world: World) -> None:
    """The page says how to get one."""
    world.open_ledger().path.unlink()

    page = page_of(client.get(f"/coverage?app={APP}"))

    assert "There is no ledger yet." in page.texts("p", class_="lead")
    assert "rtk-archive rebuild ledger" in page.texts("code")


def test_a_range_at_the_ends_of_the_calendar(client: TestClient) -> None:
    """No date that can be asked for is an error."""
    for query in ("after=0002", "before=0002-01-02", "after=9998", "after=9998&before=9998-12-31"):
        page_of(client.get(f"/coverage?{query}"))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (IndexMissingError("none yet"), "Index current to"),
        (IndexDamagedError("broken"), "the index cannot be used: run `rtk-archive rebuild index`"),
    ],
)
def test_without_an_index(client: TestClient, world: World, error: Exception, told: str) -> None:
    """Everything that the ledger knows is there, and the way from it to the sessions."""
    world.open_ledger().see([session("twin", OTHER_APP)], NOW)
    before = page_of(client.get(OCTOBER))
    world.shelf.error = error
    page = page_of(client.get(OCTOBER))

    assert page.texts("li") == before.texts("li")
    assert page.texts("tr") == before.texts("tr")
    assert page.texts("option") == ["every app", APP, OTHER_APP]
    assert any(told in each for each in page.texts("div"))
    assert client.get(page.links()["5 archived on 2026-10-03"]).status_code == 200
