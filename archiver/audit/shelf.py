"""The trails of a data folder, read back: line by line, each held to the one before."""

from __future__ import annotations

import fcntl
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from archiver.archive.canonical import canonical_json, sha256
from archiver.audit.trail import BEGAN, LINE_BYTES_MAX, SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """How far a trail was read: the last record, its digest, and where its line ended."""

    seq: int = 0
    digest: str = ""
    offset_bytes: int | None = 0  #: None: not known, to be looked for

    def document(self) -> dict[str, Any]:
        return {"seq": self.seq, "digest": self.digest, "offset": self.offset_bytes}


START = Place()


class BrokenTrailError(Exception):
    """A line that is not what was written there; `place` is the last that is."""

    def __init__(self, place: Place, what: str) -> None:
        super().__init__(what)
        self.place = place
        self.what = what


def began_at(path: Path) -> datetime:
    """When a trail was begun, by its name; long ago where its name does not say."""
    try:
        return datetime.strptime(path.stem.partition("-")[0], BEGAN).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC) + timedelta(days=2)


def trails_in(folder: Path) -> list[Path]:
    """The trails that lie there, the oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def records_after(path: Path, place: Place) -> Iterator[tuple[Place, dict[str, Any]]]:
    """What a trail says behind a place, each record with its own place; half a last line is none.

    Raises BrokenTrailError at the first line that does not follow, FileNotFoundError without a file.
    """
    at = located(path, place)
    with path.open("rb") as file:
        file.seek(0, 2)
        assert at.offset_bytes is not None
        if file.tell() < at.offset_bytes:
            raise _cut(at, place)
        file.seek(at.offset_bytes)
        while (line := file.readline(LINE_BYTES_MAX)).endswith(b"\n"):
            document = parse_line(line)
            at = _following(path.stem, at, line, document)
            assert document is not None
            yield at, document


def located(path: Path, place: Place) -> Place:
    """A place with where in the file it is; raises BrokenTrailError where it is not in it."""
    if place.offset_bytes is not None:
        return place
    for at, _ in records_after(path, START):
        if at.seq == place.seq:
            if at.digest != place.digest:
                raise BrokenTrailError(at, f"record {at.seq} is not the one that is sealed")
            return at
    raise _cut(START, place)


def _cut(at: Place, place: Place) -> BrokenTrailError:
    return BrokenTrailError(at, f"it ends before record {place.seq}, which is sealed")


def parse_line(line: bytes) -> dict[str, Any] | None:
    """The record on a line; None where it is not as any was written."""
    try:
        document = json.loads(line)
        whole = isinstance(document, dict) and canonical_json(document) == line
        return document if whole and type(document["seq"]) is int else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _following(trail: str, at: Place, line: bytes, document: dict[str, Any] | None) -> Place:
    if document is None or document.get("trail") != trail:
        raise BrokenTrailError(at, f"the line behind record {at.seq} is no record of it")
    if document["seq"] != at.seq + 1 or document.get("previous") != at.digest:
        raise BrokenTrailError(at, f"record {document['seq']} does not follow record {at.seq}")
    assert at.offset_bytes is not None
    return Place(at.seq + 1, sha256(line), at.offset_bytes + len(line))


def is_written_to(path: Path) -> bool:
    """Whether a process that lives still has this trail."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
