"""Whether the record of reads is what was written: every line here, every record in the bucket.

Each line and each record names the one before, the bucket's records number the lines they hold, the
seals name where the chain in the bucket ended, and the data folder how far it came. Whatever was
edited, dropped, reordered, cut off or put back to an older state contradicts one of them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.canonical import canonical_json, parse_with_own_digest, sha256
from archiver.archive.journal import BEGINNING, UNLINKED, Journal, Link
from archiver.archive.seals import parse_seal
from archiver.audit.sealed import Batch, Sealed, batch_of
from archiver.audit.shelf import Place, parse_line, trails_in
from archiver.errors import ArchiveError, RecordError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archiver.archive.archive import Archive
    from archiver.archive.stores import ObjectInfo


class Damage(StrEnum):
    """What was done to the record of reads."""

    EDITED = "edited"  #: it does not say what was written
    DROPPED = "dropped"  #: something is missing in between
    REORDERED = "reordered"  #: it is there, in another place
    CUT = "cut"  #: the end is missing
    OLD_COPY = "old-copy"  #: it was put back to an older state


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong: a record of the bucket by its key, a trail by its file's name."""

    place: str
    damage: Damage
    detail: str


@dataclass(slots=True)
class Checked:
    """What was read, and what is wrong with it."""

    findings: list[Finding]
    records: int = 0  #: reads in the bucket
    unsealed: int = 0  #: reads that lie here and are not in the bucket yet
    objects: int = 0
    trails: int = 0  #: files here

    def accuse(self, place: str, damage: Damage, detail: str) -> None:
        """Tell of damage."""
        self.findings.append(Finding(place=place, damage=damage, detail=detail))


async def check_audit(archive: Archive, folder: Path) -> Checked:
    """Read the whole record of reads: that of the bucket, and what lies in this data folder."""
    result = Checked([])
    check = _BucketCheck(archive, result)
    sealed = Sealed.read(folder, archive.id)
    await check.read(told=[(sealed.head, "this data folder"), *await _seals_head(archive, result)])
    for path in trails_in(folder):
        result.trails += 1
        _check_trail(path, check.ends.get(path.stem, Place()), result)
    return result


async def _seals_head(archive: Archive, result: Checked) -> list[tuple[Link, str]]:
    """Where the newest seal says that the chain ended."""
    journal = Journal(archive, keys.SEALS)
    try:
        head = await journal.head()
        if head == BEGINNING:
            return []
        seal = parse_seal(await journal.read(head.sequence))
    except ArchiveError as error:
        result.accuse(journal.prefix, Damage.EDITED, f"{error.message}; run `rtk-archive verify`")
        return []
    told = seal.heads.get(keys.AUDIT)
    return [] if told is None else [(told, seal.name)]


class _BucketCheck:
    """Reads the chain in the bucket, and each trail as it goes on through it."""

    def __init__(self, archive: Archive, result: Checked) -> None:
        self._archive = archive
        self._journal = Journal(archive, keys.AUDIT)
        self._result = result
        self.ends: dict[str, Place] = {}  #: how far each trail is in the bucket

    async def read(self, *, told: list[tuple[Link, str]]) -> None:
        """Every record in order; `told` are places that the chain must have come to."""
        position = 0
        before: Link | None = BEGINNING  #: None: what it is cannot be told
        digests = {link.sequence: (link.digest, by) for link, by in told if link != BEGINNING}
        async for info in self._archive.store.list(self._journal.prefix):
            sequence = keys.record_sequence(keys.AUDIT, info.key)
            if sequence is None:
                self._result.accuse(info.key, Damage.EDITED, "it is no record of reads")
                continue
            for missing in range(position + 1, sequence):
                key = self._journal.key(missing)
                self._result.accuse(key, Damage.DROPPED, "a later record is there")
            intact, position = position + 1 == sequence, sequence
            self._result.objects += 1
            link = await self._record(info, sequence, before if intact else None)
            digest, by = digests.get(sequence, ("", ""))
            if link is not None and digest and link.digest != digest:
                self._result.accuse(info.key, Damage.OLD_COPY, f"it is not the one {by} tells of")
            before = link
        for sequence, (_, by) in sorted(digests.items()):
            if sequence > position:
                key = self._journal.key(sequence)
                self._result.accuse(key, Damage.CUT, f"it is missing, and {by} tells of it")

    async def _record(self, info: ObjectInfo, sequence: int, before: Link | None) -> Link | None:
        """What is under a key; its place in the chain, or None where it cannot be read."""
        try:
            data = await self._archive.store.get(info.key, version_id=info.version_id)
        except StoreError as error:
            if error.transient:
                raise
            self._result.accuse(info.key, Damage.EDITED, error.message)
            return None
        try:
            record = self._journal.parse(info.key, data, sequence)
            batch = batch_of(record)
        except RecordError as error:
            self._result.accuse(info.key, _what_became_of(data, sequence), error.message)
            return None
        if before is not None and before.digest != record.previous:
            self._result.accuse(info.key, Damage.EDITED, f"it {UNLINKED}")
        self._batch(info.key, batch)
        return record.link

    def _batch(self, key: str, batch: Batch) -> None:
        """A part of a trail: whole in itself, and behind the part before it."""
        self._result.records += len(batch.records)
        at = self.ends.get(batch.trail, Place())
        if batch.first <= at.seq:
            detail = f"record {batch.first} of trail {batch.trail} is in the bucket already"
            self._result.accuse(key, Damage.OLD_COPY, detail)
            return
        if batch.first > at.seq + 1:
            detail = f"records {at.seq + 1} to {batch.first - 1} of trail {batch.trail} are missing"
            self._result.accuse(key, Damage.DROPPED, detail)
        elif batch.follows != at.digest:
            self._result.accuse(key, Damage.EDITED, f"it {UNLINKED} in trail {batch.trail}")
        if not _is_whole(batch):
            self._result.accuse(key, Damage.EDITED, f"its reads of trail {batch.trail} do not link")
        self.ends[batch.trail] = Place(batch.last, batch.ends, None)


