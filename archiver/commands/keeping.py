"""The commands about what is kept: whether it is unchanged, and the seals that tell."""

from __future__ import annotations

import argparse
import re
import secrets
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from archiver.access import os_user
from archiver.archive import keys
from archiver.archive.journal import Journal, Link
from archiver.archive.stores.store import first_key
from archiver.arguments import fraction, json_argument, name
from archiver.audit import open_trail
from archiver.characters import visible
from archiver.clock import SystemClock
from archiver.commands import Command, moving
from archiver.errors import ArchiveMissingError, ArchiverError, AuditError, LedgerError, RecordError
from archiver.exits import DONE, LOST
from archiver.ledger.roster import Roster
from archiver.terminal import answer, answer_json, progress, say

if TYPE_CHECKING:
    from archiver.archive.archive import Archive
    from archiver.ledger import Ledger
    from archiver.model import SessionId
    from archiver.settings import Settings
    from archiver.verify import Verification

ROSTER = "verify.db"


def _seal_place(text: str) -> Link:
    """A seal that was kept elsewhere, such as 12:9f86d081…"""
    match = re.fullmatch(r"([1-9][0-9]{0,11}):([0-9a-f]{64})", text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text[:100]!a} is no seal: SEQ:DIGEST, as `seal` says")
    return Link(sequence=int(match[1]), digest=match[2])


def _verify_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--session", type=name, metavar="ID", help="only this session")
    parser.add_argument(
        "--sample", type=fraction, default=1.0, metavar="N", help="only this part, such as 10%%"
    )
    parser.add_argument(
        "--expect",
        type=_seal_place,
        metavar="SEQ:DIGEST",
        help="a seal that must be there, as `seal` printed it and you kept it elsewhere",
    )
    parser.add_argument(
        "--report", action="store_true", help="keep the result in the bucket, in _archive/reports/"
    )
    parser.add_argument("--fresh", action="store_true", help="begin anew where one was interrupted")
    moving.against_arguments(parser)
    json_argument(parser)


async def verify(args: argparse.Namespace, settings: Settings) -> int:
    """Read everything in the bucket back and hold it against its records."""
    from archiver.runtime import open_archive

    _record(args, settings)
    async with AsyncExitStack() as stack:
        try:
            opened = open_archive(settings, writing=args.report)
            archive = await stack.enter_async_context(opened)
        except RecordError as error:
            return _format_lost(args, "corrupt", error.key)
        except ArchiveMissingError:
            if not await _holds_anything(settings):
                raise
            return _format_lost(args, "missing", keys.FORMAT_KEY)
        return await _verify(args, settings, archive)


def _record(args: argparse.Namespace, settings: Settings) -> None:
    """Note that it is verified; who has no data folder, or may not write it, may verify all the same."""
    if not settings.data.is_dir():
        return
    asked = {"session": args.session} if args.session else {}
    try:
        with open_trail(settings, SystemClock()) as trail:
            trail.record(os_user(), "verify", asked=asked)
    except AuditError as error:
        say(visible(str(error)))


async def _verify(args: argparse.Namespace, settings: Settings, archive: Archive) -> int:
    from archiver.verify import Verifier

    session = await _session_in(archive, args.session) if args.session else None
    whole = session is None and args.sample >= 1
    seed = secrets.randbits(32)
    async with AsyncExitStack() as stack:
        other = await moving.open_against(args, settings, archive, stack)
        roster = _roster(settings, stack, resumable=whole, fresh=args.fresh)
        verifier = Verifier(
            archive, roster, SystemClock(), session=session, sample=args.sample, seed=seed
        )
        ledger = await _ledger_of(settings, archive, stack)
        await verifier.begin(ledger, expect=args.expect)
        if verifier.result.resumed:
            say("going on where it was interrupted; --fresh begins anew")
        with progress("verifying") as update:
            await verifier.go_on(progress=update)
        result = await verifier.finish()
        roster.delete()
        code, differing = await moving.differences(archive.store, other, session)
    _show(args, result, seed, differing)
    if args.report:
        scope = {"session": args.session, "sample_per_mille": int(args.sample * 1000), "seed": seed}
        try:
            say(f"kept as report {await _keep_report(archive, result, scope)}")
        except RecordError as error:  # the chain of reports is itself among what is damaged
            say(visible(f"the report is not kept: {error}"))
    if whole:
        _note(result, archive, settings)
    return LOST if result.damaged else code


