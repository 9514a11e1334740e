"""The archive's own records in an export: what it is the archive of, and the seals over its inventories."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.journal import BEGINNING, Journal, Link
from archiver.archive.seals import parse_seal
from archiver.errors import RecordError
from archiver.verify import Damage
from search.export.model import Finding, Vouched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from archiver.archive.archive import Archive
    from archiver.archive.seals import Sealed
    from search.export.copying import Copier
    from search.export.layouts import Layout
    from search.export.model import Written


@dataclass(slots=True)
class Records:
    """The records that were copied, and which seal vouches for which inventory."""

    written: dict[str, Written] = field(default_factory=dict)  #: by key
    newest: Link = BEGINNING  #: the last seal that can be believed
    findings: list[Finding] = field(default_factory=list)
    _vouched: dict[bytes, Vouched] = field(default_factory=dict)  #: by the inventory's digest

    def vouch(self, sealed: Sealed, by: Link) -> None:
        """Take note that this seal names an inventory; the first to do so counts."""
        vouched = Vouched(sequence=by.sequence, digest=by.digest, version=sealed.version)
        self._vouched.setdefault(bytes.fromhex(sealed.digest), vouched)

    def vouched(self, digests: Iterable[str]) -> Vouched | None:
        """What the seals say of the first of these inventories that any of them names."""
        found = (self._vouched.get(bytes.fromhex(each)) for each in digests)
        return next((each for each in found if each is not None), None)


async def copy_records(
    archive: Archive, copier: Copier, layout: Layout, *, selected: Callable[[str], bool]
) -> Records:
    """Copy `format.json` and every seal; keep which of them vouch for the selected folders.

    A seal vouches only if all before it are there and linked: what is behind a break in the chain
    could have been written by anybody, any time.
    """
    records = Records()
    journal = Journal(archive, keys.SEALS)
    for prefix in (keys.FORMAT_KEY, journal.prefix):
        for info in await archive.objects(prefix):
            written, problem = await copier.copy(info, layout.record_path(info.key))
            records.written[info.key] = written
            if problem:
                finding = Finding(key=info.key, damage=Damage.CORRUPT, detail=problem)
                records.findings.append(finding)
    try:
        async with aclosing(journal.records()) as chain:
            async for record in chain:
                records.newest = record.link
                for each in parse_seal(record).sealed:
                    if selected(each.folder):
                        records.vouch(each, record.link)
    except RecordError as error:
        finding = Finding(key=error.key, damage=Damage.CHAIN, detail=error.message)
        records.findings.append(finding)
    return records
