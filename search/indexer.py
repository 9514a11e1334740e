"""From the bucket to the index: follow the ledger's list of inventories, or read it all anew aside.

The index is never ahead of the bucket: what is indexed was read from it, and its digest checked.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import anyio.to_thread

from archiver.archive.keys import folder_of
from archiver.errors import InventoryError, ObjectMissingError, StoreError
from search.errors import IndexDamagedError, SearchError
from search.index.appfile import AppFile
from search.index.generations import Generations, app_path, companions
from search.index.seam import Document, Position
from search.reading import Stored, parse_stored, read_session

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from archiver.archive.archive import Archive
    from archiver.ledger import InventoryLine, Ledger
    from search.formats import Limits

K = TypeVar("K")
T = TypeVar("T")
#: A read that has not begun, and what it is known by.
Read: TypeAlias = tuple[K, Coroutine[Any, Any, T]]

log = logging.getLogger("search.indexer")

#: Sessions of one transaction: few enough that memory stays small, many enough that commits are cheap.
BATCH_SESSIONS = 32
READS_AT_ONCE = 8
BATCH_BYTES = 32 * 2**20
LINES_AT_ONCE = 1000
POLL_S = 2.0
#: After a fault of the bucket the indexer waits this long before it goes on.
FAULT_PAUSE_S = 30.0


@dataclass(slots=True)
class Indexed:
    """What a pass of the indexer did."""

    sessions: int = 0
    unread: int = 0  #: artifacts that are archived and could not be read
    problems: list[str] = field(default_factory=list)  #: what is wrong in the bucket


@dataclass(slots=True)
class _Seen:
    """How far the ledger's list of an app was read."""

    seq: int


