"""Whether what is stored is still locked as its record says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.model import UNLOCKED, Lock
from archiver.verify.findings import Damage

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.archive.stores import Store
    from archiver.verify.findings import Verification

_UNSEEN = "nothing, or by what these credentials may not see (s3:GetObjectRetention)"


class LockCheck:
    """Holds locks to what is recorded of them, at one moment: until its time is over."""

    def __init__(self, store: Store, now: datetime) -> None:
        self._store = store
        self._now = now

    async def hold(
        self, key: str, recorded: Lock, result: Verification, *, found: Lock = UNLOCKED
    ) -> None:
        """Tell of an object that is locked less than its record says.

        `found` is what reading the object told of its lock, if anything did.
        """
        running = recorded.hold or (recorded.until is not None and recorded.until > self._now)
        if running and not found.covers(recorded):
            # Some servers tell of a lock to whoever asks for it, and not to whoever reads.
            asked = await self._store.head(key)
            found = asked.lock if asked is not None else UNLOCKED
        result.locked += bool(found)
        if running and not found.covers(recorded):
            until = f" until {found.until:%Y-%m-%dT%H:%M:%SZ}" if found.until else ""
            detail = f"it is locked by {found.mode or _UNSEEN}{until}"
            result.accuse(key, Damage.RETENTION, detail)
