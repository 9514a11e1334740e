"""Sealing: at least once a day, what was committed since the last seal is named by the next.

Any number of workers may do so: the chain is written put-if-absent, and whoever comes second takes
note of what the first one sealed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.canonical import sha256
from archiver.archive.journal import BEGINNING, Journal
from archiver.archive.seals import SEALED_AT_ONCE, parse_seal, seal_body
from archiver.errors import ArchiveError, CommitConflictError
from archiver.model import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from archiver.archive.archive import Archive
    from archiver.archive.journal import Link
    from archiver.clock import Clock
    from archiver.ledger import Ledger

log = logging.getLogger("archiver.sealing")


class Sealer:
    """Seals one archive, by what its ledger knows of commits."""

    def __init__(
        self,
        archive: Archive,
        ledger: Ledger,
        clock: Clock,
        *,
        made: Callable[[datetime], Mapping[str, str]],
        every: timedelta,
    ) -> None:
        self._archive = archive
        self._ledger = ledger
        self._clock = clock
        self._made = made
        self._every = every
        self._journal = Journal(archive, keys.SEALS)

    async def catch_up(self) -> None:
        """Take note of the seals that others made.

        Raises RecordError where the chain is broken: nothing follows a record that is not there.
        """
        sealing = self._ledger.sealing
        head = sealing.head()
        if head != BEGINNING and (await self._journal.read(head.sequence)).link != head:
            raise ArchiveError(
                f"{self._journal.key(head.sequence)} is not the seal that was there before",
                hint="run `rtk-archive verify`",
            )
        async for record in self._journal.records(head):
            seal = parse_seal(record)
            sealing.take(seal, made_at=parse_time(record.made["at"]))
            for each in seal.listings:  # what a ledger that was lost knew
                self._ledger.coverage.note_listed(
                    each.app_id, each.since, each.until, {}, self._clock.now()
                )

    async def seal_if_due(self) -> Link | None:
        """Seal, if the last seal is old enough; returns the seal if one was made."""
        now = self._clock.now()
        if not self._is_due(now):
            return None
        await self.catch_up()
        return await self.seal() if self._is_due(now) else None

    def _is_due(self, now: datetime) -> bool:
        sealed_at = self._ledger.sealing.sealed_at()
        # A seal from the future was made by a clock that was wrong: it postpones none.
        return sealed_at is None or not sealed_at <= now < sealed_at + self._every

    async def seal(self) -> Link:
        """Seal all that is committed by now; returns the last seal this took.

        Raises RecordError where the chain is broken.
        """
        await self.catch_up()
        while True:
            now = self._clock.now()
            sealing = self._ledger.sealing
            unsealed = sealing.unsealed(SEALED_AT_ONCE)
            body = seal_body(
                sealed=unsealed.sealed,
                sessions=sealing.sessions() + sealing.new_among(unsealed.sealed),
                listings=sealing.listings(),
                heads=await self._heads(),
                format_digest=sha256(self._archive.record),
            )
            head = sealing.head()
            try:
                link = await self._journal.append(head, body, self._made(now))
            except CommitConflictError:
                await self.catch_up()
                continue
            record = await self._journal.read(link.sequence)
            sealing.take(parse_seal(record), made_at=now, through_seq=unsealed.through_seq)
            log.info("archive.sealed", extra={"seal": str(link), "sessions": len(unsealed.sealed)})
            if not unsealed.more:
                return link

    async def _heads(self) -> dict[str, Link]:
        """Where the archive's other chains end; what is damaged there is for `verify` to tell."""
        heads: dict[str, Link] = {}
        for name in sorted(keys.JOURNALS - {keys.SEALS}):
            try:
                head = await Journal(self._archive, name).head()
            except ArchiveError:
                log.warning("journal.unreadable", extra={"journal": name})
                continue
            if head != BEGINNING:
                heads[name] = head
        return heads
