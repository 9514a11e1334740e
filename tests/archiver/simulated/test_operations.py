"""The operations of the API, and a session's life by the clock."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from archiver.model import parse_time
from archiver.simulated import (
    Meeting,
    SettableClock,
    SimulatedSource,
    SummaryMode,
    Timing,
    TranscriptMode,
    generate_meeting,
    generate_meetings,
)
from archiver.simulated.library import ChatMode

if TYPE_CHECKING:
    from tests.archiver.simulated.api import Api

FORMATS = ("JSON", "CSV", "SRT", "VTT")


def variant(meeting: Meeting, **changes: object) -> Meeting:
    from dataclasses import replace

    return replace(meeting, **changes)  # type: ignore[arg-type]  # fields of Meeting


async def test_default_meetings(clock: SettableClock) -> None:
    """Without meetings of one's own the source has the invented ones, in their apps."""
    source = SimulatedSource(clock=clock)

    assert {app.name for app in source.apps} >= {"Acme Product", "Acme Sales"}
    assert len(source.session_ids) >= 12


async def test_ids_are_repeatable(clock: SettableClock) -> None:
    """Two sources with the same meetings have the same ids."""
    one = SimulatedSource(clock=clock, meetings=generate_meetings(3))
    other = SimulatedSource(clock=clock, meetings=generate_meetings(3))

    assert one.session_ids == other.session_ids
    assert one.apps == other.apps


async def test_apps(api: Api) -> None:
    """The list of apps has ids and names, with paging, and each app can be had alone."""
    answer = await api.kit("/apps")
    alone = await api.kit(f"/apps/{api.app_id}")

    assert answer.data == [alone.data]
    assert answer.json["paging"] == {"total_count": 1, "start_offset": 1, "end_offset": 1}


async def test_session_record(api: Api, session_id: str) -> None:
    """A session has every field that the schema requires, the same in the list and alone."""
    required = [
        "id",
        "associated_id",
        "meeting_display_name",
        "type",
        "status",
        "live_participants",
        "max_concurrent_participants",
        "minutes_consumed",
        "organization_id",
        "started_at",
        "created_at",
        "updated_at",
        "ended_at",
        "transcription_minutes_consumed",
    ]
    listed = (await api.app("/sessions")).data["sessions"]
    alone = (await api.app(f"/sessions/{session_id}")).data

    assert listed == [alone]
    assert set(required) <= set(alone)
    assert (alone["id"], alone["status"]) == (session_id, "ENDED")
    assert alone["organization_id"] == api.app_id


async def test_participants(api: Api, session_id: str) -> None:
    """Participants have peer, user and custom ids, and one can be had alone."""
    listed = (await api.app(f"/sessions/{session_id}/participants")).data
    first = listed["participants"][0]
    path = f"/sessions/{session_id}/participants/{first['id']}"
    alone = (await api.app(path, params={"include_peer_events": "true"})).data["participant"]

    assert listed["paging"]["total_count"] == len(listed["participants"]) == 2
    assert first["custom_participant_id"] == "person-0"
    assert alone.pop("peer_events")[0]["event_name"] == "PEER_CREATED"
    assert alone == first
    assert (await api.app(f"/sessions/{session_id}/participants/nobody")).status == 404


async def test_participants_are_paged_and_searched(api: Api, session_id: str) -> None:
    """Participants come in pages, and can be searched by name."""
    path = f"/sessions/{session_id}/participants"
    second = (await api.app(path, params={"per_page": 1, "page_no": 2})).data
    found = (await api.app(path, params={"search": "jonas"})).data["participants"]

    assert second["paging"] == {"total_count": 2, "start_offset": 2, "end_offset": 2}
    assert [one["display_name"] for one in found] == ["Jonas Weber"]


async def test_user_ids_outlive_sessions(api: Api, source: SimulatedSource) -> None:
    """The same person has the same user id and another peer id in another session."""
    other = source.add_session(generate_meeting(0, 5))
    first, second = [
        (await api.app(f"/sessions/{one}/participants")).data["participants"][0]
        for one in (source.session_ids[0], other)
    ]

    assert first["user_id"] == second["user_id"]
    assert first["id"] != second["id"]


@pytest.mark.parametrize(
    ("kind", "format_"), [("chat", ""), ("summary", ""), *(("transcript", f) for f in FORMATS)]
)
async def test_artifact_bytes(api: Api, session_id: str, kind: str, format_: str) -> None:
    """Each artifact is served under a URL, byte for byte what the source says it serves."""
    answer = await api.download(session_id, kind, format_)

    assert answer.status == 200
    assert answer.body == api.source.artifact_bytes(session_id, kind, format_) != b""
    assert int(answer.headers["content-length"]) == len(answer.body)


