"""Transcripts in JSON: RealtimeKit's file in milliseconds or seconds, and its client's live payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.formats.assemble import Row, assemble
from search.formats.errors import FormatError
from search.formats.jsontext import load_items
from search.formats.rows import by_name
from search.formats.times import MAX_MS, Offset, read_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from search.formats.limits import Limits
    from search.formats.model import Notes, Transcript

_WRAPPERS = ("transcript", "transcripts", "data", "utterances", "segments", "results", "items")
_TEXT = ("sentence", "transcript", "text")
_START = ("starttime", "startms", "start", "timestamp", "date", "time")
_END = ("endtime", "endms", "end")
_PEER = ("peerdata", "participant", "peer")
_NAME = ("displayname", "name", "participantname")
_USER_ID = ("userid",)
_CUSTOM_ID = ("cpi", "customparticipantid", "clientspecificid")

_NUMBERS = frozenset({int, float})
#: What a session's length may fall short of its last utterance.
_MARGIN_RATIO = 1.05
_MARGIN_S = 60
#: Speech has 4 to 25 characters a second, hence at most 0.025 a millisecond; this is between.
_CHARS_PER_UNIT = 0.5


def parse_json(
    text: str,
    notes: Notes,
    limits: Limits,
    *,
    started_at: datetime,
    session_ms: int | None,
) -> Transcript:
    """The transcript in a JSON text."""
    items, layout = load_items(text, limits, notes, keys=_WRAPPERS, is_item=_is_item)
    rows = _read_items(items, started_at, notes)
    if items and not rows:
        raise FormatError("no item is an utterance", reason="unrecognised", layout=layout)
    if _is_in_seconds(rows, session_ms):
        notes.flag("seconds-unit")
        rows = [_to_ms(row) for row in rows]
    return assemble(rows, layout, notes, limits)


def _is_item(value: dict[str, object]) -> bool:
    return any(isinstance(value.get(key), str) for key in _TEXT)


def _read_items(items: Sequence[object], started_at: datetime, notes: Notes) -> list[Row]:
    rows: list[Row] = []
    partials: dict[object, Row] = {}
    skipped = dropped = 0
    for item in items:
        if not isinstance(item, dict):
            skipped += 1
            continue
        row = _read_documented(item) or _read_any(item, started_at)
        if row is None:
            skipped += 1
        elif "isPartialTranscript" not in item:
            rows.append(row)
        else:
            # What is said is sent over and over as it grows; only the last of each run counts.
            dropped += partials.pop(row[2:6], None) is not None
            if item["isPartialTranscript"] is True:
                partials[row[2:6]] = row
            else:
                rows.append(row)
    notes.count("rows-skipped", skipped)
    notes.count("partials-dropped", dropped)
    rows.extend(partials.values())
    return rows


def _read_documented(item: dict[str, Any]) -> Row | None:
    """The item as documented, the fast way; None if anything about it is otherwise."""
    try:
        peer, start, end = item["peerData"], item["startTime"], item["endTime"]
        text, name, peer_id = item["sentence"], peer["displayName"], peer["id"]
        user_id, custom_id = peer["userId"], peer["cpi"]
    except (TypeError, KeyError, IndexError):
        return None
    if (
        type(start) in _NUMBERS
        and type(end) in _NUMBERS
        and type(text) is type(name) is type(peer_id) is type(user_id) is type(custom_id) is str
        and 0 <= start <= end <= MAX_MS
    ):
        return start, end, name, peer_id, user_id, custom_id, text
    return None


def _read_any(item: dict[str, Any], started_at: datetime) -> Row | None:
    """The item in any spelling; None without words or without a start."""
    fields = by_name(item)
    text = next((fields[key] for key in _TEXT if isinstance(fields.get(key), str)), None)
    start = _first_time(fields, _START, started_at)
    if text is None or start is None:
        return None
    end = _first_time(fields, _END, started_at)
    peer = next((fields[key] for key in _PEER if isinstance(fields.get(key), dict)), None)
    if peer is None:
        ids = ("peerid", "id")
    else:
        ids = ("id", "peerid")
        fields = by_name(peer)
    name, user_id = _first_text(fields, _NAME), _first_text(fields, _USER_ID)
    custom_id = _first_text(fields, _CUSTOM_ID)
    return start, end, name, _first_text(fields, ids), user_id, custom_id, text


def _first_time(
    fields: dict[str, object], names: tuple[str, ...], started_at: datetime
) -> float | None:
    times = (read_time(fields[name], started_at) for name in names if name in fields)
    return next((time for time in times if time is not None), None)


def _first_text(fields: dict[str, object], names: tuple[str, ...]) -> str:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str):
            return value
        if type(value) is int and abs(value) < 10**18:
            return str(value)
    return ""


def _is_in_seconds(rows: Sequence[Row], session_ms: int | None) -> bool:
    """Which unit the file's numbers are in: reference, section 6.2, and how fast they spoke.

    The reference's rule alone takes the first seconds of an hour, written in milliseconds, for
    its whole length in seconds.
    """
    spoken = [row for row in rows if type(row[0]) is not Offset]
    if not spoken:
        return False
    times = [row[0] for row in spoken]
    times += [row[1] for row in spoken if row[1] is not None]
    fractional = any(map(_is_fractional, times)) if float in set(map(type, times)) else False
    last = max(times)
    fits = session_ms is None or last <= session_ms / 1000 * _MARGIN_RATIO + _MARGIN_S
    if fractional and fits:
        return True
    if not fractional and not fits:
        return False
    units, chars = _spoken_units(spoken)
    known = fractional or (session_ms is not None and last > 0)
    in_seconds = chars / units > _CHARS_PER_UNIT if units else known
    return in_seconds if fractional else fits and in_seconds


def _spoken_units(rows: Sequence[Row]) -> tuple[float, int]:
    """How long was spoken, in the file's own unit, and how many characters in that time."""
    units, chars = 0.0, 0
    for start, end, _, _, _, _, text in rows:
        if end is not None and end > start:
            units += end - start
            chars += len(text)
    return units, chars


def _is_fractional(value: float) -> bool:
    return type(value) is float and not value.is_integer()


def _to_ms(row: Row) -> Row:
    start, end, name, peer_id, user_id, custom_id, text = row
    if type(start) is not Offset:
        start = start * 1000
    if end is not None and type(end) is not Offset:
        end = end * 1000
    return start, end, name, peer_id, user_id, custom_id, text
