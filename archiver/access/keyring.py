"""The keys that are in force, as the bucket tells them, read again every few seconds.

What was read too long ago lets nobody in (archiver/archive/following.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.access.keys import ApiKey, Keys
from archiver.access.usage import Usage
from archiver.archive import keys
from archiver.archive.following import Following, follow
from archiver.errors import KeysStaleError

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from archiver.archive.archive import Archive
    from archiver.clock import Clock

FILE = "keys.json"


async def read_keys(archive: Archive) -> Keys:
    """Every key of an archive; raises RecordError or StoreError."""
    return await follow(archive, keys.ACCESS, Keys())


class KeyRing(Following[Keys]):
    """The keys of an archive, for a process that answers requests."""

    def __init__(
        self, archive: Archive, folder: Path, clock: Clock, *, patience: timedelta
    ) -> None:
        super().__init__(
            archive, keys.ACCESS, Keys(), copy=folder / FILE, clock=clock, patience=patience
        )
        self.usage = Usage(folder, clock)

    async def refresh(self) -> None:
        """Read what is new, and note down which keys were used."""
        await super().refresh()
        self.usage.flush()

    @property
    def known(self) -> Keys:
        """Every key, if the bucket was read lately; else raises KeysStaleError."""
        found = self.lately
        if found is None:
            raise KeysStaleError(
                "the keys cannot be read from the bucket", hint="nobody is let in until they can"
            )
        return found

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
