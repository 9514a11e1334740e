"""Whether everything in the bucket is still what its records say; reads all of it, changes nothing."""

from __future__ import annotations

import hashlib
import random
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain as chained
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.errors import ArchiverError, ObjectMissingError, StoreError
from archiver.ledger import FIXITY_FAILURES, VERIFIED, Ledger
from archiver.model import Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from archiver.archive.archive import Archive, Chain
    from archiver.archive.inventory import Entry
    from archiver.archive.stores import ObjectInfo
    from archiver.model import ArtifactId, SessionId


class Damage(StrEnum):
    """What can be wrong with an object."""

    MISSING = "missing"  #: an inventory names it, and it is not there
    CORRUPT = "corrupt"  #: its bytes are not those its digest is of
    CHAIN = "chain"  #: an inventory is missing, unreadable, or not linked to the one before
    LATER_VERSION = "later-version"  #: something was written or deleted on top of it
    UNEXPLAINED = "unexplained"  #: nothing says why it is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, by key."""

    key: str
    damage: Damage
    detail: str = ""


@dataclass(slots=True)
class Verification:
    """What a verification read, and what it found."""

    sessions: int = 0
    objects: int = 0
    size_bytes: int = 0
    skipped_sessions: int = 0  #: left out by sampling: not checked
    unreferenced: list[str] = field(
        default_factory=list
    )  #: whole, but named by no inventory: no damage
    unknown: list[str] = field(default_factory=list)  #: written by a later release
    findings: list[Finding] = field(default_factory=list)


async def verify(
    archive: Archive,
    *,
    session: SessionId | None = None,
    sample: float = 1.0,
    seed: int = 0,
    progress: Callable[[int], None] = lambda _sessions: None,
) -> Verification:
    """Check every object below the archive, session by session; memory holds one session at a time.

    `sample` is the part of the sessions to check, from 0 to 1, drawn by `seed`.
    """
    result = Verification()
    draw = random.Random(seed)  # noqa: S311 — a sample, not a secret
    await _check_format(archive, result)
    async for folder in _folders(archive, session):
        result.findings += map(_later, filter(_is_covered, folder.objects))
        if not folder.name:
            result.findings += _unexplained(folder.objects)
        elif sample < 1 and draw.random() >= sample:
            result.skipped_sessions += 1
        else:
            await _verify_session(archive, folder, result)
            progress(result.sessions)
    return result


@dataclass(frozen=True, slots=True)
class _Folder:
    name: str  #: "" for what lies outside every session's folder
    objects: list[ObjectInfo]


async def _folders(archive: Archive, session: SessionId | None) -> AsyncIterator[_Folder]:
    """The objects of the archive, a session's folder at a time."""
    current: list[ObjectInfo] = []
    name = ""
    prefix = keys.app_prefix(session.app_id) if session else ""
    async for info in archive.store.list(prefix):
        folder = keys.session_folder(info.key)
        if session is not None and (folder is None or folder.session_id != session):
            continue
        at = folder.folder if folder else ""
        # What belongs to no session is told at once: there may be more of it than fits in memory.
        if current and (at != name or not at):
            yield _Folder(name, current)
            current = []
        name = at
        current.append(info)
    if current:
        yield _Folder(name, current)


def _is_covered(info: ObjectInfo) -> bool:
    # A canary is put twice on purpose, and where it is locked it stays.
    return bool(info.later_versions) and not info.key.startswith(keys.CANARIES)


def _later(info: ObjectInfo) -> Finding:
    detail = f"{info.later_versions} on top of the record"
    return Finding(key=info.key, damage=Damage.LATER_VERSION, detail=detail)


def _is_reserved(key: str) -> bool:
    parts = key.split("/")
    return key == keys.FORMAT_KEY or (
        len(parts) > 2 and parts[0] == keys.ARCHIVE_FOLDER and parts[1] in keys.RESERVED_FOLDERS
    )


def _unexplained(objects: list[ObjectInfo]) -> list[Finding]:
    return [
        Finding(key=each.key, damage=Damage.UNEXPLAINED)
        for each in objects
        if not _is_reserved(each.key)
    ]


