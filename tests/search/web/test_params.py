"""Query parameters and JSON bodies, read strictly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.web.parameters import BODY_LIMIT_BYTES
from search.web.params import in_scope
from tests.search.web.world import World, build, close

if TYPE_CHECKING:
    from starlette.testclient import TestClient


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "-1"),
        ("limit", "1.0"),
        ("limit", ""),
        ("limit", " 5"),
        ("limit", "٣"),
        ("limit", "9" * 5000),
        ("moments", "11"),
        ("moments", "x"),
        ("sort", "best"),
        ("sort", "Newest"),
        ("match", "any"),
        ("in", "video"),
        ("in", ""),
        ("speaker", ""),
        ("speaker", "..."),
        ("speaker", "x" * 301),
        ("app", " "),
        ("facets", "speaker,colour"),
        ("after", "yesterday"),
        ("after", ""),
        ("after", "2026-13"),
        ("before", "2026-02-30"),
        ("before", "0000"),
        ("before", "1"),
        ("cursor", "x" * 10_000),
        ("colour", "red"),
        ("Q", "price"),
        ("q[]", "price"),
        ("", "x"),
    ],
)
def test_a_bad_parameter_is_named(client: TestClient, world: World, name: str, value: str) -> None:
    """An unknown parameter or a bad value is a 400 that names it, in the query string and in JSON."""
    got = client.get("/v1/search", params={"q": "price", name: value})
    posted = client.post("/v1/search", json={"q": "price", name: value})

    for answer in (got, posted):
        assert (400, name) == (answer.status_code, answer.json().get("parameter"))
        assert answer.json()["type"] == "urn:rtk-archive:problem:invalid-parameter"
    assert not world.shelf.asked


@pytest.mark.parametrize("name", ["q", "sort", "limit", "cursor", "facets", "after"])
def test_what_may_not_be_repeated_is_refused(client: TestClient, name: str) -> None:
    """Two values for one question are no question."""
    answer = client.get(f"/v1/search?{name}=1&{name}=1")

    assert (400, name) == (answer.status_code, answer.json()["parameter"])


def test_repetition_has_a_limit(client: TestClient) -> None:
    """Fifty alternatives are enough."""
    assert client.get("/v1/search", params={"q": "a", "app": ["x"] * 50}).status_code == 200
    assert client.get("/v1/search", params={"q": "a", "app": ["x"] * 51}).status_code == 400


@pytest.mark.parametrize(
    ("date", "start_ms"),
    [
        ("2026", 1_767_225_600_000),
        ("2026-10", 1_790_812_800_000),
        ("2026-10-03", 1_790_985_600_000),
        ("2026-10-03T10:00:00Z", 1_791_021_600_000),
        ("2026-10-03T12:00:00+02:00", 1_791_021_600_000),
    ],
)
def test_dates_are_those_of_the_query_language(
    client: TestClient, world: World, date: str, start_ms: int
) -> None:
    """A date as a parameter means what it means in a query, half-open and in UTC."""
    client.get("/v1/search", params={"q": "price", "after": date, "before": date})
    client.get("/v1/search", params={"q": f"price after:{date} before:{date}"})

    first, second = (each.query.filters for each in world.shelf.asked)
    assert (start_ms, start_ms) == (first.after_ms, first.before_ms)
    assert first == second


def test_a_parameter_never_widens_dates(client: TestClient, world: World) -> None:
    """Dates of the query and of the parameters narrow each other."""
    query = "price after:2026-10 before:2026-11"
    client.get("/v1/search", params={"q": query, "after": "2025", "before": "2027"})
    client.get("/v1/search", params={"q": query})

    first, second = (each.query.filters for each in world.shelf.asked)
    assert first == second


def test_without_a_query_the_filters_decide(client: TestClient, world: World) -> None:
    """`q` may be left out: then whatever the filters leave is found."""
    answer = client.get("/v1/search", params={"in": "chat"})

    assert answer.status_code == 200
    assert world.shelf.asked[0].query.filters.kinds == ("chat",)


# ---------------------------------------------------------------------- JSON bodies


def post(client: TestClient, body: bytes | str, kind: str = "application/json") -> Any:
    return client.post("/v1/search", content=body, headers={"Content-Type": kind})


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "[[]]",
        "null",
        '"q"',
        "7",
        "[" * 60_000,
        '{"q":' * 10_000,
        b"\xff\xfe",
        '{"q": "a", "q": "b"}',
        '{"app": "a", "app": "b"}',
        '{"q": ["a"]}',
        '{"q": 1}',
        '{"q": {}}',
        '{"limit": true}',
        '{"limit": 1.5}',
        '{"limit": NaN}',
        '{"limit": ' + "9" * 5000 + "}",
        '{"limit": [5]}',
        '{"app": {}}',
        '{"app": [1]}',
        '{"app": [["x"]]}',
        '{"app": [null]}',
        '{"q": "half a pair \\ud800"}',
        '{"\\ud800": "x"}',
    ],
)
def test_a_body_that_is_no_search_is_refused(client: TestClient, body: bytes | str) -> None:
    """Whatever is not an object of known members of known types is a 400."""
    answer = post(client, body)

    assert (
        answer.status_code,
        answer.headers["content-type"],
    ) == (400, "application/problem+json")
    assert answer.json()["parameter"] is not None


def test_a_body_is_sent_as_json(client: TestClient) -> None:
    """A form, which any page could send, is not taken."""
    body = json.dumps({"q": "price"})

    assert post(client, body, "Application/JSON; charset=utf-8").status_code == 200
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = post(client, body, kind)
        assert (
            answer.status_code,
            answer.json()["type"],
        ) == (415, "urn:rtk-archive:problem:unsupported-media-type")


def test_a_body_has_a_limit(client: TestClient) -> None:
    """Sixty-four kilobytes are taken, and not one more."""
    body = b'{"q": "price"}'

    assert post(client, body.ljust(BODY_LIMIT_BYTES)).status_code == 200
    answer = post(client, body.ljust(BODY_LIMIT_BYTES + 1))
    assert (
        answer.status_code,
        answer.json()["type"],
    ) == (413, "urn:rtk-archive:problem:body-too-large")


def test_a_post_has_no_query_string(client: TestClient) -> None:
    """Who keeps a query out of logs does not put half of it into the URL."""
    answer = client.post("/v1/search?q=price", json={})

    assert (answer.status_code, answer.json()["parameter"]) == (400, "q")


def test_lists_in_json(client: TestClient, world: World) -> None:
    """Repeatable members and facets may be lists; null means not given."""
    asked = {"q": "price", "app": None, "speaker": ["ana", "ben"], "facets": ["kind", "app"]}

    assert client.post("/v1/search", json=asked).status_code == 200
    request = world.shelf.asked[0]
    assert (request.query.filters.speakers, request.facets) == (("ana", "ben"), ("kind", "app"))


@pytest.mark.parametrize(
    ("wanted", "allowed", "expected"),
    [
        ((), None, None),
        (("a",), None, ("a",)),
        ((), ("a",), ("a",)),
        (("a", "b"), ("b", "c"), ("b",)),
        (("a",), ("b",), ()),
    ],
)
def test_what_is_asked_for_never_exceeds_what_is_allowed(
    wanted: tuple[str, ...], allowed: tuple[str, ...] | None, expected: tuple[str, ...] | None
) -> None:
    """Asking for an app that may not be seen leaves nothing, not everything."""
    assert expected == in_scope(wanted, allowed)


# ---------------------------------------------------------------------- any text


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Any:
    world = build(tmp_path_factory.mktemp("world"))
    with world.client() as client:
        yield client
    close(world)


def is_explained(answer: Any) -> bool:
    if answer.status_code == 200:
        return True
    problem = answer.json()
    place = "position" in problem or "parameter" in problem
    return answer.status_code == 400 and place and bool(problem["detail"])


QUERIES = st.text() | st.text('ab "()-*:/ANDORTE18speakerinafter é中', max_size=40)


@settings(max_examples=150, deadline=None)
@given(text=QUERIES)
def test_any_query_is_answered_or_explained(asking: TestClient, text: str) -> None:
    """Whatever is written as a query, the answer is a result or a 400 that says where it is wrong."""
    assert is_explained(asking.get("/v1/search", params={"q": text.encode("utf-8", "replace")}))
    assert is_explained(asking.post("/v1/search", content=json.dumps({"q": text}), headers=JSON))


JSON = {"Content-Type": "application/json"}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["q", "app", "speaker", "in", "after", "before", "sort", "match", "limit", "moments", "facets"]
)


@settings(max_examples=150, deadline=None)
@given(members=st.dictionaries(NAMES | st.text(), VALUES, max_size=4))
def test_any_body_is_answered_or_explained(asking: TestClient, members: dict[str, Any]) -> None:
    """Whatever JSON is sent, the answer is a result or a 400 that says what is wrong."""
    assert is_explained(asking.post("/v1/search", content=json.dumps(members), headers=JSON))


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=60))
def test_any_query_string_is_answered_or_explained(asking: TestClient, raw: bytes) -> None:
    """Whatever bytes stand behind the question mark, the answer is a result or an explained 400."""
    text = "".join(f"%{byte:02x}" for byte in raw)

    assert is_explained(asking.get(f"/v1/search?q={text}"))
    assert is_explained(asking.get(f"/v1/search?{text}=1"))
