"""The invented meetings: what was said in them, by whom and when, read from `meetings/*.json`."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORD_MS = 375  #: 160 words a minute
#: Chinese and Japanese are written without spaces: about 260 characters a minute.
_UNSPACED_CHARACTER_MS = 230
_LONGEST_WORD = 20
_LEAST_MS = 600
_CLOSING_MS = 20_000


class SummaryMode(StrEnum):
    """How the summary of a meeting comes about."""

    AUTOMATIC = "automatic"
    ON_REQUEST = "on-request"
    NONE = "none"


class TranscriptMode(StrEnum):
    """What is there to download as a transcript."""

    FULL = "full"
    NONE = "none"
    EMPTY = "empty"


class ChatMode(StrEnum):
    """Whether there is a chat export."""

    FULL = "full"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """Someone in a meeting."""

    name: str
    custom_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One stretch of speech; times from the session's start."""

    participant: int
    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One message typed in a session; times from the session's start."""

    at_ms: int
    participant: int
    text: str
    payload_type: str = "TEXT_MESSAGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """One invented meeting, held once."""

    slug: str
    title: str
    participants: Sequence[Participant]
    utterances: Sequence[Utterance]
    language: str = "en"
    app_name: str = "Simulated app"
    days_ago: int = 1
    start_time: str = "10:00"
    chat: Sequence[ChatMessage] = field(default_factory=tuple)
    summary: str = ""
    summary_mode: SummaryMode = SummaryMode.AUTOMATIC
    transcript_mode: TranscriptMode = TranscriptMode.FULL
    chat_mode: ChatMode = ChatMode.FULL
    #: Where the session ends, when it is not right after the last word.
    length_ms: int = 0

    @property
    def duration_ms(self) -> int:
        """The session's length."""
        if self.length_ms:
            return self.length_ms
        spoken = self.utterances[-1].end_ms if self.utterances else 0
        typed = max((message.at_ms for message in self.chat), default=0)
        return max(spoken, typed) + _CLOSING_MS


def load_meetings() -> tuple[Meeting, ...]:
    """Every invented meeting of the package, by slug."""
    folder = resources.files(__package__) / "meetings"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".json")),
        key=lambda file: file.name,
    )
    return tuple(parse_meeting(json.loads(file.read_text(encoding="utf-8"))) for file in files)


def parse_meeting(record: dict[str, Any]) -> Meeting:
    """A meeting from its file, with the times of its utterances worked out."""
    participants = tuple(
        Participant(name=one["name"], custom_id=one["custom_id"]) for one in record["participants"]
    )
    return Meeting(
        slug=record["slug"],
        title=record["title"],
        language=record["language"],
        app_name=record["app"],
        days_ago=record["days_ago"],
        start_time=record["start"],
        participants=participants,
        utterances=timed_utterances(record["slug"], record["utterances"]),
        chat=tuple(
            ChatMessage(at_ms=round(at_s * 1000), participant=who, text=text)
            for at_s, who, text in record["chat"]
        ),
        summary=record["summary"],
        summary_mode=SummaryMode(record["summary_mode"]),
        transcript_mode=TranscriptMode(record["transcript"]),
        chat_mode=ChatMode(record["chat_mode"]),
    )


def timed_utterances(slug: str, spoken: Sequence[Sequence[Any]]) -> tuple[Utterance, ...]:
    """What was said, at a natural pace; the same times for the same slug, whenever asked."""
    moment_ms = 2_000 + _jitter_ms(slug, -1, 3_000)
    utterances: list[Utterance] = []
    for number, (participant, text) in enumerate(spoken):
        same = bool(utterances) and utterances[-1].participant == participant
        moment_ms += _jitter_ms(slug, number, 500 if same else 1_400)
        end_ms = moment_ms + speaking_ms(text)
        utterances.append(
            Utterance(participant=participant, start_ms=moment_ms, end_ms=end_ms, text=text)
        )
        moment_ms = end_ms
    return tuple(utterances)


def speaking_ms(text: str) -> int:
    """How long it takes to say this."""
    total_ms = 0
    for word in text.split():
        wide = sum(unicodedata.east_asian_width(character) == "W" for character in word)
        if wide:
            total_ms += wide * _UNSPACED_CHARACTER_MS
        if len(word) > wide:
            total_ms += max(1, (len(word) - wide) // _LONGEST_WORD) * _WORD_MS
    return max(total_ms, _LEAST_MS)


def _jitter_ms(slug: str, number: int, most_ms: int) -> int:
    return 150 + crc32(f"{slug}/{number}".encode()) % most_ms
