"""Seals: what was committed, in one chain for the whole archive; what makes a missing tail visible.

A seal names the inventories committed since the last one, what the source itself listed, where the
archive's other chains end, and the digest of `format.json`. It holds ids and digests alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archiver.archive import keys
from archiver.archive.journal import Link, Record
from archiver.errors import RecordError
from archiver.model import SessionId, format_time, is_digest, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

#: More inventories than this go into the next seal.
SEALED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """One session's newest inventory, as a seal names it; its chain vouches for the earlier ones."""

    folder: str
    version: int
    digest: str

    @property
    def session_id(self) -> SessionId:
        """Whose it is; raises ValueError where the folder is no session's."""
        parsed = keys.parse_key(self.folder + keys.inventory_name(1))
        if parsed is None:
            raise ValueError("a folder that is no session's")
        return parsed.session_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What the source's own list held of an app: sessions begun from `since` up to `until`."""

    app_id: str
    since: datetime
    until: datetime
    count: int
    digest: str  #: of the ids: see `digest_of_ids`


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One seal, as read."""

    link: Link
    sealed: tuple[Sealed, ...]
    sessions: int  #: that this seal and all before it name
    listings: tuple[Listing, ...]
    heads: Mapping[str, Link]  #: where the archive's other chains ended, by their names
    format_digest: str  #: of `format.json`

    @property
    def name(self) -> str:
        """As whoever is told of it calls it."""
        return f"seal {self.link.sequence}"


def digest_of_ids(ids: Iterable[str]) -> tuple[int, str]:
    """How many these ids are, and the SHA-256 of them in ascending order, each with a line break."""
    count, hasher = 0, hashlib.sha256()
    for each in ids:
        hasher.update(each.encode() + b"\n")
        count += 1
    return count, hasher.hexdigest()


def seal_body(
    *,
    sealed: Iterable[Sealed],
    sessions: int,
    listings: Iterable[Listing],
    heads: Mapping[str, Link],
    format_digest: str,
) -> dict[str, Any]:
    """What a seal says besides its place in the chain."""
    return {
        "inventories": [
            {"folder": each.folder, "version": each.version, "digest": each.digest}
            for each in sorted(sealed, key=lambda each: each.folder)
        ],
        "sessions": sessions,
        "listed": [
            {
                "app": each.app_id,
                "since": format_time(each.since),
                "until": format_time(each.until),
                "count": each.count,
                "digest": each.digest,
            }
            for each in listings
        ],
        "heads": {name: link.document() for name, link in heads.items()},
        "format_digest": format_digest,
    }


def parse_seal(record: Record) -> Seal:
    """The seal in a record of its journal; raises RecordError where it is none."""
    try:
        return _seal(record)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(f"{record.key} is no seal: {error}", key=record.key) from None


def _seal(record: Record) -> Seal:
    body = record.body
    sealed = tuple(
        Sealed(folder=each["folder"], version=each["version"], digest=each["digest"])
        for each in body["inventories"]
    )
    for each in sealed:
        if type(each.version) is not int or each.version < 1 or not is_digest(each.digest):
            raise ValueError("an inventory without version or digest")
        _ = each.session_id
    return Seal(
        link=record.link,
        sealed=sealed,
        sessions=int(body["sessions"]),
        listings=tuple(
            Listing(
                app_id=str(each["app"]),
                since=parse_time(each["since"]),
                until=parse_time(each["until"]),
                count=int(each["count"]),
                digest=str(each["digest"]),
            )
            for each in body["listed"]
        ),
        heads={
            str(name): Link(sequence=int(each["sequence"]), digest=str(each["digest"]))
            for name, each in body["heads"].items()
        },
        format_digest=str(body["format_digest"]),
    )
