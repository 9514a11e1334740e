"""Which of a session's inventories can be believed: judged from the newest back; pure.

Each names the digest of the one before it, so whoever vouches for the newest vouches for all. Where
nobody does, and two of them do not fit, the one that does not name the other is told of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.verify.findings import Damage, Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from archiver.archive.inventory import Inventory
    from archiver.ledger.roster import Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One inventory as it was read."""

    digest: str
    inventory: Inventory | None  #: None where it cannot be read
    problem: str = ""  #: why it cannot be


@dataclass(slots=True)
class Judged:
    """The inventories that can be believed, and what is wrong with the others."""

    believed: dict[int, Inventory] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def judge(
    folder: str, archive_id: str, read: Mapping[int, Read], expected: Promise | None
) -> Judged:
    """Judge the inventories of one folder, by their versions."""
    judged = Judged()
    through = max((version for version in read if _is_sound(read[version], archive_id)), default=0)
    if expected is not None:
        through = max(through, expected.version)
    vouched = {expected.version: (expected.digest, expected.told_by)} if expected else {}
    for version in sorted({*read, *range(1, through + 1)}, reverse=True):
        finding = _judge_one(folder, version, archive_id, read, vouched)
        if finding is not None:
            judged.findings.append(finding)
        elif version in read and (inventory := read[version].inventory) is not None:
            judged.believed[version] = inventory
            if version in vouched and inventory.previous:
                name = keys.inventory_name(version)
                vouched[version - 1] = (inventory.previous, name)
    _end_at_tombstone(folder, judged)
    judged.findings.reverse()
    return judged


def _is_sound(read: Read, archive_id: str) -> bool:
    return read.inventory is not None and read.inventory.archive_id == archive_id


def _judge_one(
    folder: str,
    version: int,
    archive_id: str,
    read: Mapping[int, Read],
    vouched: Mapping[int, tuple[str, str]],
) -> Finding | None:
    key = folder + keys.inventory_name(version)
    found = read.get(version)
    digest, by = vouched.get(version, ("", ""))
    if found is None:
        detail = f"{by} names it" if by else "a later version is there"
        return Finding(key=key, damage=Damage.MISSING, detail=detail)
    if digest and found.digest != digest:
        return Finding(key=key, damage=Damage.CORRUPT, detail=f"it is not the one {by} names")
    if digest:
        return None  # whoever vouches for it knew it when it was whole
    if found.inventory is None:
        return Finding(key=key, damage=Damage.CHAIN, detail=found.problem)
    if found.inventory.archive_id != archive_id:
        return Finding(key=key, damage=Damage.CHAIN, detail="it is of another archive")
    before = read.get(version - 1)
    linked = before is None or before.inventory is None or before.digest == found.inventory.previous
    if not linked:
        detail = "it does not name the digest of the version before it"
        return Finding(key=key, damage=Damage.CHAIN, detail=detail)
    return None


def _end_at_tombstone(folder: str, judged: Judged) -> None:
    """Nothing follows a tombstone."""
    end = min((v for v, each in judged.believed.items() if each.tombstone), default=None)
    if end is None:
        return
    for version in sorted((v for v in judged.believed if v > end), reverse=True):
        del judged.believed[version]
        key = folder + keys.inventory_name(version)
        detail = "it follows a tombstone, which is the end"
        judged.findings.append(Finding(key=key, damage=Damage.CHAIN, detail=detail))
