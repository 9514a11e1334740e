"""The record of reads, newest first: what lies here and is not in the bucket yet, then the bucket."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archiver.archive import keys
from archiver.archive.journal import Journal
from archiver.archive.lanes import in_order
from archiver.audit.sealed import Batch, Sealed, batch_of
from archiver.audit.shelf import BrokenTrailError, records_after, trails_in
from archiver.model import parse_time, to_ms

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine
    from datetime import datetime
    from pathlib import Path

    from archiver.archive.archive import Archive

#: Records of the bucket that are fetched at the same time.
LANES = 8
_SPOT = re.compile(r"b(\d{1,12})-(\d{1,9})\Z|h(\d{1,15})-([0-9TZa-f-]{1,60})-(\d{1,15})\Z")


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """A place in the record, newest first: here, or in a record of the bucket."""

    at_ms: int = 0
    trail: str = ""
    seq: int = 0
    sequence: int = 0  #: of the bucket's record; 0: it is not in the bucket yet
    index: int = 0

    def __str__(self) -> str:
        if self.sequence:
            return f"b{self.sequence}-{self.index}"
        return f"h{self.at_ms}-{self.trail}-{self.seq}"

    @classmethod
    def of(cls, text: str) -> Spot:
        """The place a text names; raises ValueError."""
        match = _SPOT.match(text)
        if match is None:
            raise ValueError("no place in the record of reads")
        if match[1]:
            return cls(sequence=int(match[1]), index=int(match[2]))
        return cls(at_ms=int(match[3]), trail=match[4], seq=int(match[5]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which records are asked for."""

    who: str = ""  #: the name or id of whoever read
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""  #: somewhere in the record, whatever its case

    def holds(self, record: dict[str, Any]) -> bool:
        """Whether a record is among them."""
        who, at = record.get("who", {}), parse_time(record["at"])
        return (
            (not self.who or self.who in {who.get("name"), who.get("id")})
            and (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
            and (not self.text or self.text.casefold() in _said(record).casefold())
        )


def _said(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False)


class Reads:
    """The record of reads of an archive, as seen from one data folder."""

    def __init__(self, archive: Archive, folder: Path) -> None:
        self._archive = archive
        self._folder = folder
        self._journal = Journal(archive, keys.AUDIT)

    async def newest_first(
        self, behind: Spot | None = None, *, fetched: int | None = None
    ) -> AsyncGenerator[tuple[Spot, dict[str, Any] | None]]:
        """Every record behind a place, with its own; `fetched` bounds how much of the bucket is read.

        A record of None says only how far that came. Raises RecordError or StoreError.
        """
        if behind is None or not behind.sequence:
            for each in await asyncio.to_thread(self._here, behind):
                yield each
        async with aclosing(self._in_bucket(behind, fetched)) as found:
            async for spot, record in found:
                yield spot, record

    def _here(self, behind: Spot | None) -> list[tuple[Spot, dict[str, Any]]]:
        """What is not in the bucket yet; a few minutes' worth of it."""
        sealed = Sealed.read(self._folder, self._archive.id)
        found: list[tuple[Spot, dict[str, Any]]] = []
        for path in trails_in(self._folder):
            # What is damaged `audit verify` tells of; a file that went is in the bucket.
            with suppress(BrokenTrailError, FileNotFoundError):
                for place, record in records_after(path, sealed.place(path.stem)):
                    at_ms = to_ms(parse_time(record["at"]))
                    found.append((Spot(at_ms=at_ms, trail=path.stem, seq=place.seq), record))
        found.sort(key=lambda each: each[0], reverse=True)
        return [each for each in found if behind is None or each[0] < behind]

    async def _in_bucket(
        self, behind: Spot | None, fetched: int | None
    ) -> AsyncGenerator[tuple[Spot, dict[str, Any] | None]]:
        at = behind if behind is not None and behind.sequence else None
        newest = at.sequence if at is not None else (await self._journal.head()).sequence
        oldest = 0 if fetched is None else max(newest - fetched, 0)
        async with aclosing(in_order(self._fetches(newest, oldest), LANES)) as batches:
            async for sequence, batch in batches:
                for index in range(len(batch.records) - 1, -1, -1):
                    if at is None or sequence < at.sequence or index < at.index:
                        yield Spot(sequence=sequence, index=index), batch.records[index]
        if oldest:
            yield Spot(sequence=oldest + 1, index=0), None

    async def _fetches(
        self, newest: int, oldest: int
    ) -> AsyncGenerator[Coroutine[object, object, tuple[int, Batch]]]:
        for sequence in range(newest, oldest, -1):
            yield self._fetch(sequence)

    async def _fetch(self, sequence: int) -> tuple[int, Batch]:
        return sequence, batch_of(await self._journal.read(sequence))


def reads_document(record: dict[str, Any]) -> dict[str, Any]:
    """A record as it is shown: without its place in the chain."""
    hidden = {"trail", "seq", "previous"}
    return {name: each for name, each in record.items() if name not in hidden}
