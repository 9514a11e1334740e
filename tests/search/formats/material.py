"""Invented utterances, and each transcript layout of the reference written from them."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from search.formats import Utterance, parse_transcript

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from search.formats import Limits, Transcript

STARTED_AT = datetime(2024, 8, 7, 10, 15, 29, tzinfo=UTC)
HOUR_MS = 3_600_000

ALICE = Utterance(1000, 2500, "Alice", "peer-123", "user-456", "cust-789", "Hello everyone")
BOB = Utterance(3000, 4200, "Bob", "peer-234", "user-567", "cust-890", "Hi Alice")


def parse(
    data: bytes | str,
    hint: str = "",
    *,
    session_ms: int | None = HOUR_MS,
    limits: Limits | None = None,
) -> Transcript:
    """The transcript of a session that began at STARTED_AT."""
    raw = data.encode() if isinstance(data, str) else data
    more = {} if limits is None else {"limits": limits}
    return parse_transcript(raw, hint, started_at=STARTED_AT, session_ms=session_ms, **more)


def iso(ms: int) -> str:
    """That many milliseconds after STARTED_AT, as the API writes it."""
    moment = STARTED_AT + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def json_item(spoken: Utterance, *, unit_ms: int = 1) -> dict[str, object]:
    """An utterance as the source's JSON has it."""
    end_ms = spoken.end_ms
    return {
        "startTime": spoken.start_ms if unit_ms == 1 else spoken.start_ms / unit_ms,
        "endTime": end_ms if unit_ms == 1 or end_ms is None else end_ms / unit_ms,
        "sentence": spoken.text,
        "peerData": {
            "id": spoken.peer_id,
            "userId": spoken.participant_id,
            "displayName": spoken.speaker,
            "cpi": spoken.custom_id,
            "joinedAt": "2024-08-07T10:15:29.000Z",
            "leftAt": "",
        },
    }


def as_json(spoken: Iterable[Utterance], *, unit_ms: int = 1) -> bytes:
    """The JSON layout, current or, in seconds, previous."""
    return json.dumps([json_item(one, unit_ms=unit_ms) for one in spoken]).encode()


def as_csv(rows: Iterable[Sequence[object]], *, quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    """Rows as Python's own writer puts them."""
    out = io.StringIO(newline="")
    csv.writer(out, quoting=quoting).writerows(rows)  # type: ignore[arg-type]  # stubs want a literal
    return out.getvalue().encode()


def as_csv_ms(spoken: Iterable[Utterance]) -> bytes:
    """The current CSV layout: no header, everything quoted, milliseconds."""
    rows = [
        (one.start_ms, one.peer_id, one.participant_id, one.custom_id, one.speaker, one.text)
        for one in spoken
    ]
    return as_csv(rows, quoting=csv.QUOTE_ALL)


def as_csv_iso(spoken: Iterable[Utterance]) -> bytes:
    """The previous CSV layout: with a header, ISO 8601 times."""
    header = "Timestamp,Participant ID,User ID,Custom Participant ID,Participant Name,Transcript"
    rows = [
        (iso(one.start_ms), one.peer_id, one.participant_id, one.custom_id, one.speaker, one.text)
        for one in spoken
    ]
    return header.encode() + b"\r\n" + as_csv(rows)


def clock(ms: int, point: str) -> str:
    """A cue's time."""
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"


def as_srt(spoken: Iterable[Utterance]) -> bytes:
    """SubRip, the speaker's name before the words."""
    return "".join(
        f"{number}\n{clock(one.start_ms, ',')} --> {clock(one.end_ms or one.start_ms, ',')}\n"
        f"{one.speaker}: {one.text}\n\n"
        for number, one in enumerate(spoken, 1)
    ).encode()


def as_vtt(spoken: Iterable[Utterance]) -> bytes:
    """WebVTT, the speaker's name in a voice tag."""
    cues = "".join(
        f"{clock(one.start_ms, '.')} --> {clock(one.end_ms or one.start_ms, '.')}\n"
        f"<v {one.speaker}>{one.text}</v>\n\n"
        for one in spoken
    )
    return f"WEBVTT\n\n{cues}".encode()
