"""/mcp of the endpoint: who may ask, what they are told, and that it is recorded before it leaves."""

from __future__ import annotations

import json
import resource
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from archiver.access import Role
from archiver.audit.shelf import trails_in
from search.mcp.server import over_http
from search.web import create_app
from tests.search.mcp.asked import (
    CALLS,
    HEADERS,
    arguments,
    assert_told_as_quotes,
    call,
    message,
    post,
)
from tests.search.mcp.attacks import ATTACKS, INNOCENT
from tests.search.web.scoped import ABSENT, FOREIGN, asking
from tests.search.web.test_scope import traced
from tests.search.web.test_serve import serving
from tests.search.web.world import APP, OTHER_APP, SESSION, World

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from search.index.library import Library

OURS, OTHER = "https://crm.example.com", "https://evil.example.com"
SEARCH = message("tools/call", name="search", arguments={"q": "needle"})


# ------------------------------------------------------------------------------------ the SDK's client


@pytest.fixture
def key(world: World) -> dict[str, str]:
    """The headers of whoever has a key of one app."""
    return world.key("model", APP)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_client_searches_and_reads(
    world: World, index: Library, key: dict[str, str], mode: str
) -> None:
    """Over a socket, with a key, by the protocol of today and that of the handshake."""
    app = create_app(replace(world.services(), index=index, mcp=over_http))
    async with (
        serving(app) as address,
        httpx2.AsyncClient(headers=key) as http,
        Client(
            streamable_http_client(f"http://{address}/mcp", http_client=http), mode=mode
        ) as model,
    ):
        listed = {each.name: each for each in (await model.list_tools()).tools}
        found = await model.call_tool("search", {"q": "needle", "facets": ["speaker", "kind"]})
        session = await model.call_tool("get_session", {"session_id": SESSION})
        read = await model.call_tool("get_transcript", {"session_id": SESSION, "from_ms": 0})
        refused = await model.call_tool("search", {"q": "needle AND"})

    assert set(listed) == set(CALLS)
    for tool in listed.values():
        hints = tool.annotations
        assert hints is not None
        assert (hints.read_only_hint, hints.destructive_hint) == (True, False)
        assert (hints.idempotent_hint, hints.open_world_hint) == (True, False)
        assert "never instructions" in (tool.description or "")
    assert found.structured_content is not None
    assert [each["session_id"] for each in found.structured_content["hits"]] == [SESSION]
    assert session.structured_content is not None
    assert session.structured_content["session"]["session_id"] == SESSION
    assert read.structured_content is not None
    assert len(read.structured_content["utterances"]) == len(ATTACKS) + len(INNOCENT)
    assert refused.is_error


# ------------------------------------------------------------------------------------ what is told


@pytest.mark.parametrize("tool", CALLS)
def test_a_meeting_full_of_attacks_is_told_as_quotes(client: TestClient, tool: str) -> None:
    """Hidden characters are escapes, links lead nowhere, and no text leaves its quotation marks."""
    result = call(client, tool, {}, **arguments(tool, SESSION))

    assert not result["isError"]
    assert_told_as_quotes(result)


@pytest.mark.parametrize("kind", ["transcript", "chat", "summary"])
def test_attacks_are_told_as_quotes_wherever_they_stand(client: TestClient, kind: str) -> None:
    """In what was said, typed and summed up alike."""
    told: dict[str, Any] = {"q": "needle", "in": [kind], "moments": 5, "facets": ["speaker"]}
    result = call(client, "search", {}, **told)

    assert result["structuredContent"]["hits"][0]["moments"]
    assert_told_as_quotes(result)


def test_a_tool_says_what_the_interface_says(client: TestClient) -> None:
    """The same hits, totals and coverage as /v1/search, where nothing had to be escaped."""
    q = f"zebra session:{FOREIGN}"
    told = call(client, "search", {}, q=q, limit=20, moments=3)["structuredContent"]
    answer = client.get("/v1/search", params={"q": q}).json()
    session = call(client, "get_session", {}, session_id=FOREIGN)["structuredContent"]
    read = call(client, "get_transcript", {}, session_id=FOREIGN)["structuredContent"]
    path = f"/v1/sessions/{FOREIGN}"

    del told["notice"]
    assert told == answer
    assert client.get(path).json().items() <= session.items()
    assert client.get(f"{path}/transcript").json().items() <= read.items()


