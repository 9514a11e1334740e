"""The archive's own record of a session: the source's session object and its pages of participants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.formats.errors import FormatError, parser_of
from search.formats.jsontext import find_items, load
from search.formats.limits import Limits
from search.formats.model import Notes, Participant, SessionRecord
from search.formats.rows import by_name
from search.formats.text import decode
from search.formats.times import read_moment, since

if TYPE_CHECKING:
    from datetime import datetime

_WRAPPERS = ("participants", "data", "result")
_PEER_ID = ("id", "peerid")
_CUSTOM_ID = ("customparticipantid", "cpi", "clientspecificid")
_NAME = ("displayname", "name", "userdisplayname")
_NO_LIMITS_GIVEN = Limits()

Fields = dict[str, Any]


@parser_of("session")
def parse_session_record(data: bytes, *, limits: Limits = _NO_LIMITS_GIVEN) -> SessionRecord:
    """The session and its participants in these bytes, or FormatError."""
    text, repairs = decode(data, limits)
    notes = Notes(*repairs)
    record = load(text, limits, notes)
    session = _session(record)
    if session is None:
        raise FormatError("no session in the record", reason="unrecognised", layout="json")
    started_at = read_moment(session.get("startedat"))
    pages = record.get("participants") if isinstance(record, dict) else None
    return SessionRecord(
        session_id=_text(session, ("id", "sessionid")),
        meeting_id=_text(session, ("associatedid", "meetingid")),
        title=_text(session, ("meetingdisplayname", "title")),
        started_at=started_at,
        ended_at=read_moment(session.get("endedat")),
        participants=_participants(pages, started_at, limits, notes),
        notes=notes.codes(),
    )


def _session(record: object) -> Fields | None:
    """The session object: alone, under `session`, or still inside the answer it came in."""
    for _ in range(4):
        if not isinstance(record, dict):
            return None
        inner = next((record[key] for key in ("session", "data") if key in record), None)
        if inner is None:
            break
        record = inner
    fields = by_name(record) if isinstance(record, dict) else {}
    return fields if "id" in fields or "startedat" in fields else None


def _participants(
    pages: object, started_at: datetime | None, limits: Limits, notes: Notes
) -> tuple[Participant, ...]:
    """Everybody once: pages overlap when somebody joins between them."""
    kept: dict[object, Participant] = {}
    for entry in _entries(pages, notes):
        person = _participant(by_name(entry), started_at)
        key: object = person.peer_id or (person.user_id, person.custom_id, person.name)
        if key == ("", "", ""):
            notes.count("rows-skipped")
            continue
        known = kept.get(key)
        if known is None or (known.left_at_ms is None and person.left_at_ms is not None):
            kept[key] = person
    if len(kept) > limits.utterances:
        raise FormatError("too many participants", reason="too-many", layout="json")
    return tuple(kept.values())


def _entries(pages: object, notes: Notes) -> list[Fields]:
    """The participants on every page; a page may be a whole answer, its data, or one participant."""
    entries: list[Fields] = []
    for page in pages if isinstance(pages, list) else [pages]:
        if page is None:
            continue
        found = find_items(page, keys=_WRAPPERS, is_item=_is_participant) or []
        good = [entry for entry in found if isinstance(entry, dict)]
        notes.count("rows-skipped", len(found) - len(good))
        entries.extend(good)
    return entries


def _is_participant(value: dict[str, object]) -> bool:
    return isinstance(value.get("id"), str)


def _participant(fields: Fields, started_at: datetime | None) -> Participant:
    return Participant(
        peer_id=_text(fields, _PEER_ID),
        user_id=_text(fields, ("userid",)),
        custom_id=_text(fields, _CUSTOM_ID),
        name=_text(fields, _NAME),
        joined_at_ms=_offset(fields.get("joinedat"), started_at),
        left_at_ms=_offset(fields.get("leftat"), started_at),
    )


def _offset(value: object, started_at: datetime | None) -> int | None:
    moment = read_moment(value)
    if moment is None or started_at is None:
        return None
    return int(since(started_at, moment))


def _text(fields: Fields, names: tuple[str, ...]) -> str:
    return next((value.strip() for name in names if isinstance(value := fields.get(name), str)), "")
