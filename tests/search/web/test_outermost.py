"""What stands around every answer: headers, the log, an end to every error; and the routes there are."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from archiver.errors import StoreUnavailableError
from tests.search.web.world import SESSION, NamelessError, World

if TYPE_CHECKING:
    from starlette.testclient import TestClient

MEETING_PATHS = [
    "/v1/search?q=price",
    "/v1/sessions",
    f"/v1/sessions/{SESSION}",
    f"/v1/sessions/{SESSION}/transcript",
    f"/v1/sessions/{SESSION}/transcript?format=vtt",
    f"/v1/sessions/{SESSION}/transcript?format=txt",
    f"/v1/sessions/{SESSION}/chat?format=csv",
    f"/v1/sessions/{SESSION}/summary?format=md",
    "/v1/search?q=AND",
    "/v1/sessions/unknown",
]


@pytest.mark.parametrize("path", MEETING_PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_tells_of_meetings_is_kept_nowhere(client: TestClient, path: str, method: str) -> None:
    """Answers with meeting data, and refusals of them, may not be stored, guessed at or framed."""
    headers = client.request(method, path).headers

    assert headers["cache-control"] == "private, no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "sandbox" in headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/", "/nowhere"])
def test_nothing_is_guessed_at(client: TestClient, path: str) -> None:
    """Every answer says nosniff."""
    assert client.get(path).headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", [*MEETING_PATHS, "/healthz", "/readyz", "/metrics"])
def test_a_head_is_a_get_without_its_body(client: TestClient, path: str) -> None:
    """HEAD has the status and headers of GET."""
    get, head = client.get(path), client.head(path)

    assert (get.status_code, dict(get.headers)) == (head.status_code, dict(head.headers))
    assert head.content == b""


@pytest.mark.parametrize(
    "path",
    [
        "/static",
        "/sessions/",
        "/coverage/",
        "/v1",
        "/v1/",
        "/v1/search/",
        "/v1/coverages",
        "/V1/search",
        "/docs",
        "//v1/search",
    ],
)
def test_an_unknown_path_is_a_404(client: TestClient, path: str) -> None:
    """There is no such thing, nor a redirect to something like it."""
    answer = client.get(f"http://127.0.0.1:8000{path}", follow_redirects=False)

    assert (
        answer.status_code,
        answer.headers["content-type"],
    ) == (404, "application/problem+json")
    assert {
        "type": "urn:rtk-archive:problem:not-found",
        "title": "Not Found",
        "status": 404,
    }.items() <= (answer.json().items())


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v1/sessions", {"GET", "HEAD"}),
        ("DELETE", f"/v1/sessions/{SESSION}", {"GET", "HEAD"}),
        ("PUT", "/v1/search", {"GET", "HEAD", "POST"}),
        ("OPTIONS", "/v1/search", {"GET", "HEAD", "POST"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
    ],
)
def test_a_method_that_is_not_allowed_is_a_405(
    client: TestClient, method: str, path: str, allowed: set[str]
) -> None:
    """The problem says which methods there are."""
    answer = client.request(method, path)

    assert (
        answer.status_code,
        answer.json()["type"],
    ) == (405, "urn:rtk-archive:problem:method-not-allowed")
    assert allowed == set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize(
    "error", [ValueError("Ana said: secret"), NamelessError("secret"), RecursionError("secret")]
)
def test_what_nobody_foresaw_is_a_500_without_detail(
    client: TestClient, world: World, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """Neither the client nor the log is told what an unforeseen error says; the log knows its place."""
    world.shelf.error = error

    answer = client.get("/v1/search", params={"q": "price"})

    assert answer.status_code == 500
    assert {"type", "title", "status"} == set(answer.json())
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "secret" not in answer.text + "".join(map(str, vars_of(caplog)))


def vars_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [vars(each) for each in caplog.records]


def test_an_unforeseen_error_is_logged_with_its_place(
    client: TestClient, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The kind of the error and the line that raised it are enough to find it."""
    world.shelf.error = KeyError("secret")

    client.get("/v1/search", params={"q": "price"})

    failed = next(each for each in vars_of(caplog) if each["message"] == "request_failed")
    assert failed["error"] == "KeyError"
    assert str(failed["place"]).startswith("world.py:")
    assert failed["exc_info"] is None


def test_a_store_that_cannot_be_reached_is_a_503(client: TestClient, world: World) -> None:
    """The bucket's errors are told as what they are."""
    archive = world.open_archive()

    async def refuse(_session: object) -> None:
        raise StoreUnavailableError("the bucket does not answer")

    archive.newest = refuse  # type: ignore[method-assign, assignment]  # a bucket that is away

    answer = client.get(f"/v1/sessions/{SESSION}")

    assert (
        answer.status_code,
        answer.json()["type"],
    ) == (503, "urn:rtk-archive:problem:archive-unavailable")


def test_a_log_line_has_no_query_string(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Method, path, status and time are logged; what was searched for is not."""
    caplog.set_level(logging.INFO, "search.web")

    client.get("/v1/search", params={"q": "takeover", "speaker": "Ana"})
    client.post("/v1/search", json={"q": "takeover"})

    lines = [each for each in vars_of(caplog) if each["name"] == "search.web"]
    assert [(each["message"], each["method"], each["path"], each["status"]) for each in lines] == [
        ("request", "GET", "/v1/search", 200),
        ("request", "POST", "/v1/search", 200),
    ]
    assert all(isinstance(each["ms"], float) for each in lines)
    assert "takeover" not in str(lines)


def test_a_path_cannot_forge_a_log_line(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Line breaks and control characters in a path are logged as the client had to write them."""
    caplog.set_level(logging.INFO, "search.web")

    client.get("/v1/sessions/a%0a%1b%E2%80%AEb%3Fq=x" + "c" * 1000)

    path = str(vars_of(caplog)[-1]["path"])
    assert path.startswith("/v1/sessions/a%0A%1B%E2%80%AEb%3Fq%3Dxccc")
    assert len(path) < 1000


def test_a_refusal_is_logged_too(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Who is not let in leaves a line."""
    caplog.set_level(logging.INFO, "search.web")

    with world.client(peer=("10.0.0.1", 1)) as client:
        client.get("/v1/search?q=takeover")

    assert [
        (each["path"], each["status"]) for each in vars_of(caplog) if each["name"] == "search.web"
    ] == [("/v1/search", 401)]
