"""What an artifact holds once it is read: utterances, chat messages, a summary, participants.

`notes` are stable machine codes of what the parser had to decide or repair, such as
`invalid-utf8`, `seconds-unit` or `rows-skipped:3`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime


class Utterance(NamedTuple):
    """What one participant said, in one go; a tuple, since an index holds millions of them."""

    start_ms: int  #: from the session's start, never negative
    end_ms: int | None  #: None where the layout does not say
    speaker: str  #: display name
    peer_id: str
    participant_id: str  #: the participant's user id, stable across sessions
    custom_id: str  #: the customer's own id of the participant
    text: str


class Message(NamedTuple):
    """A chat message; of an image or file only its name is the text, never its link."""

    at_ms: int | None  #: from the session's start; None where it cannot be read
    id: str
    speaker: str
    participant_id: str
    text: str
    kind: str  #: text, image, file, or what else the source calls it, in lower case
    edited: bool
    pinned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The utterances of a session, by start."""

    utterances: tuple[Utterance, ...]
    layout: str  #: csv-ms, csv-iso, json-array, json-object, json-lines, srt, vtt or empty
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """The chat messages of a session, by time where every message has one."""

    messages: tuple[Message, ...]
    layout: str  #: csv, csv-headerless, json-array, json-object, json-lines or empty
    notes: tuple[str, ...]
    attachments: int  #: images and files that are linked and not captured


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The text of a summary, as it was written."""

    text: str
    layout: str  #: markdown or plain
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """One connection of a participant to a session."""

    peer_id: str
    user_id: str
    custom_id: str
    name: str
    joined_at_ms: int | None  #: from the session's start
    left_at_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """The archive's record of a session: what it was called, when it ran and who took part."""

    session_id: str
    meeting_id: str
    title: str
    started_at: datetime | None
    ended_at: datetime | None
    participants: tuple[Participant, ...]
    notes: tuple[str, ...]


class Notes:
    """Collects the codes of what a parser decided or repaired, in the order they came up."""

    __slots__ = ("_counts",)

    def __init__(self, *codes: str) -> None:
        self._counts: dict[str, int] = dict.fromkeys(codes, 0)

    def flag(self, code: str) -> None:
        """Note that this was so."""
        self._counts.setdefault(code, 0)

    def count(self, code: str, number: int = 1) -> None:
        """Note that this was so, this many times more."""
        if number:
            self._counts[code] = self._counts.get(code, 0) + number

    def codes(self) -> tuple[str, ...]:
        """Every code, with its number where it has one."""
        return tuple(f"{code}:{n}" if n else code for code, n in self._counts.items())
