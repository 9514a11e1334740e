"""People who come through Cloudflare Access: its signed word is believed, and nothing beside it."""

from __future__ import annotations

import base64
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from archiver.access import Role
from archiver.access.assertions import Assertions
from archiver.access.certificates import TeamKeys
from archiver.access.reader import ROLES
from archiver.settings import grants
from archiver.simulated import SettableClock
from tests.search.web.world import APP, NOW, OTHER_APP, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.testclient import TestClient

HEADER = "Cf-Access-Jwt-Assertion"
AUDIENCE = "0" * 63 + "1"
ASKED = "/v1/search?q=price"
PUBLIC = "https://rtk.example"


def _key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


OURS, OTHERS, WEAK = _key(), _key(), _key(1024)


@dataclass
class Team:
    """A team's own address, where it publishes its keys."""

    url: str
    published: dict[str, rsa.RSAPrivateKey] = field(default_factory=lambda: {"k1": OURS})
    fetched: int = 0
    status: int = 200

    def body(self) -> bytes:
        keys = [
            {**RSAAlgorithm.to_jwk(each.public_key(), as_dict=True), "kid": kid, "alg": "RS256"}
            for kid, each in self.published.items()
        ]
        return json.dumps({"keys": keys, "public_certs": []}).encode()

    def token(
        self,
        key: Any = OURS,
        *,
        algorithm: str = "RS256",
        kid: str | None = "k1",
        **claims: Any,
    ) -> str:
        now = int(NOW.timestamp())
        said = {
            "iss": self.url,
            "aud": [AUDIENCE],
            "sub": "7335d417",
            "email": "ana@example.com",
            "iat": now - 10,
            "nbf": now - 10,
            "exp": now + 3600,
            **claims,
        }
        said = {name: each for name, each in said.items() if each is not None}
        headers = {} if kid is None else {"kid": kid}
        return jwt.encode(said, key, algorithm=algorithm, headers=headers)


@contextmanager
def publishing() -> Iterator[Team]:
    """A team whose keys can be fetched."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.fetched += 1
            found = self.path == "/cdn-cgi/access/certs"
            self.send_response(made.status if found else 404)
            self.end_headers()
            self.wfile.write(made.body())

        def log_request(self, *_told: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Team(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def team() -> Iterator[Team]:
    with publishing() as team:
        yield team


@pytest.fixture
def client(world: World, team: Team) -> Iterator[TestClient]:
    """Somebody who comes through Access to a world that knows the team."""
    world.clock = SettableClock(NOW)
    world.set(public_url=PUBLIC)
    world.assertions = Assertions(
        keys=TeamKeys(team.url, world.clock),
        audiences=("another", AUDIENCE),
        grants=grants.grants(
            f"ana@example.com=reader:{APP},group:Legal Team=auditor,*@corp.example=reader"
        ),
        clock=world.clock,
    )
    with world.client(base_url=PUBLIC, peer=("10.0.0.1", 1)) as client:
        client.follow_redirects = False
        yield client


def status(client: TestClient, token: str, path: str = ASKED) -> int:
    return client.get(path, headers={HEADER: token}).status_code


def test_its_word_lets_in_whoever_is_granted_something(
    world: World, client: TestClient, team: Team
) -> None:
    """By address, domain or group, with the role and the apps of the first grant that fits."""
    trail = world.recorded()
    with world.client(base_url=PUBLIC) as client:
        assert status(client, team.token()) == 200
        assert world.shelf.asked[-1].apps == (APP,)
        assert status(client, team.token(email="Ben@CORP.example", sub="b")) == 200
        assert world.shelf.asked[-1].apps is None
        for claims in (
            {"groups": ["legal team"]},
            {"custom": {"groups": ["x", "Legal Team"]}},
        ):
            token = team.token(email="carl@elsewhere.example", **claims)
            assert (status(client, token), status(client, token, "/v1/audit")) == (403, 200)
    trail.close()

    who = world.reads()[0]["who"]
    assert who == {
        "kind": "access",
        "name": "ana@example.com",
        "role": "reader",
        "id": f"{team.url}#7335d417",
    }
    assert (*ROLES,) == tuple(Role(each) for each in grants.ROLES)


def unsigned(team: Team) -> str:
    """`alg: none`, made by hand."""
    parts = team.token().split(".")
    header = json.dumps({"alg": "none", "kid": "k1", "typ": "JWT"}).encode()
    return base64.urlsafe_b64encode(header).decode().rstrip("=") + f".{parts[1]}."


def by_the_public_key(team: Team) -> str:
    """HS256 with the published key as its secret, made by hand: libraries refuse to."""
    import hashlib
    import hmac

    pem = OURS.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    header = encoded(json.dumps({"alg": "HS256", "kid": "k1", "typ": "JWT"}).encode())
    signed = f"{header}.{team.token().split('.')[1]}"
    return f"{signed}.{encoded(hmac.digest(pem, signed.encode(), hashlib.sha256))}"


def tampered(team: Team) -> str:
    """Another's address under the signature of the first."""
    head, _, signature = team.token().split(".")
    return f"{head}.{team.token(email='eve@corp.example').split('.')[1]}.{signature}"


