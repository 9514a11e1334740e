"""Every fault of the API: reference, section 15."""

from __future__ import annotations

import json
import re
import socket
import time

import aiohttp
import pytest

from archiver.model import parse_time
from archiver.simulated import (
    ErrorShape,
    Expiry,
    Faults,
    OperationFault,
    Post,
    SettableClock,
    SimulatedSource,
    SummaryMode,
    generate_meeting,
    generate_meetings,
    serve,
)
from archiver.simulated.answers import CONNECTION, break_connection
from tests.archiver.simulated.api import Api


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 502, 503])
@pytest.mark.parametrize("shape", list(ErrorShape))
async def test_status_faults(api: Api, status: int, shape: ErrorShape) -> None:
    """Any operation can answer any status in any shape, so often, and works again."""
    api.source.faults.fail("list_sessions", status=status, times=2, shape=shape)
    answers = [await api.app("/sessions") for _ in range(3)]
    bodies = {
        ErrorShape.REALTIMEKIT: f'"error": {{"code": {status}',
        ErrorShape.CLOUDFLARE: f'"errors": [{{"code": {status}',
        ErrorShape.MESSAGE: '{"message"',
        ErrorShape.HTML: "<!DOCTYPE html>",
        ErrorShape.EMPTY: "",
    }

    assert [answer.status for answer in answers] == [status, status, 200]
    assert bodies[shape] in answers[0].body.decode()


async def test_retry_after(api: Api) -> None:
    """A 429 may ask for five minutes."""
    api.source.faults.fail(status=429, retry_after="300", shape=ErrorShape.CLOUDFLARE)
    answer = await api.kit("/apps")

    assert (answer.status, answer.headers["retry-after"]) == (429, "300")


async def test_rate_limit(api: Api, clock: SettableClock) -> None:
    """Over the rate limit every request is refused for five minutes, and then none is."""
    api.source.faults.rate_limit = 3
    seen = [(await api.kit("/apps")).status for _ in range(4)]
    clock.advance(100.5)
    blocked = await api.app("/sessions")
    clock.advance(199.5)

    assert seen == [200, 200, 200, 429]
    assert (blocked.status, blocked.headers["retry-after"]) == (429, "200")
    assert (await api.app("/sessions")).status == 200


async def test_faults_of_one_session(api: Api, session_id: str) -> None:
    """A fault can be meant for one operation on one session, and let some pass first."""
    other = api.source.add_session()
    api.source.faults.fail("get_session", status=500, session_id=session_id, skip=1)
    seen = [(await api.app(f"/sessions/{one}")).status for one in (other, session_id) * 3]

    assert seen == [200, 200, 200, 500, 200, 200]


async def test_dropped_connection(api: Api) -> None:
    """A connection can be dropped without an answer, at once or after a while."""
    api.source.faults.operations.append(OperationFault(status=0, hold_s=0.02, times=2))
    began = time.monotonic()
    with pytest.raises(aiohttp.ClientConnectionError):
        await api.app("/sessions", "GET", timeout=aiohttp.ClientTimeout(5))

    # aiohttp itself asks once more when a connection breaks before the answer.
    assert [request.status for request in api.source.requests] == [0, 0]
    assert time.monotonic() - began >= 0.04


@pytest.mark.parametrize(
    ("switch", "status", "body"),
    [
        ("not_found_times", 404, '"code": 404'),
        ("no_data_times", 200, '{"success":true}'),
        ("empty_url_times", 200, '"chat_download_url":""'),
        ("html_times", 200, "<!DOCTYPE html>"),
    ],
)
async def test_artifact_not_ready(
    api: Api, session_id: str, switch: str, status: int, body: str
) -> None:
    """An artifact that is there can be said not to be, in each way there is, so often."""
    setattr(api.source.faults.artifacts, switch, 2)
    answers = [await api.app(f"/sessions/{session_id}/chat") for _ in range(3)]

    assert [answer.status for answer in answers] == [status, status, 200]
    assert [body in answer.body.decode() for answer in answers] == [True, True, False]


async def test_counts_are_per_artifact(api: Api, session_id: str) -> None:
    """A switch for all artifacts is used up by each of them on its own."""
    api.source.faults.artifacts.not_found_times = 1
    paths = ["chat", "transcript?format=JSON", "transcript?format=CSV", "summary"]
    seen = [(await api.app(f"/sessions/{session_id}/{path}")).status for path in paths * 2]

    assert seen == [404] * 4 + [200] * 4


async def test_most_exact_entry_decides(api: Api, session_id: str) -> None:
    """Switches can be set for a kind, a format or a session; the most exact ones hold."""
    faults = Faults()
    faults.on(kind="transcript", not_found_times=1)
    faults.on(kind="transcript", format="CSV", not_found_times=2)
    faults.on(session_id=session_id, never=True)

    assert faults.of("other", "transcript", "JSON").not_found_times == 1
    assert faults.of("other", "transcript", "CSV").not_found_times == 2
    assert faults.of(session_id, "transcript", "CSV").never
    assert faults.of("other", "chat", "") is faults.artifacts


