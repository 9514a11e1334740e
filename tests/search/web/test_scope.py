"""What each role may ask, and what a key of one app learns of another: nothing."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from archiver.access import Role
from search.web.app import ROUTES as SERVED
from search.web.rules import MAY, RULES, Area
from tests.search.web.scoped import (
    ABSENT,
    FOREIGN,
    ROUTES,
    add_foreign,
    asking,
    library,
    path_of,
)
from tests.search.web.world import APP, OTHER_APP, PENDING, SESSION, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

KEY_ROLES = [Role.READER, Role.AUDITOR, Role.ADMIN]
ABSENT_APP = "c94c437b-0000-4000-8000-00000000000a"


@pytest.fixture
def name(world: World) -> str:
    """The artifact of a session of the other app."""
    return add_foreign(world)


@pytest.fixture
def client(world: World, name: str) -> Iterator[TestClient]:
    """Somebody who asks a world in which a key was made."""
    world.ring()
    world.key("first")
    with library(world) as index, asking(world, index) as client:
        yield client


def test_every_route_says_to_whom_it_is_open() -> None:
    """A route without a row in the rules does not exist, and neither does a row without a route."""
    assert {each.path for each in RULES} == {each.path for each in SERVED}


@pytest.mark.parametrize("role", KEY_ROLES)
def test_each_role_may_do_what_it_says_and_no_more(
    world: World, client: TestClient, role: Role
) -> None:
    """403 for what the role may not, whatever is asked for; and nothing of it in the answer."""
    headers = world.key("tried", role=role)
    for rule in ROUTES:
        answer = client.get(path_of(rule.path, SESSION, "x"), headers=headers)
        if role in MAY[rule.area]:
            assert answer.status_code in {200, 400, 404}, rule.path
        else:
            assert answer.status_code == 403, rule.path
            assert answer.json()["type"] == "urn:rtk-archive:problem:forbidden"


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMIN])
def test_only_readers_see_content(world: World, client: TestClient, role: Role) -> None:
    """An auditor or admin gets no word that was said, on any route and with any method."""
    headers = world.key("tried", role=role)
    for rule, method in product(ROUTES, ("GET", "HEAD", "POST")):
        answer = client.request(method, path_of(rule.path, SESSION, "x"), headers=headers)
        assert "renewal" not in answer.text
        if rule.area is Area.CONTENT:
            assert answer.status_code == 403


def test_without_a_key_nothing_is_answered_once_one_was_made(
    world: World, client: TestClient
) -> None:
    """This machine too needs one from then on, and revoking the last one opens no door."""
    for rule in ROUTES:
        expected = {200, 503} if rule.area is Area.MONITORING else {303 if rule.is_page else 401}
        answer = client.get(path_of(rule.path, SESSION, "x"), follow_redirects=False)
        assert answer.status_code in expected, rule.path
    world.revoke("first")
    world.ring()

    refused = client.get("/v1/search", params={"q": "renewal"})
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")


def bare(answer: Any, *words: str) -> tuple[int, dict[str, str], str]:
    """An answer without the words it was asked with."""
    text = answer.text
    for each in words:
        text = text.replace(each, "…")
    headers = {key: each for key, each in answer.headers.items() if key != "content-length"}
    return answer.status_code, headers, text


def test_a_foreign_session_is_absent(world: World, client: TestClient, name: str) -> None:
    """Every route answers a session of another app as one that was never there: body and headers."""
    headers = world.key("scoped", APP)
    for rule in ROUTES:
        if "{session_id}" not in rule.path:
            continue
        foreign, absent = (
            client.get(path_of(rule.path, each, name), headers=headers)
            for each in (FOREIGN, ABSENT)
        )
        assert bare(foreign, FOREIGN) == bare(absent, ABSENT), rule.path
        assert foreign.status_code == 404
        whole = client.get(
            path_of(rule.path, FOREIGN, name), headers=world.key(rule.action.replace(" ", "-"))
        )
        assert whole.status_code in {200, 404}, (rule.path, whole.text)
    unscoped = client.get(f"/v1/sessions/{FOREIGN}", headers=world.key("whole"))
    assert unscoped.status_code == 200


def test_a_foreign_session_is_looked_for_by_the_same_statements(
    world: World, client: TestClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger and the index are asked the same, so that not even the time tells."""
    headers = world.key("scoped", APP)
    statements = traced(monkeypatch)
    asked: dict[str, list[str]] = {}
    for each in (ABSENT, FOREIGN, ABSENT):  # the first opens the files
        statements.clear()
        for rule in ROUTES:
            if "{session_id}" in rule.path:
                client.get(path_of(rule.path, each, name), headers=headers)
        asked[each] = [text.replace(each, "…") for text in statements]

    assert any("from session" in text for text in asked[FOREIGN])
    assert asked[FOREIGN] == asked[ABSENT]