_NOW_S = int(NOW.timestamp())
FORGED: dict[str, Callable[[Team], str]] = {
    "wrong audience": lambda team: team.token(aud=["0" * 64]),
    "audience in part": lambda team: team.token(aud=AUDIENCE[:-1]),
    "no audience": lambda team: team.token(aud=None),
    "wrong issuer": lambda team: team.token(iss="https://evil.cloudflareaccess.com"),
    "issuer with a slash": lambda team: team.token(iss=f"{team.url}/"),
    "no issuer": lambda team: team.token(iss=None),
    "expired": lambda team: team.token(exp=_NOW_S - 31),
    "no expiry": lambda team: team.token(exp=None),
    "expiry of another kind": lambda team: team.token(exp="never"),
    "endless": lambda team: team.token(exp=float(_NOW_S) + 0.5),
    "not yet valid": lambda team: team.token(nbf=_NOW_S + 31),
    "issued in the future": lambda team: team.token(iat=_NOW_S + 31),
    "alg none": unsigned,
    "HS256 with the public key": by_the_public_key,
    "RS512": lambda team: team.token(algorithm="RS512"),
    "PS256": lambda team: team.token(algorithm="PS256"),
    "swapped key": lambda team: team.token(OTHERS),
    "unknown kid": lambda team: team.token(OTHERS, kid="k2"),
    "no kid": lambda team: team.token(kid=None),
    "tampered": tampered,
    "no subject": lambda team: team.token(sub=None),
    "a service token": lambda team: team.token(sub="", email=None, common_name="x.access"),
    "nobody granted": lambda team: team.token(email="eve@elsewhere.example"),
    "a domain that ends alike": lambda team: team.token(email="eve@evilcorp.example"),
    "no token": lambda _team: "x",
    "empty": lambda _team: "",
    "too long": lambda team: team.token(filler="x" * 20_000),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_whatever_is_not_its_word_is_refused(
    client: TestClient, team: Team, forged: Callable[[Team], str]
) -> None:
    """401, whatever is wrong with it; and the right one is let in by the same endpoint."""
    assert status(client, forged(team)) == 401
    assert status(client, team.token()) == 200


def test_headers_and_cookies_in_the_clear_count_for_nothing(client: TestClient, team: Team) -> None:
    """The e-mail header, the cookie, and two assertions at once let nobody in."""
    for headers in (
        [("Cf-Access-Authenticated-User-Email", "ana@example.com")],
        [("Cookie", f"CF_Authorization={team.token()}")],
        [("Authorization", f"Bearer {team.token()}")],
        [(HEADER, team.token()), (HEADER, team.token())],
    ):
        assert client.get(ASKED, headers=headers).status_code == 401


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_weak_key_signs_nothing(client: TestClient, team: Team) -> None:
    """A published key under 2048 bits is not believed."""
    team.published = {"k1": WEAK}

    assert status(client, team.token(WEAK)) == 401


def test_keys_are_fetched_again_once_a_minute_at_most(
    world: World, client: TestClient, team: Team
) -> None:
    """For an unknown key, however many ask; and a key that is changed is found within the minute."""
    clock = world.clock
    assert isinstance(clock, SettableClock)
    for number in range(20):
        assert status(client, team.token(kid=f"unknown-{number}")) == 401
    assert team.fetched == 1
    assert status(client, team.token()) == 200
    team.published = {"k2": OTHERS}
    assert status(client, team.token(OTHERS, kid="k2")) == 401
    clock.advance(61)
    assert status(client, team.token(OTHERS, kid="k2")) == 200
    assert team.fetched == 2
    assert status(client, team.token()) == 401  # the first key was withdrawn


def test_keys_that_cannot_be_fetched_let_nobody_in(
    world: World, client: TestClient, team: Team
) -> None:
    """503 with none; known ones are used for a day at most."""
    clock = world.clock
    assert isinstance(clock, SettableClock)
    team.status = 500
    assert status(client, team.token()) == 503
    team.status = 200
    clock.advance(61)
    later = team.token(exp=_NOW_S + 200_000)
    assert status(client, later) == 200
    team.status = 500
    clock.advance(timedelta(hours=23).total_seconds())
    assert status(client, later) == 200
    clock.advance(timedelta(hours=2).total_seconds())
    assert status(client, later) == 503


def test_another_site_does_not_ask_through_somebody_s_browser(
    client: TestClient, team: Team
) -> None:
    """Access is a cookie of the browser, so what is unsafe wants a page of this endpoint."""
    headers = {HEADER: team.token()}
    refused = client.post("/v1/search", json={"q": "price"}, headers=headers)
    assert refused.status_code == 403
    for own in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": PUBLIC}):
        answer = client.post("/v1/search", json={"q": "price"}, headers=headers | own)
        assert answer.status_code == 200


def test_with_access_this_machine_is_nobody_either(world: World, client: TestClient) -> None:
    """Others are invited, so the keyless rule has ended, though no key was ever made."""
    world.set(public_url="")
    with world.client() as client:
        assert client.get(ASKED).status_code == 401


def test_what_one_person_sees_another_does_not(
    world: World, client: TestClient, team: Team
) -> None:
    """A scope by Access is a scope as a key's is, and cursors are a person's own."""
    from tests.search.web.world import card, said

    world.shelf.add(card("other", OTHER_APP), [said("price")])
    ana = {HEADER: team.token()}
    ben = {HEADER: team.token(email="ben@corp.example", sub="b")}
    seen = [client.get(ASKED, headers=each).json() for each in (ana, ben)]
    assert [each["total"]["sessions"] for each in seen] == [1, 2]
    following = client.get(f"{ASKED}&limit=1", headers=ben).json()["next"]
    assert client.get(f"{ASKED}&limit=1&cursor={following}", headers=ben).status_code == 200
    assert client.get(f"{ASKED}&limit=1&cursor={following}", headers=ana).status_code == 400
