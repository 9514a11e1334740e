"""What a worker does besides capturing: it seals what was committed and what was read, and reads back
what is kept.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from archiver.errors import ArchiveError, AuditError, LedgerError, StoreDeniedError, StoreError
from archiver.ledger import UNDERLOCKED

if TYPE_CHECKING:
    from archiver.archive.archive import Archive
    from archiver.audit import TrailSealer
    from archiver.clock import Clock
    from archiver.ledger import Ledger
    from archiver.sealing import Sealer
    from archiver.verify import Rounds

log = logging.getLogger("archiver.upkeep")

#: A worker that was just started captures first.
FIRST_AFTER_S = 60.0
EVERY_S = 600.0


class Upkeep:
    """Seals and verifies at its own pace; a fault of the store leaves it for the next time."""

    def __init__(
        self,
        archive: Archive,
        ledger: Ledger,
        clock: Clock,
        *,
        trails: TrailSealer,
        sealer: Sealer,
        rounds: Rounds,
    ) -> None:
        self._archive = archive
        self._ledger = ledger
        self._clock = clock
        self._trails = trails
        self._sealer = sealer
        self._rounds = rounds

    async def run(self) -> None:
        """Again and again, until given up."""
        await self._clock.sleep(FIRST_AFTER_S)
        while True:
            await self.once()
            await self._clock.sleep(EVERY_S)

    async def once(self) -> None:
        """Do what is due."""
        for task in (self._trails.seal, self._seal, self._rounds.go_on):
            try:
                await task()
            except StoreDeniedError:
                raise
            except (ArchiveError, AuditError, StoreError, LedgerError) as error:
                log.warning("upkeep.failed", extra={"error": error.message})
        self._count_underlocked()

    async def _seal(self) -> None:
        """Seal once a day, and forget webhooks that are too old to matter."""
        if await self._sealer.seal_if_due() is not None:
            self._ledger.events.prune(self._clock.now())

    def _count_underlocked(self) -> None:
        """Add what this process put with less of a lock to what was counted before."""
        known = self._ledger.vitals().get(UNDERLOCKED)
        if known is None or self._archive.underlocked:
            total = (known.value if known else 0) + self._archive.underlocked
            self._ledger.note(UNDERLOCKED, total, self._clock.now())
            self._archive.underlocked = 0
