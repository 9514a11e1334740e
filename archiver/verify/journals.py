"""The archive's own records: `format.json`, and the chains below `_archive/` that seals vouch for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.canonical import lock_of, parse_with_own_digest, sha256
from archiver.archive.journal import BEGINNING, UNLINKED, Journal, Link, Record
from archiver.archive.seals import SEALS, Seal, parse_seal
from archiver.errors import ArchiverError, ObjectMissingError, RecordError, StoreError
from archiver.ledger.roster import Promise
from archiver.verify.findings import Damage
from archiver.verify.folders import accuse_later

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.archive.archive import Archive
    from archiver.archive.stores import ObjectInfo
    from archiver.ledger.roster import Roster
    from archiver.model import Lock
    from archiver.verify.findings import Verification

#: The chains this release writes, and whose records it can judge; the seals first.
JOURNALS = (SEALS, "copies", "reports")


class JournalCheck:
    """Checks the archive's own records, and takes from the seals what must be in the bucket."""

    def __init__(self, archive: Archive, roster: Roster, now: datetime) -> None:
        self._archive = archive
        self._roster = roster
        self._now = now
        self._heads: dict[str, Link] = {}
        self._last_seal: Seal | None = None

    async def check(self, result: Verification, *, expected_seals: dict[str, Link | None]) -> None:
        """Read every record; `expected_seals` are seals that must be there, by who says so."""
        await self._check_format(result)
        for name in JOURNALS:
            await self._check_journal(name, result, expected_seals)
        seal = self._last_seal
        if seal is None:
            result.not_checked.append("what is missing: there is no seal that tells what must be")
        else:
            result.seal = str(seal.link)
            result.sealed_sessions = seal.sessions
            self._hold_to(seal, result)

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
        await self._check_lock(keys.FORMAT_KEY, recorded, result)

    async def _check_lock(self, key: str, recorded: Lock, result: Verification) -> None:
        """A record says itself what it was put under; that must still be so, until its time is over."""
        running = recorded.hold or (recorded.until is not None and recorded.until > self._now)
        if not running:
            return
        found = await self._archive.store.head(key)
        if found is None or not found.lock.covers(recorded):
            result.accuse(key, Damage.RETENTION, "it is locked less than it says")

    async def _check_journal(
        self, name: str, result: Verification, expected_seals: dict[str, Link | None]
    ) -> None:
        journal = Journal(self._archive, name)
        links: dict[int, str] = {}
        position, before = 0, BEGINNING
        believed = True  # whether the record before is what `before` says
        wanted = {each.sequence: each for each in expected_seals.values() if each and name == SEALS}
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
            if believed and record.previous != before.digest:
                result.accuse(info.key, Damage.CHAIN, f"it {UNLINKED}")
            before, believed = record.link, True
            links = {sequence: record.link.digest}
            if sequence in wanted and wanted[sequence].digest != record.link.digest:
                result.accuse(info.key, Damage.CORRUPT, "it is not the seal that is expected")
            if name == SEALS:
                self._take_seal(record, result)
        for sequence in sorted(each for each in wanted if each > position):
            result.accuse(journal.key(sequence), Damage.MISSING, "this seal is expected")
        self._heads[name] = Link(sequence=position, digest=links.get(position, ""))

    async def _read(
        self, journal: Journal, info: ObjectInfo, sequence: int, result: Verification
    ) -> Record | None:
        try:
            data = await self._archive.store.get(info.key, version_id=info.version_id)
            record = journal.parse(info.key, data, sequence)
            await self._check_lock(info.key, record.lock, result)
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
        told_by = f"seal {seal.link.sequence}"
        new = self._roster.seal(each.folder for each in seal.sealed)
        self._roster.expect(
            Promise(folder=each.folder, version=each.version, digest=each.digest, told_by=told_by)
            for each in seal.sealed
        )
        self._roster.list_from(record.key, seal.listings)
        before = self._last_seal
        follows = before is not None and before.link.sequence + 1 == seal.link.sequence
        if follows and before is not None and before.sessions + new != seal.sessions:
            result.accuse(record.key, Damage.CHAIN, "its count of sessions is wrong")
        self._last_seal = seal

    def _hold_to(self, seal: Seal, result: Verification) -> None:
        """What the last seal says of the archive's other records."""
        if seal.format_digest != sha256(self._archive.record):
            told = f"it is not the one that seal {seal.link.sequence} names"
            result.accuse(keys.FORMAT_KEY, Damage.CORRUPT, told)
        for name, link in seal.heads.items():
            found = self._heads.get(name)
            if found is not None and found.sequence < link.sequence:
                for sequence in range(found.sequence + 1, link.sequence + 1):
                    told = f"seal {seal.link.sequence} tells of it"
                    result.accuse(keys.record_key(name, sequence), Damage.MISSING, told)
