"""The official SDK reads the simulated source: all nine session operations, apps and webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from archiver.simulated import SimulatedServer, SimulatedSource, serve_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

cloudflare = pytest.importorskip("cloudflare", reason="the official SDK is not installed")


@pytest.fixture
def server(source: SimulatedSource) -> Iterator[SimulatedServer]:
    with serve_in_thread(source) as server:
        yield server


@pytest.fixture
def kit(server: SimulatedServer, source: SimulatedSource) -> Iterator[Any]:
    with cloudflare.Cloudflare(
        api_token=source.token, base_url=server.base_url, max_retries=0
    ) as client:
        yield client.realtime_kit


@pytest.fixture
def ids(source: SimulatedSource) -> dict[str, str]:
    return {"account_id": source.account_id, "app_id": source.apps[0].app_id}


def test_lists(kit: Any, source: SimulatedSource, ids: dict[str, str], session_id: str) -> None:
    """Apps, sessions and participants are read as they are."""
    apps = kit.apps.get(account_id=source.account_id)
    page = kit.sessions.get_sessions(
        **ids, page_no=1, per_page=10, status="ENDED", sort_by="createdAt", sort_order="ASC"
    )
    people = kit.sessions.get_session_participants(session_id, **ids).data.participants

    assert [app.id for app in apps.data] == [ids["app_id"]]
    assert [one.id for one in page.data.sessions] == [session_id]
    assert page.paging.total_count == 1
    assert page.data.sessions[0].meeting_display_name == source.session(session_id).meeting.title
    assert [one.display_name for one in people] == [
        who.name for who in source.session(session_id).meeting.participants
    ]


def test_details(kit: Any, ids: dict[str, str], session_id: str) -> None:
    """A session, a participant and a peer report are read as they are."""
    sessions = kit.sessions
    session = sessions.get_session_details(session_id, **ids, include_breakout_rooms=True).data
    peer_id = sessions.get_session_participants(session_id, **ids).data.participants[0].id
    who = sessions.get_session_participant_details(peer_id, **ids, session_id=session_id).data
    report = sessions.get_participant_data_from_peer_id(peer_id, **ids).data

    assert (session.id, session.status) == (session_id, "ENDED")
    assert who.participant.id == report.participant.id == peer_id
    assert report.participant.session_id == session_id


def test_artifacts(kit: Any, server: SimulatedServer, ids: dict[str, str], session_id: str) -> None:
    """The links to chat, transcript and summary are read, with their expiry."""
    chat = kit.sessions.get_session_chat(session_id, **ids).data
    transcript = kit.sessions.get_session_transcripts(session_id, **ids, format="JSON").data
    summary = kit.sessions.get_session_summary(session_id, **ids).data

    for url in (
        chat.chat_download_url,
        transcript.transcript_download_url,
        summary.summary_download_url,
    ):
        assert url.startswith(f"{server.origin}/files/{session_id}/")
    assert chat.chat_download_url_expiry == summary.summary_download_url_expiry
    assert transcript.session_id == summary.session_id == session_id


def test_post_summary(kit: Any, ids: dict[str, str], session_id: str) -> None:
    """POST summary is read as the current schema has it."""
    answer = kit.sessions.generate_summary_of_transcripts(session_id, **ids)

    assert (answer.data.session_id, answer.data.status) == (session_id, "IN_PROGRESS")


def test_errors(kit: Any, source: SimulatedSource, ids: dict[str, str], session_id: str) -> None:
    """Errors arrive as the SDK's own, by status."""
    source.faults.on(kind="chat", never=True)
    with pytest.raises(cloudflare.NotFoundError):
        kit.sessions.get_session_chat(session_id, **ids)
    source.faults.fail(status=429, retry_after="300")
    with pytest.raises(cloudflare.RateLimitError):
        kit.sessions.get_sessions(**ids)


def test_webhooks(kit: Any, ids: dict[str, str]) -> None:
    """Webhooks are made, listed and deleted."""
    made = kit.webhooks.create_webhook(
        **ids, name="Archive", url="https://example.com/hook", events=["meeting.ended"]
    ).data
    listed = kit.webhooks.get_webhooks(**ids).data

    assert [one.id for one in listed] == [made.id]

    kit.webhooks.delete_webhook(made.id, **ids)

    assert kit.webhooks.get_webhooks(**ids).data == []
