"""A folder on trial: what every store is tried for, and what only a file system can get wrong."""

from __future__ import annotations

import os
import time
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from archiver.archive.stores.store import RESERVED_SEGMENT
from archiver.archive.stores.trials.canaries import Corner, attempted, sweep, tidied
from archiver.archive.stores.trials.writing import try_writing
from archiver.checks import Check, failed, not_applicable, ok, weak
from archiver.filesystems import NETWORK, kind_of, nearest, privacy_check, space_check

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from archiver.archive.stores.store import Store
    from archiver.archive.stores.trials import Claims
    from archiver.clock import Clock

_SETTING = "RTK_ARCHIVE_STORE"
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
#: What a container writes to where no volume was mounted.
_PASSING = frozenset({"overlay", "aufs"})
_SYNCED_PUTS = 5


async def examine_folder(
    store: Store, root: Path, claims: Claims, clock: Clock
) -> AsyncGenerator[Check]:
    """Every trial of a folder; folders that had to be made for them are gone again afterwards."""
    corner = Corner(store)
    made = [each for each in _folders(root, corner) if not each.exists()]
    try:
        reached = _reach(root)
        yield reached
        if reached.advice:
            return
        left = await sweep(store, clock.now())
        async with aclosing(try_writing(corner, claims)) as checks:
            async for check in checks:
                yield check
        for check in await attempted("durability", _durability(corner, root)):
            yield check
        if root not in made:
            yield privacy_check("privacy", root)
        yield space_check("space", root, _SETTING)
        yield _locks(claims)
        yield await tidied(corner, left, clock.now())
    finally:
        await corner.clear()
        for each in made:
            with suppress(OSError):  # somebody else has begun to use it
                each.rmdir()


def _folders(root: Path, corner: Corner) -> list[Path]:
    """Every folder that the trials may have to make, the innermost first."""
    canaries = root / corner.prefix
    inner = [canaries / "listed", canaries, *canaries.parents]
    inner = inner[: inner.index(root)]
    return [*inner, root / RESERVED_SEGMENT, root, *root.parents]


def _reach(root: Path) -> Check:
    if root.exists() and not root.is_dir():
        return failed("reach", f"{root} is no folder", f"correct {_SETTING}")
    place = nearest(root)
    if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
        return failed("reach", f"{place} is not writable", "let this user write to it")
    there = "is there" if place == root else "is not there yet, and can be made"
    return ok("reach", f"{root} {there}")


async def _durability(corner: Corner, root: Path) -> list[Check]:
    begun = time.monotonic()
    for number in range(_SYNCED_PUTS):
        await corner.put(f"synced-{number}", b"synced")
    each_ms = (time.monotonic() - begun) * 1000 / _SYNCED_PUTS
    kind = kind_of(root)
    observed = (
        f"{kind or 'a file system of unknown kind'}; a put is synced to it in {each_ms:.1f} ms"
    )
    if kind in _IN_MEMORY:
        advice = "gone when the machine stops: move the archive to a disk"
        return [failed("durability", observed, advice, endangers=True)]
    if kind in _PASSING:
        return [weak("durability", observed, "gone with the container: mount a volume for it")]
    if kind in NETWORK:
        return [weak("durability", observed, "make sure that the file server really syncs")]
    return [ok("durability", observed)]


def _locks(claims: Claims) -> Check:
    if claims.lock:
        return failed(
            "object lock",
            "the settings ask for locks, and a folder locks nothing",
            "use a bucket with Object Lock, or leave RTK_ARCHIVE_LOCK and RTK_ARCHIVE_LEGAL_HOLD off",
            endangers=True,
        )
    return not_applicable(
        "object lock",
        "a folder locks nothing: whoever is this user, or root, can delete what is archived",
        "use a bucket with Object Lock where that must not be",
    )
