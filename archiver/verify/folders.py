"""One session's folder: every object in it read, and held against the inventories that name it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.canonical import lock_of, sha256
from archiver.archive.inventory import parse_inventory, unknown_parts
from archiver.archive.requests import parse_request
from archiver.archive.stores import Fixity
from archiver.errors import InventoryError, ObjectMissingError, StoreError
from archiver.model import SUMMARY, UNLOCKED, ArtifactId
from archiver.verify.findings import Damage, Verification
from archiver.verify.inventories import Judged, Read, judge
from archiver.verify.locks import LockCheck

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from archiver.archive.archive import Archive
    from archiver.archive.folders import Folder
    from archiver.archive.inventory import Entry
    from archiver.archive.stores import ObjectInfo
    from archiver.ledger.roster import Promise
    from archiver.model import ArtifactId, Lock

#: What no object of ours has: something sits under its key that cannot be read as one.
_NO_OBJECT = Fixity(digest="", size_bytes=0)


@dataclass(frozen=True, slots=True)
class _Listed:
    """A session's objects as they were listed, by bare name."""

    name: str
    objects: dict[str, ObjectInfo]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found in a folder."""

    result: Verification
    started_at: datetime | None  #: as its newest inventory says


class FolderCheck:
    """Checks folders of one archive, at one moment: what is locked until later must still be."""

    def __init__(self, archive: Archive, now: datetime) -> None:
        self._archive = archive
        self._locks = LockCheck(archive.store, now)

    async def check(self, listed: Folder, expected: Promise | None) -> Checked:
        """Read everything in a session's folder; raises a transient StoreError where that fails."""
        result = Verification(sessions=1)
        by_name = {each.key.removeprefix(listed.name): each for each in listed.objects}
        folder = _Listed(listed.name, by_name)
        for info in folder.objects.values():
            accuse_later(info, result)
        read = await self._read_inventories(folder)
        if expected is not None and expected.version not in read:
            # Written since the folder was listed, perhaps.
            async for info in self._archive.store.list(folder.name + "inventory-"):
                folder.objects.setdefault(info.key.removeprefix(folder.name), info)
            read = await self._read_inventories(folder)
        judged = judge(folder.name, self._archive.id, read, expected)
        for finding in judged.findings:
            result.accuse(finding.key, finding.damage, finding.detail)
        named = _named(judged)
        newest = judged.believed.get(max(judged.believed, default=0))
        gone = newest.destroyed() if newest is not None else frozenset()
        await asyncio.gather(
            *(self._named(folder, name, entry, gone, result) for name, entry in named.items()),
            *(
                self._unnamed(folder, name, named, judged, result)
                for name in list(folder.objects)
                if name not in named
            ),
            *(self._request(folder, number, result) for number in _requests(folder, judged)),
        )
        if newest is not None:
            result.unknown += [f"{folder.name}: {part}" for part in unknown_parts(newest)]
        return Checked(
            result=result, started_at=None if newest is None else newest.session.started_at
        )

    async def _read_inventories(self, folder: _Listed) -> dict[int, Read]:
        parsed = [keys.parse_key(folder.name + name) for name in folder.objects]
        found = {each.version: each for each in parsed if each is not None and each.version}
        read = await asyncio.gather(
            *(self._read(folder.objects[each.name]) for each in found.values())
        )
        return dict(zip(found, read, strict=True))

    async def _read(self, info: ObjectInfo) -> Read:
        try:
            data = await self._archive.store.get(info.key, version_id=info.version_id)
        except StoreError as error:
            if error.transient:
                raise
            return Read(digest="", inventory=None, problem=error.message)
        try:
            return Read(digest=sha256(data), inventory=parse_inventory(data, info.key))
        except InventoryError as error:
            return Read(digest=sha256(data), inventory=None, problem=error.message)

    async def _named(
        self,
        folder: _Listed,
        name: str,
        entry: Entry,
        gone: frozenset[ArtifactId],
        result: Verification,
    ) -> None:
        """An artifact that an inventory names."""
        key = folder.name + name
        info = folder.objects.get(name)
        found = await self._fixity(key, info.version_id if info else "")
        if found is None and entry.artifact in gone:
            return
        result.objects += 1
        if found is None:
            result.accuse(key, Damage.MISSING)
            return
        result.size_bytes += found.size_bytes
        if (found.digest, found.size_bytes) != (entry.digest, entry.size_bytes):
            result.accuse(key, Damage.CORRUPT)
        await self._locks.hold(key, lock_of(entry.lock), result, found=found.lock)

    async def _unnamed(
        self,
        folder: _Listed,
        name: str,
        named: Mapping[str, Entry],
        judged: Judged,
        result: Verification,
    ) -> None:
        """What no inventory names: records; whole artifacts left over from a crash; else damage."""
        info, parsed = folder.objects[name], keys.parse_key(folder.name + name)
        if parsed is None:
            result.accuse(info.key, Damage.UNEXPLAINED)
        elif parsed.version:
            result.objects += 1
            inventory = judged.believed.get(parsed.version)
            recorded = lock_of(inventory.settings.get("lock")) if inventory else UNLOCKED
            await self._record_lock(info, recorded, result)
        elif parsed.request:
            result.objects += 1
        elif name not in named:
            found = await self._fixity(info.key, info.version_id)
            result.objects += 1
            result.size_bytes += found.size_bytes if found else 0
            if found is not None and found.digest == parsed.digest:
                result.unreferenced.append(info.key)
            elif found is not None:
                result.accuse(info.key, Damage.UNEXPLAINED)

    async def _record_lock(self, info: ObjectInfo, recorded: Lock, result: Verification) -> None:
        """A record's lock: told by no read of it, so it is asked for where there must be one."""
        if recorded:
            await self._locks.hold(info.key, recorded, result)

    async def _request(self, folder: _Listed, number: int, result: Verification) -> None:
        """A recorded request for a summary, named by an inventory or merely there."""
        name = keys.summary_request_name(number)
        info = folder.objects.get(name)
        if info is None:
            result.objects += 1
            result.accuse(folder.name + name, Damage.MISSING)
            return
        try:
            data = await self._archive.store.get(info.key, version_id=info.version_id)
            record = parse_request(data, info.key, self._archive.id)
            await self._record_lock(info, lock_of(record.get("lock")), result)
        except (StoreError, ValueError) as error:
            if isinstance(error, StoreError) and error.transient:
                raise
            result.accuse(info.key, Damage.CORRUPT, str(error))

    async def _fixity(self, key: str, version_id: str) -> Fixity | None:
        """What was read under a key; None where there is nothing."""
        try:
            return await self._archive.store.fixity(key, version_id=version_id)
        except ObjectMissingError:
            return None
        except StoreError as error:
            if error.transient:
                raise
            return _NO_OBJECT


def accuse_later(info: ObjectInfo, result: Verification) -> None:
    """Tell of what lies on top of a record."""
    # A canary is put twice on purpose, and where it is locked it stays.
    if info.later_versions and not info.key.startswith(keys.CANARIES):
        detail = f"{info.later_versions} on top of the record"
        result.accuse(info.key, Damage.LATER_VERSION, detail)


def _named(judged: Judged) -> dict[str, Entry]:
    """Every artifact that an inventory which can be believed names, by bare name."""
    named: dict[str, Entry] = {}
    for version in sorted(judged.believed):
        named |= judged.believed[version].named()
    return named


def _requests(folder: _Listed, judged: Judged) -> set[int]:
    """The numbers of the requests for a summary that are there, or that inventories name."""
    numbers = {number: keys.summary_request_name(number) for number in (1, 2)}
    found = {number for number, name in numbers.items() if name in folder.objects}
    for inventory in judged.believed.values():
        entry = inventory.entry(SUMMARY)
        named = entry.attempts.get("requests", []) if entry else []
        found |= set(numbers) & set(named if isinstance(named, list) else [])
    return found