def traced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement of every connection that is opened from now on."""
    from archiver.ledger import ledger
    from search.index import readers

    statements: list[str] = []
    for module in (ledger, readers):
        before = module.connect

        def connect(*args: Any, before: Any = before, **options: Any) -> Any:
            connection = before(*args, **options)
            connection.set_trace_callback(statements.append)
            return connection

        monkeypatch.setattr(module, "connect", connect)
    return statements


QUESTIONS = [
    "/v1/search?q=renewal",
    "/v1/search?q=zebra&facets=speaker,app,kind,month",
    "/v1/search?q=renewal&sort=newest",
    "/v1/search?q=renewal&sort=oldest&limit=1",
    "/v1/search?q=ren*&match=all",
    f"/v1/search?q=renewal+-app:{OTHER_APP}",
    "/v1/search?q=number",
    "/v1/search?q=",
    "/v1/sessions",
    "/v1/sessions?speaker=ana",
    "/v1/sessions?outcome=archived",
    "/v1/sessions?outcome=pending",
    "/v1/coverage",
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_another_app_changes_nothing(template: Any, tmp_path: Any, question: str) -> None:
    """Hits, order, scores, counts, facets, coverage, cursor and headers are as if it were not there."""
    import shutil

    from tests.search.web.world import close, open_world

    answers = []
    for foreign in (False, True):
        world = open_world(shutil.copytree(template, tmp_path / str(foreign)))
        if foreign:
            add_foreign(world)
        headers = world.key("scoped", APP)
        with library(world, foreign=foreign) as index, asking(world, index) as client:
            answers.append(bare(client.get(question, headers=headers)))
        close(world)

    assert answers[0] == answers[1]
    assert answers[0][0] == 200
    assert OTHER_APP not in answers[1][2].replace(f"-app:{OTHER_APP}", "")


@pytest.mark.parametrize("path", ["/v1/search?q=renewal&", "/v1/sessions?", "/v1/coverage?"])
def test_asking_for_a_foreign_app_is_asking_for_none(
    world: World, client: TestClient, path: str
) -> None:
    """Named outright, it is as an app that does not exist."""
    headers = world.key("scoped", APP)
    foreign, absent = (
        client.get(f"{path}app={each}", headers=headers) for each in (OTHER_APP, ABSENT_APP)
    )

    assert bare(foreign, OTHER_APP) == bare(absent, ABSENT_APP)
    assert client.get(f"{path}app={OTHER_APP}", headers=world.key("whole")).text != foreign.text


def test_a_key_of_one_app_sees_all_of_it(world: World, client: TestClient) -> None:
    """What it may see is whole: hits, sessions and what is pending."""
    headers = world.key("scoped", APP)

    hits = client.get("/v1/search?q=renewal", headers=headers).json()["hits"]
    assert [each["session_id"] for each in hits] == [SESSION]
    assert client.get(f"/v1/sessions/{PENDING}", headers=headers).status_code == 200
    both = client.get("/v1/search?q=renewal", headers=world.key("two", APP, OTHER_APP)).json()
    assert {each["session_id"] for each in both["hits"]} == {SESSION, FOREIGN}


@pytest.mark.parametrize("path", ["/v1/search?q=renewal&sort=newest", "/v1/sessions?"])
def test_a_cursor_is_bound_to_its_key(world: World, client: TestClient, path: str) -> None:
    """Another key's cursor, and that of nobody, is none, even with the same scope."""
    ours, theirs = world.key("ours"), world.key("theirs")
    following = client.get(f"{path}&limit=1", headers=ours).json()["next"]

    assert client.get(f"{path}&limit=1&cursor={following}", headers=ours).status_code == 200
    for cursor in (following, following.partition(".")[2]):
        answer = client.get(f"{path}&limit=1&cursor={cursor}", headers=theirs)
        assert answer.json()["type"] == "urn:rtk-archive:problem:invalid-cursor"
