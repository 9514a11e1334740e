"""One simulated session through its life: live, ended, its files made, and deleted seven days later."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from archiver.model import SOURCE_RETENTION, Kind
from archiver.simulated.library import ChatMode, SummaryMode, TranscriptMode
from archiver.simulated.rendering import Peers, Source

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.simulated.library import Meeting


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long after what the source has it ready, and keeps it."""

    chat_s: float = 30  #: after the session's end
    transcript_s: float = 120  #: after the session's end
    summary_s: float = 60  #: after the transcript, where it comes by itself
    requested_summary_s: float = 60  #: after the POST
    url_lifetime_s: float | None = None  #: of a download URL; None is until the deletion
    retention: timedelta = SOURCE_RETENTION  #: from the session's end


@dataclass(slots=True, kw_only=True)
class SimulatedSession:
    """One session, with what was ever put into it."""

    session_id: str
    app_id: str
    meeting_id: str
    meeting: Meeting
    started_at: datetime
    ended_at: datetime | None  #: None while nobody knows
    parent_id: str = ""
    rooms: list[SimulatedSession] = field(default_factory=list)
    requested_at: datetime | None = None  #: when a POST was accepted
    content: dict[tuple[str, str], bytes | Path] = field(default_factory=dict)

    @property
    def peers(self) -> Peers:
        return Peers(
            app_id=self.app_id,
            session_id=self.session_id,
            participants=tuple(self.meeting.participants),
        )

    @property
    def source(self) -> Source:
        """What its files are made from."""
        return Source(
            meeting=self.meeting,
            meeting_id=self.meeting_id,
            started_at=self.started_at,
            peers=self.peers,
        )

    def has_ended(self, now: datetime) -> bool:
        return self.ended_at is not None and self.ended_at <= now

    def has_file(self, kind: str, timing: Timing, now: datetime) -> bool:
        """Whether this kind of file is there now: made, and not yet deleted."""
        ready_at = self.ready_at(kind, timing)
        if ready_at is None or self.ended_at is None:
            return False
        return ready_at <= now < self.ended_at + timing.retention

    def ready_at(self, kind: str, timing: Timing) -> datetime | None:
        """When this kind of file is made; None is never, as far as is known now."""
        if self.ended_at is None:
            return None
        if kind == Kind.CHAT:
            made = self.meeting.chat_mode is ChatMode.FULL or self._was_put(kind)
            return self.ended_at + timedelta(seconds=timing.chat_s) if made else None
        transcript_at = self._transcript_at(timing)
        return transcript_at if kind == Kind.TRANSCRIPT else self._summary_at(transcript_at, timing)

    def _transcript_at(self, timing: Timing) -> datetime | None:
        made = self.meeting.transcript_mode is not TranscriptMode.NONE
        if self.ended_at is None or not (made or self._was_put(Kind.TRANSCRIPT)):
            return None
        return self.ended_at + timedelta(seconds=timing.transcript_s)

    def _summary_at(self, transcript_at: datetime | None, timing: Timing) -> datetime | None:
        if transcript_at is None or not self.has_words:
            return None
        mode = self.meeting.summary_mode
        if mode is SummaryMode.NONE and not self._was_put(Kind.SUMMARY):
            return None
        moments = []
        if mode is SummaryMode.AUTOMATIC:
            moments.append(transcript_at + timedelta(seconds=timing.summary_s))
        if self.requested_at is not None:
            moments.append(self.requested_at + timedelta(seconds=timing.requested_summary_s))
        return min(moments, default=None)

    @property
    def has_words(self) -> bool:
        """Whether there is anything a summary could be made from."""
        return self.meeting.transcript_mode is TranscriptMode.FULL or self._was_put(Kind.TRANSCRIPT)

    def _was_put(self, kind: str) -> bool:
        return any(put == kind for put, _ in self.content)
