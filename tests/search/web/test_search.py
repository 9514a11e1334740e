"""GET and POST /v1/search."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from archiver.model import CHAT, SUMMARY, to_ms
from search.errors import IndexDamagedError, IndexMissingError, SearchTimeoutError
from tests.search.web.world import (
    APP,
    NOW,
    OTHER_APP,
    SESSION,
    STARTED,
    World,
    card,
    said,
    session,
)

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from search.index.seam import SearchRequest
    from search.results import SearchResult


def test_search_answers_in_the_documented_shape(client: TestClient) -> None:
    """A search answers query, totals, coverage, hits with moments, facets and the next page."""
    answer = client.get("/v1/search", params={"q": '"renewal price"', "facets": "speaker"})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert {
        "query": {
            "text": '"renewal price"',
            "words": ["renewal price"],
            "warnings": [],
            "suggestion": None,
        },
        "total": {"sessions": 1, "all_words": 1},
        "coverage": {
            "pending": 1,
            "lost": 1,
            "listed_through": None,
            "indexed_through": "2026-11-20T10:00:00.000Z",
        },
        "hits": [
            {
                "session_id": SESSION,
                "app_id": APP,
                "meeting_id": "weekly",
                "meeting_title": "Weekly sync",
                "started_at": "2026-10-03T10:00:00.000Z",
                "ended_at": "2026-10-03T10:30:00.000Z",
                "score": 2.0,
                "matches": 2,
                "url": f"/sessions/{SESSION}",
                "moments": [
                    {
                        "kind": "transcript",
                        "speaker": "Ana Souza",
                        "start_ms": 123000,
                        "end_ms": 125000,
                        "at": "2026-10-03T10:02:03.000Z",
                        "snippet": "we can hold the renewal price until March",
                        "highlights": [[16, 29]],
                        "url": f"/sessions/{SESSION}#t=123000",
                    },
                    {
                        "kind": "chat",
                        "speaker": "Ben",
                        "start_ms": 130000,
                        "end_ms": 130000,
                        "at": "2026-10-03T10:02:10.000Z",
                        "snippet": "the renewal price is in the document",
                        "highlights": [[4, 17]],
                        "url": f"/sessions/{SESSION}#t=130000",
                    },
                ],
            }
        ],
        "facets": {"speaker": [["Ana Souza", 1]]},
        "facets_of": 1,
        "next": None,
    } == answer.json()


def test_a_moment_of_a_summary_has_no_time(client: TestClient) -> None:
    """What was not said at a time links to the session itself."""
    answer = client.get("/v1/search", params={"q": "Decisions", "in": "summary"}).json()

    moment = answer["hits"][0]["moments"][0]
    assert (moment["start_ms"], moment["at"]) == (None, None)
    assert f"/sessions/{SESSION}" == moment["url"]


def test_a_post_answers_as_a_get(client: TestClient) -> None:
    """The same question as JSON has the same answer."""
    asked: dict[str, Any] = {
        "q": "price",
        "in": ["chat", "summary"],
        "limit": 5,
        "moments": 1,
        "app": APP,
    }

    posted = client.post("/v1/search", json={**asked, "cursor": None})

    assert posted.status_code == 200
    assert client.get("/v1/search", params=asked).json() == posted.json()


def test_parameters_become_the_request(client: TestClient, world: World) -> None:
    """Every parameter reaches the index; those of one field add to the query's own filters."""
    answer = client.get(
        "/v1/search",
        params={
            "q": "price speaker:ana in:chat after:2026-09 before:2027",
            "speaker": ["ben", "ana"],
            "app": [APP, OTHER_APP],
            "in": "summary",
            "after": "2026-10-02",
            "before": "2026-12-01T00:00:00Z",
            "sort": "newest",
            "limit": "100",
            "moments": "0",
            "facets": "kind,month,kind",
            "cursor": "7",
        },
    )

    assert answer.status_code == 200
    asked = world.shelf.asked[0]
    filters = asked.query.filters
    assert filters.speakers == ("ana", "ben")
    assert filters.apps == (APP, OTHER_APP)
    assert filters.kinds == ("chat", "summary")
    assert filters.after_ms == 1_790_899_200_000
    assert filters.before_ms == 1_796_083_200_000
    assert (asked.sort, asked.match, asked.limit, asked.moments) == ("newest", "all", 100, 0)
    assert (asked.facets, asked.cursor, asked.apps) == (("kind", "month"), "7", None)