def test_a_query_at_fault_is_told_with_its_place(client: TestClient) -> None:
    """As the problem of the interface is: position and suggestion, and the tool's error."""
    result = call(client, "search", {}, q="needle AND")
    problem = client.get("/v1/search", params={"q": "needle AND"}).json()

    assert result["isError"]
    assert result["structuredContent"] == problem
    assert f"character {problem['position']}" in result["content"][0]["text"]
    assert problem["suggestion"] in result["content"][0]["text"]


# ------------------------------------------------------------------------------------ who may ask


def test_it_is_off_unless_it_is_set(world: World) -> None:
    """The path is answered as one that does not exist."""
    with world.client() as client:
        assert client.get("/mcp").status_code == post(client, SEARCH).status_code == 404


@pytest.mark.parametrize(
    ("role", "status"), [(Role.READER, 200), (Role.AUDITOR, 403), (Role.ADMIN, 403)]
)
def test_only_readers_may_use_tools(world: World, index: Library, role: Role, status: int) -> None:
    """An auditor or an admin is not even told which tools there are."""
    headers = world.key("tried", role=role)
    with asking(world, index, mcp=over_http) as client:
        for body in (SEARCH, message("tools/list")):
            answer = post(client, body, **headers)
            assert answer.status_code == status
            assert (status == 200) == ("needle" in answer.text or "get_session" in answer.text)


def test_only_a_key_counts(world: World, index: Library) -> None:
    """Once there are keys: no cookie of whoever signed in, no word of Cloudflare Access, no key in the URL."""
    from search.web.signed_in import LOCAL_COOKIE, SignedIn

    headers = world.key("model")
    ring = world.ring()
    signed_in = SignedIn(ring, world.settings.sign_in, world.clock)
    world.signed_in = signed_in
    secret = headers["Authorization"].partition(" ")[2]
    with asking(world, index, mcp=over_http) as client:
        entered = client.post(
            "/sign-in", data={"key": secret}, headers={"Origin": "http://127.0.0.1:8000"}
        )
        assert entered.status_code == 303
        assert LOCAL_COOKIE in client.cookies
        own = {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}
        assert client.get("/v1/search?q=needle", headers=own).status_code == 200
        assert post(client, SEARCH, **own).status_code == 401
        assert post(client, SEARCH, **{"Cf-Access-Jwt-Assertion": "x"}).status_code == 401
        assert client.post(f"/mcp?key={secret}", json=SEARCH, headers=HEADERS).status_code == 401
        assert post(client, SEARCH, **headers).status_code == 200


def test_a_rebound_name_is_refused(client: TestClient) -> None:
    """`Host` is checked as everywhere: 421 for a name that is not ours."""
    assert post(client, SEARCH, Host="evil.example:8000").status_code == 421


def test_a_page_of_another_site_is_refused(world: World, index: Library) -> None:
    """`Origin` absent or ours: answered; any other, twice or null: 403; named in the settings: with a key."""
    world.set(cors_origins=(OURS,))
    with asking(world, index, mcp=over_http) as client:
        assert post(client, SEARCH).status_code == 200
        assert post(client, SEARCH, Origin="http://127.0.0.1:8000").status_code == 200
        for origin in (OTHER, OURS, "null", "", "http://127.0.0.1:8001", "https://127.0.0.1:8000"):
            answer = post(client, SEARCH, Origin=origin)
            assert answer.status_code == 403, origin
            assert answer.json()["type"].endswith(":foreign-origin")
        headers = world.key("model")
    with asking(world, index, mcp=over_http) as client:
        named = post(client, SEARCH, Origin=OURS, **headers)
        assert named.status_code == 200
        assert named.headers["access-control-allow-origin"] == OURS
        asked = {
            "Origin": OURS,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,mcp-protocol-version",
        }
        assert client.options("/mcp", headers=asked).status_code == 200
        assert post(client, SEARCH, Origin=OTHER, **headers).status_code == 403


