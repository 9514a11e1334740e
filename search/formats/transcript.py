"""A transcript in any layout the source has used: the content decides which, never its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from search.formats.cues import has_timing, parse_cues
from search.formats.errors import parser_of
from search.formats.limits import Limits
from search.formats.model import Notes, Transcript
from search.formats.text import decode
from search.formats.transcript_csv import parse_csv
from search.formats.transcript_json import parse_json

if TYPE_CHECKING:
    from datetime import datetime

#: Where the first cue must be: further on where cues were asked for.
_HEAD_CHARS = 4096
_HINTED_HEAD_CHARS = 2**20
_FIRST = re.compile(r"\s*(\S{0,6})")
_NO_LIMITS_GIVEN = Limits()


@parser_of("transcript")
def parse_transcript(
    data: bytes,
    format_hint: str,
    *,
    started_at: datetime,
    session_ms: int | None,
    limits: Limits = _NO_LIMITS_GIVEN,
) -> Transcript:
    """The utterances in these bytes, or FormatError.

    `format_hint` is the format that was asked for; it decides only what the content leaves open.
    """
    text, repairs = decode(data, limits)
    notes = Notes(*repairs)
    layout = _detect(text, format_hint)
    if layout == "empty":
        return Transcript(utterances=(), layout=layout, notes=notes.codes())
    if layout == "json":
        return parse_json(text, notes, limits, started_at=started_at, session_ms=session_ms)
    if layout == "csv":
        return parse_csv(text, notes, limits, started_at=started_at)
    return parse_cues(text, notes, limits, layout=layout)


def _detect(text: str, format_hint: str) -> str:
    match = _FIRST.match(text)
    first = match.group(1) if match else ""
    if not first:
        return "empty"
    if first == "WEBVTT":
        return "vtt"
    if first[0] in "[{":
        return "json"
    hinted = format_hint.lower()
    head_chars = _HINTED_HEAD_CHARS if hinted in {"srt", "vtt"} else _HEAD_CHARS
    if first[0] != '"' and has_timing(text[:head_chars]):
        return "vtt" if hinted == "vtt" else "srt"
    return "csv"
