"""The inventory: the JSON record of one session's archive, in numbered versions; pure.

It may be locked for ever and outlives what it lists, so it holds no name, title or free text.
A reader keeps the fields it does not know, and refuses a format it does not know.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from archiver.archive import keys
from archiver.archive.canonical import canonical_json, check_plain
from archiver.errors import InventoryError
from archiver.model import (
    ArtifactId,
    Kind,
    Outcome,
    Session,
    format_time,
    is_digest,
    parse_time,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "realtimekit-archive/inventory/1"
SIZE_MAX_BYTES = 4 * 2**20


#: Where an artifact's bytes came from: the source itself, or files that somebody had.
SOURCE, IMPORT = "source", "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One artifact in an inventory: where it stands, and the evidence."""

    artifact: ArtifactId
    outcome: str
    reason: str = ""
    origin: str = SOURCE
    name: str = ""  #: the object's bare name in the session's folder
    size_bytes: int = 0  #: of the stored bytes
    digest: str = ""  #: SHA-256 of the stored bytes
    encoding: str = ""  #: where the stored bytes are not the source's own text
    media_type: str = ""
    host: str = ""
    fetched_at: str = ""
    source: Mapping[str, str] = field(default_factory=dict)  #: Date and ETag as served
    store: Mapping[str, str] = field(default_factory=dict)  #: Date, ETag and version id of the put
    lock: Mapping[str, str] = field(default_factory=dict)  #: mode and date as read back
    attempts: Mapping[str, Any] = field(default_factory=dict)  #: first, last, count, last status
    later: tuple[Entry, ...] = ()  #: bodies that came later, and were less than this one
    extra: Mapping[str, Any] = field(default_factory=dict)  #: what a later release wrote

    @property
    def has_object(self) -> bool:
        return bool(self.name)

    def says(self) -> tuple[str, ...]:
        """What makes a new version when it changes; why something is still pending does not."""
        reason = "" if self.outcome == Outcome.PENDING else self.reason
        later = (each.digest for each in self.later)
        return (self.outcome, reason, self.origin, self.digest, *later)


KNOWN_OUTCOMES = frozenset(each.value for each in Outcome)
_PLAIN = ("outcome", "reason", "origin", "name", "encoding", "media_type", "host", "fetched_at")
_NESTED = ("source", "store", "lock", "attempts")
_ENTRY_KEYS = frozenset({"kind", "format", "size", "digest", "later", *_PLAIN, *_NESTED})
#: Bodies of one artifact that are kept aside; a source that sends ever new ones fills no record.
LATER_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """One version of the record of a session's archive."""

    archive_id: str
    account: str
    session: Session
    version: int
    previous: str  #: digest of the version before; "" for the first
    entries: tuple[Entry, ...]
    made: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    tombstone: bool = False  #: reserved: the end of a chain
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        return keys.folder(self.session.id, self.session.started_at)

    @property
    def key(self) -> str:
        return self.folder + keys.inventory_name(self.version)

    def entry(self, artifact: ArtifactId) -> Entry | None:
        """The entry of this artifact, if the inventory has one."""
        return next((each for each in self.entries if each.artifact == artifact), None)

    def named(self) -> dict[str, Entry]:
        """Every object this version names, by its bare name."""
        entries = (each for entry in self.entries for each in (entry, *entry.later))
        return {each.name: each for each in entries if each.has_object}

    def destroyed(self) -> frozenset[ArtifactId]:
        """The artifacts whose objects need not be there: this version says that they were destroyed."""
        return frozenset(
            each.artifact
            for each in self.entries
            if self.tombstone or each.outcome == Outcome.DESTROYED
        )

    def to_bytes(self) -> bytes:
        """The record as it is stored."""
        session = self.session
        document = {
            **self.extra,
            "format": FORMAT,
            "archive": self.archive_id,
            "account": self.account,
            "app": session.app_id,
            "meeting": session.meeting_id,
            "session": session.session_id,
            "started_at": format_time(session.started_at),
            "ended_at": format_time(session.ended_at) if session.ended_at else None,
            "created_at": format_time(session.created_at),
            "deadline_at": format_time(session.deadline_at),
            "transcribed": session.transcribed,
            "version": self.version,
            "previous": self.previous or None,
            "made": dict(self.made),
            "settings": dict(self.settings),
            "artifacts": [_entry_document(each) for each in self.entries],
        }
        if self.tombstone:
            document["tombstone"] = True
        return canonical_json(document)


_INVENTORY_KEYS = frozenset(
    {"format", "archive", "account", "app", "meeting", "session", "started_at", "ended_at"}
    | {"created_at", "deadline_at", "transcribed", "version", "previous", "made", "settings"}
    | {"artifacts", "tombstone"}
)