def test_a_foreign_session_is_absent(world: World, index: Library) -> None:
    """Every tool answers a session of another app as one that was never there."""
    scoped, whole = world.key("scoped", APP), world.key("whole")
    with asking(world, index, mcp=over_http) as client:
        for tool in CALLS:
            foreign, absent = (
                json.dumps(call(client, tool, scoped, **arguments(tool, each))).replace(each, "…")
                for each in (FOREIGN, ABSENT)
            )
            if tool == "search":  # the delimiters are random
                foreign, absent = (each.partition("quotes from")[0] for each in (foreign, absent))
            assert foreign == absent, tool
            assert "zebra" not in foreign
            found = call(client, tool, whole, **arguments(tool, FOREIGN))
            assert not found["isError"], tool
            assert FOREIGN in json.dumps(found)


def test_a_foreign_session_is_looked_for_by_the_same_statements(
    world: World, index: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Index and ledger are asked the same, so that not even the time tells a tool's caller."""
    scoped = world.key("scoped", APP)
    statements = traced(monkeypatch)
    asked: dict[str, list[str]] = {}
    with asking(world, index, mcp=over_http) as client:
        for each in (ABSENT, FOREIGN, ABSENT):  # the first opens the files
            statements.clear()
            for tool in CALLS:
                call(client, tool, scoped, **arguments(tool, each))
            asked[each] = [text.replace(each, "…") for text in statements]

    assert any("from session" in text for text in asked[FOREIGN])
    assert asked[FOREIGN] == asked[ABSENT]


def test_a_foreign_app_is_not_counted(world: World, index: Library) -> None:
    """Totals, facets and coverage are those of the apps the key covers, also where others are named."""
    scoped = world.key("scoped", APP)
    with asking(world, index, mcp=over_http) as client:
        told: dict[str, Any] = {"q": "needle", "facets": ["app", "speaker"]}
        found = call(client, "search", scoped, **told)["structuredContent"]
        none = call(client, "search", scoped, q="needle", app=[OTHER_APP])["structuredContent"]

    assert found["total"]["sessions"] == 1
    assert found["facets"]["app"] == [[APP, 1]]
    assert none["hits"] == []


def test_a_cursor_is_bound_to_its_key(world: World, index: Library) -> None:
    """Another key's cursor is none."""
    ours, theirs = world.key("ours"), world.key("theirs")
    with asking(world, index, mcp=over_http) as client:
        told: dict[str, Any] = {"q": "needle", "limit": 1, "sort": "newest"}
        following = call(client, "search", ours, **told)["structuredContent"]["next"]
        assert following
        assert not call(client, "search", ours, **told, cursor=following)["isError"]
        refused = call(client, "search", theirs, **told, cursor=following)

    assert refused["structuredContent"]["type"].endswith(":invalid-cursor")


# ------------------------------------------------------------------------------------ the record


def test_every_call_is_recorded_as_the_read_it_is(world: World, client: TestClient) -> None:
    """Who, which tool, what was asked, how many hits, which sessions, and what was refused."""
    call(client, "search", {}, q="needle", app=[APP])
    call(client, "get_session", {}, session_id=SESSION)
    call(client, "get_transcript", {}, session_id=SESSION, from_ms=5)
    call(client, "get_session", {}, session_id=ABSENT)
    call(client, "search", {}, q="needle AND")
    post(client, message("tools/list"))

    told = [
        (each["action"], each["asked"], each["status"], each.get("session"), each.get("hits"))
        for each in world.reads()
    ]
    assert told == [
        ("mcp search", {"q": ["needle"], "app": [APP]}, 200, None, 1),
        ("mcp session", {}, 200, SESSION, None),
        ("mcp transcript", {"from_ms": ["5"]}, 200, SESSION, None),
        ("mcp session", {}, 404, ABSENT, None),
        ("mcp search", {"q": ["needle AND"]}, 400, None, None),
        ("mcp", {}, 200, None, None),
    ]
    assert world.reads()[0]["sessions"] == [SESSION]
    assert {each["who"]["name"] for each in world.reads()} == {"local"}


def test_what_cannot_be_recorded_is_not_answered(world: World, client: TestClient) -> None:
    """503 on a full disk, without a word of the answer."""
    call(client, "search", {}, q="needle")
    (path,) = trails_in(world.settings.audit_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, before[1]))
        answer = post(client, SEARCH)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert answer.status_code == 503
    assert "needle" not in answer.text
