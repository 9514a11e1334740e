"""The keyless rule: who is let in while no key was ever made."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.responses import Response

from archiver.settings import Address
from search.web.access import Access, Door, Rule, is_loopback
from tests.search.web.world import LOCAL, World

LOOPBACK_PEERS = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]
FOREIGN_PEERS = ["192.168.1.7", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "testclient", ""]
LOOPBACK_HOSTS = ["localhost", "LOCALHOST:80", "127.0.0.1:8000", "127.1.2.3", "[::1]:8000", "[::1]"]
FOREIGN_HOSTS = [
    "example.com",
    "localhost.example.com",
    "127.0.0.1.example.com",
    "127.evil.example",
    "127.0.0.1:8000@example.com",
    "user@127.0.0.1",
    "192.168.1.7:8000",
    "0.0.0.0",
    "[::]",
    "::1",
    "2130706433",
    "127.1",
    "localhost.",
    "local host",
    "localhost:port",
    "localhost/",
    "",
]
FORWARDING = [
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "x-forwarded-proto",
    "X-Forwarded-Anything",
    "Via",
    "X-Real-IP",
    "CF-Connecting-IP",
    "CF-Ray",
    "cf-anything",
]


def scope(
    peer: str | None = "127.0.0.1",
    hosts: tuple[str, ...] = ("127.0.0.1:8000",),
    path: str = "/v1/search",
    **headers: str,
) -> dict[str, Any]:
    named = [(name.lower().replace("_", "-"), value) for name, value in headers.items()]
    pairs = [*(("host", each) for each in hosts), *named]
    return {
        "type": "http",
        "path": path,
        "client": None if peer is None else (peer, 1),
        "headers": [(name.encode(), value.encode()) for name, value in pairs],
    }


def status(asked: dict[str, Any], public_url: str = "", listen_host: str = "127.0.0.1") -> int:
    """What is answered at the door, where there are no keys; 200 to whoever is let in."""
    sent: list[Any] = []

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        await Response()(scope, receive, send)

    async def receive() -> Any:
        raise AssertionError("nobody reads a body here")

    async def send(message: Any) -> None:
        sent.append(message)

    rule = Rule(listen_host=listen_host, public_url=public_url)
    asyncio.run(Access(inside, door=Door(rule=rule))(asked, receive, send))
    return int(sent[0]["status"])


@pytest.mark.parametrize("peer", LOOPBACK_PEERS)
@pytest.mark.parametrize("host", LOOPBACK_HOSTS)
def test_this_machine_asking_itself_needs_no_key(peer: str, host: str) -> None:
    """A loopback peer that asks for a loopback name is let in."""
    assert status(scope(peer, (host,))) == 200


@pytest.mark.parametrize("peer", [*FOREIGN_PEERS, None])
@pytest.mark.parametrize("host", LOOPBACK_HOSTS)
def test_another_machine_needs_a_key(peer: str | None, host: str) -> None:
    """A peer that is not loopback, or not known, gets 401 whatever name it uses."""
    assert status(scope(peer, (host,))) == 401


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize("path", ["/v1/search", "/healthz", "/nowhere"])
def test_another_host_is_misdirected(host: str, path: str) -> None:
    """`Host` is always checked, so a rebound name reaches nothing, not even /healthz."""
    assert status(scope(hosts=(host,), path=path)) == 421


@pytest.mark.parametrize("hosts", [(), ("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "example.com")])
def test_there_is_exactly_one_host(hosts: tuple[str, ...]) -> None:
    """No Host, or two, is refused."""
    assert status(scope(hosts=hosts)) == 421


@pytest.mark.parametrize("name", FORWARDING)
def test_a_forwarded_request_needs_a_key(name: str) -> None:
    """Any trace of a proxy or tunnel on this machine needs a key."""
    headers: dict[str, Any] = {name: "anything"}

    assert status(scope(**headers)) == 401


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1:8000", 401), ("rtk.example", 401), ("RTK.example:444", 401), ("other", 421)],
)
def test_with_a_public_url_a_key_is_always_needed(host: str, expected: int) -> None:
    """A public URL says that others come; its host is ours, and no one is let in without a key."""
    assert expected == status(scope(hosts=(host,)), public_url="https://rtk.example/base")


def test_the_listen_host_is_ours_but_no_loopback() -> None:
    """A name listened on is not misdirected; unless it is loopback it needs a key."""
    assert status(scope(hosts=("nas.lan:8000",)), listen_host="NAS.lan") == 401


def test_only_healthz_is_open() -> None:
    """Whoever reaches it may ask whether it lives, and nothing else."""
    asked: dict[str, Any] = {"peer": "10.0.0.1", "hosts": ("localhost",)}

    assert status(scope(path="/healthz", **asked)) == 200
    for path in (
        "/readyz",
        "/metrics",
        "/v1/search",
        "/",
        "/healthz/",
        "/HEALTHZ",
        "/v1/../healthz",
    ):
        assert status(scope(path=path, **asked)) == 401


def test_addresses_are_not_guessed() -> None:
    """Only a whole address is an address."""
    assert not is_loopback("127.0.0.1 ")
    assert not is_loopback("0x7f000001")
    assert not is_loopback("::ffff:8.8.8.8")


@pytest.mark.parametrize(
    ("peer", "headers", "expected", "slug"),
    [
        (LOCAL, {}, 200, ""),
        (("10.0.0.1", 1), {}, 401, "unauthorized"),
        (LOCAL, {"X-Forwarded-For": "127.0.0.1"}, 401, "unauthorized"),
        (LOCAL, {"Host": "example.com"}, 421, "misdirected-request"),
    ],
)
def test_a_refusal_is_a_problem(
    world: World, peer: tuple[str, int], headers: dict[str, str], expected: int, slug: str
) -> None:
    """A refusal is a problem document with the safety headers, and reaches no handler."""
    with world.client(peer=peer) as client:
        answer = client.get("/v1/search", params={"q": "price"}, headers=headers)

    assert expected == answer.status_code
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (not slug) == bool(world.shelf.asked)
    if slug:
        assert f"urn:rtk-archive:problem:{slug}" == answer.json()["type"]
        assert ("Bearer" if expected == 401 else None) == answer.headers.get("www-authenticate")


def test_a_public_url_shuts_the_whole_endpoint(world: World) -> None:
    """With RTK_ARCHIVE_PUBLIC_URL set, only /healthz answers without a key."""
    world.set(public_url="https://rtk.example", listen=Address("127.0.0.1", 8000))
    with world.client() as client:
        answers = {path: client.get(path).status_code for path in ("/v1/sessions", "/healthz")}

    assert answers == {"/v1/sessions": 401, "/healthz": 200}


def test_a_web_socket_is_not_a_way_in(world: World) -> None:
    """The rule holds for every kind of connection."""
    from starlette.testclient import WebSocketDenialResponse

    with (
        world.client(peer=("10.0.0.1", 1)) as client,
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect("ws://127.0.0.1:8000/v1/search"),
    ):
        pass

    assert refused.value.status_code == 401
