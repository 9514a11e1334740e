"""A whole search result as one answer."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archiver.errors import AuditError
from search.errors import SearchTimeoutError
from search.results import Hit, Moment, SearchResult
from search.web import create_app, streaming
from tests.search.web.decoding import body_of
from tests.search.web.world import APP, LOCAL, SESSION, STARTED, Shelf, World, card, said

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.testclient import TestClient

    from search.index.seam import SearchRequest

#: With a million, which take a minute, it is the same.
HITS = int(os.environ.get("RTK_TEST_HITS", "30000"))
NDJSON = {"Accept": "application/x-ndjson"}
HIT = Hit(
    app_id=APP,
    session_id=SESSION,
    meeting_id="weekly",
    meeting_title="Weekly sync",
    started_at_ms=0,
    ended_at_ms=None,
    score=1.0,
    matches=1,
    moments=(
        Moment(
            kind="transcript",
            speaker="Ana",
            start_ms=0,
            end_ms=9,
            snippet="the price",
            highlights=((4, 9),),
        ),
    ),
)


@dataclass
class Endless(Shelf):
    """An index that so many sessions match in."""

    total: int = 0
    failing_at: int = -1

    def search(self, request: SearchRequest) -> SearchResult:
        self.asked.append(request)
        start = int(request.cursor or 0)
        if start == self.failing_at:
            raise SearchTimeoutError("the search took too long")
        stop = min(start + request.limit, self.total)
        return SearchResult(
            hits=(HIT,) * (stop - start),
            total_sessions=self.total,
            total_all_words=self.total,
            next_cursor=str(stop) if stop < self.total else None,
        )


def lines(answer: Any) -> list[Any]:
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(each) for each in body_of(answer).splitlines()]


def many(world: World, count: int) -> None:
    for number in range(count):
        one = card(f"s{number:04}", started=STARTED + timedelta(minutes=number))
        world.shelf.add(one, [said("the price")])


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
def test_it_is_the_whole_result(client: TestClient, world: World, encoding: str) -> None:
    """Query and coverage first, then every session as a page has it, then how many there were."""
    many(world, 450)
    headers = {**NDJSON, "Accept-Encoding": encoding}
    got = client.get("/v1/search?q=price&moments=1", headers=headers)
    first, *hits, last = lines(got)

    assert got.headers.get("content-encoding", "identity") == encoding
    assert last == {"end": True, "sessions": len(hits)}
    assert first["total"]["sessions"] == len(hits) == 451
    paged, cursor = [], ""
    while cursor is not None:
        asked = {"q": "price", "moments": "1", "limit": "100"}
        page = client.get("/v1/search", params=asked | ({"cursor": cursor} if cursor else {}))
        paged += page.json()["hits"]
        cursor = page.json()["next"]
        assert {name: page.json()[name] for name in first} == first
    assert paged == hits
    posted = client.post("/v1/search", json={"q": "price", "moments": 1}, headers=headers)
    assert lines(posted) == [first, *hits, last]
    head = client.head("/v1/search?q=price", headers=headers)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == "application/x-ndjson"


@pytest.mark.parametrize(
    ("accept", "is_stream"),
    [
        ("application/x-ndjson", True),
        ("application/json, Application/X-NDJSON;q=0.5", True),
        ("application/x-ndjson;q=0", False),
        ("*/*", False),
        ("application/json", False),
    ],
)
def test_it_is_for_whoever_names_it(client: TestClient, accept: str, is_stream: bool) -> None:
    """Anybody else has a page."""
    answer = client.get("/v1/search?q=price", headers={"Accept": accept})

    assert answer.headers["content-type"].startswith("application/x-ndjson") == is_stream


def test_an_empty_result_is_whole_too(client: TestClient) -> None:
    """Two lines."""
    first, last = lines(client.get("/v1/search?q=nowhere", headers=NDJSON))

    assert (first["total"]["sessions"], last) == (0, {"end": True, "sessions": 0})


@pytest.mark.parametrize("name", ["limit", "cursor", "facets"])
def test_what_belongs_to_pages_is_refused(client: TestClient, name: str) -> None:
    """Nothing is ignored."""
    answer = client.get(f"/v1/search?q=price&{name}=1", headers=NDJSON)

    assert (answer.status_code, answer.json()["parameter"]) == (400, name)


def test_by_relevance_it_goes_as_deep_as_pages_do(world: World) -> None:
    """More is refused before a line is sent, and streamed by date."""
    world.shelf = Endless(total=streaming.RANKED_MAX + 1)
    with world.client() as client:
        refused = client.get("/v1/search?q=price", headers=NDJSON)
        by_date = client.get("/v1/search?q=price&sort=newest&moments=0", headers=NDJSON)

    assert (refused.status_code, refused.json()["parameter"]) == (400, "sort")
    assert "10001 sessions" in refused.json()["detail"]
    assert lines(by_date)[-1] == {"end": True, "sessions": streaming.RANKED_MAX + 1}


def test_what_goes_wrong_at_once_is_a_problem(client: TestClient, world: World) -> None:
    """The status tells, as of a page."""
    world.shelf.error = SearchTimeoutError("the search took too long")

    assert client.get("/v1/search?q=price", headers=NDJSON).status_code == 503
    assert client.get("/v1/search?q=(a", headers=NDJSON).status_code == 400


def test_what_goes_wrong_later_is_the_last_line(world: World) -> None:
    """A result that is not whole does not end as one that is."""
    world.shelf = Endless(total=1000, failing_at=600)
    with world.client() as client:
        first, *hits, last = lines(client.get("/v1/search?q=price&sort=newest", headers=NDJSON))

    assert (first["total"]["sessions"], len(hits)) == (1000, 600)
    assert last["error"]["type"] == "urn:rtk-archive:problem:search-timeout"
    assert last["error"]["status"] == 503


def test_every_page_is_recorded_before_it_leaves(world: World) -> None:
    """Which sessions left is known of each, and what cannot be recorded is not sent."""
    many(world, 450)
    trail = world.recorded()
    with world.client() as client:
        hits = lines(client.get("/v1/search?q=price", headers=NDJSON))[1:-1]
        trail.record = _failing_at_the_second  # type: ignore[method-assign, assignment]  # a full disk
        *_, last = lines(client.get("/v1/search?q=price", headers=NDJSON))
    trail.close()

    reads = world.reads()
    assert [len(each["sessions"]) for each in reads] == [200, 200, 51]
    assert [each for read in reads for each in read["sessions"]] == [
        each["session_id"] for each in hits
    ]
    assert [each["asked"].get("cursor") for each in reads] == [None, ["given"], ["given"]]
    assert {each["hits"] for each in reads} == {451}
    assert last["error"]["type"] == "urn:rtk-archive:problem:not-recorded"


def _failing_at_the_second(_reader: Any, _action: str, **told: Any) -> None:
    if "cursor" in told["asked"]:
        raise AuditError("the record of reads cannot be written")


def test_a_key_that_is_revoked_meanwhile_sees_no_more(world: World) -> None:
    """Between two pages whoever asks is looked at again."""
    headers = world.key("crm")
    world.shelf = shelf = Revoking(total=1000)
    shelf.world = world
    with world.client() as client:
        answer = client.get("/v1/search?q=price&sort=newest", headers={**NDJSON, **headers})

    *_, last = lines(answer)
    assert (len(shelf.asked), last["error"]["status"]) == (2, 401)


@dataclass
class Revoking(Endless):
    """An index that revokes the key of whoever asks for the second page."""

    world: World | None = None

    def search(self, request: SearchRequest) -> SearchResult:
        if request.cursor and self.world is not None and self.world.keyring is not None:
            key = next(iter(self.world.keyring.known.by_id.values()))
            gone = replace(key, revoked_at=self.world.clock.now())
            self.world.keyring.known.by_id[key.id] = gone  # type: ignore[index]  # as a read would
        return super().search(request)


async def ask(
    world: World, send: Callable[[Any], Awaitable[None]], receive: Callable[[], Awaitable[Any]]
) -> None:
    """Ask for a stream without a server in between."""
    app = create_app(world.services())
    async with app.router.lifespan_context(app) as state:
        scope = {
            "type": "http",
            "asgi": {"spec_version": "2.3"},
            "method": "GET",
            "path": "/v1/search",
            "query_string": b"q=price&sort=newest&moments=1",
            "headers": [(b"host", b"127.0.0.1"), (b"accept", b"application/x-ndjson")],
            "client": LOCAL,
            "state": dict(state or {}),
        }
        await app(scope, receive, send)


async def nothing() -> Any:
    await asyncio.Event().wait()


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
async def test_memory_is_that_of_a_page(world: World) -> None:
    """However many hits there are, they take no more of it than the first few thousand."""
    world.shelf = Endless(total=HITS)
    world.shelf.asked = Forgetful()
    peaks, sent_bytes, last = [], 0, b""

    async def send(message: Any) -> None:
        nonlocal sent_bytes, last
        body = message.get("body", b"")
        sent_bytes, last = sent_bytes + len(body), body or last
        peaks.append(rss_bytes())

    await ask(world, send, nothing)

    assert json.loads(last) == {"end": True, "sessions": HITS}
    assert sent_bytes > 300 * HITS
    assert max(peaks) - max(peaks[:25]) < 8 * 2**20


class Forgetful(list[Any]):
    """A list that keeps nothing."""

    def append(self, _each: Any) -> None:
        pass


async def test_a_client_that_goes_away_stops_it(world: World) -> None:
    """Nothing more is searched for nobody."""
    world.shelf = shelf = Endless(total=1_000_000)
    gone = asyncio.Event()

    async def send(message: Any) -> None:
        if len(shelf.asked) > 5:
            gone.set()
            await asyncio.sleep(0)

    async def receive() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    await ask(world, send, receive)

    assert len(shelf.asked) < 50


async def test_a_client_that_takes_nothing_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds no thread meanwhile, and nothing for ever."""
    monkeypatch.setattr(streaming, "STALL_S", 0.05)
    world.shelf = shelf = Endless(total=1_000_000)

    async def send(message: Any) -> None:
        if message.get("body"):
            await asyncio.Event().wait()

    await asyncio.wait_for(ask(world, send, nothing), 5)

    assert len(shelf.asked) == 1
