"""The archive's own records: `format.json`, and the chains below `_archive/` that seals vouch for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.canonical import lock_of, parse_with_own_digest, sha256
from archiver.archive.journal import BEGINNING, UNLINKED, Journal, Link, Record
from archiver.archive.seals import Seal, parse_seal
from archiver.errors import ArchiverError, ObjectMissingError, RecordError, StoreError
from archiver.ledger.roster import Promise
from archiver.verify.findings import Damage
from archiver.verify.folders import accuse_later
from archiver.verify.locks import LockCheck

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from archiver.archive.archive import Archive
    from archiver.archive.stores import ObjectInfo
    from archiver.ledger.roster import Roster
    from archiver.verify.findings import Verification

#: The chains this release writes besides the seals, which tell where these end.
OTHERS = (keys.ACCESS, keys.AUDIT, keys.COPIES, keys.REPORTS, keys.SEARCHES)


@dataclass(frozen=True, slots=True)
class Told:
    """A record that must be there, and who says so."""

    link: Link
    by: str

    def is_another(self, found: Link) -> bool:
        """Whether what was found under its number is not this record."""
        return found.sequence == self.link.sequence and found.digest != self.link.digest


class JournalCheck:
    """Checks the archive's own records, and takes from the seals what must be in the bucket."""

    def __init__(self, archive: Archive, roster: Roster, now: datetime) -> None:
        self._archive = archive
        self._roster = roster
        self._locks = LockCheck(archive.store, now)
        self._last_seal: Seal | None = None

    async def check(self, result: Verification, *, expected: Iterable[Told]) -> None:
        """Read every record; `expected` are seals that somebody says must be there."""
        await self._check_format(result)
        await self._check_journal(keys.SEALS, expected, result)
        seal = self._last_seal
        if seal is None:
            result.not_checked.append("what is missing: there is no seal that tells what must be")
            heads = {}
        else:
            result.seal = str(seal.link)
            result.sealed_sessions = seal.sessions
            heads = {name: Told(link, seal.name) for name, link in seal.heads.items()}
            if seal.format_digest != sha256(self._archive.record):
                told = f"it is not the one that {seal.name} names"
                result.accuse(keys.FORMAT_KEY, Damage.CORRUPT, told)
        for name in OTHERS:
            await self._check_journal(name, [heads[name]] if name in heads else [], result)

    async def _check_format(self, result: Verification) -> None:
        """That `format.json` still says what the archive was opened by."""
        try:
            whole = await self._archive.store.get(keys.FORMAT_KEY) == self._archive.record
        except ArchiverError as error:
            if error.transient:
                raise
            whole = False
        result.objects += 1
        if not whole:
            result.accuse(keys.FORMAT_KEY, Damage.CORRUPT)
            return
        recorded = lock_of(parse_with_own_digest(self._archive.record).get("lock"))
        await self._locks.hold(keys.FORMAT_KEY, recorded, result)

    async def _check_journal(
        self, name: str, expected: Iterable[Told], result: Verification
    ) -> None:
        """Every record of one chain, held to the one before and to what others tell of it."""
        journal = Journal(self._archive, name)
        told = list(expected)
        position, before = 0, BEGINNING
        believed = True  # whether the record before is what `before` says
        async for info in self._archive.store.list(journal.prefix):
            accuse_later(info, result)
            sequence = keys.record_sequence(name, info.key)
            if sequence is None:
                result.accuse(info.key, Damage.UNEXPLAINED)
                continue
            for missing in range(position + 1, sequence):
                result.accuse(journal.key(missing), Damage.MISSING, "a later record is there")
                believed = False
            position = sequence
            result.objects += 1
            record = await self._read(journal, info, sequence, result)
            if record is None:
                believed = False
                continue
            other = next((each for each in told if each.is_another(record.link)), None)
            if other is not None:
                detail = f"it is not the one that {other.by} names"
                result.accuse(info.key, Damage.CORRUPT, detail)
            elif believed and record.previous != before.digest:
                result.accuse(info.key, Damage.CHAIN, f"it {UNLINKED}")
            before, believed = record.link, other is None
            if name == keys.SEALS:
                self._take_seal(record, result)
        _accuse_cut(journal, position, told, result)

    async def _read(
        self, journal: Journal, info: ObjectInfo, sequence: int, result: Verification
    ) -> Record | None:
        try:
            data = await self._archive.store.get(info.key, version_id=info.version_id)
            record = journal.parse(info.key, data, sequence)
            await self._locks.hold(info.key, record.lock, result)
            return record
        except ObjectMissingError:
            return None  # taken away between the listing and now
        except (StoreError, RecordError) as error:
            if error.transient:
                raise
            result.accuse(info.key, Damage.CORRUPT, error.message.removeprefix(f"{info.key} "))
            return None

    def _take_seal(self, record: Record, result: Verification) -> None:
        try:
            seal = parse_seal(record)
        except RecordError as error:
            result.accuse(record.key, Damage.CORRUPT, error.message.removeprefix(f"{record.key} "))
            return
        new = self._roster.seal(each.folder for each in seal.sealed)
        self._roster.expect(
            Promise(folder=each.folder, version=each.version, digest=each.digest, told_by=seal.name)
            for each in seal.sealed
        )
        self._roster.list_from(record.key, seal.listings)
        before = self._last_seal
        follows = before is not None and before.link.sequence + 1 == seal.link.sequence
        if follows and before is not None and before.sessions + new != seal.sessions:
            result.accuse(record.key, Damage.CHAIN, "its count of sessions is wrong")
        self._last_seal = seal


def _accuse_cut(
    journal: Journal, position: int, told: Iterable[Told], result: Verification
) -> None:
    """Tell of records behind the last one there is."""
    last = max(told, key=lambda each: each.link.sequence, default=None)
    if last is not None:
        for sequence in range(position + 1, last.link.sequence + 1):
            result.accuse(journal.key(sequence), Damage.MISSING, f"{last.by} tells of it")
