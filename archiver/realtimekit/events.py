"""What a webhook's body says: which session, and which of its artifacts; pure.

Reference, section 9.3. Bodies are flat or nested, old or new; names and states in them are not looked
at, and what is not needed (titles, participants, stream keys) is never read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from archiver.model import CHAT, SUMMARY, ArtifactId, TranscriptFormat, is_id, transcript
from archiver.realtimekit import slices
from archiver.realtimekit.lenient import Fields, decode
from archiver.realtimekit.results import DownloadUrl

CHAT_SYNCED = "meeting.chatSynced"
ENDED = "meeting.ended"
SUMMARY_READY = "meeting.summary"
TRANSCRIPT_READY = "meeting.transcript"
#: What we subscribe to: an end, and the artifacts after it.
SUBSCRIBED = (ENDED, CHAT_SYNCED, TRANSCRIPT_READY, SUMMARY_READY)
#: Every event there is (reference, 9.3); one of them carries the key of a live stream.
EVENTS = frozenset(
    {
        *SUBSCRIBED,
        "meeting.started",
        "meeting.participantJoined",
        "meeting.participantLeft",
        "recording.statusUpdate",
        "livestreaming.statusUpdate",
    }
)
_FORMATS = {f".{each.lower()}": each for each in TranscriptFormat}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """One event; ids are "" where the body has none that could be one."""

    name: str
    app_id: str = ""
    session_id: str = ""
    artifact: ArtifactId | None = None
    url: DownloadUrl | None = None


def parse_event(body: bytes) -> WebhookEvent:
    """The event in a body; raises ValueError where there is none."""
    try:
        root = Fields(slices.parse(decode(body)).value)
    except RecursionError:
        raise ValueError("the body is nested too deep") from None
    name = root.text("event")
    if not name:
        raise ValueError("the body names no event")
    meeting, recording = Fields(root.get("meeting")), Fields(root.get("recording"))
    organizers = (Fields(each.get("organizedby")).text("id") for each in (meeting, root))
    url = _url(root, name)
    return WebhookEvent(
        name=name,
        app_id=_id(next(filter(None, organizers), "") or recording.text("organizationid")),
        session_id=_id(
            meeting.text("sessionid") or root.text("sessionid") or recording.text("roomuuid")
        ),
        artifact=_artifact(name, url),
        url=url,
    )


def _id(text: str) -> str:
    return text if is_id(text) else ""


def _url(root: Fields, name: str) -> DownloadUrl | None:
    kind = {CHAT_SYNCED: "chat", TRANSCRIPT_READY: "transcript", SUMMARY_READY: "summary"}.get(name)
    text = root.text(f"{kind}downloadurl", "downloadurl") if kind else ""
    return DownloadUrl(text) if text else None


def _artifact(name: str, url: DownloadUrl | None) -> ArtifactId | None:
    if name == CHAT_SYNCED:
        return CHAT
    if name == SUMMARY_READY:
        return SUMMARY
    return transcript(_format_of(url)) if name == TRANSCRIPT_READY else None


def _format_of(url: DownloadUrl | None) -> TranscriptFormat:
    """The format a transcript's URL names; CSV, as documented, where it names none."""
    try:
        suffix = PurePosixPath(urlsplit(url.reveal()).path).suffix.lower() if url else ""
    except ValueError:
        suffix = ""
    return _FORMATS.get(suffix, TranscriptFormat.CSV)
