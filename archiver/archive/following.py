"""What a journal tells in sum, read again every few seconds, and added to by whoever decides from it.

On the way to the bucket nothing local is believed: the chain is read from its beginning at every
start. Only while the bucket cannot be read a copy in the data folder stands in for it, and not for
long. A copy that knows a record which the bucket lacks tells of a chain that was cut, and then nothing
is told any more.
"""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from archiver.archive.canonical import canonical_json
from archiver.archive.journal import BEGINNING, WRITE_TRIES, Journal, Link
from archiver.errors import ArchiveError, CommitConflictError, RecordError, StoreError
from archiver.filesystems import replace_private
from archiver.model import format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from archiver.archive.archive import Archive
    from archiver.archive.journal import Record
    from archiver.clock import Clock

log = logging.getLogger("archiver.following")

#: With the time a reading may take, what a record says holds everywhere within a minute.
EVERY_S = 20.0
READING_MAX_S = 30.0
#: Where nothing is new the copy is as old as this at most.
COPIED_EVERY = timedelta(minutes=1)


class Sum(Protocol):
    """All that a chain of records tells, up to a place in it; immutable."""

    @property
    def head(self) -> Link:
        """The newest record that is in it."""
        ...

    def following(self, record: Record) -> Self:
        """With what the next record says; raises RecordError where that cannot be understood."""
        ...

    def documents(self) -> list[dict[str, Any]]:
        """As JSON, but for its head."""
        ...

    @classmethod
    def of_documents(cls, head: Link, documents: list[dict[str, Any]]) -> Self:
        """What `documents` told; raises ValueError, KeyError, TypeError or AttributeError."""
        ...


S = TypeVar("S", bound=Sum)


async def follow(archive: Archive, journal: str, known: S) -> S:
    """With every record behind those that are known; raises RecordError or StoreError."""
    async for record in Journal(archive, journal).records(known.head):
        known = known.following(record)
    return known


async def append_decided(
    archive: Archive,
    journal: str,
    known: S,
    decide: Callable[[S], dict[str, Any]],
    made: Mapping[str, str],
) -> None:
    """Write what is decided behind all that is there; decided anew where somebody else was first.

    `decide` refuses by raising.
    """
    chain = Journal(archive, journal)
    for _ in range(WRITE_TRIES):
        known = await follow(archive, journal, known)
        try:
            await chain.append(known.head, decide(known), made)
        except CommitConflictError:
            continue
        return
    raise CommitConflictError(f"{chain.prefix} is written by others too often")


class Following(Generic[S]):
    """What a journal tells, for a process that goes on asking."""

    def __init__(
        self,
        archive: Archive,
        journal: str,
        nothing: S,
        *,
        copy: Path,
        clock: Clock,
        patience: timedelta,
    ) -> None:
        self._archive = archive
        self._journal = journal
        self._nothing = nothing
        self._path = copy
        self._clock = clock
        self._patience = patience
        self._known = nothing
        self._read_at: datetime | None = None
        self._followed = False  #: whether `_known` was read from the bucket, and not from the copy
        self._cached_head = BEGINNING
        self._kept: tuple[datetime | None, Link] = (
            None,
            BEGINNING,
        )  #: when the copy was, and of what

    async def start(self) -> None:
        """Read it; where the bucket cannot be read, the copy."""
        self._take_copy()
        await self.refresh()

    async def run(self) -> None:
        """Read it again, every few seconds, until given up."""
        while True:
            await self._clock.sleep(EVERY_S)
            await self.refresh()

    async def refresh(self) -> None:
        """Read what is new; what cannot be read is logged, and told once it lasts."""
        try:
            async with asyncio.timeout(READING_MAX_S):
                self._known = await self._read()
        except (StoreError, ArchiveError, TimeoutError) as error:
            told = {"journal": self._journal, "error": str(error) or "too slow"}
            log.warning("records.unread", extra=told)
            if isinstance(error, RecordError):
                self._read_at = None  # what is missing there may revoke something
            return
        self._followed = True
        self._read_at = self._clock.now()
        self._keep_copy()

    async def _read(self) -> S:
        known = self._known if self._followed else self._nothing
        found = await follow(self._archive, self._journal, known)
        if not self._followed and self._cached_head != BEGINNING:
            await self._check_cached(found)
        return found

    async def _check_cached(self, found: S) -> None:
        """Refuse a chain that ends before, or differs from, what was read here earlier."""
        head, journal = self._cached_head, Journal(self._archive, self._journal)
        key = journal.key(head.sequence)
        if head.sequence > found.head.sequence:
            raise RecordError(f"{key} was here before, and is missing", key=key)
        if (await journal.read(head.sequence)).link != head:
            raise RecordError(f"{key} is not the record that was there before", key=key)

    @property
    def lately(self) -> S | None:
        """What is told, if the bucket was read lately."""
        now = self._clock.now()
        # A clock that was set back makes nothing newer.
        if self._read_at is None or abs(now - self._read_at) > self._patience:
            return None
        return self._known

    # ------------------------------------------------------------------ the copy

    def _keep_copy(self) -> None:
        assert self._read_at is not None
        kept_at, head = self._kept
        is_fresh = kept_at is not None and abs(self._read_at - kept_at) < COPIED_EVERY
        if is_fresh and head == self._known.head:
            return
        self._kept = self._read_at, self._known.head
        document = {
            "archive": self._archive.id,
            "head": self._known.head.document(),
            "read_at": format_time(self._read_at),
            self._path.stem: self._known.documents(),
        }
        try:
            replace_private(self._path, canonical_json(document))
        except OSError as error:
            told = {"journal": self._journal, "error": error.strerror}
            log.warning("records.copy_failed", extra=told)

    def _take_copy(self) -> None:
        try:
            document = json.loads(self._path.read_bytes())
            if document["archive"] != self._archive.id:
                return
            head = Link(**document["head"])
            known = self._nothing.of_documents(head, document[self._path.stem])
            read_at = parse_time(document["read_at"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return  # there is none, or none that could be believed
        self._known, self._cached_head, self._read_at = known, head, read_at
