"""The list of sessions, one session, and what was said in it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from archiver.model import CHAT, SUMMARY
from search.errors import IndexDamagedError, IndexMissingError
from tests.search.web.world import (
    ANA,
    APP,
    BODIES,
    LINES,
    OTHER_APP,
    PENDING,
    SESSION,
    STARTED,
    World,
    card,
    said,
    session,
)

if TYPE_CHECKING:
    from starlette.testclient import TestClient


def test_sessions_are_listed_newest_first(client: TestClient, world: World) -> None:
    """A list shows each session's title, times and speakers, and says what is missing from it."""
    world.shelf.add(card("older", started=STARTED - timedelta(days=1)), [])

    answer = client.get("/v1/sessions").json()

    assert [each["session_id"] for each in answer["sessions"]] == [SESSION, "older"]
    assert {
        "session_id": SESSION,
        "app_id": APP,
        "meeting_id": "weekly",
        "meeting_title": "Weekly sync",
        "started_at": "2026-10-03T10:00:00.000Z",
        "ended_at": "2026-10-03T10:30:00.000Z",
        "speakers": ["Ana Souza", "Ben"],
        "attachments": 1,
        "url": f"/sessions/{SESSION}",
    } == answer["sessions"][0]
    assert (answer["coverage"]["pending"], answer["coverage"]["lost"]) == (1, 1)
    assert answer["next"] is None


def test_sessions_are_filtered_and_paged(client: TestClient, world: World) -> None:
    """App, dates, speaker, limit and cursor cut the list."""
    world.shelf.add(card("older", started=STARTED - timedelta(days=1)), [])
    world.shelf.add(card("other", OTHER_APP), [])

    def ids(**parameters: object) -> list[str]:
        answer = client.get("/v1/sessions", params=parameters)  # type: ignore[arg-type]  # numbers too
        return [each["session_id"] for each in answer.json()["sessions"]]

    first = client.get("/v1/sessions", params={"limit": 2}).json()
    assert ids(app=OTHER_APP) == ["other"]
    assert ids(before="2026-10-03") == ["older"]
    assert ids(after="2026-10-03", speaker="Ben") == [SESSION, "other"]
    assert ids(limit=2, cursor=first["next"]) == ["older"]


def test_a_session_shows_participants_and_artifacts(client: TestClient) -> None:
    """One session: what it is, who took part, and what became of each artifact."""
    answer = client.get(f"/v1/sessions/{SESSION}").json()

    assert answer["session"]["indexed"]
    assert answer["session"]["inventory_version"] == 1
    assert [
        {
            "name": ANA.name,
            "user_id": "u1",
            "custom_id": "ana@example.com",
            "peer_id": "p1",
            "joined_ms": 0,
            "left_ms": 1_800_000,
        }
    ] == answer["participants"]
    by_kind = {(each["kind"], each["format"]): each for each in answer["artifacts"]}
    assert len(BODIES) + 1 == len(by_kind)
    chat = by_kind["chat", None]
    assert ("archived", len(BODIES[CHAT])) == (chat["outcome"], chat["size_bytes"])
    assert f"chat.{chat['digest']}.csv" == chat["name"]
    assert f"/v1/sessions/{SESSION}/artifacts/{chat['name']}" == chat["url"]
    lost = by_kind["transcript", "SRT"]
    assert (
        lost["outcome"],
        lost["reason"],
        lost["name"],
        lost["url"],
    ) == ("lost", "no healthy answer", None, None)


def test_a_session_that_is_not_indexed_is_found_in_the_ledger(client: TestClient) -> None:
    """A session that waits for its artifacts shows what is known of them, without a name."""
    answer = client.get(f"/v1/sessions/{PENDING}").json()

    assert (
        answer["session"]["session_id"],
        answer["session"]["meeting_title"],
        answer["session"]["indexed"],
        answer["session"]["inventory_version"],
    ) == (PENDING, "", False, None)
    assert [(each["kind"], each["outcome"], each["reason"]) for each in answer["artifacts"]] == [
        ("chat", "pending", "no healthy answer")
    ]


@pytest.mark.parametrize("error", [IndexMissingError("none yet"), IndexDamagedError("broken")])
def test_an_archived_session_is_found_without_an_index(
    client: TestClient, world: World, error: Exception
) -> None:
    """Ledger and archive tell of a session, and its original bytes can be had."""
    world.shelf.error = error

    answer = client.get(f"/v1/sessions/{SESSION}").json()
    listed = client.get("/v1/sessions?outcome=archived").json()["sessions"]

    assert not answer["session"]["indexed"]
    assert len(BODIES) + 1 == len(answer["artifacts"])
    chat = next(each for each in answer["artifacts"] if each["kind"] == "chat")
    assert client.get(chat["url"]).status_code == 200
    assert [each["session_id"] for each in listed] == [SESSION]