@pytest.mark.parametrize(
    ("sort", "match"), [("relevance", "best"), ("newest", "all"), ("oldest", "all")]
)
def test_match_follows_the_order_unless_said(
    client: TestClient, world: World, sort: str, match: str
) -> None:
    """By relevance the best match is enough; by date every word must be there."""
    client.get("/v1/search", params={"q": "price", "sort": sort})
    client.get("/v1/search", params={"q": "price", "sort": sort, "match": "best"})

    assert [match, "best"] == [each.match for each in world.shelf.asked]


def test_pages_follow_the_cursor(client: TestClient, world: World) -> None:
    """`next` is given back as `cursor` until there is none."""
    world.shelf.add(card("another", started=STARTED + timedelta(hours=1)), [said("a price")])

    first = client.get("/v1/search", params={"q": "price", "limit": 1}).json()
    second = client.get(
        "/v1/search", params={"q": "price", "limit": 1, "cursor": first["next"]}
    ).json()

    assert [each["hits"][0]["session_id"] for each in (first, second)] == [SESSION, "another"]
    assert second["next"] is None


def test_links_are_written_under_the_public_url(world: World) -> None:
    """A public URL prefixes every link; but then a key is needed, so the shape is tested below it."""
    from search.index.seam import SearchRequest
    from search.query import parse
    from search.web.answers import search_answer

    request = SearchRequest(query=parse("Decisions"))
    answer = search_answer(request, world.shelf.search(request), None, "https://rtk.example/a")

    assert f"https://rtk.example/a/sessions/{SESSION}" == answer["hits"][0]["url"]


def test_ids_are_quoted_in_links(client: TestClient, world: World) -> None:
    """A session id that is no UUID cannot leave its place in a URL."""
    world.shelf.add(card("a/../b?c#d"), [said("quoting")])

    hit = client.get("/v1/search", params={"q": "quoting"}).json()["hits"][0]

    assert hit["url"] == "/sessions/a%2F..%2Fb%3Fc%23d"


# ---------------------------------------------------------------------- coverage


def coverage(client: TestClient, **parameters: str) -> Any:
    return client.get("/v1/search", params=parameters).json()["coverage"]


def test_coverage_is_of_the_same_apps_and_dates(client: TestClient) -> None:
    """What is pending or lost elsewhere, or at another time, is not counted."""
    assert counts(coverage(client, q="price")) == (1, 1)
    assert counts(coverage(client, q="price before:2026-10-04")) == (0, 1)
    assert counts(coverage(client, q="price", after="2026-10-04")) == (1, 0)
    assert counts(coverage(client, q="price", app=OTHER_APP)) == (0, 0)
    assert counts(coverage(client, q=f"price -app:{APP}")) == (0, 0)


def counts(document: dict[str, Any]) -> tuple[int, int]:
    return document["pending"], document["lost"]


def test_without_a_ledger_coverage_is_null(client: TestClient, world: World) -> None:
    """A ledger that was deleted says nothing, and the search is answered all the same."""
    world.open_ledger().path.unlink()

    assert coverage(client, q="price") is None


def test_a_lagging_index_says_how_far_it_is(client: TestClient, world: World) -> None:
    """`indexed_through` is when the first inventory was committed that is not indexed."""
    world.shelf.places = {}

    assert coverage(client, q="price")["indexed_through"] == "2026-11-20T09:00:00.000Z"


def test_positions_of_another_ledger_do_not_count(client: TestClient, world: World) -> None:
    """A ledger that was made again starts anew, and so does what the index says of it."""
    world.shelf.places = {APP: ("another epoch", 999)}

    assert coverage(client, q="price")["indexed_through"] == "2026-11-20T09:00:00.000Z"


def test_what_is_committed_later_is_waited_for(client: TestClient, world: World) -> None:
    """One newer inventory that is not indexed holds `indexed_through` at its time."""
    ledger = world.open_ledger()
    committed = world.commit(session(), {CHAT: b"x" * 2000, SUMMARY: b"y" * 2000})
    at = NOW - timedelta(minutes=5)
    ledger.record(session().id, {}, next_attempt_at=None, now=at, committed=committed)

    assert coverage(client, q="price")["indexed_through"] == "2026-11-20T09:55:00.000Z"


