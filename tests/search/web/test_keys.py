"""Keys at the door: how one is sent, when it holds, how much it may ask."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from archiver.access import Role
from archiver.archive import keys
from archiver.settings import Address, RequestBudget
from archiver.simulated import SettableClock
from search.web import create_app, serve
from tests.search.web.world import NOW, World

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.types import Message, Receive, Scope, Send

ASKED = "/v1/search?q=price"


@pytest.fixture
def world(world: World) -> World:
    """A world in which a key can be made, on a clock that can be set."""
    world.clock = SettableClock(NOW)
    world.ring()
    return world


def test_a_key_lets_in_from_anywhere(world: World) -> None:
    """Beyond loopback, behind a proxy, and with a public URL."""
    world.set(public_url="https://rtk.example")
    headers = world.key()
    with world.client(peer=("10.0.0.1", 1), base_url="http://rtk.example") as client:
        forwarded = {"X-Forwarded-For": "192.0.2.1", "CF-Ray": "1"}
        assert client.get(ASKED, headers=headers | forwarded).status_code == 200
        assert client.get(ASKED, headers=forwarded).status_code == 401
        assert client.get(ASKED, headers=headers | {"Host": "evil.example"}).status_code == 421


def test_the_header_is_read_strictly(world: World) -> None:
    """One header, one scheme, one space, one whole secret; whatever else is refused alike."""
    right = world.key()["Authorization"]
    secret = right.removeprefix("Bearer ")
    with world.client() as client:
        assert client.get(ASKED, headers={"Authorization": f"bearer {secret}"}).status_code == 200
        for wrong in (
            secret,
            f"Basic {secret}",
            f"Bearer  {secret}",
            f"Bearer {secret},",
            f"Bearer {secret[:-1]}",
            f"Bearer {secret}A",
            f"Bearer {secret.lower()}",
            f"Bearer {secret[:9]}é{secret[10:]}",
            "Bearer",
            "Bearer ",
            "",
        ):
            answer = client.get(ASKED, headers=[(b"Authorization", wrong.encode("latin-1"))])
            assert answer.status_code == 401, wrong
            assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        twice = [("Authorization", right), ("Authorization", right)]
        assert client.get(ASKED, headers=twice).status_code == 401
        assert client.get(f"{ASKED}&access_token={secret}").status_code == 401


def test_a_revoked_key_and_an_expired_one_are_refused_alike(world: World) -> None:
    """As an unknown one is: with 401, and no word of which it was."""
    revoked = world.key("revoked")
    expired = world.key("expired", expires_at=NOW + timedelta(hours=1))
    with world.client() as client:
        assert [client.get(ASKED, headers=each).status_code for each in (revoked, expired)] == [
            200,
            200,
        ]
        world.revoke("revoked")
        world.ring()
        assert isinstance(world.clock, SettableClock)
        world.clock.advance(3600)
        world.ring()
        unknown = {"Authorization": f"Bearer rtka_{'A' * 43}"}
        answers = [client.get(ASKED, headers=each) for each in (revoked, expired, unknown)]

    assert [each.status_code for each in answers] == [401] * 3
    assert len({each.text for each in answers}) == 1


def test_keys_that_cannot_be_read_let_nobody_in(world: World) -> None:
    """503 with Retry-After once the patience is over, for keys and for this machine alike."""
    headers = world.key()
    with world.client() as client:
        assert isinstance(world.clock, SettableClock)
        world.clock.advance(world.settings.keys_patience.total_seconds() + 1)
        for each in (headers, {}):
            answer = client.get(ASKED, headers=each)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert client.get("/healthz").status_code == 200


def test_a_key_asks_so_often_and_no_more(world: World) -> None:
    """429 with the seconds to wait; another key is not held up, nor does it learn of it."""
    world.set(key_rate=RequestBudget(3, 60.0))
    one, other = world.key("one"), world.key("other")
    with world.client() as client:
        statuses = [client.get(ASKED, headers=one).status_code for _ in range(4)]
        refused = client.get(ASKED, headers=one)
        assert statuses == [200, 200, 200, 429]
        assert refused.headers["retry-after"] == "20"
        assert client.get(ASKED, headers=other).status_code == 200
        assert isinstance(world.clock, SettableClock)
        world.clock.advance(20)
        assert client.get(ASKED, headers=one).status_code == 200


async def test_a_key_asks_so_much_at_a_time_and_no_more() -> None:
    """What is over the limit is answered 429 at once, and what ends makes room."""
    from archiver.access import Reader
    from search.web.permission import Limits

    release = asyncio.Event()

    async def slow(_scope: Scope, _receive: Receive, send: Send) -> None:
        await release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    limits = Limits(slow, budget=RequestBudget(100, 1.0), concurrency=2, clock=SettableClock(NOW))
    reader = Reader(kind="key", name="a", role=Role.READER, id="1")

    def asked(statuses: list[int]) -> Awaitable[None]:
        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        return limits({"type": "http", "state": {"reader": reader}}, _nothing, send)

    seen: list[int] = []
    under_way = [asyncio.ensure_future(asked(seen)) for _ in range(2)]
    await asyncio.sleep(0)
    await asked(seen)
    assert seen == [429]
    release.set()
    await asyncio.gather(*under_way)
    await asked(seen)
    assert seen == [429, 200, 200, 200]


async def _nothing() -> Message:
    raise AssertionError("nobody reads a body here")


def test_an_admin_sees_keys_and_settings_and_no_secret(world: World) -> None:
    """Names, roles, apps and times; neither digests nor the API token."""
    headers = world.key("boss", role=Role.ADMIN)
    secret = world.key("crm", "a")["Authorization"]
    with world.client() as client:
        answer = client.get("/v1/keys", headers=headers)
        settings = client.get("/v1/settings", headers=headers).json()["settings"]

    assert [
        (each["name"], each["role"], each["apps"], each["state"]) for each in answer.json()["keys"]
    ] == [("boss", "admin", None, "usable"), ("crm", "reader", ["a"], "usable")]
    assert "digest" not in answer.text
    assert secret.removeprefix("Bearer ") not in answer.text
    assert {each["variable"] for each in settings} >= {"RTK_ARCHIVE_LISTEN"}


async def test_it_listens_beyond_loopback_once_others_are_let_in_by_a_key(world: World) -> None:
    """With `beyond_loopback` the address is not refused; without a key it is still answered 401."""
    stop, told = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve(
            create_app(world.services()),
            Address("0.0.0.0", 0),
            stop,
            listening=told.set_result,
            beyond_loopback=True,
        )
    )
    await told
    stop.set()
    await task


def test_a_key_in_the_bucket_is_named_by_the_next_seal(world: World) -> None:
    """The chain of keys is one of the archive's, and `verify` reads it."""
    world.key()
    found = [each.key for each in asyncio.run(world.open_archive().objects("_archive/access/"))]

    assert found == [keys.record_key(keys.ACCESS, 1)]