async def test_csv_is_the_default_format(api: Api, session_id: str) -> None:
    """A transcript without a format is CSV, and an unknown format is refused."""
    body = (await api.download(session_id, "transcript")).body

    assert body == api.source.artifact_bytes(session_id, "transcript", "CSV")
    assert (await api.app(f"/sessions/{session_id}/transcript?format=csv")).status == 400


async def test_peer_report(api: Api, session_id: str) -> None:
    """The peer report has role, session and an invented network."""
    path = f"/sessions/{session_id}/participants"
    peer_id = (await api.app(path)).data["participants"][0]["id"]
    report = (await api.app(f"/sessions/peer-report/{peer_id}")).data["participant"]

    assert report["session_id"] == session_id
    assert report["role"] == "group_call_host"
    assert "ip_information" in report["peer_report"]["metadata"]
    assert (await api.app("/sessions/peer-report/unknown")).status == 404


async def test_token_and_account(api: Api) -> None:
    """A wrong token is a 401 and a wrong account a 403, in Cloudflare's shape."""
    wrong = await api.send("GET", api.url("/apps"), headers={"authorization": "Bearer wrong"})
    none = await api.send("GET", api.url("/apps"))
    url = api.url("/apps").replace("simulated-account", "another")
    headers = {"authorization": f"Bearer {api.source.token}"}
    other = await api.send("GET", url, headers=headers)

    assert (wrong.status, none.status, other.status) == (401, 401, 403)
    assert wrong.json["errors"][0]["code"] == 10000


async def test_unknown_things(api: Api, session_id: str) -> None:
    """Unknown apps and sessions are 404, malformed ids 400, unknown paths 404."""
    unknown = "00000000-0000-4000-8000-000000000000"

    assert (await api.app(f"/sessions/{unknown}")).status == 404
    assert (await api.app("/sessions/nonsense/chat")).status == 400
    assert (await api.kit(f"/{unknown}/sessions")).status == 404
    assert (await api.app("/meetings/x/sessions")).status == 404
    assert (await api.app("/sessions", "DELETE")).status == 405


async def test_every_answer_is_marked(api: Api, session_id: str) -> None:
    """Every answer says that it is simulated, and when, by the source's clock."""
    answers = [
        await api.app("/sessions"),
        await api.app("/nothing"),
        await api.download(session_id, "chat"),
        await api.send("GET", api.url("/apps")),
    ]

    assert [answer.headers["rtk-simulated"] for answer in answers] == ["1"] * 4
    assert {answer.headers["date"] for answer in answers} == {"Fri, 20 Nov 2026 12:00:00 GMT"}


async def test_session_begins_and_ends(api: Api, clock: SettableClock) -> None:
    """A session appears when it starts, is LIVE, and is ENDED when it ends."""
    starts_at = clock.now() + timedelta(minutes=1)
    new = api.source.add_session(started_at=starts_at)

    assert (await api.app(f"/sessions/{new}")).status == 404

    clock.advance(61)
    live = (await api.app("/sessions?status=LIVE")).data["sessions"]

    assert [one["id"] for one in live] == [new]
    assert "ended_at" not in live[0]
    assert live[0]["live_participants"] > 0

    clock.advance(3600)
    record = (await api.app(f"/sessions/{new}")).data

    assert record["status"] == "ENDED"
    assert parse_time(record["ended_at"]) > starts_at


async def test_live_until_it_is_ended(api: Api, clock: SettableClock) -> None:
    """A live session stays live until it is ended by hand."""
    live = api.source.add_session(live=True)
    clock.advance(86400)

    assert (await api.app(f"/sessions/{live}")).data["status"] == "LIVE"

    api.source.end_session(live)

    assert (await api.app(f"/sessions/{live}")).data["status"] == "ENDED"


async def test_artifacts_come_one_after_another(api: Api, clock: SettableClock) -> None:
    """Chat, transcript and summary are 404 until each is made, some time after the end."""
    timing = api.source.timing
    new = api.source.add_session()
    seen = []
    for seconds in (0, timing.chat_s, timing.transcript_s - timing.chat_s, timing.summary_s):
        clock.advance(seconds)
        seen.append(
            [
                (await api.app(f"/sessions/{new}/{kind}")).status
                for kind in ("chat", "transcript", "summary")
            ]
        )

    assert seen == [[404, 404, 404], [200, 404, 404], [200, 200, 404], [200, 200, 200]]


async def test_artifacts_are_deleted(api: Api, clock: SettableClock, session_id: str) -> None:
    """Seven days after the end artifacts and their URLs are gone; the session is not."""
    url = await api.link(session_id, "chat")
    clock.advance(7 * 86400)

    assert (await api.app(f"/sessions/{session_id}/chat")).status == 404
    assert (await api.send("GET", url)).status == 403
    assert (await api.app(f"/sessions/{session_id}")).status == 200


