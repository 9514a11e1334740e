"""A chat export, in CSV as documented or in JSON as one webhook calls it, into messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from archiver.model import to_ms
from search.formats.errors import FormatError, parser_of
from search.formats.jsontext import load_items
from search.formats.limits import Limits
from search.formats.links import attachment_name, is_link
from search.formats.model import Chat, Message, Notes
from search.formats.rows import by_name, fit, header_names, read_rows
from search.formats.text import decode
from search.formats.times import MAX_MS, clamp, read_moment, read_number, since

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

#: The documented columns, in their order.
_COLUMNS = (
    "id",
    "participantid",
    "sessionid",
    "meetingid",
    "displayname",
    "pinned",
    "isedited",
    "payloadtype",
    "payload",
    "createdat",
)
_COLUMNS_MIN = 2
_ID = ("id", "messageid")
_PARTICIPANT = ("participantid", "userid", "peerid", "senderid")
_SPEAKER = ("displayname", "name", "participantname", "sender")
_TYPE = ("payloadtype", "messagetype", "type")
_PAYLOAD = ("payload", "message", "text", "content", "link")
_TIME = ("createdat", "timestamp", "sentat", "time", "date")
_WRAPPERS = ("chat", "messages", "data", "items", "results")

_ATTACHED = frozenset({"image", "file", "video", "audio"})
_TRUE = frozenset({"true", "1", "yes", "t", "y"})
_TYPE_SUFFIX = re.compile(r"[_ -]?message\Z")
_TYPE_CHARS_MAX = 64
_EPOCH_SECONDS_MIN = 10**9
_NO_LIMITS_GIVEN = Limits()

Fields = dict[str, Any]


@parser_of("chat")
def parse_chat(data: bytes, *, started_at: datetime, limits: Limits = _NO_LIMITS_GIVEN) -> Chat:
    """The chat messages in these bytes, or FormatError."""
    text, repairs = decode(data, limits)
    notes = Notes(*repairs)
    start = text.lstrip()[:1]
    if not start:
        return Chat(messages=(), layout="empty", notes=notes.codes(), attachments=0)
    if start in "[{":
        records, layout = _json_records(text, limits, notes)
    else:
        records, layout = _csv_records(text, limits, notes)
    reader = _Reader(started_at, limits, notes)
    messages = [message for fields in records if (message := reader.read(fields)) is not None]
    return Chat(
        messages=_in_order(messages, notes),
        layout=layout,
        notes=notes.codes(),
        attachments=reader.attachments,
    )


def _json_records(text: str, limits: Limits, notes: Notes) -> tuple[Iterable[Fields], str]:
    items, layout = load_items(text, limits, notes, keys=_WRAPPERS, is_item=_is_item)
    records = [by_name(item) for item in items if isinstance(item, dict)]
    if items and not any(_is_message(fields) for fields in records):
        raise FormatError("no item is a chat message", reason="unrecognised", layout=layout)
    notes.count("rows-skipped", len(items) - len(records))
    return records, layout


def _is_item(value: dict[str, object]) -> bool:
    fields = by_name(value)
    words = any(isinstance(fields.get(name), str) for name in _PAYLOAD)
    return words and _first(fields, (*_TIME, *_TYPE, *_SPEAKER)) is not None


def _is_message(fields: Fields) -> bool:
    return _first(fields, _PAYLOAD) is not None


def _csv_records(text: str, limits: Limits, notes: Notes) -> tuple[Iterable[Fields], str]:
    rows = read_rows(text.lstrip(), limits)
    first = next(rows, [])
    names = header_names(first)
    if sum(name in names for name in _COLUMNS) >= _COLUMNS_MIN:
        payload = next((names.index(name) for name in _PAYLOAD if name in names), -1)
        if payload < 0:
            raise FormatError("no payload column", reason="unrecognised", layout="csv")
        return _named(rows, names, payload, notes), "csv"
    if len(first) == len(_COLUMNS) and _is_documented_row(first):
        payload = _COLUMNS.index("payload")
        return _named(_with(first, rows), _COLUMNS, payload, notes), "csv-headerless"
    raise FormatError("no column is known", reason="unrecognised", layout="csv")


def _is_documented_row(cells: list[str]) -> bool:
    kind = cells[_COLUMNS.index("payloadtype")].strip().lower()
    return kind.endswith("_message") or read_moment(cells[-1]) is not None


def _with(first: list[str], rows: Iterable[list[str]]) -> Iterator[list[str]]:
    yield first
    yield from rows


def _named(
    rows: Iterable[list[str]], names: tuple[str, ...], payload: int, notes: Notes
) -> Iterator[Fields]:
    for cells in rows:
        if len(cells) <= payload:
            notes.count("rows-skipped")
        else:
            yield dict(zip(names, fit(cells, len(names), payload), strict=True))


class _Reader:
    """Reads record after record, counting attachments and what had to be left out."""

    def __init__(self, started_at: datetime, limits: Limits, notes: Notes) -> None:
        self.attachments = 0
        self._started_at = started_at
        self._limits = limits
        self._notes = notes

    def read(self, fields: Fields) -> Message | None:
        payload = _first(fields, _PAYLOAD)
        kind = _kind(_first(fields, _TYPE))
        text = self._text(fields, kind, payload)
        if text is None:
            return None
        at_ms = _read_time(_first(fields, _TIME), self._started_at)
        self._notes.count("times-unread", at_ms is None)
        return Message(
            at_ms=at_ms,
            id=_text(_first(fields, _ID)),
            speaker=_text(_first(fields, _SPEAKER)),
            participant_id=_text(_first(fields, _PARTICIPANT)),
            text=text,
            kind=kind,
            edited=_is_true(_first(fields, ("isedited", "edited"))),
            pinned=_is_true(_first(fields, ("pinned", "ispinned"))),
        )

    def _text(self, fields: Fields, kind: str, payload: object) -> str | None:
        """What is said or attached; None where the message is left out."""
        words = _words(payload)
        if kind in _ATTACHED or (kind != "text" and (words is None or is_link(words))):
            self.attachments += 1
            # The client's own messages have name and link beside each other and no payload.
            described = fields if "link" in fields and "payload" not in fields else payload
            return self._cut(attachment_name(described))
        if words is None:
            self._notes.count("rows-skipped")
        elif not words.strip():
            self._notes.count("empty-text")
        else:
            return self._cut(words)
        return None

    def _cut(self, text: str) -> str:
        if len(text) > self._limits.text_chars:
            self._notes.count("text-cut")
        return text[: self._limits.text_chars]


def _first(fields: Fields, names: tuple[str, ...]) -> Any:
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _text(value: object) -> str:
    if type(value) is int and abs(value) < 10**18:
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def _words(payload: object) -> str | None:
    if isinstance(payload, dict):
        payload = _first(by_name(payload), ("message", "text"))
    if type(payload) is int:
        return _text(payload) or None
    return payload if isinstance(payload, str) else None


def _kind(value: object) -> str:
    kind = _TYPE_SUFFIX.sub("", _text(value)[:_TYPE_CHARS_MAX].lower())
    return kind or "text"


def _is_true(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in _TRUE
    return value is True or value == 1


def _read_time(value: object, started_at: datetime) -> int | None:
    """A message's time is a moment: ISO 8601, or seconds or milliseconds since 1970."""
    number = read_number(value)
    if number is None:
        moment = read_moment(value)
        return None if moment is None else int(since(started_at, moment))
    if number < _EPOCH_SECONDS_MIN:
        return None
    return clamp((number if number > MAX_MS else number * 1000) - to_ms(started_at))


def _in_order(messages: list[Message], notes: Notes) -> tuple[Message, ...]:
    if any(message.at_ms is None for message in messages):
        return tuple(messages)
    ordered = sorted(messages, key=lambda message: message.at_ms or 0)
    if ordered != messages:
        notes.flag("reordered")
    return tuple(ordered)