def _what_became_of(data: bytes, sequence: int) -> Damage:
    """A record that is whole and says another number was moved; any other was edited."""
    try:
        document = parse_with_own_digest(data)
    except ValueError:
        return Damage.EDITED
    return Damage.EDITED if document.get("sequence") == sequence else Damage.REORDERED


def _is_whole(batch: Batch) -> bool:
    digest = batch.follows
    for seq, record in enumerate(batch.records, start=batch.first):
        if (record.get("seq"), record.get("previous")) != (seq, digest):
            return False
        digest = sha256(canonical_json(record))
    return digest == batch.ends and batch.last == batch.first + len(batch.records) - 1


# ---------------------------------------------------------------------- the files here


def _check_trail(path: Path, sealed: Place, result: Checked) -> None:
    """One trail: its lines in order, and as far as the bucket has it, as the bucket has it."""
    lines, seqs, unlinked, digest, differs = 0, list[int](), list[int](), "", False
    for line in _lines(path):
        lines += 1
        record, before, digest = parse_line(line), digest, sha256(line)
        if record is None:
            continue
        seqs.append(record["seq"])
        if (record.get("previous"), record.get("trail")) != (before, path.stem):
            unlinked.append(record["seq"])
        differs = differs or (record["seq"] == sealed.seq and digest != sealed.digest)
    result.unsealed += sum(each > sealed.seq for each in seqs)
    for damage, detail in _damages(lines, seqs, unlinked):
        result.accuse(path.name, damage, detail)
    if lines < sealed.seq:
        detail = f"{sealed.seq} records are in the bucket, and {lines} are here"
        result.accuse(path.name, Damage.CUT, detail)
    elif differs:
        detail = f"record {sealed.seq} is not the one in the bucket"
        result.accuse(path.name, Damage.EDITED, detail)


def _damages(lines: int, seqs: list[int], unlinked: list[int]) -> Iterator[tuple[Damage, str]]:
    """What is wrong with a trail in itself; of what follows from something else, only that."""
    missing = sorted({*range(1, max(seqs, default=0) + 1)} - {*seqs})
    if len(seqs) < lines:
        yield Damage.EDITED, f"{lines - len(seqs)} lines are no records"
    elif missing:
        yield Damage.DROPPED, f"missing: {', '.join(str(each) for each in missing[:10])}"
    elif seqs != sorted(set(seqs)):
        yield Damage.REORDERED, "its lines are not in the order of their numbers"
    else:
        for each in unlinked[:10]:
            yield Damage.EDITED, f"record {each - 1} is not the one that record {each} names"


def _lines(path: Path) -> Iterator[bytes]:
    """The whole lines; half a last one never was a record."""
    with suppress(FileNotFoundError), path.open("rb") as file:  # it may be deleted meanwhile
        for line in file:
            if line.endswith(b"\n"):
                yield line
