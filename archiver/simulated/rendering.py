"""A session's files as the source would write them: every layout of the reference, section 6."""

from __future__ import annotations

import csv
import io
import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from archiver.model import Kind, TranscriptFormat, format_time
from archiver.simulated.faults import Csv, JsonUnit, Layout, Newline
from archiver.simulated.library import TranscriptMode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.simulated.library import Meeting, Participant, Utterance

_CHAT_COLUMNS = [
    "id",
    "participantId",
    "sessionId",
    "meetingId",
    "displayName",
    "pinned",
    "isEdited",
    "payloadType",
    "payload",
    "createdAt",
]
_CSV_COLUMNS = (
    "Timestamp",
    "Participant ID",
    "User ID",
    "Custom Participant ID",
    "Participant Name",
    "Transcript",
)
_NAMESPACE = uuid.UUID("6a1f3c1e-51b7-5d3c-9f54-3a6b1d1f9a10")


@lru_cache(maxsize=4096)
def made_id(*parts: object) -> str:
    """The same UUID for the same parts, always."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(map(str, parts))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """The ids a session's participants go by."""

    app_id: str
    session_id: str
    participants: tuple[Participant, ...]

    def peer_id(self, index: int) -> str:
        """The connection, new in each session."""
        return made_id(self.session_id, "peer", index)

    def user_id(self, index: int) -> str:
        """The person, the same in each session of the app."""
        who = self.participants[index]
        return made_id(self.app_id, "user", who.custom_id or who.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """All that a session's files are made from."""

    meeting: Meeting
    meeting_id: str
    started_at: datetime
    peers: Peers


def render(source: Source, kind: str, format_: str, layout: Layout) -> bytes:
    """The file of this kind and format, in this layout."""
    if kind == Kind.CHAT:
        text = _chat_json(source) if layout.chat_json else _chat_csv(source, layout)
    elif kind == Kind.SUMMARY:
        text = source.meeting.summary
        if layout.summary_plain:
            text = text.replace("#", "").replace("- ", "").lstrip()
    elif source.meeting.transcript_mode is TranscriptMode.EMPTY:
        return b""
    else:
        text = _transcript(source, format_, layout)
    body = text.encode("utf-8", "surrogatepass")
    return b"\xef\xbb\xbf" + body if layout.bom else body


def _transcript(source: Source, format_: str, layout: Layout) -> str:
    if format_ == TranscriptFormat.JSON:
        return _transcript_json(source, layout)
    if format_ == TranscriptFormat.SRT:
        return _srt(source, layout.newline)
    if format_ == TranscriptFormat.VTT:
        return _vtt(source, layout)
    return _transcript_csv(source, layout)


def _transcript_csv(source: Source, layout: Layout) -> str:
    out = io.StringIO(newline="")
    if layout.csv is Csv.MILLISECONDS:
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=layout.newline)
    else:
        comma = ", " if layout.csv is Csv.SPACED_HEADER else ","
        out.write(comma.join(_CSV_COLUMNS) + layout.newline)
        writer = csv.writer(out, lineterminator=layout.newline)
    for said in source.meeting.utterances:
        who = source.meeting.participants[said.participant]
        at = (
            str(said.start_ms) if layout.csv is Csv.MILLISECONDS else _moment(source, said.start_ms)
        )
        ids = source.peers.peer_id(said.participant), source.peers.user_id(said.participant)
        writer.writerow([at, *ids, who.custom_id, who.name, said.text])
    return out.getvalue()


def _transcript_json(source: Source, layout: Layout) -> str:
    in_seconds = layout.json_unit is JsonUnit.SECONDS
    return json.dumps(
        [_sentence(source, said, in_seconds=in_seconds) for said in source.meeting.utterances],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _sentence(source: Source, said: Utterance, *, in_seconds: bool) -> dict[str, Any]:
    who = source.meeting.participants[said.participant]
    peer = {
        "id": source.peers.peer_id(said.participant),
        "userId": source.peers.user_id(said.participant),
        "displayName": who.name,
        "cpi": who.custom_id,
    }
    if not in_seconds:
        peer |= {"joinedAt": format_time(source.started_at), "leftAt": ""}
    return {
        "startTime": _seconds(said.start_ms) if in_seconds else said.start_ms,
        "endTime": _seconds(said.end_ms) if in_seconds else said.end_ms,
        "sentence": said.text,
        "peerData": peer,
    }


def _seconds(ms: int) -> float | int:
    return ms // 1000 if ms % 1000 == 0 else ms / 1000


def _srt(source: Source, newline: Newline) -> str:
    cues = (
        f"{number}\n{_clock(said.start_ms, ',')} --> {_clock(said.end_ms, ',')}\n{name}: {text}\n"
        for number, (said, name, text) in enumerate(_spoken(source), 1)
    )
    return "\n".join(cues).replace("\n", newline)


def _vtt(source: Source, layout: Layout) -> str:
    cues = ["WEBVTT\n"]
    for said, name, text in _spoken(source):
        escaped = _escape(text)
        line = (
            f"<v {_escape(name)}>{escaped}</v>"
            if layout.vtt_voice_tags
            else f"{_escape(name)}: {escaped}"
        )
        cues.append(f"{_clock(said.start_ms, '.')} --> {_clock(said.end_ms, '.')}\n{line}\n")
    return "\n".join(cues).replace("\n", layout.newline)


def _spoken(source: Source) -> Iterator[tuple[Utterance, str, str]]:
    for said in source.meeting.utterances:
        # A line break would end the cue.
        text = " ".join(said.text.split())
        yield said, source.meeting.participants[said.participant].name, text


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(ms: int, point: str) -> str:
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{ms:03}"


def _moment(source: Source, at_ms: int) -> str:
    return format_time(source.started_at + timedelta(milliseconds=at_ms))


def _messages(source: Source) -> Iterator[dict[str, Any]]:
    for number, message in enumerate(source.meeting.chat):
        yield {
            "id": made_id(source.peers.session_id, "message", number),
            "participantId": source.peers.peer_id(message.participant),
            "sessionId": source.peers.session_id,
            "meetingId": source.meeting_id,
            "displayName": source.meeting.participants[message.participant].name,
            "pinned": False,
            "isEdited": False,
            "payloadType": message.payload_type,
            "payload": message.text,
            "createdAt": _moment(source, message.at_ms),
        }


def _chat_json(source: Source) -> str:
    return json.dumps(list(_messages(source)), ensure_ascii=False)


def _chat_csv(source: Source, layout: Layout) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=layout.newline)
    writer.writerow(_CHAT_COLUMNS)
    if not layout.chat_header_only:
        for message in _messages(source):
            values = (str(v).lower() if isinstance(v, bool) else v for v in message.values())
            writer.writerow(values)
    return out.getvalue()
