"""Trials of writing that every store takes: read back, raced for, overwritten, sent wrong, listed."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import aclosing
from typing import TYPE_CHECKING

from archiver.archive.stores.store import WrongDigestError
from archiver.archive.stores.trials.canaries import attempted
from archiver.checks import Check, failed, ok, weak
from archiver.errors import ObjectExistsError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from archiver.archive.stores.trials import Claims
    from archiver.archive.stores.trials.canaries import Corner

RACERS = 16
_ALONE = "let one worker alone write to it and say so with RTK_ARCHIVE_SOLE_WORKER=1"


async def try_writing(corner: Corner, claims: Claims) -> AsyncGenerator[Check]:
    """Everything there is to find out through the store's own methods."""
    trials: tuple[tuple[str, Callable[[Corner, Claims], Awaitable[list[Check]]]], ...] = (
        ("read back", _read_back),
        ("put-if-absent", _race),
        ("overwrite", _overwrite),
        ("checksum", _checksum),
        ("listing", _listing),
    )
    for name, trial in trials:
        for check in await attempted(name, trial(corner, claims)):
            yield check


async def _read_back(corner: Corner, _claims: Claims) -> list[Check]:
    body = secrets.token_bytes(100_000)
    await corner.put("read-back", body)
    if await corner.store.get(corner.key("read-back")) == body:
        return [ok("read back", "what was put is read back byte for byte")]
    return [
        failed(
            "read back",
            "what is read is not what was put",
            "archive nothing here; ask whoever runs the store",
            endangers=True,
        )
    ]


async def _race(corner: Corner, claims: Claims) -> list[Check]:
    bodies = [f"racer {number}".encode() for number in range(RACERS)]
    answers = await asyncio.gather(
        *(corner.put("raced", body) for body in bodies), return_exceptions=True
    )
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, ObjectExistsError):
            raise answer
    won = [
        body
        for body, answer in zip(bodies, answers, strict=True)
        if not isinstance(answer, BaseException)
    ]
    info = await corner.store.head(corner.key("raced"))
    stands = len(won) == 1 and await corner.store.get(corner.key("raced")) == won[0]
    raced = f"{RACERS} writers of one key at the same moment"
    if not stands:
        observed = f"{raced}: {len(won)} were told that they were first"
        return [_ignored("put-if-absent", observed, claims)]
    if info is not None and info.later_versions:
        return [
            weak(
                "put-if-absent",
                f"{raced}: one counts, and {info.later_versions} more lie on top of it as later"
                " versions, which `verify` calls damage",
                "keep it at one worker" if claims.sole_worker else _ALONE,
            )
        ]
    return [ok("put-if-absent", f"{raced}: one was let through, and its bytes are there")]


def _ignored(name: str, observed: str, claims: Claims) -> Check:
    """What it means that a taken key was written again."""
    if claims.sole_worker:
        return weak(name, f"{observed}; the settings say that one worker writes", "keep it so")
    return failed(name, observed, _ALONE, endangers=True)


async def _overwrite(corner: Corner, claims: Claims) -> list[Check]:
    await corner.put("overwritten", b"first")
    try:
        await corner.put("overwritten", b"second")
    except ObjectExistsError:
        refused = True
    else:
        refused = False
    stands = await corner.store.get(corner.key("overwritten")) == b"first"
    if not (refused and stands):
        return [_ignored("overwrite", "a second put of a key was let through", claims)]
    info = await corner.store.head(corner.key("overwritten"))
    if info is not None and info.later_versions:
        return [
            weak(
                "overwrite",
                "a second put was stored as a later version; the first is the record",
                "keep it at one worker" if claims.sole_worker else _ALONE,
            )
        ]
    return [ok("overwrite", "a second put of a key was refused, and the first stands")]


async def _checksum(corner: Corner, _claims: Claims) -> list[Check]:
    try:
        await corner.put("mistaken", b"bananas", claimed=b"canary!")
    except WrongDigestError:
        return [ok("checksum", "a body that is not what its SHA-256 says was refused")]
    return [
        weak(
            "checksum",
            "a body that is not what its SHA-256 says was let through",
            "nothing: every object is read back after it was put, at the price of a second request",
        )
    ]


async def _listing(corner: Corner, _claims: Claims) -> list[Check]:
    wanted = [corner.key(f"listed/{number}") for number in range(3)]
    for number in range(3):
        await corner.put(f"listed/{number}", b"listed")
    async with aclosing(corner.store.list(corner.key("listed/"))) as infos:
        found = [info.key async for info in infos]
    if found == wanted:
        return [ok("listing", "what was just put is listed at once, and in order")]
    return [
        failed(
            "listing",
            f"of {len(wanted)} objects just put, {len(set(found) & set(wanted))} are listed",
            "use a store that lists what it has: `verify` and `rebuild` go by it",
        )
    ]