def test_without_an_archive_the_ledger_tells_of_artifacts(world: World) -> None:
    """Where the bucket is not at hand, outcomes and digests come from the ledger."""
    world.archive = None
    with world.client() as client:
        answer = client.get(f"/v1/sessions/{SESSION}").json()

    chat = next(each for each in answer["artifacts"] if each["kind"] == "chat")
    assert (chat["outcome"], len(chat["digest"]), chat["url"]) == ("archived", 64, None)


def test_the_newest_inventory_counts(client: TestClient, world: World) -> None:
    """A later version of the inventory is what a session shows, indexed or not."""
    world.commit(session(), {CHAT: BODIES[CHAT] + b"3,more\n"})

    answer = client.get(f"/v1/sessions/{SESSION}").json()

    chat = next(each for each in answer["artifacts"] if each["kind"] == "chat")
    assert (2, len(BODIES[CHAT]) + 7) == (
        answer["session"]["inventory_version"],
        chat["size_bytes"],
    )


@pytest.mark.parametrize("part", ["", "/transcript", "/chat", "/summary", "/artifacts/x"])
@pytest.mark.parametrize("name", ["unknown", "%2e%2e", "a" * 400, "%00", "' or 1=1 --", "ünï"])
def test_an_unknown_session_is_a_404(client: TestClient, part: str, name: str) -> None:
    """An id that names nothing is missing, whatever it is made of."""
    answer = client.get(f"/v1/sessions/{name}{part}")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_broken_chain_of_inventories_is_told(client: TestClient, world: World) -> None:
    """Damage in the bucket is a problem that says so, not a session without artifacts."""
    folder = next((world.root / "archive").rglob("inventory-0001.json")).parent
    (folder / "inventory-0001.json").unlink()
    (folder / "inventory-0002.json").write_bytes(b"{}")

    answer = client.get(f"/v1/sessions/{SESSION}")

    assert (
        answer.status_code,
        answer.json()["type"],
    ) == (500, "urn:rtk-archive:problem:archive-damaged")


# ---------------------------------------------------------------------- what was said


def test_a_transcript_as_json(client: TestClient) -> None:
    """Utterances with their speakers and times, and nothing else of the session."""
    answer = client.get(f"/v1/sessions/{SESSION}/transcript")

    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert (
        document["session_id"],
        document["app_id"],
        document["meeting_title"],
    ) == (SESSION, APP, "Weekly sync")
    assert document["utterances"] == [
        {
            "speaker": "Ben",
            "start_ms": 1000,
            "end_ms": 3000,
            "at": "2026-10-03T10:00:01.000Z",
            "text": "good morning",
        },
        {
            "speaker": "Ana Souza",
            "start_ms": 123000,
            "end_ms": 125000,
            "at": "2026-10-03T10:02:03.000Z",
            "text": "we can hold the renewal price until March",
        },
    ]


@pytest.mark.parametrize(
    ("format_", "media_type", "begins"),
    [
        ("vtt", "text/vtt; charset=utf-8", "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\n<v Ben>good"),
        ("srt", "application/x-subrip; charset=utf-8", "1\n00:00:01,000 --> 00:00:03,000\nBen: "),
        ("csv", "text/csv; charset=utf-8", "start_ms,end_ms,speaker,text\r\n1000,3000,Ben,good"),
        ("txt", "text/plain; charset=utf-8", "[00:00:01] Ben: good morning\n[00:02:03] Ana"),
    ],
)
def test_a_transcript_in_every_format(
    client: TestClient, format_: str, media_type: str, begins: str
) -> None:
    """Each text format has its own media type, and nobody may guess another."""
    answer = client.get(f"/v1/sessions/{SESSION}/transcript", params={"format": format_})

    assert (200, media_type) == (answer.status_code, answer.headers["content-type"])
    assert answer.content.decode().startswith(begins)
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"from_ms": "3000"}, [123000]),
        ({"from_ms": "2999"}, [1000, 123000]),
        ({"to_ms": "1000"}, []),
        ({"to_ms": "1001"}, [1000]),
        ({"from_ms": "2000", "to_ms": "124000"}, [1000, 123000]),
    ],
)
def test_a_part_of_a_transcript(
    client: TestClient, window: dict[str, str], expected: list[int]
) -> None:
    """The half-open time holds what is heard in it; an empty part is an answer."""
    answer = client.get(f"/v1/sessions/{SESSION}/transcript", params=window)

    assert answer.status_code == 200
    assert expected == [each["start_ms"] for each in answer.json()["utterances"]]


def test_a_chat_in_every_format(client: TestClient) -> None:
    """Chat messages as JSON, rows and lines."""
    path = f"/v1/sessions/{SESSION}/chat"
    message = client.get(path).json()["messages"][0]
    row = [*csv.reader(io.StringIO(client.get(path, params={"format": "csv"}).text))][1]

    assert (message["speaker"], message["start_ms"]) == ("Ben", 130000)
    assert ["130000", "130000", "Ben", LINES[2].text] == row
    assert f"[00:02:10] Ben: {LINES[2].text}\n" == client.get(path, params={"format": "txt"}).text


