"""How far the trails of a data folder are in the bucket: a note that can be lost, and is made again.

It also says where the chain in the bucket ended, so that a bucket put back to an older state shows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from archiver.archive.canonical import canonical_json
from archiver.archive.journal import BEGINNING, Link
from archiver.audit.shelf import START, Place
from archiver.errors import RecordError
from archiver.filesystems import replace_private

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from archiver.archive.journal import Record

FILE = "sealed.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some records of a trail, as one record of the bucket holds them."""

    trail: str
    first: int
    last: int
    follows: str  #: digest of the record before the first; "" for the beginning
    ends: str  #: digest of the last
    records: tuple[dict[str, Any], ...]

    def body(self) -> dict[str, Any]:
        """What the bucket's record says besides its place in the chain."""
        return {
            "trail": self.trail,
            "first": self.first,
            "last": self.last,
            "follows": self.follows,
            "ends": self.ends,
            "records": list(self.records),
        }


def batch_of(record: Record) -> Batch:
    """The batch in a record of the bucket; raises RecordError where it is none."""
    body = record.body
    try:
        return Batch(
            trail=str(body["trail"]),
            first=int(body["first"]),
            last=int(body["last"]),
            follows=str(body["follows"]),
            ends=str(body["ends"]),
            records=tuple(dict(each) for each in body["records"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{record.key} holds no reads: {error}", key=record.key) from None


@dataclass(slots=True)
class Sealed:
    """How far the bucket has come."""

    archive: str
    head: Link = BEGINNING
    places: dict[str, Place] = field(default_factory=dict)  #: by trail; of those that lie here

    @classmethod
    def read(cls, folder: Path, archive: str) -> Sealed:
        """As it was noted; from the beginning where nothing of this archive was."""
        try:
            document = json.loads((folder / FILE).read_bytes())
            if document["archive"] != archive:
                return cls(archive)
            places = {
                str(name): Place(int(each["seq"]), str(each["digest"]), each["offset"])
                for name, each in document["trails"].items()
            }
            return cls(archive, Link(**document["head"]), places)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls(archive)

    def place(self, trail: str) -> Place:
        """How far a trail is in the bucket."""
        return self.places.get(trail, START)

    def take(self, link: Link, batch: Batch) -> None:
        """Take note of a batch in the bucket, whoever put it there."""
        self.head = link
        if batch.last > self.place(batch.trail).seq:
            self.places[batch.trail] = Place(batch.last, batch.ends, None)

    def write(self, folder: Path, here: Collection[str]) -> None:
        """Note it, of the trails that lie here; raises OSError."""
        document = {
            "archive": self.archive,
            "head": self.head.document(),
            "trails": {
                name: place.document() for name, place in self.places.items() if name in here
            },
        }
        replace_private(folder / FILE, canonical_json(document))
