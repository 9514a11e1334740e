"""Sessions, participants and peer reports as the API writes them: reference, section 4."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zlib import crc32

from archiver.model import Kind, format_time
from archiver.simulated.faults import Expiry
from archiver.simulated.library import TranscriptMode
from archiver.simulated.rendering import made_id

if TYPE_CHECKING:
    from archiver.simulated.faults import ShapeFaults
    from archiver.simulated.sessions import SimulatedSession

_LINK_KEYS = {
    Kind.CHAT: ("chat_download_url", "chat_download_url_expiry"),
    Kind.TRANSCRIPT: ("transcript_download_url", "transcript_download_url_expiry"),
    Kind.SUMMARY: ("summaryDownloadUrl", "summaryDownloadUrlExpiry"),
}
_OTHER_CASE = {
    Kind.CHAT: ("chatDownloadUrl", "chatDownloadUrlExpiry"),
    Kind.TRANSCRIPT: ("transcriptDownloadUrl", "transcriptDownloadUrlExpiry"),
    Kind.SUMMARY: ("summary_download_url", "summary_download_url_expiry"),
}


def session_record(
    session: SimulatedSession, shapes: ShapeFaults, now: datetime, *, rooms: bool
) -> dict[str, Any]:
    """The session; with its breakout rooms, if it has any and they were asked for."""
    ended = session.has_ended(now)
    last = session.ended_at if ended and session.ended_at else now
    record: dict[str, Any] = {
        "id": session.session_id,
        "associated_id": _v1_id(session.meeting_id)
        if shapes.v1_meeting_ids
        else session.meeting_id,
        "meeting_display_name": session.meeting.title,
        "type": "hologram" if shapes.unknown_values else "meeting",
        "status": shapes.statuses.get(session.session_id) or _status(ended, shapes),
        "live_participants": 0 if ended else len(session.meeting.participants),
        "max_concurrent_participants": len(session.meeting.participants),
        "minutes_consumed": minutes_consumed(session, now),
        "organization_id": session.app_id,
        "started_at": format_time(session.started_at),
        "created_at": format_time(session.started_at),
        "updated_at": format_time(last + timedelta(seconds=1 if ended else 0)),
    }
    if shapes.null_ended_at:
        record["ended_at"] = None
    elif ended:
        record["ended_at"] = format_time(last)
    if shapes.seen_fields:
        record |= _seen_fields(session, record["minutes_consumed"], ended=ended)
    if shapes.unknown_fields:
        record |= {"a_field_from_the_future": {"nested": [1, None]}, "meta": {"room_name": "x"}}
    if rooms and session.rooms:
        record["breakout_rooms"] = [
            session_record(room, shapes, now, rooms=True)
            for room in session.rooms
            if room.started_at <= now
        ]
    return record


def minutes_consumed(session: SimulatedSession, now: datetime) -> float:
    """What the session was billed for until now."""
    last = min(now, session.ended_at or now)
    minutes = (last - session.started_at).total_seconds() / 60
    return round(minutes * len(session.meeting.participants), 4)


def _status(ended: bool, shapes: ShapeFaults) -> str:
    if ended:
        return "ENDED"
    return "PAUSED" if shapes.unknown_values else "LIVE"


def _seen_fields(session: SimulatedSession, minutes: float, *, ended: bool) -> dict[str, Any]:
    silent = session.meeting.transcript_mode is TranscriptMode.NONE
    return {
        "total_participants": len(session.meeting.participants),
        "transcription_minutes_consumed": 0 if silent or not ended else minutes,
        "recording_minutes_consumed": 0,
        "parent_session_id": session.parent_id or None,
    }


def _v1_id(meeting_id: str) -> str:
    letters = "".join(chr(ord("a") + byte % 26) for byte in meeting_id.encode())
    return f"{letters[:6]}-{letters[-6:]}"


def participant_record(
    session: SimulatedSession, index: int, now: datetime, *, events: bool = False
) -> dict[str, Any]:
    """One connection to the session."""
    who = session.meeting.participants[index]
    joined_at = session.started_at + timedelta(milliseconds=joined_ms(session, index))
    ended = session.has_ended(now) and session.ended_at is not None
    left_at = session.ended_at if ended else None
    minutes = ((left_at or now) - joined_at).total_seconds() / 60
    record: dict[str, Any] = {
        "id": session.peers.peer_id(index),
        "user_id": session.peers.user_id(index),
        "custom_participant_id": who.custom_id,
        "display_name": who.name,
        "preset_name": "group_call_host" if index == 0 else "group_call_participant",
        "duration": round(max(minutes, 0), 4),
        "joined_at": format_time(joined_at),
        "left_at": format_time(left_at) if left_at else None,
        "created_at": format_time(joined_at),
        "updated_at": format_time(left_at or joined_at),
    }
    if events:
        record["peer_events"] = _peer_events(session, index, joined_at, left_at)
    return record


def joined_ms(session: SimulatedSession, index: int) -> int:
    """When someone joined: some seconds in, but before their first word."""
    if index == 0:
        return 0
    first = next(
        (one.start_ms for one in session.meeting.utterances if one.participant == index), 40_000
    )
    return int(min(first, crc32(f"{session.session_id}/{index}".encode()) % 40_000))


def peer_report(session: SimulatedSession, index: int, now: datetime) -> dict[str, Any]:
    """A participant as the peer report has them, with an invented network and device."""
    record = participant_record(session, index, now, events=True)
    record["role"] = record.pop("preset_name")
    record["session_id"] = session.session_id
    record["peer_report"] = {
        "metadata": {
            "browser_metadata": {"browser": "Firefox", "browser_version": "140.0"},
            "ip_information": {"ipv4": f"192.0.2.{index % 250 + 1}", "country": "XX"},
        },
        "quality": {},
    }
    return record


def _peer_events(
    session: SimulatedSession, index: int, joined_at: datetime, left_at: datetime | None
) -> list[dict[str, Any]]:
    moments = [("PEER_CREATED", joined_at), ("PEER_JOINING", joined_at)]
    if left_at is not None:
        moments.append(("PEER_LEAVING", left_at))
    peer_id = session.peers.peer_id(index)
    return [
        {
            "id": made_id(peer_id, name),
            "event_name": name,
            "peer_id": peer_id,
            "session_id": session.session_id,
            "created_at": format_time(at),
            "updated_at": format_time(at),
        }
        for name, at in moments
    ]


def link_record(
    session: SimulatedSession, kind: Kind, url: str, expiry: str | None, *, other_case: bool
) -> dict[str, Any]:
    """Where a file is to be had; the case of the keys differs by kind, as in the API itself."""
    url_key, expiry_key = (_OTHER_CASE if other_case else _LINK_KEYS)[kind]
    record: dict[str, Any] = {} if kind is Kind.CHAT else {"sessionId": session.session_id}
    record[url_key] = url
    if expiry is not None:
        record[expiry_key] = expiry
    return record


def expiry_text(style: Expiry, expires_at: datetime, now: datetime) -> str | None:
    """The expiry as it is written; None leaves it out."""
    if style is Expiry.MISSING:
        return None
    if style is Expiry.EMPTY:
        return ""
    if style is Expiry.SPACE:
        return f"{expires_at:%Y-%m-%d %H:%M:%S.%f}Z"
    return format_time(now - timedelta(days=1) if style is Expiry.PAST else expires_at)