async def _check_format(archive: Archive, result: Verification) -> None:
    """That `format.json` still says what the archive was opened by."""
    try:
        whole = await archive.is_unchanged()
    except ArchiverError as error:
        if error.transient:
            raise
        whole = False
    if not whole:
        result.findings.append(Finding(key=keys.FORMAT_KEY, damage=Damage.CORRUPT))


async def _verify_session(archive: Archive, folder: _Folder, result: Verification) -> None:
    result.sessions += 1
    chain = await archive.chain(folder.name)
    if chain is not None and chain.problem:
        result.findings.append(Finding(key=folder.name, damage=Damage.CHAIN, detail=chain.problem))
    named = chain.named if chain is not None else {}
    gone = _destroyed(chain)
    await _check_named(archive, folder, named, gone, result)
    await _check_unnamed(archive, folder, set(named), result)
    if chain is not None and chain.newest is not None:
        parts = archive.unknown_parts(chain.newest.inventory)
        result.unknown += [f"{folder.name}: {part}" for part in parts]


def _destroyed(chain: Chain | None) -> frozenset[ArtifactId]:
    """The artifacts whose objects need not be there: the chain says that they were destroyed."""
    if chain is None or chain.newest is None:
        return frozenset()
    inventory = chain.newest.inventory
    return frozenset(
        each.artifact
        for each in inventory.entries
        if inventory.tombstone or each.outcome == Outcome.DESTROYED
    )


async def _check_named(
    archive: Archive,
    folder: _Folder,
    named: Mapping[str, Entry],
    gone: frozenset[ArtifactId],
    result: Verification,
) -> None:
    for name, entry in named.items():
        key = folder.name + name
        digest, size_bytes = await _digest(archive, key)
        if digest is None and entry.artifact in gone:
            continue
        result.objects += 1
        result.size_bytes += size_bytes
        if digest is None:
            result.findings.append(Finding(key=key, damage=Damage.MISSING))
        elif digest != entry.digest or size_bytes != entry.size_bytes:
            result.findings.append(Finding(key=key, damage=Damage.CORRUPT))


async def _check_unnamed(
    archive: Archive, folder: _Folder, named: set[str], result: Verification
) -> None:
    """What no inventory names: whole artifacts are left over from a crash, anything else is damage."""
    for info in folder.objects:
        parsed = keys.parse_key(info.key)
        if parsed is None:
            result.findings.append(Finding(key=info.key, damage=Damage.UNEXPLAINED))
        elif parsed.version or parsed.request:
            result.objects += 1
        elif parsed.name not in named:
            digest, size_bytes = await _digest(archive, info.key)
            result.objects += 1
            result.size_bytes += size_bytes
            if digest == parsed.digest:
                result.unreferenced.append(info.key)
            else:
                result.findings.append(Finding(key=info.key, damage=Damage.UNEXPLAINED))


async def _digest(archive: Archive, key: str) -> tuple[str | None, int]:
    """The SHA-256 and size of the record under a key; None where there is none.

    "" stands for what is no object at all, such as a link in its place: it is no record's digest.
    """
    hasher, size_bytes = hashlib.sha256(), 0
    try:
        async with aclosing(archive.store.stream(key)) as chunks:
            async for chunk in chunks:
                hasher.update(chunk)
                size_bytes += len(chunk)
    except ObjectMissingError:
        return None, 0
    except StoreError as error:
        if error.transient:
            raise
        return "", 0
    return hasher.hexdigest(), size_bytes


def note_result(result: Verification, archive: Archive, ledger: Path, now: datetime) -> None:
    """Take note of a whole verification in the ledger of this archive, if there is one.

    Raises LedgerError where it cannot be used.
    """
    if not ledger.exists():
        return
    with closing(Ledger.open(ledger)) as opened:
        if opened.about("archive") == archive.id:
            opened.note(FIXITY_FAILURES, len(result.findings), now)
            opened.note(VERIFIED, now.timestamp(), now)


def summary_lines(result: Verification) -> list[str]:
    """The findings, a line each, damage first."""
    damage = (f"{each.damage}: {each.key} {each.detail}".rstrip() for each in result.findings)
    left_over = (f"unreferenced (no damage): {key}" for key in result.unreferenced)
    unknown = (f"written by a later release: {part}" for part in result.unknown)
    return list(chained(damage, left_over, unknown))
