"""The webhooks that the source sends: each event's body in the layouts there have been, signed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from archiver.model import Kind, TranscriptFormat, format_time
from archiver.simulated.downloads import file_path
from archiver.simulated.rendering import made_id

if TYPE_CHECKING:
    from archiver.simulated.sessions import SimulatedSession
    from archiver.simulated.source import SimulatedSource


class EventShape(StrEnum):
    """How a body is laid out: reference, 9.3."""

    DOCUMENTED = "documented"
    FLAT = "flat"  #: ids at the top, as one page showed them
    BARE = "bare"  #: ids at the top and nothing else: no app is named


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery: the raw body, and its headers."""

    body: bytes
    headers: dict[str, str]


_LINKED = {
    "meeting.chatSynced": (Kind.CHAT, "", "chat"),
    "meeting.transcript": (Kind.TRANSCRIPT, TranscriptFormat.CSV, "transcript"),
    "meeting.summary": (Kind.SUMMARY, "", "summary"),
}


def sent(
    source: SimulatedSource,
    session_id: str,
    name: str,
    *,
    shape: EventShape = EventShape.DOCUMENTED,
    number: int = 0,
    webhook_id: str = "",
) -> Sent:
    """The event of this name about a session, as it is delivered for the `number`th time."""
    session = source.session(session_id)
    record = {"event": name, **_about(session, name, shape), **_links(source, session, name)}
    body = json.dumps(record, ensure_ascii=False, indent=number % 2 or None).encode()
    headers = {
        "content-type": "application/json",
        "rtk-signature": source.sign(body),
        "rtk-uuid": made_id(session_id, "delivery", name, number),
        "rtk-webhook-id": webhook_id or made_id(session.app_id, "webhook"),
    }
    return Sent(body, headers)


def _about(session: SimulatedSession, name: str, shape: EventShape) -> dict[str, Any]:
    ids = {"sessionId": session.session_id, "meetingId": session.meeting_id}
    if shape is EventShape.BARE:
        return ids
    times = {
        "title": session.meeting.title,
        "createdAt": format_time(session.started_at),
        "startedAt": format_time(session.started_at),
        "endedAt": format_time(session.ended_at) if session.ended_at else None,
        "organizedBy": {"id": session.app_id, "name": session.meeting.app_name},
    }
    if shape is EventShape.FLAT or name == "meeting.chatSynced":
        return {**ids, **times}
    meeting = {"id": session.meeting_id, "sessionId": session.session_id, "status": "LIVE", **times}
    return {"meeting": meeting, **_more(session, name)}


def _more(session: SimulatedSession, name: str) -> dict[str, Any]:
    if name == "meeting.ended":
        return {"reason": "ALL_PARTICIPANTS_LEFT"}
    if name.startswith("meeting.participant"):
        participant = {
            "peerId": session.peers.peer_id(0),
            "userDisplayName": session.meeting.participants[0].name,
            "joinedAt": format_time(session.started_at),
        }
        return {"participant": participant}
    if name == "livestreaming.statusUpdate":
        return {"streamId": made_id(session.session_id, "stream"), "streamKey": "a-stream-key"}
    if name == "recording.statusUpdate":
        recording = {
            "organizationId": session.app_id,
            "roomUUID": session.session_id,
            "status": "UPLOADED",
            "fileSize": "2044680",
        }
        return {"recording": recording}
    return {}


def _links(source: SimulatedSource, session: SimulatedSession, name: str) -> dict[str, str]:
    if name not in _LINKED:
        return {}
    kind, format_, word = _LINKED[name]
    expires_at = source.expires_at(session)
    path = file_path(session.session_id, kind, format_)
    return {
        f"{word}DownloadUrl": source.signed_url(path, expires_at),
        f"{word}DownloadUrlExpiry": format_time(expires_at),
    }
