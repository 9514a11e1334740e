"""People sign in with a key: the cookie is not the key, ends with it, and works from no other site."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from archiver.simulated import SettableClock
from search.web.access import Door, Rule
from search.web.signed_in import LOCAL_COOKIE, SECURE_COOKIE, SignedIn
from search.web.signing_in import local_path
from tests.search.web.world import BASE_URL, NOW, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from starlette.testclient import TestClient

OWN = {"Sec-Fetch-Site": "same-origin"}
PUBLIC = "https://rtk.example"
ASKED = "/v1/search?q=price"


@pytest.fixture
def world(world: World) -> World:
    """A world in which people may sign in, on a clock that can be set."""
    world.clock = SettableClock(NOW)
    world.signed_in = SignedIn(world.ring(), timedelta(hours=12), world.clock)
    return world


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    with world.client() as client:
        client.follow_redirects = False
        yield client


def secret_of(world: World, name: str = "ana") -> str:
    return world.key(name)["Authorization"].removeprefix("Bearer ")


def sign_in(client: TestClient, secret: str, **more: Any) -> Any:
    data = {"key": secret, "next": "/v1/sessions"}
    return client.post("/sign-in", **{"data": data, "headers": OWN, **more})


def test_a_key_signs_in_and_its_cookie_reads(world: World, client: TestClient) -> None:
    """HttpOnly, SameSite, for the whole site; the cookie has nothing of the key in it."""
    secret = secret_of(world)
    assert client.get(ASKED).status_code == 401
    answer = sign_in(client, secret)

    assert (answer.status_code, answer.headers["location"]) == (303, "/v1/sessions")
    name, _, rest = answer.headers["set-cookie"].partition("=")
    word, *attributes = rest.split("; ")
    assert name == LOCAL_COOKIE
    assert attributes == ["Path=/", "Max-Age=43200", "HttpOnly", "SameSite=Lax"]
    assert secret[5:15] not in word
    assert client.get(ASKED).status_code == 200


def test_over_https_the_cookie_is_host_only_and_secure(world: World) -> None:
    """`__Host-`, and Secure, under the public URL; the cookie of plain http is none there."""
    world.set(public_url=PUBLIC)
    secret = secret_of(world)
    with world.client(base_url=PUBLIC) as client:
        client.follow_redirects = False
        cookie = sign_in(client, secret).headers["set-cookie"]
        assert cookie.startswith(f"{SECURE_COOKIE}=")
        assert cookie.endswith("; Secure")
        assert client.get(ASKED).status_code == 200
        word = client.cookies[SECURE_COOKIE]
        client.cookies.clear()
        assert client.get(ASKED, headers={"Cookie": f"{LOCAL_COOKIE}={word}"}).status_code == 401
        twice = f"{SECURE_COOKIE}={word}; {SECURE_COOKIE}={word}"
        assert client.get(ASKED, headers={"Cookie": twice}).status_code == 401


def test_in_the_clear_nobody_signs_in(world: World) -> None:
    """Beyond loopback a key would be sent for all to read: it is refused, and says what to do."""
    world.set(public_url="http://rtk.example")
    with world.client(base_url="http://rtk.example") as client:
        answer = sign_in(client, secret_of(world))

    assert answer.status_code == 403
    assert "needs https" in answer.text
    assert "set-cookie" not in answer.headers


def test_it_ends_at_sign_out(world: World, client: TestClient) -> None:
    """For good: the cookie that was is none any more, wherever it was copied to."""
    sign_in(client, secret_of(world))
    word = client.cookies[LOCAL_COOKIE]
    assert client.post("/sign-out").status_code == 403  # no word of which page asks
    answer = client.post("/sign-out", headers=OWN)

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert client.get(ASKED, headers={"Cookie": f"{LOCAL_COOKIE}={word}"}).status_code == 401


def test_it_ends_when_its_key_does(world: World, client: TestClient) -> None:
    """Revoked, the key's cookie lets nobody in, either; nor does it when it expires."""
    sign_in(client, secret_of(world))
    world.revoke("ana")
    world.ring()
    assert client.get(ASKED).status_code == 401

    headers = world.key("ben", expires_at=NOW + timedelta(hours=1))
    sign_in(client, headers["Authorization"].removeprefix("Bearer "))
    assert client.get(ASKED).status_code == 200
    assert isinstance(world.clock, SettableClock)
    world.clock.advance(3600)
    world.ring()
    assert client.get(ASKED).status_code == 401


def test_it_ends_after_the_hours_that_are_set(world: World, client: TestClient) -> None:
    """However often it was used."""
    sign_in(client, secret_of(world))
    clock = world.clock
    assert isinstance(clock, SettableClock)
    for _ in range(12):
        assert client.get(ASKED).status_code == 200
        clock.advance(3600)
        world.ring()

    assert client.get(ASKED).status_code == 401


