"""Sessions from the bucket into an export: byte for byte, with the digests taken on the way."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.errors import StoreError
from archiver.model import Outcome
from archiver.threads import to_its_end
from archiver.verify import Damage
from search.export.folder import FileWriter
from search.export.model import Copied, Finding, Written
from search.export.ocfl import first_versions

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
    from typing import TypeVar

    from archiver.archive.archive import Archive
    from archiver.archive.chains import Chain
    from archiver.archive.inventory import Entry, Inventory
    from archiver.archive.stores import ObjectInfo
    from search.export.folder import ExportFolder
    from search.export.layouts import Layout

    T = TypeVar("T")
    R = TypeVar("R")


async def in_order(
    work: Callable[[T], Awaitable[R]], items: Iterable[T], at_once: int
) -> AsyncGenerator[R]:
    """What `work` makes of each item, in their order; so many are under way at a time, and no more."""
    running: list[asyncio.Future[R]] = []
    try:
        for item in items:
            running.append(asyncio.ensure_future(work(item)))
            if len(running) == at_once:
                yield await running[0]
                del running[0]
        while running:
            yield await running[0]
            del running[0]
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class Copier:
    """Copies objects of one archive into one export."""

    def __init__(self, archive: Archive, folder: ExportFolder, layout: Layout) -> None:
        self._archive = archive
        self._folder = folder
        self._layout = layout

    async def session(self, folder: str) -> Copied:
        """Everything the session's chain names, every inventory, every request for a summary.

        Where the chain is broken, everything in the folder: nothing says what belongs to it.
        """
        infos = {each.key: each for each in await self._archive.objects(folder)}
        chain = await self._archive.chain(folder)
        named = dict(chain.named) if chain else {}
        newest = chain.newest if chain else None
        versions = await self._versions(chain) if self._layout.versioned else []
        first = first_versions(versions)
        head = max(len(versions), 1)
        written: dict[str, Written] = {}
        findings = [] if chain is None or not chain.problem else [_broken(folder, chain.problem)]
        unreferenced = []
        for key, info in infos.items():
            parsed = keys.parse_key(key)
            if parsed is None:
                continue  # what it is, `verify` asks
            name = parsed.name
            if parsed.kind and name not in named and chain and not chain.problem:
                unreferenced.append(name)
                continue
            findings += _covered(info)
            path = ""
            if self._layout.originals or not parsed.kind:
                path = self._layout.copy_path(folder, name, first.get(name, head))
            written[name], problem = await self.copy(info, path)
            if problem or not _fits(written[name], parsed.digest, named.get(name)):
                findings.append(Finding(key=key, damage=Damage.CORRUPT, detail=problem))
        findings += [
            Finding(key=folder + name, damage=Damage.MISSING)
            for name, entry in named.items()
            if folder + name not in infos and not _destroyed(chain, entry)
        ]
        session_folder = keys.session_folder(folder + keys.inventory_name(1))
        assert session_folder is not None, "only folders of sessions are selected"
        return Copied(
            session_id=session_folder.session_id,
            folder=folder,
            newest=newest.inventory if newest else None,
            digest=newest.digest if newest else "",
            problem=chain.problem if chain else "it has no inventory",
            versions=versions,
            written=written,
            unreferenced=unreferenced,
            findings=findings,
        )

    async def _versions(self, chain: Chain | None) -> list[Inventory]:
        """Every version of the whole part of a chain."""
        if chain is None or chain.newest is None:
            return []
        numbers = range(1, chain.newest.inventory.version + 1)
        names = (chain.folder + keys.inventory_name(number) for number in numbers)
        return [(await self._archive.read(each)).inventory for each in names]

    async def copy(self, info: ObjectInfo, path: str) -> tuple[Written, str]:
        """Copy an object, or only read it where there is no path; and what kept it from being whole.

        Raises StoreError only where another try may do better.
        """
        sink = await self._open(path) if path else _Nowhere()
        problem = ""
        with sink:
            stream = self._archive.store.stream(info.key, version_id=info.version_id)
            try:
                async with aclosing(stream) as chunks:
                    async for chunk in chunks:
                        await to_its_end(partial(sink.write, chunk))
            except StoreError as error:
                if error.transient:
                    raise
                problem = "it cannot be read"
            return sink.close(), problem

    async def _open(self, path: str) -> FileWriter:
        # A file that is opened for nobody would stay open.
        return await to_its_end(lambda: self._folder.open(path), undo=FileWriter.close)


class _Nowhere:
    """Takes the digest of what is not kept."""

    def __init__(self) -> None:
        self._hasher = hashlib.sha256()
        self._size_bytes = 0

    def __enter__(self) -> _Nowhere:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def write(self, data: bytes) -> None:
        self._hasher.update(data)
        self._size_bytes += len(data)

    def close(self) -> Written:
        return Written(path="", size_bytes=self._size_bytes, sha256=self._hasher.hexdigest())


def _broken(folder: str, problem: str) -> Finding:
    return Finding(key=folder, damage=Damage.CHAIN, detail=problem)


def _covered(info: ObjectInfo) -> list[Finding]:
    """The finding that something was written or deleted on top of the record, which is what is read."""
    if not info.later_versions:
        return []
    detail = f"{info.later_versions} on top of the record"
    return [Finding(key=info.key, damage=Damage.LATER_VERSION, detail=detail)]


def _fits(written: Written, digest: str, entry: Entry | None) -> bool:
    """Whether an object is what its name, and the inventory that names it, say of it."""
    return (not digest or written.sha256 == digest) and (
        entry is None or written.size_bytes == entry.size_bytes
    )


def _destroyed(chain: Chain | None, named: Entry) -> bool:
    """Whether an object need not be there: the chain says that it was destroyed."""
    if chain is None or chain.newest is None:
        return False
    inventory = chain.newest.inventory
    entry = inventory.entry(named.artifact)
    return inventory.tombstone or (entry is not None and entry.outcome == Outcome.DESTROYED)
