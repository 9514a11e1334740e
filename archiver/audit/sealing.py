"""Putting the record of reads into the bucket: every quarter of an hour, and when a process stops.

Whoever holds the folder's lock puts in what every trail there holds, those of dead processes too.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.journal import BEGINNING, Journal
from archiver.audit.sealed import Batch, Sealed, batch_of
from archiver.audit.shelf import (
    BrokenTrailError,
    began_at,
    is_written_to,
    located,
    records_after,
    trails_in,
)
from archiver.errors import (
    ArchiveError,
    AuditError,
    CommitConflictError,
    ObjectMissingError,
    StoreError,
)
from archiver.filesystems import held
from archiver.model import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from archiver.archive.archive import Archive
    from archiver.archive.journal import Link
    from archiver.audit.shelf import Place
    from archiver.audit.trail import Trail
    from archiver.clock import Clock

log = logging.getLogger("archiver.audit")

EVERY_S = 900.0
#: What was written is on the disk after this long.
SYNC_EVERY_S = 5.0
#: By how much the clocks of two machines may differ.
SKEW_MAX = timedelta(days=1)
#: How long stopping waits for the bucket; what is not in it by then is put there by the next process.
STOP_MAX_S = 20.0
BATCH_RECORDS_MAX = 1000
BATCH_BYTES_MAX = 2**20
LOCK = "lock"


class TrailSealer:
    """Puts the trails of a data folder into the bucket."""

    def __init__(
        self,
        archive: Archive,
        folder: Path,
        clock: Clock,
        *,
        made: Callable[[datetime], Mapping[str, str]],
        keep: timedelta,
    ) -> None:
        self._archive = archive
        self._folder = folder
        self._clock = clock
        self._made = made
        self._keep = keep
        self._journal = Journal(archive, keys.AUDIT)

    async def seal(self) -> int:
        """Put into the bucket what is not in it; returns how many records that were.

        Does nothing while another process does. Raises StoreError, AuditError or RecordError.
        """
        if not trails_in(self._folder):
            return 0
        try:
            with held(self._folder / LOCK) as ours:
                return await self._seal() if ours else 0
        except OSError as error:
            raise AuditError(
                f"{self._folder} cannot be used: {error.strerror}", hint="check RTK_ARCHIVE_DATA"
            ) from error

    async def _seal(self) -> int:
        sealed = Sealed.read(self._folder, self._archive.id)
        if sealed.head == BEGINNING:
            await self._look_back(sealed)
        else:
            await self._check_head(sealed.head)
            await self._catch_up(sealed)
        paths, count = trails_in(self._folder), 0
        for path in paths:
            count += await self._seal_trail(path, sealed)
        self._prune(paths, sealed)
        self._note(sealed)
        return count

    async def _seal_trail(self, path: Path, sealed: Sealed) -> int:
        """What a trail holds that is not in the bucket; behind what is damaged it stays here."""
        count = 0
        try:
            start = located(path, sealed.place(path.stem))
            sealed.places[path.stem] = start
            for place, batch in _batches(path, start):
                await self._put(batch, sealed)
                sealed.places[path.stem] = place
                self._note(sealed)
                count += len(batch.records)
        except BrokenTrailError as error:
            log.warning("audit.damaged", extra={"trail": path.stem, "problem": error.what})
        return count

    async def _put(self, batch: Batch, sealed: Sealed) -> None:
        while True:
            made = self._made(self._clock.now())
            try:
                sealed.head = await self._journal.append(sealed.head, batch.body(), made)
            except CommitConflictError:
                await self._catch_up(sealed)
                continue
            return

    async def _check_head(self, head: Link) -> None:
        try:
            there = (await self._journal.read(head.sequence)).link == head
        except (ArchiveError, ObjectMissingError):
            there = False
        if not there:
            raise AuditError(
                f"{self._journal.key(head.sequence)} is not the record that was there before",
                hint="run `rtk-archive audit verify`",
            )

    async def _catch_up(self, sealed: Sealed) -> None:
        """Take note of what others put there."""
        async for record in self._journal.records(sealed.head):
            sealed.take(record.link, batch_of(record))

    async def _look_back(self, sealed: Sealed) -> None:
        """Find out how far the trails here are in the bucket, from its end, where no note says.

        What is older than the oldest of them holds none of them.
        """
        oldest = min(began_at(each) for each in trails_in(self._folder)) - SKEW_MAX
        sealed.head = await self._journal.head()
        for sequence in range(sealed.head.sequence, 0, -1):
            record = await self._journal.read(sequence)
            sealed.take(sealed.head, batch_of(record))
            if parse_time(record.made["at"]) < oldest:
                return

    def _note(self, sealed: Sealed) -> None:
        try:
            sealed.write(self._folder, {each.stem for each in trails_in(self._folder)})
        except OSError as error:  # it is made again from the bucket
            log.warning("audit.unnoted", extra={"error": error.strerror})

    def _prune(self, paths: list[Path], sealed: Sealed) -> None:
        """Delete the trails that are in the bucket, have ended, and are older than they are kept."""
        for path in paths:
            status = path.stat()
            old = time.time() - status.st_mtime > self._keep.total_seconds()
            whole = sealed.place(path.stem).offset_bytes == status.st_size
            if old and whole and not is_written_to(path):
                path.unlink()
                log.info("audit.pruned", extra={"trail": path.stem})


def _batches(path: Path, place: Place) -> Iterator[tuple[Place, Batch]]:
    """What a trail holds behind a place, in parts, each with the place it ends at."""
    before, records, size_bytes = place, list[dict[str, object]](), 0
    at = place
    try:
        for at, document in records_after(path, place):
            records.append(document)
            size_bytes += (at.offset_bytes or 0) - (before.offset_bytes or 0)
            if len(records) >= BATCH_RECORDS_MAX or size_bytes >= BATCH_BYTES_MAX:
                yield at, _batch(path.stem, before, at, records)
                before, records, size_bytes = at, [], 0
    except BrokenTrailError:
        if records:
            yield at, _batch(path.stem, before, at, records)
        raise
    if records:
        yield at, _batch(path.stem, before, at, records)


def _batch(trail: str, before: Place, at: Place, records: list[dict[str, object]]) -> Batch:
    return Batch(
        trail=trail,
        first=before.seq + 1,
        last=at.seq,
        follows=before.digest,
        ends=at.digest,
        records=tuple(records),
    )


class Keeper:
    """Keeps a process' trail safe: on the disk within seconds, in the bucket every quarter of an hour."""

    def __init__(self, trail: Trail, sealer: TrailSealer, clock: Clock) -> None:
        self._trail = trail
        self._sealer = sealer
        self._clock = clock

    async def run(self) -> None:
        """Again and again, until given up; what dead processes left is put into the bucket first."""
        waited_s = EVERY_S
        while True:
            if waited_s >= EVERY_S:
                await self._seal()
                waited_s = 0.0
            await self._clock.sleep(SYNC_EVERY_S)
            waited_s += SYNC_EVERY_S
            try:
                await asyncio.to_thread(self._trail.sync)
            except OSError as error:
                log.warning("audit.unsynced", extra={"error": error.strerror})

    async def stop(self) -> None:
        """Put the last of it into the bucket, if that can be reached in time."""
        await self._seal(STOP_MAX_S)

    async def _seal(self, within_s: float | None = None) -> None:
        try:
            async with asyncio.timeout(within_s):
                count = await self._sealer.seal()
        except (StoreError, ArchiveError, AuditError, TimeoutError) as error:
            log.warning("audit.unsealed", extra={"error": str(error) or "too slow"})
            return
        if count:
            log.info("audit.sealed", extra={"records": count})