def _show(
    args: argparse.Namespace, result: Verification, seed: int, differing: dict[str, Any]
) -> None:
    from archiver.verify import summary_lines

    if args.json:
        sampled_by = {"seed": seed if args.sample < 1 else None}
        answer_json({**result.document(), **sampled_by, **differing})
        return
    for line in [*summary_lines(result), *moving.difference_lines(differing)]:
        answer(visible(line))
    sampled = f", {result.skipped_sessions} not looked at" * bool(result.skipped_sessions)
    held = f"; held against seal {result.seal}" * bool(result.seal)
    answer(
        f"{result.sessions} sessions{sampled}, {result.objects} objects, "
        f"{result.size_bytes} bytes read: {result.damaged or 'no'} damage{held}"
    )


def _roster(settings: Settings, stack: AsyncExitStack, *, resumable: bool, fresh: bool) -> Roster:
    """Where it keeps how far it came: in the data folder, if it may go on from there."""
    if resumable and settings.data.is_dir():
        try:
            roster = Roster.open(settings.data / ROSTER)
        except (LedgerError, OSError):
            say(f"{settings.data} cannot be written: if interrupted, this begins anew")
        else:
            stack.callback(roster.close)
            if fresh:
                roster.clear()
            return roster
    folder = stack.enter_context(TemporaryDirectory(prefix="rtk-archive-"))
    roster = Roster.open(Path(folder) / ROSTER)
    stack.callback(roster.close)
    return roster


async def _ledger_of(settings: Settings, archive: Archive, stack: AsyncExitStack) -> Ledger | None:
    """The ledger of this archive, to read what it knows of commits; None where there is none."""
    from archiver.runtime import open_ledger

    if not settings.ledger_path.exists():
        return None
    try:
        ledger = await stack.enter_async_context(open_ledger(settings, read_only=True))
        return ledger if ledger.about("archive") == archive.id else None
    except LedgerError as error:  # it is about the bucket, and needs no ledger
        say(visible(str(error)))
        return None


def _note(result: Verification, archive: Archive, settings: Settings) -> None:
    from archiver.verify import note_result

    try:
        note_result(result, archive, settings.ledger_path, SystemClock().now())
    except LedgerError as error:
        say(visible(str(error)))


async def _keep_report(archive: Archive, result: Verification, scope: dict[str, object]) -> Link:
    from archiver.capture import Maker

    journal = Journal(archive, keys.REPORTS)
    return await journal.write(result.report(scope), Maker.of("verify").made(SystemClock().now()))


async def _holds_anything(settings: Settings) -> bool:
    """Whether there are objects where no archive is."""
    from archiver.runtime import open_store_of

    store = open_store_of(settings)
    try:
        return await first_key(store) is not None
    finally:
        await store.close()


def _format_lost(args: argparse.Namespace, damage: str, key: str) -> int:
    """The answer where it cannot be told which archive this is, and so nothing else in it."""
    rest = "everything else: which archive this is cannot be told"
    if args.json:
        finding = {"key": key, "damage": damage, "detail": ""}
        answer_json({"damaged": 1, "findings": [finding], "not_checked": [rest]})
    else:
        answer(visible(f"{damage}: {key}"))
        answer(f"not checked: {rest}")
    return LOST


async def _session_in(archive: Archive, session_id: str) -> SessionId:
    if (found := await archive.find(session_id)) is not None:
        return found
    raise ArchiverError(f"session {session_id} is not in {archive.store.url}")


async def seal(args: argparse.Namespace, settings: Settings) -> int:
    """Seal all that is committed by now, and print the seal, to be kept elsewhere."""
    from archiver.capture import Maker
    from archiver.runtime import open_views, sealer_of, trail_sealer_of

    maker, clock = Maker.of("seal"), SystemClock()
    async with open_views(settings, writing=True) as (archive, ledger):
        try:
            await trail_sealer_of(settings, archive, maker, clock).seal()
        except (
            AuditError,
            RecordError,
        ) as error:  # that does not keep the archive from being sealed
            say(visible(str(error)))
        link = await sealer_of(settings, archive, ledger, maker, clock).seal()
        sessions = ledger.sealing.sessions()
    if args.json:
        answer_json({"seal": str(link), **link.document(), "sessions": sessions})
    else:
        answer(str(link))
        say(f"{sessions} sessions are sealed; keep that line elsewhere, for `verify --expect`")
    return DONE


COMMANDS = (
    Command("verify", "read everything in the bucket back and check it", _verify_arguments, verify),
    Command("seal", "name all that is committed in a seal, and print it", json_argument, seal),
)
