"""Moving house: `copy` an archive to another store or repair it from one, compare two of them."""

from __future__ import annotations

import dataclasses
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from archiver.access import os_user
from archiver.archive import keys
from archiver.archive.archive import Archive
from archiver.archive.stores.store import first_key
from archiver.arguments import json_argument, name, store_url
from archiver.audit import open_trail
from archiver.capture import Maker
from archiver.characters import visible
from archiver.clock import SystemClock
from archiver.commands import Command
from archiver.errors import ArchiveMismatchError, ArchiveMissingError, RecordError
from archiver.exits import DONE, LOST, PENDING
from archiver.terminal import answer, answer_json, progress

if TYPE_CHECKING:
    import argparse
    from contextlib import AsyncExitStack

    from archiver.archive.stores import Store
    from archiver.copying import Copied, Difference
    from archiver.model import SessionId
    from archiver.settings import Settings

#: More differences than this are counted and not named.
DIFFERENCES_MAX = 10_000


def copy_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to, or where from; the words of the other store."""
    other = parser.add_mutually_exclusive_group(required=True)
    other.add_argument(
        "target",
        nargs="?",
        type=store_url,
        metavar="TARGET",
        help="where to: file:PATH or s3://BUCKET/PREFIX",
    )
    other.add_argument(
        "--repair",
        type=store_url,
        metavar="STORE",
        help="put back what this archive lacks, from a copy of it",
    )
    profile_argument(parser)
    parser.add_argument(
        "--unlocked", action="store_true", help="copy locked objects to where nothing can be locked"
    )
    parser.add_argument(
        "--check", action="store_true", help="read back what an earlier copy has checked, too"
    )
    json_argument(parser)


def against_arguments(parser: argparse.ArgumentParser) -> None:
    """--against, --profile: a copy to compare with."""
    parser.add_argument(
        "--against",
        type=store_url,
        metavar="STORE",
        help="compare with this copy, object by object",
    )
    profile_argument(parser)


def profile_argument(parser: argparse.ArgumentParser) -> None:
    """--profile: how the other store is reached."""
    parser.add_argument(
        "--profile",
        type=name,
        metavar="NAME",
        help="the AWS profile of the other store: its credentials, region and endpoint",
    )


async def copy(args: argparse.Namespace, settings: Settings) -> int:
    """Copy the archive to another store, or repair it from one."""
    from archiver.runtime import open_other_store

    asked = {"repair": args.repair} if args.repair else {"target": args.target}
    with open_trail(settings, SystemClock()) as trail:
        trail.record(os_user(), "copy", asked=asked)
    other = open_other_store(settings, args.repair or args.target, args.profile or "")
    try:
        if args.repair:
            copied = await _repair(settings, other)
        else:
            copied = await _copy(args, settings, other)
    finally:
        await other.close()
    if args.json:
        answer_json(copied.document())
    else:
        _tell(copied)
    return LOST if copied.problems else DONE


async def _copy(args: argparse.Namespace, settings: Settings, target: Store) -> Copied:
    from archiver.copying import Copying
    from archiver.runtime import lock_for_of, open_archive, prepare_spool

    clock = SystemClock()
    async with open_archive(settings) as archive:
        prepare_spool(settings.spool)
        copying = Copying(
            archive,
            target,
            lock_for=lock_for_of(settings, clock),
            spool=settings.spool,
            checked=settings.data / "copies",
            maker=Maker.of("copy"),
            clock=clock,
            sole_worker=settings.sole_worker,
            unlocked=args.unlocked,
            check=args.check,
        )
        with progress("copying") as update:
            return await copying.run(update)


async def _repair(settings: Settings, other: Store) -> Copied:
    from archiver.copying import Repairing
    from archiver.runtime import lock_for_of, open_store_of, prepare_spool

    clock = SystemClock()
    store = open_store_of(settings)
    try:
        copy_of_it = await Archive.open(other)
        prepare_spool(settings.spool)
        repairing = Repairing(
            store,
            copy_of_it,
            lock_for=lock_for_of(settings, clock),
            spool=settings.spool,
            maker=Maker.of("repair"),
            clock=clock,
            sole_worker=settings.sole_worker,
        )
        with progress("repairing") as update:
            return await repairing.run(update)
    finally:
        await store.close()


def _tell(copied: Copied) -> None:
    for problem in copied.problems:
        answer(visible(str(problem)))
    unnamed = len(copied.problems) - len(copied.problems.named)
    if unnamed:
        answer(f"and {unnamed} more")
    parts = [
        f"{copied.sessions} sessions, from {copied.source} to {copied.target}",
        f"{copied.copied} objects copied ({copied.copied_bytes} bytes)",
        f"{copied.found} were there, and read back",
        f"{copied.passed} as an earlier copy left them" * bool(copied.passed),
        f"{copied.unlocked} without their lock" * bool(copied.unlocked),
        f"{len(copied.problems) or 'no'} problems",
    ]
    answer(visible("; ".join(filter(None, parts))))
    if copied.left:
        answer(f"{copied.left} seals were made meanwhile: run it again to copy what they name")
    answer(f"recorded in {copied.record}" if copied.record else "nothing to record")


async def open_against(
    args: argparse.Namespace, settings: Settings, archive: Archive, stack: AsyncExitStack
) -> Store | None:
    """The store to compare with, if one is named; refused where it is not this archive's copy.

    Raises ArchiveMismatchError where there is nothing, or another archive.
    """
    from archiver.runtime import open_other_store

    if not args.against:
        return None
    other = open_other_store(settings, args.against, args.profile or "")
    stack.push_async_callback(other.close)
    if await first_key(other) is None:
        raise ArchiveMismatchError(f"there is nothing in {other.url}", hint="check its name")
    try:
        found = await Archive.open(other)
    except (ArchiveMissingError, RecordError):
        return other  # what has become of its `format.json` is a difference like any other
    if found.id != archive.id:
        raise ArchiveMismatchError(
            f"{other.url} is another archive than {archive.store.url}",
            hint="compare with a copy of this archive",
        )
    return other


async def differences(
    here: Store, other: Store | None, session: SessionId | None
) -> tuple[int, dict[str, Any]]:
    """What `verify --against` finds in the other store: the exit code, and the answer's part of it."""
    from archiver.copying import compare

    if other is None:
        return DONE, {}
    code, count, found = DONE, 0, list[dict[str, Any]]()
    with progress("comparing", unit="objects") as update:
        async with aclosing(compare(here, other, session=session, progress=update)) as differing:
            async for each in differing:
                code = max(code, PENDING if _is_for_the_next_copy(each) else LOST)
                count += 1
                if count <= DIFFERENCES_MAX:
                    found.append({"difference": each.kind, **dataclasses.asdict(each)})
    return code, {"against": other.url, "differences": found, "difference_count": count}


def _is_for_the_next_copy(difference: Difference) -> bool:
    """What the other side has not got yet, and its records of repairs, are no damage."""
    is_record = difference.key.startswith(keys.record_prefix(keys.COPIES))
    return difference.there is None or (difference.here is None and is_record)


def difference_lines(differing: dict[str, Any]) -> list[str]:
    """The same, a line each."""
    if not differing:
        return []
    lines = [f"{each['difference']}: {each['key']}" for each in differing["differences"]]
    count = differing["difference_count"]
    return [*lines, f"{count or 'no'} differences from {differing['against']}"]


COPY = Command("copy", "copy the archive to another store, or repair it", copy_arguments, copy)
