"""The original bytes of artifacts."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from archiver.model import CHAT, SESSION_RECORD, SUMMARY, ArtifactId, transcript
from search.web.artifacts import media_type_of
from tests.search.web.world import BODIES, PENDING, SESSION, World, session

if TYPE_CHECKING:
    from starlette.testclient import TestClient

MEDIA_TYPES = {
    SESSION_RECORD: "application/json",
    transcript("JSON"): "application/json",
    transcript("CSV"): "text/csv",
    CHAT: "text/csv",
    SUMMARY: "text/markdown",
}


def entries(client: TestClient) -> dict[ArtifactId, Any]:
    artifacts = client.get(f"/v1/sessions/{SESSION}").json()["artifacts"]
    return {ArtifactId(each["kind"], each["format"] or ""): each for each in artifacts}


@pytest.mark.parametrize("artifact", BODIES, ids=str)
def test_the_bytes_are_those_that_were_archived(client: TestClient, artifact: ArtifactId) -> None:
    """Every byte, its digest, its length, as an attachment under a media type fixed by kind."""
    body = BODIES[artifact]
    answer = client.get(entries(client)[artifact]["url"])

    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert (200, body) == (answer.status_code, answer.content)
    assert {
        "content-type": MEDIA_TYPES[artifact],
        "content-length": str(len(body)),
        "content-disposition": f'attachment; filename="{entries(client)[artifact]["name"]}"',
        "repr-digest": f"sha-256=:{digest}:",
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
        "referrer-policy": "no-referrer",
    }.items() <= dict(answer.headers).items()
    assert "content-encoding" not in answer.headers


def test_a_large_artifact_is_streamed(client: TestClient, world: World) -> None:
    """More than the store holds at a time arrives whole."""
    body = bytes(range(256)) * 4096 * 5 + b"the end"
    world.commit(session(), {CHAT: body})

    answer = client.get(entries(client)[CHAT]["url"])

    assert body == answer.content
    assert str(len(body)) == answer.headers["content-length"]


def test_a_head_has_the_headers_alone(client: TestClient) -> None:
    """HEAD says what GET would send, and reads nothing."""
    url = entries(client)[CHAT]["url"]
    head, get = client.head(url), client.get(url)

    assert head.content == b""
    assert dict(get.headers) == dict(head.headers)


@pytest.mark.parametrize(
    "name",
    [
        "inventory-0001.json",
        "summary-request-1.json",
        "..%2finventory-0001.json",
        "../../../../_archive/format.json",
        "chat.csv",
        f"chat.{'0' * 64}.csv",
        "%00",
    ],
)
def test_only_names_of_the_newest_inventory_are_served(client: TestClient, name: str) -> None:
    """What no inventory names cannot be had, though it lies beside what can."""
    answer = client.get(f"/v1/sessions/{SESSION}/artifacts/{name}")

    assert answer.status_code == 404


def test_a_name_of_an_older_inventory_is_not_served(client: TestClient, world: World) -> None:
    """A newer body takes the place of the one before."""
    before = entries(client)[CHAT]["url"]
    world.commit(session(), {CHAT: BODIES[CHAT] + b"3,more\n"})

    assert client.get(before).status_code == 404
    assert client.get(entries(client)[CHAT]["url"]).status_code == 200


def test_an_artifact_of_a_session_without_inventory_is_missing(client: TestClient) -> None:
    """A session that waits has nothing to download."""
    assert client.get(f"/v1/sessions/{PENDING}/artifacts/chat.csv").status_code == 404


def stored(world: World, url: str) -> Any:
    return next((world.root / "archive").rglob(url.rsplit("/", 1)[1]))


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * len(BODIES[CHAT]), b"y" * 5000])
def test_damaged_bytes_are_not_served(client: TestClient, world: World, damage: bytes) -> None:
    """An object that is not what its inventory says is a problem, not an answer."""
    url = entries(client)[CHAT]["url"]
    stored(world, url).write_bytes(damage)

    answer = client.get(url)

    assert (
        answer.status_code,
        answer.json()["type"],
    ) == (500, "urn:rtk-archive:problem:archive-damaged")


def test_damage_far_into_an_object_breaks_the_answer_off(
    client: TestClient, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A large object whose digest turns out wrong never arrives whole."""
    body = b"a" * (3 * 2**20)
    world.commit(session(), {CHAT: body})
    url = entries(client)[CHAT]["url"]
    stored(world, url).write_bytes(body[:-1] + b"b")

    answer = client.get(url)

    assert len(answer.content) < len(body)
    assert str(len(body)) == answer.headers["content-length"]
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == [
        "request_failed"
    ]


def test_no_more_is_sent_than_was_announced(client: TestClient, world: World) -> None:
    """An object that grew does not run into the next answer on the connection."""
    body = b"a" * (3 * 2**20)
    world.commit(session(), {CHAT: body})
    url = entries(client)[CHAT]["url"]
    stored(world, url).write_bytes(body * 3)

    assert len(client.get(url).content) < len(body)


def test_a_head_reads_no_object(client: TestClient, world: World) -> None:
    """HEAD tells what the inventory says, and moves no bytes."""
    url = entries(client)[CHAT]["url"]
    stored(world, url).unlink()

    assert client.head(url).status_code == 200


def test_a_missing_object_is_damage(client: TestClient, world: World) -> None:
    """An inventory that names what is not there is told of."""
    url = entries(client)[CHAT]["url"]
    stored(world, url).unlink()

    assert client.get(url).status_code == 500


def test_an_empty_object_is_served(client: TestClient, world: World) -> None:
    """A body of no bytes is a body."""
    world.commit(session("empty"), {SUMMARY: b""})
    world.open_ledger().see([session("empty")], session().started_at)

    artifact = client.get("/v1/sessions/empty").json()["artifacts"][0]
    answer = client.get(artifact["url"])

    assert (
        answer.status_code,
        answer.content,
        answer.headers["content-length"],
    ) == (200, b"", "0")


def test_an_unknown_kind_is_only_bytes() -> None:
    """What a later release archived is served without a guess."""
    assert media_type_of(ArtifactId("recording")) == "application/octet-stream"
    assert media_type_of(transcript("HTML")) == "application/octet-stream"
    assert media_type_of(transcript("SRT")) == "application/x-subrip"
    assert media_type_of(ArtifactId("peer-reports")) == "application/json"