def _entry_document(entry: Entry) -> dict[str, Any]:
    document: dict[str, Any] = dict(entry.extra)
    document["kind"] = entry.artifact.kind
    if entry.artifact.format:
        document["format"] = entry.artifact.format
    for name in _PLAIN:
        if value := getattr(entry, name):
            document[name] = value
    for name in _NESTED:
        if value := getattr(entry, name):
            document[name] = dict(value)
    if entry.has_object:
        document["size"] = entry.size_bytes
        document["digest"] = entry.digest
    if entry.later:
        document["later"] = [_entry_document(each) for each in entry.later]
    return document


def parse_inventory(data: bytes, key: str) -> Inventory:
    """Read the inventory stored under `key`.

    Raises InventoryError where it is no inventory of a format known here, or contradicts its key: a
    forged or copied record cannot speak for another folder.
    """
    try:
        document = _load(data)
        inventory = _inventory(document)
    except (KeyError, TypeError, ValueError, RecursionError, OverflowError) as error:
        raise InventoryError(f"{key} cannot be read: {_reason(error)}") from None
    if inventory.key != key:
        raise InventoryError(f"{key} says it is another session's or version's inventory")
    return inventory


def _reason(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error)[:200]


def _load(data: bytes) -> dict[str, Any]:
    if len(data) > SIZE_MAX_BYTES:
        raise ValueError(f"it is larger than {SIZE_MAX_BYTES} bytes")
    document = json.loads(data)
    if not isinstance(document, dict):
        raise TypeError("it is no JSON object")
    if document["format"] != FORMAT:
        raise ValueError("its format is not known to this release")
    check_plain(document)
    return document


def _inventory(document: dict[str, Any]) -> Inventory:
    ended_at = document["ended_at"]
    version = document["version"]
    transcribed = document.get("transcribed")
    if not isinstance(transcribed, bool | None):
        raise TypeError("transcribed is neither true nor false")
    previous = document["previous"] or ""
    if type(version) is not int or version < 1 or (version > 1) != is_digest(previous):
        raise ValueError("version and previous digest do not fit together")
    return Inventory(
        archive_id=_str(document["archive"]),
        account=_str(document["account"]),
        session=Session(
            app_id=_str(document["app"]),
            session_id=_str(document["session"]),
            meeting_id=_str(document["meeting"]),
            started_at=parse_time(_str(document["started_at"])),
            ended_at=parse_time(_str(ended_at)) if ended_at else None,
            created_at=parse_time(_str(document["created_at"])),
            ended=True,
            transcribed=transcribed,
        ),
        version=version,
        previous=previous,
        entries=tuple(_entry(_object(each)) for each in _array(document["artifacts"])),
        made={name: _str(each) for name, each in _object(document.get("made", {})).items()},
        settings=_object(document.get("settings", {})),
        tombstone=bool(document.get("tombstone", False)),
        extra={key: value for key, value in document.items() if key not in _INVENTORY_KEYS},
    )


def _entry(document: dict[str, Any]) -> Entry:
    name = _str(document.get("name", ""))
    digest = _str(document.get("digest", ""))
    size_bytes = document.get("size", 0)
    if name and (not is_digest(digest) or keys.digest_in(name) != digest):
        raise ValueError("an artifact's name and digest do not fit together")
    if type(size_bytes) is not int or size_bytes < 0:
        raise ValueError("an artifact's size is no whole number")
    plain: dict[str, Any] = {key: _str(document[key]) for key in _PLAIN if key in document}
    nested: dict[str, Any] = {key: _object(document[key]) for key in _NESTED if key in document}
    for part in ("source", "store", "lock"):
        for value in nested.get(part, {}).values():
            _str(value)
    return Entry(
        artifact=ArtifactId(_str(document["kind"]), _str(document.get("format", ""))),
        outcome=plain.pop("outcome"),
        size_bytes=size_bytes,
        digest=digest,
        later=tuple(_entry(_object(each)) for each in _array(document.get("later", []))),
        extra={key: value for key, value in document.items() if key not in _ENTRY_KEYS},
        **plain,
        **nested,
    )


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("a field that must be an object is not")
    return value


def _array(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("a field that must be a list is not")
    return value


def _str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a field that must be text is not")
    return value


def unknown_parts(inventory: Inventory) -> list[str]:
    """What a later release wrote that this one does not understand: reported, and kept."""
    kinds = {each.value for each in Kind}
    parts = [f"field {key}" for key in inventory.extra]
    for entry in inventory.entries:
        parts += [f"kind {entry.artifact.kind}"] * (entry.artifact.kind not in kinds)
        parts += [f"outcome {entry.outcome}"] * (entry.outcome not in KNOWN_OUTCOMES)
        parts += [f"field {key} of {entry.artifact}" for key in entry.extra]
    return parts
