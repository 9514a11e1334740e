"""The record of reads at the door: nothing is answered that is not recorded."""

from __future__ import annotations

import asyncio
import json
import resource
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from archiver.access import Role
from archiver.audit import TrailSealer
from archiver.audit.shelf import trails_in
from archiver.simulated import SettableClock
from search.web.rules import RULES, Area
from tests.search.web.scoped import path_of
from tests.search.web.world import APP, MADE, NOW, PENDING, SESSION, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    """Somebody who asks a world that records it."""
    world.clock = SettableClock(NOW)
    trail = world.recorded()
    with world.client() as client:
        yield client
    trail.close()


def seal(world: World) -> None:
    sealer = TrailSealer(
        world.open_archive(),
        world.settings.audit_path,
        world.clock,
        made=lambda _now: MADE,
        keep=timedelta(days=30),
    )
    asyncio.run(sealer.seal())


def test_a_search_is_recorded_with_what_was_asked_and_found(
    world: World, client: TestClient
) -> None:
    """Query, filters, hits and the sessions shown, by GET as by POST; the cursor is no question."""
    client.get("/v1/search", params={"q": "renewal price", "speaker": ["ana"], "sort": "newest"})
    client.post("/v1/search", json={"q": "renewal price", "app": [APP], "limit": 1})
    client.get("/v1/search", params={"q": "price", "cursor": "1"})

    first, second, third = world.reads()
    assert first | {"trail": "", "previous": ""} == {
        "trail": "",
        "previous": "",
        "seq": 1,
        "at": "2026-11-20T10:00:00.000Z",
        "who": {"kind": "local", "name": "local", "role": "local"},
        "action": "search",
        "asked": {"q": ["renewal price"], "speaker": ["ana"], "sort": ["newest"]},
        "hits": 1,
        "sessions": [SESSION],
        "status": 200,
    }
    assert second["asked"] == {"q": ["renewal price"], "app": [APP], "limit": ["1"]}
    assert (third["asked"]["cursor"], third["hits"], third["sessions"]) == (["given"], 1, [])


def test_whatever_is_opened_is_recorded(world: World, client: TestClient) -> None:
    """Sessions, transcripts and artifacts by their names, and what was not found as well."""
    name = client.get(f"/v1/sessions/{SESSION}").json()["artifacts"][0]["name"]
    client.get(f"/v1/sessions/{SESSION}/transcript?format=txt&from_ms=0")
    client.get(f"/v1/sessions/{SESSION}/artifacts/{name}")
    client.get(f"/v1/sessions/{PENDING}/chat")
    client.get("/v1/sessions", params={"speaker": "Ana Souza"})

    told = [
        (each["action"], each.get("session"), each["status"], each.get("sessions"))
        for each in world.reads()
    ]
    assert told == [
        ("session", SESSION, 200, None),
        ("transcript", SESSION, 200, None),
        ("artifact", SESSION, 200, None),
        ("chat", PENDING, 404, None),
        ("sessions", None, 200, [SESSION]),
    ]
    assert world.reads()[1]["asked"] == {"format": ["txt"], "from_ms": ["0"]}
    assert world.reads()[2]["artifact"] == name


def test_every_route_is_recorded_but_those_that_tell_nothing(
    world: World, client: TestClient
) -> None:
    """Whoever is refused for their role is recorded too; whoever is nobody has read nothing."""
    auditor = world.key("who", role=Role.AUDITOR)
    with world.client() as client:
        for rule in RULES:
            client.get(path_of(rule.path, SESSION, "x"), headers=auditor)
            client.get(path_of(rule.path, SESSION, "x"))

    expected = [
        each.action
        for each in RULES
        if each.area not in {Area.OPEN, Area.INTERFACE, Area.MONITORING}
    ]
    assert [each["action"] for each in world.reads()] == expected
    assert {each["who"]["name"] for each in world.reads()} == {"who"}
    assert {each["status"] for each in world.reads() if each["action"] == "search"} == {403}


def test_what_cannot_be_recorded_is_not_answered(world: World, client: TestClient) -> None:
    """503 on a full disk, without a word of the answer, whichever route; then all is well again."""
    client.get("/v1/search?q=price")
    (path,) = trails_in(world.settings.audit_path)
    size, before = path.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    name = next(each for each in _names(client))
    paths = ["/v1/search?q=price", f"/v1/sessions/{SESSION}/artifacts/{name}", "/v1/coverage"]
    size = path.stat().st_size
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, before[1]))
        answers = [client.get(each) for each in paths]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    for each in answers:
        assert each.status_code == 503
        assert each.json()["type"] == "urn:rtk-archive:problem:not-recorded"
        assert each.headers["retry-after"]
        assert str(world.root) not in each.text
    assert path.stat().st_size == size
    assert client.get(paths[0]).status_code == 200


def _names(client: TestClient) -> list[str]:
    artifacts = client.get(f"/v1/sessions/{SESSION}").json()["artifacts"]
    return [each["name"] for each in artifacts if each["name"]]


def test_it_is_written_before_any_of_the_answer_leaves(world: World, client: TestClient) -> None:
    """At the first byte of an answer its record is in the file."""
    seen: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            seen.append(len(world.reads()))

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/v1/sessions",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "state": dict(client.app_state),
    }
    asyncio.run(client.app(scope, receive, send))  # type: ignore[arg-type]  # a plain scope

    assert seen == [1]


def test_an_auditor_searches_it_and_readers_do_not(world: World, client: TestClient) -> None:
    """Newest first, by who, when and what, page by page; to a reader it is forbidden."""
    reader = world.key("crm")
    auditor = world.key("audit", role=Role.AUDITOR)
    clock = world.clock
    assert isinstance(clock, SettableClock)
    with world.client() as client:
        for number in range(5):
            client.get("/v1/search", params={"q": f"price {number}"}, headers=reader)
            clock.advance(60)
            if number == 2:
                seal(world)
        assert client.get("/v1/audit", headers=reader).status_code == 403

        def asked(**parameters: str) -> list[str]:
            wanted = {"who": "crm", "q": "price", **parameters}
            answer = client.get("/v1/audit", params=wanted, headers=auditor)
            return [each["asked"]["q"][0] for each in answer.json()["reads"]]

        everything = [f"price {number}" for number in range(4, -1, -1)]
        assert asked() == everything
        assert asked(q="PRICE 3") == ["price 3"]
        assert asked(after="2026-11-20T10:01:00Z", before="2026-11-20T10:03:00Z") == [
            "price 2",
            "price 1",
        ]
        assert asked(who="nobody") == []
        pages, cursor = list[str](), ""
        for _ in range(9):
            more = {"cursor": cursor} if cursor else {}
            wanted = {"who": "crm", "q": "price", "limit": "2", **more}
            page = client.get("/v1/audit", params=wanted, headers=auditor).json()
            pages += [each["asked"]["q"][0] for each in page["reads"]]
            cursor = page["next"]
            if not cursor:
                break
        assert pages == everything
        assert client.get("/v1/audit?cursor=x", headers=auditor).status_code == 400
        looked = world.reads()[-1]
    assert (looked["action"], looked["who"]["name"]) == ("audit", "audit")


def test_no_query_reaches_the_log(
    world: World, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """What is recorded is recorded there alone."""
    with caplog.at_level("INFO"):
        client.get("/v1/search?q=confidential")
        seal(world)

    assert b"confidential" in json.dumps(world.reads()).encode()
    ours = [each for each in caplog.records if each.name.startswith(("search", "archiver"))]
    assert ours
    assert all("confidential" not in str(vars(each)) for each in ours)
