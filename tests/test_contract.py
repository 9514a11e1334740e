"""The client keeps to the published interface, and reads of it what the official SDK reads.

What it sends is judged by prism, a mock that checks every request against the OpenAPI document. What
it reads is held against the SDK, both before the simulated source.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from archiver.errors import (
    ArchiverError,
    RateLimitedError,
    SourceConflictError,
    SourceDeniedError,
    SourceNotFoundError,
    SourceRefusedError,
    SourceUnavailableError,
)
from archiver.model import parse_time
from archiver.realtimekit import SUBSCRIBED, Budget, RealtimeKit
from archiver.simulated import (
    ErrorShape,
    SettableClock,
    SimulatedSource,
    generate_meetings,
    serve,
)
from tests.archiver.realtimekit.servers import APP, SESSION, START, FakeClock, client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

DOCUMENT = Path(__file__).parent / "data" / "realtimekit-openapi.json"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FILE = "files.example.com"
EVENTS = list(SUBSCRIBED)


# ---------------------------------------------------------------------- what is sent


@pytest.fixture(scope="module")
def prism_url() -> Iterator[str]:
    """The mock of the document, which refuses what the document does not allow."""
    command = shutil.which("prism")
    if command is None:
        pytest.skip("prism is not installed: npm install @stoplight/prism-cli")
    if not DOCUMENT.exists():
        pytest.skip("the OpenAPI document is not here")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ("mock", "-h", "127.0.0.1", "-p", str(port), "--errors", str(DOCUMENT))
    with subprocess.Popen(
        [command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "is listening" in line:
                break
        else:
            raise RuntimeError(f"prism did not start: {''.join(said)}")
        rest = threading.Thread(target=process.stdout.read)  # or it would stop at a full pipe
        rest.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            rest.join()


async def test_every_request_is_one_the_document_allows(prism_url: str) -> None:
    """The nine operations on sessions, apps and webhooks: each is let in, and its answer is read."""
    answers: list[tuple[str, str]] = []
    async with client_of(
        prism_url, attempts=1, on_request=lambda name, status: answers.append((name, status))
    ) as client:
        (app,) = await client.apps()
        filters = {"status": "ENDED", "search": "a b", "associated_id": SESSION}
        (listed,) = [
            each
            async for each in client.sessions(
                APP, start_time=START, end_time=START, per_page=50, **filters
            )
        ]
        details = await client.session(APP, SESSION)
        people = await client.participants(APP, SESSION)
        who = await client.participant(APP, SESSION, people.peer_ids[0])
        chat = await client.chat(APP, SESSION)
        transcripts = [
            await client.transcript(APP, SESSION, name) for name in ("JSON", "CSV", "SRT", "VTT")
        ]
        summary = await client.summary(APP, SESSION)
        await client.request_summary(APP, SESSION)
        whole = await client.peer_report(APP, people.peer_ids[0])
        part = await client.peer_report(APP, people.peer_ids[0], ["device_info"])
        made = await client.create_webhook(APP, "Archive", "https://example.com/hook", EVENTS)
        hooks = await client.webhooks(APP)
        await client.delete_webhook(APP, made.id)

    assert {status[0] for _, status in answers} == {"2"}
    assert len({name for name, _ in answers}) == len(_documented()) == 13
    assert app.id
    assert listed.session.id == details.session.id
    assert json.loads(who.raw)["data"]
    assert whole.raw == part.raw
    for offer in (chat, *transcripts, summary):
        assert offer.url is not None
        assert offer.url.host == FILE
        assert offer.expires_at is not None
    assert [each.id for each in hooks] == [made.id]


def _documented() -> list[tuple[str, str]]:
    paths = json.loads(DOCUMENT.read_text(encoding="utf-8"))["paths"]
    methods = {"get", "post", "put", "patch", "delete"}
    return [(method, path) for path, item in paths.items() for method in methods & set(item)]


async def test_the_mock_does_refuse(prism_url: str) -> None:
    """Without the token, with a wrong value, an unknown path or half a body nothing is let in."""
    kit = f"{prism_url}/accounts/account/realtime/kit/{APP}"
    token = {"Authorization": "Bearer x"}
    wrong: list[tuple[str, str, dict[str, Any], int]] = [
        ("GET", "/sessions", {}, 401),
        ("GET", "/sessions?per_page=many", {"headers": token}, 422),
        ("GET", "/sessions/not-an-id/chat", {"headers": token}, 422),
        ("GET", "/sessions?status=OVER", {"headers": token}, 422),
        ("GET", "/session", {"headers": token}, 404),
        ("POST", "/webhooks", {"headers": token, "json": {"name": "x"}}, 400),
    ]
    async with aiohttp.ClientSession() as http:
        for method, path, more, status in wrong:
            async with http.request(method, kit + path, **more) as response:
                assert (path, response.status) == (path, status)
    async with client_of(prism_url, attempts=1) as client:
        with pytest.raises(SourceRefusedError):
            await client.transcript(APP, SESSION, "XML")


# ---------------------------------------------------------------------- what is read


@dataclass(frozen=True)
class Both:
    """Our client and the official SDK before one source."""

    source: SimulatedSource
    ours: RealtimeKit
    sdk: Any

    @property
    def ids(self) -> dict[str, str]:
        return {"account_id": self.source.account_id, "app_id": self.app_id}

    @property
    def app_id(self) -> str:
        return self.source.apps[0].app_id


@asynccontextmanager
async def _both(sessions: int = 3) -> AsyncIterator[Both]:
    cloudflare = pytest.importorskip("cloudflare", reason="the official SDK is not installed")
    made = generate_meetings(sessions, app_names=("One", "Two"))
    source = SimulatedSource(clock=SettableClock(NOON), meetings=made)
    clock = FakeClock()
    async with (
        serve(source) as server,
        RealtimeKit(
            base_url=server.base_url,
            account_id=source.account_id,
            token=source.token,
            budget=Budget(10_000, 300, clock),
            clock=clock,
            attempts=1,
        ) as ours,
        cloudflare.AsyncCloudflare(
            api_token=source.token, base_url=server.base_url, max_retries=0
        ) as sdk,
    ):
        yield Both(source, ours, sdk.realtime_kit)


async def test_both_list_the_same() -> None:
    """Apps, sessions over several pages, and participants: ids, times, titles and counts."""
    async with _both(12) as both:
        apps = [each.id for each in await both.ours.apps()]
        assert sorted(apps) == sorted(
            each.id for each in (await both.sdk.apps.get(account_id=both.source.account_id)).data
        )
        found, total = [], 0
        for page_no in (1, 2, 3):
            page = await both.sdk.sessions.get_sessions(
                **both.ids, page_no=page_no, per_page=2, sort_by="createdAt", sort_order="DESC"
            )
            found += page.data.sessions
            total = page.paging.total_count
        ours = [each async for each in both.ours.sessions(both.app_id, per_page=2)]

        assert len(ours) == total == 6
        assert [
            (each.session.session_id, each.session.meeting_id, each.title, each.session.started_at)
            for each in ours
        ] == [
            (each.id, each.associated_id, each.meeting_display_name, _time(each.started_at))
            for each in found
        ]
        for each in found:
            people = (await both.sdk.sessions.get_session_participants(each.id, **both.ids)).data
            mine = await both.ours.participants(both.app_id, each.id)
            assert mine.peer_ids == tuple(who.id for who in people.participants)
            assert mine.count == len(people.participants)


def _time(value: str | datetime) -> datetime:
    return value if isinstance(value, datetime) else parse_time(value)


async def test_both_read_the_same_details() -> None:
    """A session, a participant and a peer report."""
    async with _both() as both:
        session_id = both.source.sessions_of(both.app_id)[0].session_id
        sessions = both.sdk.sessions
        mine = await both.ours.session(both.app_id, session_id)
        other = (await sessions.get_session_details(session_id, **both.ids)).data
        (peer_id, *_) = (await both.ours.participants(both.app_id, session_id)).peer_ids
        who = json.loads((await both.ours.participant(both.app_id, session_id, peer_id)).raw)
        same = await sessions.get_session_participant_details(
            peer_id, **both.ids, session_id=session_id
        )
        report = json.loads((await both.ours.peer_report(both.app_id, peer_id)).raw)
        told = await sessions.get_participant_data_from_peer_id(peer_id, **both.ids)

    assert (mine.session.session_id, mine.title) == (other.id, other.meeting_display_name)
    assert (mine.session.ended, mine.session.started_at) == (
        other.status == "ENDED",
        _time(other.started_at),
    )
    person = who["data"]["participant"]
    assert (person["id"], person["display_name"]) == (
        same.data.participant.id,
        same.data.participant.display_name,
    )
    assert report["data"]["participant"]["session_id"] == told.data.participant.session_id


async def test_both_are_offered_the_same_files() -> None:
    """Chat, transcript and summary of every session: the URL and its expiry."""
    async with _both() as both:
        for session in both.source.sessions_of(both.app_id):
            session_id = session.session_id
            sessions, names = both.sdk.sessions, both.ids
            transcript = await sessions.get_session_transcripts(session_id, **names, format="JSON")
            chat = (await sessions.get_session_chat(session_id, **names)).data
            summary = (await sessions.get_session_summary(session_id, **names)).data
            read = [
                (transcript.data.transcript_download_url, transcript.data.transcript_download_url_expiry),
                (chat.chat_download_url, chat.chat_download_url_expiry),
                (summary.summary_download_url, summary.summary_download_url_expiry),
            ]  # fmt: skip
            offers = [
                await both.ours.transcript(both.app_id, session_id, "JSON"),
                await both.ours.chat(both.app_id, session_id),
                await both.ours.summary(both.app_id, session_id),
            ]
            assert [
                (each.url.reveal() if each.url else "", each.expires_at) for each in offers
            ] == [(url, _time(expiry)) for url, expiry in read]


async def test_both_ask_for_a_summary_alike() -> None:
    """Each POST arrives, and says the same."""
    async with _both() as both:
        session_id = both.source.sessions_of(both.app_id)[0].session_id
        mine = await both.ours.request_summary(both.app_id, session_id)
        other = await both.sdk.sessions.generate_summary_of_transcripts(session_id, **both.ids)

        assert mine.status == other.data.status == "IN_PROGRESS"
        assert both.source.summary_posts[session_id] == 2


async def test_both_see_the_same_webhooks() -> None:
    """One made by either is listed by both, and is gone for both once either removed it."""
    async with _both() as both:
        wanted: dict[str, Any] = {
            "name": "Archive",
            "url": "https://example.com/hook",
            "events": EVENTS,
        }
        mine = await both.ours.create_webhook(both.app_id, **wanted)
        other = (await both.sdk.webhooks.create_webhook(**both.ids, **wanted)).data
        listed = (await both.sdk.webhooks.get_webhooks(**both.ids)).data
        assert {each.id for each in listed} == {mine.id, other.id}
        assert [
            (each.id, each.name, each.url, each.events, each.enabled)
            for each in await both.ours.webhooks(both.app_id)
        ] == [(each.id, each.name, each.url, tuple(each.events), each.enabled) for each in listed]

        await both.ours.delete_webhook(both.app_id, other.id)
        await both.sdk.webhooks.delete_webhook(mine.id, **both.ids)

        assert await both.ours.webhooks(both.app_id) == []
        assert (await both.sdk.webhooks.get_webhooks(**both.ids)).data == []


ERRORS: dict[int, tuple[type[ArchiverError], str]] = {
    400: (SourceRefusedError, "BadRequestError"),
    401: (SourceDeniedError, "AuthenticationError"),
    403: (SourceDeniedError, "PermissionDeniedError"),
    404: (SourceNotFoundError, "NotFoundError"),
    409: (SourceConflictError, "ConflictError"),
    422: (SourceRefusedError, "UnprocessableEntityError"),
    429: (RateLimitedError, "RateLimitError"),
    500: (SourceUnavailableError, "InternalServerError"),
    503: (SourceUnavailableError, "InternalServerError"),
}


@pytest.mark.parametrize("shape", [ErrorShape.REALTIMEKIT, ErrorShape.CLOUDFLARE])
async def test_both_tell_the_same_errors_apart(shape: ErrorShape) -> None:
    """Every status in either shape is the error of that name for both."""
    cloudflare = pytest.importorskip("cloudflare", reason="the official SDK is not installed")
    async with _both() as both:
        session_id = both.source.sessions_of(both.app_id)[0].session_id
        faults = both.source.faults
        for status, (ours, theirs) in ERRORS.items():
            faults.fail(status=status, times=1000, shape=shape)  # ours waits out some of 429
            with pytest.raises(ours):
                await both.ours.session(both.app_id, session_id)
            with pytest.raises(getattr(cloudflare, theirs)):
                await both.sdk.sessions.get_session_details(session_id, **both.ids)
            faults.operations.clear()