def test_signing_in_again_ends_what_was(world: World, client: TestClient) -> None:
    """A cookie that somebody planted before is worth nothing afterwards."""
    secret = secret_of(world)
    sign_in(client, secret)
    before = client.cookies[LOCAL_COOKIE]
    sign_in(client, secret)

    assert client.cookies[LOCAL_COOKIE] != before
    client.cookies.clear()
    assert client.get(ASKED, headers={"Cookie": f"{LOCAL_COOKIE}={before}"}).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8001"},
        {"Origin": BASE_URL, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_another_site_neither_signs_in_nor_asks(
    world: World, client: TestClient, headers: dict[str, str]
) -> None:
    """Whatever is unsafe and comes with a cookie wants a page of this endpoint behind it."""
    secret = secret_of(world)
    assert sign_in(client, secret, headers=headers).status_code == 403
    assert sign_in(client, secret, headers={"Origin": BASE_URL}).status_code == 303
    refused = client.post("/v1/search", json={"q": "price"}, headers=headers)
    assert refused.status_code == 403
    assert refused.json()["type"] == "urn:rtk-archive:problem:cross-site"
    assert client.post("/v1/search", json={"q": "price"}, headers=OWN).status_code == 200
    with_key = {**headers, "Authorization": f"Bearer {secret}"}
    assert client.post("/v1/search", json={"q": "price"}, headers=with_key).status_code == 200


def test_a_wrong_key_is_told_and_attempts_are_limited(world: World, client: TestClient) -> None:
    """401 for whatever is no key; after twenty in a minute 429, for the right one too."""
    secret = secret_of(world)
    for wrong in ("", "x", secret[:-1], f"{secret}A", "rtka_" + "A" * 43, "é" * 20):
        answer = sign_in(client, wrong)
        assert (answer.status_code, "lets nobody in" in answer.text) == (401, True)
        assert "set-cookie" not in answer.headers
    statuses = {sign_in(client, "x").status_code for _ in range(14)}
    assert statuses == {401}
    assert sign_in(client, secret).status_code == 429
    assert isinstance(world.clock, SettableClock)
    world.clock.advance(3)
    assert sign_in(client, secret).status_code == 303


def test_the_form_is_read_strictly(world: World, client: TestClient) -> None:
    """Only a form, and a small one; a key in the URL is none."""
    secret = secret_of(world)
    assert sign_in(client, secret, data=None, json={"key": secret}).status_code == 401
    assert sign_in(client, secret, data={"key": secret, "x": "y" * 9000}).status_code == 401
    assert client.post(f"/sign-in?key={secret}", headers=OWN).status_code == 401


@pytest.mark.parametrize(
    "asked",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: x=y",
        "/\tx",
        "/ü",
        "x",
        "",
        "/" + "x" * 3000,
    ],
)
def test_nobody_is_led_to_another_site(world: World, client: TestClient, asked: str) -> None:
    """After signing in one stays here, wherever `next` points."""
    assert local_path(asked) == "/"
    data = {"key": secret_of(world), "next": asked}

    assert sign_in(client, "", data=data).headers["location"] == "/"


def test_the_page_holds_nothing_that_runs(client: TestClient) -> None:
    """What it is asked with is escaped; scripts, frames and other sites' forms are forbidden."""
    answer = client.get("/sign-in", params={"next": '/x"><script>alert(1)</script>'})

    assert "<script" not in answer.text
    assert "/x&#34;&gt;&lt;script&gt;" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy


def test_a_program_gets_401_and_no_page(world: World, client: TestClient) -> None:
    """The API leads nobody to a form, whatever it accepts."""
    world.key()
    answer = client.get(ASKED, headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})

    assert answer.status_code == 401


def test_a_page_without_credentials_leads_to_the_form_and_back(world: World) -> None:
    """303 to /sign-in with where one wanted to go, for pages alone."""
    from search.web.access import SignInFirst
    from search.web.rules import Area, Match, RouteRule

    world.key()
    door = Door(rule=Rule(listen_host="127.0.0.1"), keyring=world.keyring)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/sessions/a b",
        "query_string": b"q=x&y=%22",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
    }
    page = Match(RouteRule("/sessions/{session_id}", "page", Area.CONTENT, is_page=True), {})
    came = asyncio.run(door.let_in(scope, page))

    assert isinstance(came, SignInFirst)
    location = came.response().headers["location"]
    assert location == "/sign-in?next=/sessions/a%2520b%3Fq%3Dx%26y%3D%2522"


def test_signing_in_and_out_is_recorded(world: World, client: TestClient) -> None:
    """With the key's name; a wrong key has read nothing."""
    secret = secret_of(world)
    trail = world.recorded()
    with world.client() as client:
        client.follow_redirects = False
        sign_in(client, "x")
        sign_in(client, secret)
        client.get(ASKED)
        client.post("/sign-out", headers=OWN)
    trail.close()

    told = [(each["who"]["name"], each["action"]) for each in world.reads()]
    assert told == [("ana", "sign-in"), ("ana", "search"), ("ana", "sign-out")]