async def test_artifact_never_made(api: Api, session_id: str) -> None:
    """An artifact may never be made."""
    api.source.faults.on(kind="summary", never=True)

    assert (await api.app(f"/sessions/{session_id}/summary")).status == 404
    assert (await api.app(f"/sessions/{session_id}/chat")).status == 200


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_url_expired_then_renewed(api: Api, session_id: str, status: int) -> None:
    """A URL may not work at the storage, and the next one does."""
    api.source.faults.on(kind="chat", expired_url_times=1, expired_status=status)

    assert (await api.download(session_id, "chat")).status == status
    assert (await api.download(session_id, "chat")).status == 200


@pytest.mark.parametrize(
    ("style", "pattern"),
    [
        (Expiry.ISO, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
        (Expiry.SPACE, r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}Z"),
        (Expiry.EMPTY, ""),
    ],
)
async def test_expiry_strings(api: Api, session_id: str, style: Expiry, pattern: str) -> None:
    """The expiry is written in either form, or empty."""
    api.source.faults.artifacts.expiry = style
    data = (await api.app(f"/sessions/{session_id}/summary")).data

    assert re.fullmatch(pattern, data["summaryDownloadUrlExpiry"])


async def test_expiry_missing_or_past(api: Api, session_id: str, clock: SettableClock) -> None:
    """The expiry may be missing, or in the past on a URL that works."""
    api.source.faults.artifacts.expiry = Expiry.MISSING
    missing = (await api.app(f"/sessions/{session_id}/chat")).data
    api.source.faults.artifacts.expiry = Expiry.PAST
    past = (await api.app(f"/sessions/{session_id}/chat")).data

    assert list(missing) == ["chat_download_url"]
    assert parse_time(past["chat_download_url_expiry"]) < clock.now()
    assert (await api.send("GET", past["chat_download_url"])).status == 200


async def test_another_url(api: Api, session_id: str) -> None:
    """Any URL can be handed out as an artifact's."""
    api.source.faults.on(kind="chat", url="http://169.254.169.254/latest/meta-data")

    assert await api.link(session_id, "chat") == "http://169.254.169.254/latest/meta-data"


async def test_nested_session(api: Api, session_id: str) -> None:
    """Details may be nested under `data.session`."""
    plain = (await api.app(f"/sessions/{session_id}")).data
    api.source.faults.shapes.nested_session = True

    assert (await api.app(f"/sessions/{session_id}")).data == {"session": plain}


async def test_unknown_fields_and_values(api: Api) -> None:
    """Records may have fields, and values of enums, that no schema knows."""
    api.source.add_session(live=True)
    api.source.faults.shapes.unknown_fields = True
    api.source.faults.shapes.unknown_values = True
    record = (await api.app("/sessions")).data["sessions"][0]

    assert record["a_field_from_the_future"] == {"nested": [1, None]}
    assert (record["type"], record["status"]) == ("hologram", "PAUSED")


async def test_status_of_one_session(api: Api, session_id: str) -> None:
    """One session, ended or not, may have any status, and the others keep theirs."""
    other = api.source.add_session()
    api.source.faults.shapes.statuses[session_id] = "PAUSED"
    records = (await api.app("/sessions")).data["sessions"]

    assert {each["id"]: each["status"] for each in records} == {
        session_id: "PAUSED",
        other: "ENDED",
    }


async def test_schema_fields_only(api: Api, session_id: str) -> None:
    """The fields that no schema lists may be missing."""
    api.source.faults.shapes.seen_fields = False

    assert "transcription_minutes_consumed" not in (await api.app(f"/sessions/{session_id}")).data


async def test_v1_meeting_ids(api: Api, session_id: str) -> None:
    """A V1 meeting's id is a room name."""
    api.source.faults.shapes.v1_meeting_ids = True
    record = (await api.app(f"/sessions/{session_id}")).data

    assert re.fullmatch("[a-z]{6}-[a-z]{6}", record["associated_id"])


async def test_ended_at_null(api: Api, session_id: str) -> None:
    """`ended_at` may be null on an ended session."""
    api.source.faults.shapes.null_ended_at = True
    record = (await api.app(f"/sessions/{session_id}")).data

    assert (record["status"], record["ended_at"]) == ("ENDED", None)


async def test_flat_peer_report(api: Api, session_id: str) -> None:
    """The peer report may be flat, with `preset_name`."""
    api.source.faults.shapes.flat_peer_report = True
    people = (await api.app(f"/sessions/{session_id}/participants")).data["participants"]
    report = (await api.app(f"/sessions/peer-report/{people[0]['id']}")).data

    assert report["preset_name"] == people[0]["preset_name"]


async def test_other_case(api: Api, session_id: str) -> None:
    """The keys of the links may be in the other case."""
    api.source.faults.shapes.other_case = True
    keys = [set((await api.app(f"/sessions/{session_id}/{k}")).data) for k in ("chat", "summary")]

    assert "chatDownloadUrl" in keys[0]
    assert "summary_download_url" in keys[1]


@pytest.fixture
async def posting(api: Api, clock: SettableClock) -> str:
    """The path of a session whose summary has to be asked for."""
    from dataclasses import replace

    meeting = replace(generate_meeting(1), summary_mode=SummaryMode.ON_REQUEST)
    session_id = api.source.add_session(meeting)
    clock.advance(3600)
    return f"/sessions/{session_id}/summary"


@pytest.mark.parametrize(
    ("post", "status", "made"),
    [
        (Post.ACCEPTED, 200, True),
        (Post.OLD_SHAPE, 202, True),
        (Post.CONFLICT, 409, False),
        (Post.CONFLICT_AFTER, 409, True),
        (Post.ERROR_AFTER, 500, True),
        (Post.ERROR_BEFORE, 500, False),
        (Post.TIMEOUT_AFTER, 0, True),
        (Post.TIMEOUT_BEFORE, 0, False),
    ],
)
async def test_post_summary(
    api: Api, clock: SettableClock, posting: str, post: Post, status: int, made: bool
) -> None:
    """POST summary may be accepted or not, whatever it answers."""
    api.source.faults.on(kind="summary", post=post)
    if status:
        assert (await api.app(posting, "POST")).status == status
    else:
        with pytest.raises(aiohttp.ClientConnectionError):
            await api.app(posting, "POST")
    clock.advance(3600)

    assert (await api.app(posting)).status == (200 if made else 404)
    assert (await api.app(posting, "POST")).status == 200
    assert api.source.counts["post_summary"] == 2


async def test_old_post_shape(api: Api, posting: str) -> None:
    """The older answer to POST summary has `success` and `message`."""
    api.source.faults.on(kind="summary", post=Post.OLD_SHAPE)

    assert (await api.app(posting, "POST")).data == {"success": True, "message": "Success"}


async def test_summary_never_ready(api: Api, clock: SettableClock, posting: str) -> None:
    """A summary may be accepted and never come."""
    api.source.faults.on(kind="summary", never=True)

    assert (await api.app(posting, "POST")).status == 200

    clock.advance(86400)

    assert (await api.app(posting)).status == 404


async def test_random_faults_are_repeatable(clock: SettableClock) -> None:
    """With a seed the same requests fail the same way, and each only so often."""

    async def statuses(seed: int) -> list[int]:
        faults = Faults(seed=seed, random_rate=0.5, random_times=4)
        source = SimulatedSource(clock=clock, meetings=generate_meetings(1), faults=faults)
        async with serve(source) as server, aiohttp.ClientSession() as http:
            for _ in range(30):
                try:
                    await Api(http, source, server).app("/sessions")
                except aiohttp.ClientConnectionError:
                    continue
        return [request.status for request in source.requests]

    one, again, other = await statuses(1), await statuses(1), await statuses(2)

    assert one == again != other
    assert sum(status != 200 for status in one) == 4


async def test_controls(clock: SettableClock, source: SimulatedSource) -> None:
    """Clock and faults can be set over HTTP where that was asked for, and nowhere else."""
    async with serve(source, controls=True) as server, aiohttp.ClientSession() as http:
        api = Api(http, source, server)
        origin = server.origin
        faults = {
            "operations": [{"operation": "list_apps", "status": 500}],
            "per_artifact": [{"kind": "summary", "post": "conflict"}],
            "paging": {"omit": True},
        }
        await api.send("PUT", f"{origin}/_simulated/faults", data=json.dumps(faults))
        moved = await api.send("POST", f"{origin}/_simulated/clock", data='{"advance_s": 60}')
        again = {"now": "2026-12-01T00:00:00Z"}
        await api.send("POST", f"{origin}/_simulated/clock", data=json.dumps(again))
        failed = await api.kit("/apps")
        seen = await api.send("GET", f"{origin}/_simulated/requests")

    assert moved.json == {"now": "2026-11-20T12:01:00.000Z"}
    assert clock.now() == parse_time("2026-12-01T00:00:00Z")
    assert failed.status == 500
    assert source.faults.of("any", "summary", "").post is Post.CONFLICT
    assert seen.json["counts"] == {"list_apps": 1}


async def test_no_controls_unless_asked_for(api: Api) -> None:
    """The controls are not mounted by default."""
    assert (await api.send("GET", f"{api.server.origin}/_simulated/clock")).status == 404


async def test_a_connection_that_its_client_broke_first() -> None:
    """Where the client is gone before its connection is to break, nothing is left to be done."""
    here, there = socket.socketpair()
    here.close()
    there.close()

    class Gone:
        def get_extra_info(self, _name: str) -> socket.socket:
            return here

        def abort(self) -> None:
            """There is nothing to abort."""

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    await break_connection({"extensions": {CONNECTION: Gone()}}, receive)
