"""The archive's own records: chains of numbered, write-once documents below `_archive/`.

Each names the digest of the one before it, as inventories do. A journal is one such chain: seals,
reports, copies.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archiver.archive import keys
from archiver.archive.canonical import (
    lock_document,
    lock_of,
    parse_with_own_digest,
    sha256,
    with_own_digest,
)
from archiver.errors import (
    CommitConflictError,
    ObjectExistsError,
    ObjectMissingError,
    RecordError,
    StoreError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from archiver.archive.archive import Archive
    from archiver.archive.stores import ObjectInfo
    from archiver.model import Lock

WRITE_TRIES = 10
READS_AT_ONCE = 16
_OWN_KEYS = frozenset({"format", "archive", "sequence", "previous", "made", "lock"})
UNLINKED = "does not name the digest of the record before it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A place in a chain: a record's number and the digest of its bytes."""

    sequence: int
    digest: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.digest}"

    def document(self) -> dict[str, Any]:
        """As other records name it."""
        return {"sequence": self.sequence, "digest": self.digest}


#: Before the first record of every chain.
BEGINNING = Link(sequence=0, digest="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of a journal, as read: `body` is what it says besides its place in the chain."""

    key: str
    link: Link
    previous: str  #: digest of the record before; "" for the first
    made: Mapping[str, str]
    lock: Lock  #: what it was put under
    body: Mapping[str, Any]
    data: bytes


class Journal:
    """One chain of records, below `_archive/{name}/`."""

    def __init__(self, archive: Archive, name: str) -> None:
        self._archive = archive
        self.name = name

    def key(self, sequence: int) -> str:
        """Where the record of this number is."""
        return keys.record_key(self.name, sequence)

    async def read(self, sequence: int) -> Record:
        """The record of this number.

        Raises ObjectMissingError where there is none, RecordError where it is not of this journal.
        """
        key = self.key(sequence)
        return self.parse(key, await self._archive.store.get(key), sequence)

    def parse(self, key: str, data: bytes, sequence: int) -> Record:
        """What these bytes say, if they are the record of this number; else RecordError."""
        try:
            document = parse_with_own_digest(data)
            made = {str(name): str(each) for name, each in document["made"].items()}
            fits = (
                document["format"] == self._format
                and document["archive"] == self._archive.id
                and document["sequence"] == sequence
                and isinstance(document["previous"] or "", str)
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordError(f"{key} cannot be read: {error}", key=key) from None
        if not fits:
            raise RecordError(f"{key} is not the record that belongs there", key=key)
        body = {name: value for name, value in document.items() if name not in _OWN_KEYS}
        return Record(
            key=key,
            link=Link(sequence=sequence, digest=sha256(data)),
            previous=document["previous"] or "",
            made=made,
            lock=lock_of(document.get("lock")),
            body=body,
            data=data,
        )

    @property
    def _format(self) -> str:
        return f"realtimekit-archive/{self.name}/1"

    async def records(self, after: Link = BEGINNING) -> AsyncGenerator[Record]:
        """The records behind this one, in order, each held against the one before.

        Raises RecordError at the first that is missing in between, unreadable, or does not name the
        digest of the one before.
        """
        last = after
        async for infos in self._listed(after):
            # Thousands of records, one after the other, would take minutes.
            found = await asyncio.gather(*map(self._get, infos), return_exceptions=True)
            for info, data in zip(infos, found, strict=True):
                if isinstance(data, BaseException):
                    raise data
                sequence = keys.record_sequence(self.name, info.key) or 0
                if sequence != last.sequence + 1:
                    missing = self.key(last.sequence + 1)
                    raise RecordError(f"{missing} is missing", key=missing)
                record = self.parse(info.key, data, sequence)
                if record.previous != last.digest:
                    raise RecordError(f"{info.key} {UNLINKED}", key=info.key)
                last = record.link
                yield record

    async def _listed(self, after: Link) -> AsyncGenerator[list[ObjectInfo]]:
        """The records behind this one, so many at a time as are read side by side."""
        group: list[ObjectInfo] = []
        async for info in self._archive.store.list(
            self.prefix, start_after=self.key(after.sequence) if after.sequence else ""
        ):
            if keys.record_sequence(self.name, info.key) is None:
                continue  # what it is, `verify` asks
            group.append(info)
            if len(group) == READS_AT_ONCE:
                yield group
                group = []
        if group:
            yield group

    async def _get(self, info: ObjectInfo) -> bytes:
        try:
            return await self._archive.store.get(info.key, version_id=info.version_id)
        except StoreError as error:
            if error.transient:
                raise
            message = f"{info.key} cannot be read: {error.message}"
            raise RecordError(message, key=info.key) from error

    @property
    def prefix(self) -> str:
        """What every key of this journal starts with."""
        return keys.record_prefix(self.name)

    async def head(self, after: Link = BEGINNING) -> Link:
        """The newest record's place; found by its key alone, except for the last."""
        newest = after.sequence
        async for info in self._archive.store.list(
            self.prefix, start_after=self.key(newest) if newest else ""
        ):
            newest = max(newest, keys.record_sequence(self.name, info.key) or 0)
        if newest == after.sequence:
            return after
        return (await self.read(newest)).link

    async def append(self, after: Link, body: Mapping[str, Any], made: Mapping[str, str]) -> Link:
        """Write the record that follows this one; returns its place.

        Raises CommitConflictError where somebody else wrote another there first.
        """
        document = {
            **body,
            "format": self._format,
            "archive": self._archive.id,
            "sequence": after.sequence + 1,
            "previous": after.digest or None,
            "made": dict(made),
        }
        if lock := self._archive.lock_for(""):
            document["lock"] = lock_document(lock)
        data = with_own_digest(document)
        link = Link(sequence=after.sequence + 1, digest=sha256(data))
        key = self.key(link.sequence)
        try:
            await self._archive.write_record(key, data, lock)
        except ObjectExistsError:
            if sha256(await self._archive.store.get(key)) != link.digest:
                raise CommitConflictError(f"{key} was written by another process") from None
        return link

    async def write(self, body: Mapping[str, Any], made: Mapping[str, str]) -> Link:
        """Write a record at the end of the chain, wherever that is by now; returns its place."""
        at = BEGINNING
        for _ in range(WRITE_TRIES):
            at = await self.head(at)
            try:
                return await self.append(at, body, made)
            except (CommitConflictError, ObjectMissingError):
                continue
        raise CommitConflictError(f"{self.prefix} is written by others too often")
