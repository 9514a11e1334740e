"""The command `export`: what it is asked, what it says, and the exit code it leaves."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archiver import arguments
from archiver.access import os_user
from archiver.archive.seals import digest_of_ids
from archiver.audit import open_trail
from archiver.characters import visible
from archiver.clock import SystemClock
from archiver.exits import DONE, LOST, PENDING, USAGE
from archiver.ledger import Ledger
from archiver.model import format_time
from archiver.terminal import answer, answer_json, progress, say
from search.export.layouts import LAYOUTS
from search.export.model import Asked
from search.export.selection import Resolved, Selection, resolve

if TYPE_CHECKING:
    import argparse

    from archiver.archive.archive import Archive
    from archiver.settings import Settings
    from search.export.checking import Checked
    from search.export.exporting import Exported
    from search.formats import Limits
    from search.index.library import Library


def export_arguments(parser: argparse.ArgumentParser) -> None:
    """Which sessions, in which format, where to, for whom and why."""
    parser.add_argument("directory", type=Path, metavar="DIRECTORY", help="a folder to be made")
    parser.add_argument("--format", choices=sorted(LAYOUTS), help="how the export is laid out")
    parser.add_argument(
        "--session",
        action="append",
        type=arguments.name,
        default=[],
        metavar="ID",
        help="only this session",
    )
    parser.add_argument(
        "--query", type=arguments.name, help="only sessions that hold all its words"
    )
    arguments.range_arguments(parser)
    parser.add_argument("--reason", type=arguments.name, metavar="TEXT", help="what it is made for")
    parser.add_argument(
        "--requested-by", type=arguments.name, metavar="NAME", help="who asked for it"
    )
    parser.add_argument(
        "--check", action="store_true", help="make none: check the one that is there"
    )
    arguments.json_argument(parser)


async def export(
    args: argparse.Namespace, settings: Settings, *, library: Library, limits: Limits
) -> int:
    """Export a selection, or check an export that was made."""
    if args.check:
        return await _check(args)
    if not args.format or not args.reason:
        say("rtk-archive export: --format and --reason are needed (or --check)")
        return USAGE
    from archiver.runtime import open_archive

    clock = SystemClock()
    selection = Selection(
        sessions=tuple(args.session),
        query=args.query or "",
        apps=tuple(args.app),
        since=args.since,
        until=args.until,
    )
    asked = Asked(
        user=os_user().name,
        requested_by=args.requested_by or "",
        reason=args.reason,
        at=clock.now(),
    )
    async with AsyncExitStack() as stack:
        stack.callback(library.close)
        archive = await stack.enter_async_context(open_archive(settings))
        ledger = _ledger(settings, archive)
        if ledger is not None:
            stack.callback(ledger.close)
        resolved = await resolve(
            selection, archive, ledger=ledger, library=library, now=clock.now()
        )
        _say_limits(resolved)
        _record(args, settings, resolved)
        exported = await _export(args, archive, selection, resolved, asked, limits)
    return _report(args, resolved, exported)


def _record(args: argparse.Namespace, settings: Settings, resolved: Resolved) -> None:
    """Note what is about to be handed out, before any of it is; raises AuditError."""
    count, digest = digest_of_ids(sorted(resolved.folders))
    asked = {
        "directory": str(args.directory),
        "format": args.format,
        "reason": args.reason,
        "requested_by": args.requested_by or "",
        "query": args.query or "",
        "session": list(args.session),
        "app": list(args.app),
        "since": "" if args.since is None else format_time(args.since),
        "until": "" if args.until is None else format_time(args.until),
    }
    asked = {name: each for name, each in asked.items() if each}
    with open_trail(settings, SystemClock()) as trail:
        trail.record(os_user(), "export", asked=asked, hits=count, folders_digest=digest)


async def _export(
    args: argparse.Namespace,
    archive: Archive,
    selection: Selection,
    resolved: Resolved,
    asked: Asked,
    limits: Limits,
) -> Exported:
    from search.export.exporting import Export
    from search.export.folder import ExportFolder

    layout = LAYOUTS[args.format](archive.id)
    folder = ExportFolder.create(args.directory, sha512=layout.sha512)
    try:
        with progress("exporting") as update:
            making = Export(archive, folder, layout, limits, SystemClock())
            return await making.make(selection, resolved, asked, update)
    finally:
        folder.close()


def _ledger(settings: Settings, archive: Archive) -> Ledger | None:
    """The ledger of this archive, if there is one."""
    if not settings.ledger_path.exists():
        return None
    ledger = Ledger.open(settings.ledger_path, read_only=True)
    if ledger.about("archive") == archive.id:
        return ledger
    ledger.close()
    return None


def _say_limits(resolved: Resolved) -> None:
    """What whoever asked should know before they wait."""
    if resolved.pending is None:
        say("there is no ledger of this archive: what is still pending is not known")
    elif resolved.pending:
        say(f"{len(resolved.pending)} sessions of the selection are still pending")
    if resolved.not_indexed:
        say(
            f"{len(resolved.not_indexed)} sessions are not indexed in their newest version: "
            "the query did not see them; run `rtk-archive sync` first"
        )


def _report(args: argparse.Namespace, resolved: Resolved, exported: Exported) -> int:
    tally = exported.tally
    for each in exported.findings:
        say(visible(str(each)))
    if args.json:
        answer_json(
            {
                "directory": str(args.directory),
                "format": args.format,
                "sessions": tally.sessions,
                "sealed": tally.sealed,
                "files": tally.files,
                "size_bytes": tally.size_bytes,
                "outcomes": dict(sorted(tally.outcomes.items())),
                "pending": None if resolved.pending is None else len(resolved.pending),
                "findings": [each.document() for each in exported.findings],
                "digest": exported.digest,
            }
        )
    else:
        answer(
            f"{tally.sessions} sessions, {tally.files} files, {tally.size_bytes} bytes in "
            f"{visible(str(args.directory))}: {len(exported.findings) or 'no'} damage"
        )
    if exported.findings or tally.outcomes.get("lost"):
        return LOST
    outstanding = resolved.outstanding or tally.outcomes.get("pending")
    return PENDING if outstanding else DONE


# ---------------------------------------------------------------------- checking


async def _check(args: argparse.Namespace) -> int:
    from search.export.checking import check

    with progress("checking", unit="files") as update:
        checked = await asyncio.to_thread(check, args.directory, update)
    if args.json:
        answer_json(_check_document(checked))
    else:
        for path, what in checked.problems:
            answer(visible(f"{path}: {what}"))
        answer(f"{checked.files} files read: {len(checked.problems) or 'no'} damage")
    return LOST if checked.problems else DONE


def _check_document(checked: Checked) -> dict[str, Any]:
    return {
        "files": checked.files,
        "size_bytes": checked.size_bytes,
        "complete": checked.record or None,
        "problems": [{"path": path, "problem": what} for path, what in checked.problems],
    }