def test_a_summary_in_every_format(client: TestClient) -> None:
    """A summary as text and as Markdown."""
    path = f"/v1/sessions/{SESSION}/summary"
    answer = client.get(path, params={"format": "md"})

    assert client.get(path).json()["text"] == "# Decisions\n- hold the price"
    assert answer.text == "# Decisions\n\n- hold the price\n"
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert client.get(path, params={"format": "txt"}).text == "# Decisions\n- hold the price\n"


def test_what_a_session_does_not_have_is_a_404(client: TestClient, world: World) -> None:
    """A session without a summary says so, and where to look."""
    world.shelf.add(card("silent"), [said("hello")])

    answer = client.get("/v1/sessions/silent/summary")

    assert (
        answer.status_code,
        answer.json()["type"],
    ) == (404, "urn:rtk-archive:problem:artifact-missing")
    assert "/v1/sessions/silent" in answer.json()["detail"]


def test_what_is_not_indexed_yet_is_told_from_what_is_not_there(client: TestClient) -> None:
    """The transcript of a session that the ledger knows is not indexed yet."""
    answer = client.get(f"/v1/sessions/{PENDING}/transcript")

    assert answer.status_code == 404
    assert "not indexed yet" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/v1/sessions?colour=red", "colour"),
        ("/v1/sessions?limit=0", "limit"),
        ("/v1/sessions?limit=101", "limit"),
        ("/v1/sessions?after=yesterdayish", "after"),
        ("/v1/sessions?speaker=a&speaker=b", "speaker"),
        ("/v1/sessions?speaker=", "speaker"),
        (f"/v1/sessions/{SESSION}?verbose=1", "verbose"),
        (f"/v1/sessions/{SESSION}/transcript?format=html", "format"),
        (f"/v1/sessions/{SESSION}/transcript?from_ms=-1", "from_ms"),
        (f"/v1/sessions/{SESSION}/transcript?to_ms=1e3", "to_ms"),
        (f"/v1/sessions/{SESSION}/chat?from_ms=1", "from_ms"),
        (f"/v1/sessions/{SESSION}/chat?format=vtt", "format"),
        (f"/v1/sessions/{SESSION}/summary?format=csv", "format"),
        (f"/v1/sessions/{SESSION}/artifacts/x?download=1", "download"),
    ],
)
def test_a_bad_parameter_is_named(client: TestClient, path: str, parameter: str) -> None:
    """An unknown parameter or a bad value is a 400 that names it."""
    answer = client.get(path)

    assert (400, parameter) == (answer.status_code, answer.json().get("parameter"))
    assert parameter in answer.json()["detail"]


def test_a_session_of_two_apps_has_its_own_artifacts(client: TestClient, world: World) -> None:
    """The artifacts shown are those of the app whose session is shown."""
    world.commit(session("twin", OTHER_APP), {SUMMARY: b"of the other app"})
    world.shelf.add(card("twin", OTHER_APP), [])
    world.open_ledger().see([session("twin", APP)], STARTED)

    answer = client.get("/v1/sessions/twin").json()

    assert (OTHER_APP, [len(b"of the other app")]) == (
        answer["session"]["app_id"],
        [each["size_bytes"] for each in answer["artifacts"]],
    )


def test_sessions_are_listed_by_the_outcome_of_their_artifacts(client: TestClient) -> None:
    """What is lost, or still pending, is listed from the ledger, indexed or not."""

    def ids(outcome: str, **parameters: str) -> list[str]:
        answer = client.get("/v1/sessions", params={"outcome": outcome, **parameters}).json()
        return [each["session_id"] for each in answer["sessions"]]

    assert ids("lost") == [SESSION]
    assert SESSION in ids("archived")
    assert ids("lost", app=OTHER_APP) == []
    assert ids("absent") == []


def test_a_list_by_outcome_is_paged(client: TestClient) -> None:
    """The cursor of a list by outcome goes on where the page ended, and with that outcome only."""
    found: list[str] = []
    cursor = ""
    while True:
        parameters = {"outcome": "archived", "limit": "1", "cursor": cursor}
        answer = client.get("/v1/sessions", params=parameters).json()
        found += [each["session_id"] for each in answer["sessions"]]
        if (cursor := answer["next"] or "") == "":
            break
        other = {"outcome": "lost", "cursor": cursor}
        assert client.get("/v1/sessions", params=other).status_code == 400

    assert len(set(found)) == len(found) >= 1


def test_an_unknown_outcome_is_refused(client: TestClient) -> None:
    """An outcome that does not exist, or one with a speaker, is an error that names the parameter."""
    for query in ("outcome=gone", "outcome=lost&speaker=ana"):
        answer = client.get(f"/v1/sessions?{query}")

        assert answer.status_code == 400
        assert "outcome" in answer.json()["detail"]
