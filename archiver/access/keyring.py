"""The keys that are in force, as the bucket tells them, read again every few seconds.

On the way to the bucket nothing local is believed: the chain is read from its beginning at every
start. Only while the bucket cannot be read a copy in the data folder stands in for it, and not for
long: what was read too long ago lets nobody in. A copy that knows a record which the bucket lacks
tells of a chain that was cut, and nobody is let in either.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from archiver.access.keys import ApiKey, Keys, key_of
from archiver.access.usage import Usage
from archiver.archive import keys
from archiver.archive.canonical import canonical_json
from archiver.archive.journal import BEGINNING, Journal, Link
from archiver.errors import ArchiveError, KeysStaleError, RecordError, StoreError
from archiver.filesystems import replace_private
from archiver.model import format_time, parse_time

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from pathlib import Path

    from archiver.archive.archive import Archive
    from archiver.clock import Clock

log = logging.getLogger("archiver.access")

#: With the time a reading may take, a revocation holds everywhere within a minute.
EVERY_S = 20.0
READING_MAX_S = 30.0
FILE = "keys.json"


async def follow(archive: Archive, known: Keys) -> Keys:
    """With every record behind those that are known; raises RecordError or StoreError."""
    async for record in Journal(archive, keys.ACCESS).records(known.head):
        known = known.following(record)
    return known


async def read_keys(archive: Archive) -> Keys:
    """Every key of an archive; raises RecordError or StoreError."""
    return await follow(archive, Keys())


class KeyRing:
    """The keys of an archive, for a process that answers requests."""

    def __init__(
        self, archive: Archive, folder: Path, clock: Clock, *, patience: timedelta
    ) -> None:
        self._archive = archive
        self._clock = clock
        self._patience = patience
        self._path = folder / FILE
        self.usage = Usage(folder, clock)
        self._keys = Keys()
        self._read_at: datetime | None = None
        self._followed = False  #: whether `_keys` were read from the bucket, and not from the copy
        self._cached_head = BEGINNING

    async def start(self) -> None:
        """Read the keys; where the bucket cannot be read, the copy of them."""
        self._take_copy()
        await self.refresh()

    async def run(self) -> None:
        """Read them again, every few seconds, until given up."""
        while True:
            await self._clock.sleep(EVERY_S)
            await self.refresh()

    async def refresh(self) -> None:
        """Read what is new; what cannot be read is logged, and told once it lasts."""
        try:
            async with asyncio.timeout(READING_MAX_S):
                self._keys = await self._read()
        except (StoreError, ArchiveError, TimeoutError) as error:
            log.warning("keys.unread", extra={"error": str(error) or "too slow"})
            if isinstance(error, RecordError):
                self._read_at = None  # what is missing there may revoke a key
            return
        self._followed = True
        self._read_at = self._clock.now()
        self._keep_copy()
        self.usage.flush()

    async def _read(self) -> Keys:
        found = await follow(self._archive, self._keys if self._followed else Keys())
        if not self._followed and self._cached_head != BEGINNING:
            await self._check_cached(found)
        return found

    async def _check_cached(self, found: Keys) -> None:
        """Refuse a chain that ends before, or differs from, what was read here earlier."""
        head, journal = self._cached_head, Journal(self._archive, keys.ACCESS)
        key = journal.key(head.sequence)
        if head.sequence > found.head.sequence:
            raise RecordError(f"{key} was here before, and is missing", key=key)
        if (await journal.read(head.sequence)).link != head:
            raise RecordError(f"{key} is not the record that was there before", key=key)

    # ------------------------------------------------------------------ what is asked of it

    @property
    def known(self) -> Keys:
        """Every key, if the bucket was read lately; else raises KeysStaleError."""
        now = self._clock.now()
        # A clock that was set back makes nothing newer.
        if self._read_at is None or abs(now - self._read_at) > self._patience:
            raise KeysStaleError(
                "the keys cannot be read from the bucket", hint="nobody is let in until they can"
            )
        return self._keys

    @property
    def are_needed(self) -> bool:
        """Whether a key was ever made: revoking the last one opens no door."""
        return bool(self.known.by_id)

    def any_usable(self) -> bool:
        """Whether any key lets anybody in."""
        return self.known.any_usable(self._clock.now())

    def find(self, secret: str) -> ApiKey | None:
        """The usable key with this secret; notes that it was used."""
        key = self.known.find(secret)
        return self._if_usable(key)

    def get(self, key_id: str) -> ApiKey | None:
        """The usable key of this id; notes that it was used."""
        return self._if_usable(self.known.by_id.get(key_id))

    def _if_usable(self, key: ApiKey | None) -> ApiKey | None:
        now = self._clock.now()
        if key is None or not key.is_usable(now):
            return None
        self.usage.note(key.id, now)
        return key

    # ------------------------------------------------------------------ the copy

    def _keep_copy(self) -> None:
        assert self._read_at is not None
        document = {
            "archive": self._archive.id,
            "head": self._keys.head.document(),
            "read_at": format_time(self._read_at),
            "keys": [each.document() for each in self._keys.by_id.values()],
        }
        try:
            replace_private(self._path, canonical_json(document))
        except OSError as error:
            log.warning("keys.copy_failed", extra={"error": error.strerror})

    def _take_copy(self) -> None:
        try:
            document = json.loads(self._path.read_bytes())
            if document["archive"] != self._archive.id:
                return
            found = [key_of(each) for each in document["keys"]]
            head = Link(**document["head"])
            read_at = parse_time(document["read_at"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return  # there is none, or none that could be believed
        self._keys = Keys(head=head, by_id={each.id: each for each in found})
        self._cached_head, self._read_at = head, read_at
