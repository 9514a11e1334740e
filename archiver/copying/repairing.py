"""An archive repaired from a second store: what an intact chain names, and is missing, is put back.

Nothing is overwritten here either: what is damaged under its key is named, and left to a person.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.archive import Archive
from archiver.archive.chains import read_inventory
from archiver.archive.journal import Journal
from archiver.archive.lanes import in_order
from archiver.archive.requests import parse_request
from archiver.copying import journals
from archiver.copying.copying import SESSIONS_AT_ONCE, format_of
from archiver.copying.results import Copied, Moved, Problem, Trouble
from archiver.copying.sessions import chain_of, destroyed, is_ended
from archiver.copying.transfer import Transfer, probed, read_fixity
from archiver.copying.walk import side_by_side
from archiver.errors import ArchiveError, ArchiveMismatchError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
    from pathlib import Path
    from typing import Any

    from archiver.archive.archive import LockFor
    from archiver.archive.chains import Chain
    from archiver.archive.stores import ObjectInfo, Store
    from archiver.capture import Maker
    from archiver.clock import Clock
    from archiver.copying.walk import Pair

IN_THE_WAY = "{other} has it whole: move {place} out of the store, and run this again"
NOWHERE = "{other} has it no better"
FORKED = "the two sides went on differently from one version on"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """The objects of one session as they are listed on both sides, by key."""

    here: Mapping[str, ObjectInfo]
    there: Mapping[str, ObjectInfo]


class Repairing:
    """Repairs one store of an archive from another; reads all of the first."""

    def __init__(
        self,
        store: Store,
        other: Archive,
        *,
        lock_for: LockFor,
        spool: Path,
        maker: Maker,
        clock: Clock,
        sole_worker: bool = False,
    ) -> None:
        self._store = store
        self._other = other
        self._lock_for = lock_for
        self._maker = maker
        self._clock = clock
        self._sole_worker = sole_worker
        self._transfer = Transfer(other.store, store, lock_for=lock_for, spool=spool, clock=clock)

    async def run(self, progress: Callable[[int], None] = lambda _done: None) -> Copied:
        """Put back what is missing, and name what cannot be.

        Raises ArchiveMismatchError where the two are not the same archive, StoreError where a store
        fails: what was put back by then stays.
        """
        repaired = Copied(
            source=self._other.store.url, target=self._store.url, started_at=self._clock.now()
        )
        found = await probed(self._store, sole_worker=self._sole_worker)
        # A store that locks nothing never kept the object any longer than this.
        self._transfer.lock_by(found, unlocked=True)
        archive = await self._open(repaired)
        pairs = self._pairs()
        async with aclosing(in_order(pairs, SESSIONS_AT_ONCE)) as done:
            async for moved in done:
                repaired.sessions += 1
                repaired.add(moved)
                progress(repaired.sessions)
        for name in journals.JOURNALS:
            repaired.add(await self._repair_journal(name))
        repaired.finished_at = self._clock.now()
        if repaired.copied or repaired.problems:
            link = await Journal(archive, keys.COPIES).write(
                repaired.body("repair"), self._maker.made(self._clock.now())
            )
            repaired.record = keys.record_key(keys.COPIES, link.sequence)
        return repaired

    async def _open(self, repaired: Copied) -> Archive:
        """The archive to be repaired; without its `format.json` only if it is this one's."""
        record = await self._other.store.get(keys.FORMAT_KEY)
        try:
            is_begun = await format_of(self._store) is not None
        except ArchiveMismatchError:
            if not await self._is_ours():
                raise
            is_begun = False
        if not is_begun:
            moved = Moved()
            await self._transfer.move_record(keys.FORMAT_KEY, record, moved, is_there=False)
            repaired.add(moved)
        archive = await Archive.open(self._store, lock_for=self._lock_for)
        if archive.id != self._other.id:
            raise ArchiveMismatchError(
                f"{self._other.store.url} is another archive than {self._store.url}",
                hint="repair from a copy of this archive",
            )
        return archive

    async def _is_ours(self) -> bool:
        """Whether the first inventory there is belongs to the other store's archive."""
        async with aclosing(self._store.list("")) as listing:
            async for info in listing:
                parsed = keys.parse_key(info.key)
                if parsed is not None and parsed.version:
                    found = await read_inventory(self._store, info.key)
                    return found.inventory.archive_id == self._other.id
        return False

    async def _pairs(self) -> AsyncGenerator[Coroutine[Any, Any, Moved]]:
        async with aclosing(side_by_side(self._store, self._other.store)) as pairs:
            async for pair in pairs:
                either = pair.here or pair.there
                if either is not None and either.session_id is not None:
                    yield self._repair(pair)

    async def _repair(self, pair: Pair) -> Moved:
        """Put back what is missing of one session."""
        moved = Moved()
        ours = await chain_of(self._store, self._other.id, pair.here)
        theirs = await chain_of(self._other.store, self._other.id, pair.there)
        whole = _longer(ours, theirs)
        if whole is None:
            if ours is None or theirs is None or not ours.digests:
                broken = filter(None, (ours, theirs))
                moved.problems += [_chain_problem(pair.name, each.problem) for each in broken]
                return moved
            moved.problems.append(_chain_problem(pair.name, FORKED))
            whole = ours
        sides = _Sides(
            here=pair.here.by_key() if pair.here else {},
            there=pair.there.by_key() if pair.there else {},
        )
        if not is_ended(whole):
            await self._repair_payload(whole, sides, moved)
            await self._repair_requests(pair.name, sides, moved)
        await self._repair_inventories(whole, sides, moved)
        return moved

    async def _repair_payload(
        self,
        chain: Chain,
        sides: _Sides,
        moved: Moved,
    ) -> None:
        gone = destroyed(chain)
        for name, entry in sorted(chain.named.items()):
            key = chain.folder + name
            if name not in gone:
                await self._put_back(key, entry.digest, sides, moved, media_type=entry.media_type)

    async def _repair_inventories(
        self,
        chain: Chain,
        sides: _Sides,
        moved: Moved,
    ) -> None:
        for version, digest in enumerate(chain.digests, start=1):
            key = chain.folder + keys.inventory_name(version)
            if not await self._put_back(key, digest, sides, moved):
                break
        versions = [parsed.version for each in sides.here if (parsed := keys.parse_key(each))]
        if max(versions, default=0) > len(chain.digests):
            problem = chain.problem or f"{chain.folder}: inventories follow that do not link"
            moved.problems.append(_chain_problem(chain.folder, problem))

    async def _put_back(
        self,
        key: str,
        digest: str,
        sides: _Sides,
        moved: Moved,
        *,
        media_type: str = "",
    ) -> bool:
        """Whether this object is here now; what was missing is put back from bytes that fit."""
        here, there = sides.here, sides.there
        if key in here:
            found = await read_fixity(self._store, key, here[key].version_id)
            if found is not None and found.digest == digest:
                moved.found += 1
                return True
            theirs = await read_fixity(self._other.store, key) if key in there else None
            good = theirs is not None and theirs.digest == digest
            detail = self._in_the_way(here[key]) if good else self._nowhere
            moved.problems.append(Problem(key=key, trouble=Trouble.CORRUPT, detail=detail))
            return False
        if key not in there:
            problem = Problem(key=key, trouble=Trouble.MISSING, detail=self._nowhere)
            moved.problems.append(problem)
            return False
        return await self._transfer.move(
            key, there[key], None, moved, digest=digest, media_type=media_type
        )

    @property
    def _nowhere(self) -> str:
        return NOWHERE.format(other=self._other.store.url)

    def _in_the_way(self, info: ObjectInfo) -> str:
        """What a person has to do about an object that is damaged under its key."""
        version = f" (its version {info.version_id})" if info.version_id else ""
        place = f"{self._store.url}/{info.key}{version}"
        return IN_THE_WAY.format(other=self._other.store.url, place=place)

    async def _repair_requests(
        self,
        folder: str,
        sides: _Sides,
        moved: Moved,
    ) -> None:
        """Recorded intents to ask for a summary: without them one might be asked for twice."""
        for number in (1, 2):
            key = folder + keys.summary_request_name(number)
            if key in sides.here or key not in sides.there:
                continue
            try:
                data = await self._other.store.get(key, version_id=sides.there[key].version_id)
                parse_request(data, key, self._other.id)
            except ValueError as error:
                detail = f"{self._other.store.url} has it damaged: {error}"
                problem = Problem(key=key, trouble=Trouble.MISSING, detail=detail)
                moved.problems.append(problem)
                continue
            await self._transfer.move_record(key, data, moved, is_there=False)

    async def _repair_journal(self, name: str) -> Moved:
        """Put back records that the other side's chain holds, if the two are one chain."""
        moved = Moved()
        theirs = Journal(self._other, name)
        try:
            async with aclosing(theirs.records()) as records:
                async for record in records:
                    info = await self._store.head(record.key)
                    if info is None:
                        await self._transfer.move_record(
                            record.key, record.data, moved, is_there=False
                        )
                        continue
                    found = await read_fixity(self._store, record.key, info.version_id)
                    if found is None or found.digest != record.link.digest:
                        detail = self._in_the_way(info)
                        moved.problems.append(
                            Problem(key=record.key, trouble=Trouble.CONFLICT, detail=detail)
                        )
                        return moved
        except ArchiveError as error:
            moved.problems.append(_chain_problem(theirs.prefix, error.message))
        return moved


def _longer(ours: Chain | None, theirs: Chain | None) -> Chain | None:
    """The chain that goes on from the other one; None where neither does."""
    if ours is None or theirs is None:
        found = ours or theirs
        return found if found is not None and found.digests else None
    short, long = sorted((ours, theirs), key=lambda each: len(each.digests))
    return long if long.digests[: len(short.digests)] == short.digests and long.digests else None


def _chain_problem(key: str, detail: str) -> Problem:
    return Problem(key=key, trouble=Trouble.CHAIN, detail=detail)
