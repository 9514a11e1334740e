"""Artifact bytes into utterances, chat messages, a summary and participants.

Pure: bytes in, values out, no I/O and no state. From arbitrary bytes every parser returns a value
or raises `FormatError`, in linear time and within `Limits`; what was decided or repaired on the way
is in the value's `notes`. What was said in a meeting is never in an error.
"""

from search.formats.chat import parse_chat
from search.formats.encoding import expand
from search.formats.errors import FormatError
from search.formats.limits import Limits
from search.formats.model import (
    Chat,
    Message,
    Participant,
    SessionRecord,
    Summary,
    Transcript,
    Utterance,
)
from search.formats.session import parse_session_record
from search.formats.summary import parse_summary
from search.formats.transcript import parse_transcript

__all__ = [
    "Chat",
    "FormatError",
    "Limits",
    "Message",
    "Participant",
    "SessionRecord",
    "Summary",
    "Transcript",
    "Utterance",
    "expand",
    "parse_chat",
    "parse_session_record",
    "parse_summary",
    "parse_transcript",
]
