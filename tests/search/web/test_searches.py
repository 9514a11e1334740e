"""Saved searches by API: whose they are, what they take, and what is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from archiver.access import Role
from archiver.access.reader import Reader
from search.web.access import Door
from tests.search.web.world import APP, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

ASKED = {"name": "prices", "query": "renewal  PRICE", "webhook": "https://hooks.example.com/h?a=b"}
ABSENT = "/v1/searches/" + "0" * 32


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    """Somebody who asks a world with keys, in which searches can be saved."""
    world.recorded()
    world.ring()
    world.key("first")
    world.saved()
    with world.client() as client:
        yield client


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


def test_a_reader_saves_lists_and_deletes_its_own(world: World, client: TestClient) -> None:
    """The query comes back in normal form, and the secret this once."""
    headers = world.key("crm", APP)
    made = client.post("/v1/searches", json=ASKED, headers=headers)
    assert made.status_code == 200, made.text
    document = made.json()
    assert document.pop("secret").startswith("whsec_")
    assert (document["query"], document["match"]) == ("renewal PRICE", "all")
    assert document["target"] == {"kind": "webhook", "to": ASKED["webhook"]}
    assert document["key"]["name"] == "crm"

    assert client.get("/v1/searches", headers=headers).json() == {"searches": [document]}
    path = f"/v1/searches/{document['id']}"
    assert client.get(path, headers=headers).json() == document
    again = client.post("/v1/searches", json=ASKED, headers=headers)
    assert (again.status_code, slug(again)) == (409, "search-refused")
    assert client.delete(path, headers=headers).json()["name"] == "prices"
    assert client.get(path, headers=headers).status_code == 404
    actions = [each["action"] for each in world.reads()][-6:]
    assert actions == [
        *("searches create", "searches list", "searches list", "searches create"),
        *("searches delete", "searches list"),
    ]
    (create, *_) = [each for each in world.reads() if each["action"] == "searches create"]
    assert (create["asked"]["q"], create["asked"]["to"]) == (
        ["renewal  PRICE"],
        ["hooks.example.com"],
    )


def test_what_belongs_to_others_is_absent(world: World, client: TestClient) -> None:
    """Neither listed, nor read, nor deleted: answered as one that never was."""
    ours, theirs = world.key("ours"), world.key("theirs")
    made = client.post("/v1/searches", json=ASKED, headers=ours).json()
    path = f"/v1/searches/{made['id']}"

    assert client.get("/v1/searches", headers=theirs).json() == {"searches": []}
    for method in ("GET", "DELETE"):
        foreign = client.request(method, path, headers=theirs)
        absent = client.request(method, ABSENT, headers=theirs)
        assert (foreign.status_code, foreign.content) == (404, absent.content)
        assert foreign.headers.items() == absent.headers.items()
    assert client.get(path, headers=ours).status_code == 200
    # Names are each key's own.
    assert client.post("/v1/searches", json=ASKED, headers=theirs).status_code == 200


def test_an_admin_sees_all_without_queries_and_saves_none(world: World, client: TestClient) -> None:
    """Names, keys and hosts; no query, no path of a URL; and may delete."""
    made = client.post("/v1/searches", json=ASKED, headers=world.key("crm")).json()
    admin = world.key("boss", role=Role.ADMIN)
    (listed,) = client.get("/v1/searches", headers=admin).json()["searches"]

    assert (listed["name"], listed["query"]) == ("prices", None)
    assert listed["target"] == {"kind": "webhook", "to": "hooks.example.com"}
    refused = client.post("/v1/searches", json=ASKED, headers=admin)
    assert (refused.status_code, slug(refused)) == (403, "forbidden")
    assert client.delete(f"/v1/searches/{made['id']}", headers=admin).status_code == 200
    auditor = world.key("audit", role=Role.AUDITOR)
    assert client.get("/v1/searches", headers=auditor).status_code == 403


def test_a_key_that_is_revoked_shows_why_its_search_rests(world: World, client: TestClient) -> None:
    """To whoever looks after keys."""
    client.post("/v1/searches", json=ASKED, headers=world.key("crm"))
    admin = world.key("boss", role=Role.ADMIN)
    world.revoke("crm")
    world.ring()

    (listed,) = client.get("/v1/searches", headers=admin).json()["searches"]
    assert listed["rests_because"] == "its key is revoked"


@pytest.mark.parametrize(
    ("changed", "status", "of"),
    [
        ({"webhook": "http://hooks.example.com/"}, 400, "webhook"),
        ({"webhook": "https://elsewhere.example.com/"}, 400, "webhook"),
        ({"webhook": "https://127.0.0.1/"}, 400, "webhook"),
        ({"webhook": "https://user@hooks.example.com/"}, 400, "webhook"),
        ({"webhook": "https://hooks.example.com:8443/"}, 400, "webhook"),
        ({"webhook": None}, 400, "webhook"),
        ({"name": ""}, 400, "name"),
        ({"name": "a\nb"}, 400, "name"),
        ({"name": "x" * 101}, 400, "name"),
        ({"match": "some"}, 400, "match"),
        ({"command": "page"}, 400, "command"),
        ({"query": "renewal AND"}, 400, None),
        ({"query": "…"}, 409, None),
    ],
)
def test_what_cannot_be_saved_is_refused(
    world: World, client: TestClient, changed: dict[str, Any], status: int, of: str | None
) -> None:
    """By the parameter it is about; a command cannot even be named."""
    answer = client.post("/v1/searches", json={**ASKED, **changed}, headers=world.key("crm"))

    assert (answer.status_code, answer.json().get("parameter")) == (status, of), answer.text


@pytest.mark.parametrize("setting", ["alert_secret", "alert_hosts"])
def test_without_its_settings_no_webhook_is_saved(
    world: World, client: TestClient, setting: str
) -> None:
    """The answer says which is missing."""
    world.set(**{setting: type(getattr(world.settings, setting))("")})
    with world.client() as unset:
        answer = unset.post("/v1/searches", json=ASKED, headers=world.key("crm"))

    assert (answer.status_code, slug(answer)) == (409, "search-refused")
    assert f"RTK_ARCHIVE_{setting.upper()} is not set" in answer.json()["detail"]


def test_whoever_comes_through_access_has_no_key_to_save_with(
    world: World, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """403, which says so; their list is empty."""
    person = Reader(kind="access", name="ana@example.com", role=Role.READER, id="iss sub")

    async def asserted(_door: Door, _scope: Any) -> Reader:
        return person

    monkeypatch.setattr(Door, "_asserted", asserted)
    own = {"Sec-Fetch-Site": "same-origin"}
    answer = client.post("/v1/searches", json=ASKED, headers=own)
    assert (answer.status_code, slug(answer)) == (403, "key-needed")
    assert client.post("/v1/searches", json=ASKED).json()["type"].endswith("cross-site")
    assert client.get("/v1/searches").json() == {"searches": []}
    assert client.delete(ABSENT, headers=own).status_code == 404