def test_what_is_committed_meanwhile_is_not_in_the_answer(
    client: TestClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor said to be: the index may have it by now, but not the one that was searched."""
    ledger, search = world.open_ledger(), world.shelf.search
    committed = world.commit(session(), {CHAT: b"x" * 2000, SUMMARY: b"y" * 2000})

    def searched(request: SearchRequest) -> SearchResult:
        found, at = search(request), NOW - timedelta(minutes=1)
        ledger.record(session().id, {}, next_attempt_at=None, now=at, committed=committed)
        world.shelf.places = {APP: (ledger.epoch, 1000), OTHER_APP: (ledger.epoch, 1000)}
        return found

    monkeypatch.setattr(world.shelf, "search", searched)
    assert coverage(client, q="price")["indexed_through"] == "2026-11-20T09:59:00.000Z"


# ---------------------------------------------------------------------- errors


def test_a_query_that_means_nothing_is_explained(client: TestClient) -> None:
    """A query error says where it is and what to write instead."""
    answer = client.get("/v1/search", params={"q": "price AND"})

    problem = answer.json()
    assert 400 == answer.status_code == problem["status"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "urn:rtk-archive:problem:invalid-query"
    assert problem["position"] == 6
    assert problem["title"]
    assert problem["detail"]
    assert problem["suggestion"]
    assert problem["suggestion"] not in problem["detail"]


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (SearchTimeoutError("took too long"), 503, "search-timeout"),
        (IndexMissingError("none"), 503, "index-missing"),
        (IndexDamagedError("bad"), 503, "index-damaged"),
    ],
)
def test_an_index_that_cannot_answer_is_a_503(
    client: TestClient, world: World, error: Exception, status: int, slug: str
) -> None:
    """What the index refuses is told as what it is."""
    world.shelf.error = error

    answer = client.get("/v1/search", params={"q": "price"})

    assert status == answer.status_code
    assert f"urn:rtk-archive:problem:{slug}" == answer.json()["type"]
    assert (slug == "search-timeout") == ("retry-after" in answer.headers)


def test_a_cursor_of_another_query_is_a_400(client: TestClient) -> None:
    """A cursor nobody gave out is refused."""
    answer = client.get("/v1/search", params={"q": "price", "cursor": "zzz"})

    assert (
        answer.status_code,
        answer.json()["type"],
    ) == (400, "urn:rtk-archive:problem:invalid-cursor")


def test_a_corrupt_ledger_is_a_503_that_says_what_to_do(client: TestClient, world: World) -> None:
    """A damaged ledger is reported, with the command that makes it again."""
    path = world.open_ledger().path
    world.open_ledger().close()
    for each in path.parent.glob("ledger.db*"):
        each.unlink()
    path.write_bytes(b"this is no database, and long enough to be looked at" * 100)

    answer = client.get("/v1/search", params={"q": "price"})

    assert (
        answer.status_code,
        answer.json()["type"],
    ) == (503, "urn:rtk-archive:problem:ledger-unavailable")
    assert "rebuild ledger" in answer.json()["detail"]


def test_a_filter_without_an_index_of_that_app_finds_nothing(client: TestClient) -> None:
    """An app nobody has heard of has no hits, and is no error."""
    answer = client.get("/v1/search", params={"q": "price", "app": "unheard-of"})

    assert (answer.status_code, answer.json()["total"]["sessions"]) == (200, 0)


def test_blocking_calls_leave_the_event_loop_alone(client: TestClient, world: World) -> None:
    """Every call of the index runs in a worker thread."""
    client.get("/v1/search", params={"q": "price"})
    client.get(f"/v1/sessions/{SESSION}")
    client.get(f"/v1/sessions/{SESSION}/chat")
    client.get("/readyz")

    assert world.shelf.threads
    assert all("worker" in name for name in world.shelf.threads)


def test_search_in_any_script_goes_out_as_utf_8(client: TestClient, world: World) -> None:
    """JSON is UTF-8, unescaped, and half a character does not stop it."""
    world.shelf.add(card("other"), [said("契約の更新 \U0001f600 price \ud800")])

    answer = client.get("/v1/search", params={"q": "契約の更新"})

    assert "契約の更新 \U0001f600".encode() in answer.content
    assert (
        json.loads(answer.content)["hits"][0]["moments"][0]["snippet"]
        == "契約の更新 \U0001f600 price \ud800"
    )


def test_dates_that_nobody_can_write_are_null(world: World) -> None:
    """A time beyond the calendar is no reason to fail."""
    from search.web.answers import time_of

    assert time_of(10**18) is None
    assert time_of(to_ms(STARTED)) == "2026-10-03T10:00:00.000Z"