async def test_summary_on_request(api: Api, clock: SettableClock) -> None:
    """Where no summary comes by itself a POST makes one, a while later."""
    meeting = variant(generate_meeting(1), summary_mode=SummaryMode.ON_REQUEST)
    new = api.source.add_session(meeting)
    path = f"/sessions/{new}/summary"
    early = await api.app(path, "POST")
    clock.advance(3600)
    waited = await api.app(path)
    posted = await api.app(path, "POST")
    pending = await api.app(path)
    clock.advance(api.source.timing.requested_summary_s)

    assert (early.status, waited.status, pending.status) == (404, 404, 404)
    assert posted.data == {"session_id": new, "status": "IN_PROGRESS"}
    assert (await api.app(path)).status == 200
    assert api.source.summary_posts[new] == 2


async def test_no_summary_ever(api: Api, clock: SettableClock) -> None:
    """Where there is no summary a POST is accepted, and nothing comes of it."""
    meeting = variant(generate_meeting(1), summary_mode=SummaryMode.NONE)
    new = api.source.add_session(meeting)
    clock.advance(3600)
    posted = await api.app(f"/sessions/{new}/summary", "POST")
    clock.advance(86400)

    assert posted.status == 200
    assert (await api.app(f"/sessions/{new}/summary")).status == 404


async def test_silent_sessions(api: Api, clock: SettableClock) -> None:
    """No transcript is 404 with no minutes transcribed; an empty one is a file of no bytes."""
    silent = variant(
        generate_meeting(1), transcript_mode=TranscriptMode.NONE, chat_mode=ChatMode.NONE
    )
    empty = variant(generate_meeting(2), transcript_mode=TranscriptMode.EMPTY)
    none, zero = api.source.add_session(silent), api.source.add_session(empty)
    clock.advance(3600)

    assert (await api.app(f"/sessions/{none}/transcript")).status == 404
    assert (await api.app(f"/sessions/{none}/chat")).status == 404
    assert (await api.app(f"/sessions/{none}")).data["transcription_minutes_consumed"] == 0
    assert (await api.download(zero, "transcript", "JSON")).body == b""
    assert (await api.app(f"/sessions/{zero}/summary", "POST")).status == 400


async def test_breakout_rooms(api: Api, session_id: str) -> None:
    """Breakout rooms are nested in the list, and in the details when asked for."""
    room = api.source.add_session(parent_id=session_id)
    listed = (await api.app("/sessions")).json
    plain = (await api.app(f"/sessions/{session_id}")).data
    full = (await api.app(f"/sessions/{session_id}?include_breakout_rooms=true")).data

    assert listed["paging"]["total_count"] == 1
    assert [one["id"] for one in listed["data"]["sessions"][0]["breakout_rooms"]] == [room]
    assert "breakout_rooms" not in plain
    assert full["breakout_rooms"][0]["parent_session_id"] == session_id
    assert (await api.app(f"/sessions/{room}")).status == 200


async def test_requests_are_counted(api: Api, session_id: str) -> None:
    """Every request is noted with its operation, session and status."""
    await api.download(session_id, "chat")
    await api.app("/sessions")

    assert [tuple(request) for request in api.source.requests] == [
        ("GET", "get_chat", session_id, 200),
        ("GET", "download", session_id, 200),
        ("GET", "list_sessions", "", 200),
    ]
    assert api.source.counts["download"] == 1


async def test_put_artifacts(api: Api, session_id: str, tmp_path: object) -> None:
    """Any bytes can be served, from memory or from a file."""
    from pathlib import Path

    file = Path(str(tmp_path)) / "large"
    file.write_bytes(b"x" * 300_000)
    api.source.put_artifact(session_id, "chat", b"\xff\x00 not text")
    api.source.put_artifact(session_id, "transcript", file, format="JSON")
    answer = await api.download(session_id, "transcript", "JSON")

    assert (await api.download(session_id, "chat")).body == b"\xff\x00 not text"
    assert answer.body == file.read_bytes()
    assert answer.body == api.source.artifact_bytes(session_id, "transcript", "JSON")


async def test_short_lived_urls(clock: SettableClock) -> None:
    """With a URL lifetime, a URL expires long before the artifact does."""
    source = SimulatedSource(
        clock=clock, meetings=generate_meetings(1), timing=Timing(url_lifetime_s=900)
    )
    session = source.session(source.session_ids[0])

    assert source.expires_at(session) == clock.now() + timedelta(minutes=15)


def test_kept_files_are_bounded(clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rendered files are kept only up to a number of bytes."""
    monkeypatch.setattr("archiver.simulated.source._CACHE_BYTES", 100_000)
    source = SimulatedSource(clock=clock, meetings=generate_meetings(20))
    for session_id in source.session_ids:
        for format_ in FORMATS:
            source.artifact_bytes(session_id, "transcript", format_)

    assert source._files
    assert source._files_bytes == sum(map(len, source._files.values())) <= 100_000