class Indexer:
    """The one writer of the index."""

    def __init__(self, archive: Archive, ledger: Ledger, root: Path, limits: Limits) -> None:
        self._archive = archive
        self._ledger = ledger
        self._generations = Generations(root)
        self._limits = limits
        self._files: dict[str, AppFile] = {}
        self._folder: Path | None = None

    def close(self) -> None:
        """Let go of the files."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    # ------------------------------------------------------------------ following

    async def catch_up(self, progress: Callable[[int], None] = lambda _done: None) -> Indexed:
        """Index everything the ledger lists that the index has not seen yet.

        An index that is damaged, or was made by another definition of a word, is made again first.
        """
        indexed = Indexed()
        folder = self._generations.ensure()
        if folder != self._folder:
            self.close()
            self._folder = folder
        try:
            for app_id in self._ledger.apps():
                await self._follow_app(app_id, folder, indexed, progress)
        except IndexDamagedError as error:
            log.warning("index.rebuilding", extra={"reason": error.message})
            return await self.rebuild(progress)
        return indexed

    async def _follow_app(
        self, app_id: str, folder: Path, indexed: Indexed, progress: Callable[[int], None]
    ) -> None:
        file, position, versions = await anyio.to_thread.run_sync(self._begin, folder, app_id)
        archive, epoch = self._archive.id, self._ledger.epoch
        seen = _Seen(position.seq if position.epoch == epoch else 0)
        news = self._news(versions, app_id, seen)
        reads = ((line.seq, self._read(line, indexed)) for line in news)
        batch: list[Stored] = []
        async with aclosing(_read_in_groups(reads)) as found:
            async for seq, stored in found:
                batch += [stored] if stored is not None else []
                if len(batch) >= BATCH_SESSIONS or _size_bytes(batch) > BATCH_BYTES:
                    here = Position(archive=archive, epoch=epoch, seq=seq)
                    await self._take(file, batch, here, indexed)
                    progress(indexed.sessions)
                    batch = []
        end = Position(archive=archive, epoch=epoch, seq=seen.seq)
        if batch or end != position:
            await self._take(file, batch, end, indexed)
        if file.is_unpurged:
            # What was taken out is not only not found: it is in no file any more.
            await anyio.to_thread.run_sync(file.purge)

    def _begin(self, folder: Path, app_id: str) -> tuple[AppFile, Position, dict[str, int]]:
        """An app's file, how far it is, and what it holds; IndexDamagedError where it is of no use."""
        file = self._file(folder, app_id)
        if not file.is_current:
            raise IndexDamagedError("the index was made by another release")
        position = file.position()
        if position.archive not in {"", self._archive.id}:
            raise IndexDamagedError("the index is of another archive")
        return file, position, file.versions()

    def _news(
        self, versions: Mapping[str, int], app_id: str, seen: _Seen
    ) -> Iterator[InventoryLine]:
        """What the ledger lists and the index has not seen, oldest first, each session's newest only."""
        while lines := self._ledger.inventories_after(app_id, seen.seq, LINES_AT_ONCE):
            newest = {line.session_id: line for line in lines}
            for line in sorted(newest.values(), key=lambda each: each.seq):
                if versions.get(line.session_id.session_id, 0) < line.version:
                    yield line
            seen.seq = lines[-1].seq

    def _file(self, folder: Path, app_id: str) -> AppFile:
        path = app_path(folder, app_id)
        file = self._files.get(app_id)
        if file is None:
            if not path.exists() and any(each.exists() for each in companions(path)):
                # SQLite would take what they hold for changes to the new file.
                raise IndexDamagedError("an index file was deleted, and what belongs to it was not")
            file = self._files[app_id] = AppFile.open(path)
        elif not file.is_there:
            raise IndexDamagedError("an index file was deleted")
        return file

    async def _take(
        self, file: AppFile, batch: list[Stored], position: Position, indexed: Indexed
    ) -> None:
        """Parse and write a batch in a thread."""
        documents = await anyio.to_thread.run_sync(self._parse_and_put, file, batch, position)
        indexed.unread += sum(len(each.unread) for each in documents)
        indexed.sessions += len(batch)

    def _parse_and_put(
        self, file: AppFile, batch: list[Stored], position: Position
    ) -> list[Document]:
        """One thread does both: two would only wait for each other's turn at the interpreter."""
        # Every object here is freed by its count; looking for cycles among them takes a tenth more.
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            # All is parsed before the file is locked: what is slow to parse is in nobody's way.
            inventories = [each.committed.inventory for each in batch]
            gone = [each.session.session_id for each in inventories if each.tombstone]
            documents = [
                parse_stored(stored, self._limits)
                for stored, inventory in zip(batch, inventories, strict=True)
                if not inventory.tombstone
            ]
            file.put(documents, position, gone=gone)
        finally:
            if was_enabled:
                gc.enable()
        return documents

    async def _read(self, line: InventoryLine, indexed: Indexed) -> Stored | None:
        """What the ledger's line names; where that is damaged, what is whole of its chain."""
        try:
            committed = await self._archive.read(line.key)
        except (InventoryError, ObjectMissingError) as error:
            indexed.problems.append(error.message)
            chain = await self._archive.chain(folder_of(line.key))
            if chain is None or chain.newest is None:
                return None
            committed = chain.newest
        return await read_session(self._archive, committed, self._limits)

    # ------------------------------------------------------------------ making it again

    async def rebuild(self, progress: Callable[[int], None] = lambda _done: None) -> Indexed:
        """Make the whole index again from the bucket, aside, then let readers follow.

        What is committed meanwhile is caught up before the swap and after it.
        """
        indexed = Indexed()
        with self._generations.rebuilding() as folder:
            self.close()
            await self._fill(folder, indexed, progress)
            self._folder = folder
        return indexed

    async def _fill(self, folder: Path, indexed: Indexed, progress: Callable[[int], None]) -> None:
        """Index everything in the bucket into this folder."""
        epoch, starts = self._ledger.epoch, self._starts()
        batch: list[Stored] = []
        async with aclosing(_read_in_groups(self._everything(indexed))) as found:
            async for app_id, stored in found:
                if batch and (
                    app_id != _app(batch[0])
                    or len(batch) >= BATCH_SESSIONS
                    or _size_bytes(batch) > BATCH_BYTES
                ):
                    await self._rebuild_batch(folder, batch, indexed)
                    progress(indexed.sessions)
                    batch = []
                batch.append(stored)
        await self._rebuild_batch(folder, batch, indexed)
        for app_id, file in self._files.items():
            seq = starts.get(app_id, 0)
            file.put((), Position(archive=self._archive.id, epoch=epoch, seq=seq))
            await anyio.to_thread.run_sync(file.optimize)

    def _starts(self) -> dict[str, int]:
        """Where each app's list stands before the bucket is read: all of that is in the bucket."""
        return {app_id: self._ledger.newest_seq(app_id) for app_id in self._ledger.apps()}

    async def _everything(self, indexed: Indexed) -> AsyncIterator[Read[str, Stored]]:
        """The newest inventory of every session in the bucket, and how to read what it names."""
        async with aclosing(self._archive.chains()) as chains:
            async for chain in chains:
                if chain.problem:
                    indexed.problems.append(chain.problem)
                if chain.newest is not None and not chain.newest.inventory.tombstone:
                    read = read_session(self._archive, chain.newest, self._limits)
                    yield chain.session_id.app_id, read

    async def _rebuild_batch(self, folder: Path, batch: list[Stored], indexed: Indexed) -> None:
        if batch:
            is_new = _app(batch[0]) not in self._files
            file = self._file(folder, _app(batch[0]))
            if is_new:
                file.loading()
            await self._take(file, batch, Position(), indexed)

    # ------------------------------------------------------------------ for ever

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the ledger until told to stop."""
        while not stop.is_set():
            pause_s = POLL_S
            try:
                indexed = await self.catch_up()
                if indexed.sessions:
                    log.info("index.caught_up", extra={"sessions": indexed.sessions})
                for problem in indexed.problems:
                    log.warning("index.damage", extra={"problem": problem})
            except (StoreError, SearchError) as error:
                # An index can be made again, a missed deadline cannot: capture goes on meanwhile.
                log.warning("index.waiting", extra={"error": error.message})
                pause_s = FAULT_PAUSE_S
            try:
                await asyncio.wait_for(stop.wait(), pause_s)
            except TimeoutError:
                continue


def _app(stored: Stored) -> str:
    return stored.committed.inventory.session.app_id


def _size_bytes(batch: list[Stored]) -> int:
    return sum(each.size_bytes for each in batch)


async def _read_in_groups(
    reads: Iterable[Read[K, T]] | AsyncIterator[Read[K, T]],
) -> AsyncGenerator[tuple[K, T]]:
    """What these reads give, in order; a group of them at a time, side by side.

    The next group is not read while the caller writes the last: both take turns at the interpreter,
    row by row, and lose more by it than they gain.
    """
    group: list[Read[K, T]] = []
    try:
        async for each in _each(reads):
            group.append(each)
            if len(group) == BATCH_SESSIONS:
                for found in await _read_all(group):
                    yield found
                group = []
        for found in await _read_all(group):
            yield found
    finally:
        for _, read in group:
            read.close()


async def _read_all(group: list[Read[K, T]]) -> list[tuple[K, T]]:
    limiter = asyncio.Semaphore(READS_AT_ONCE)

    async def one(read: Coroutine[Any, Any, T]) -> T:
        async with limiter:
            return await read

    tasks = [asyncio.create_task(one(read)) for _, read in group]
    try:
        found = await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    return list(zip((key for key, _ in group), found, strict=True))


async def _each(items: Iterable[T] | AsyncIterator[T]) -> AsyncGenerator[T]:
    if isinstance(items, AsyncIterator):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
