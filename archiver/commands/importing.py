"""`import`: a folder of downloaded files as archived sessions."""

from __future__ import annotations

import dataclasses
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archiver.arguments import json_argument, name
from archiver.capture import Maker
from archiver.characters import visible
from archiver.clock import SystemClock
from archiver.commands import Command
from archiver.exits import DONE, LOST, PENDING
from archiver.terminal import answer, answer_json, progress, say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Coroutine

    from archiver.archive.archive import Archive
    from archiver.importing import Imported
    from archiver.ledger import Ledger
    from archiver.settings import Settings


def import_arguments(parser: argparse.ArgumentParser) -> None:
    """Which folder, and whose sessions they are."""
    parser.add_argument("folder", metavar="FOLDER", help="downloaded chats, transcripts, summaries")
    parser.add_argument(
        "--app", type=name, required=True, metavar="ID", help="the app the sessions belong to"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be imported, and change nothing"
    )
    json_argument(parser)


async def import_folder(
    args: argparse.Namespace,
    settings: Settings,
    *,
    afterwards: Callable[[Archive, Ledger], Coroutine[Any, Any, tuple[int, list[str]]]]
    | None = None,
) -> int:
    """Import a folder; `afterwards` follows what was archived, as after `sync`."""
    from archiver.importing import Folder, Importing
    from archiver.runtime import expectation_of, open_archive, open_ledger, prepare_spool

    folder = Folder(Path(args.folder), max_bytes=settings.download_max_bytes)
    indexed, damage = 0, list[str]()
    async with AsyncExitStack() as stack:
        archive = await stack.enter_async_context(open_archive(settings))
        prepare_spool(settings.spool)
        ledger: Ledger | None = None
        if not args.dry_run or settings.ledger_path.exists():
            ledger = await stack.enter_async_context(open_ledger(settings, read_only=args.dry_run))
        if not args.dry_run and ledger is not None:
            ledger.bind(archive.id)
            await archive.claim(sole_worker=settings.sole_worker)
        importing = Importing(
            archive,
            folder,
            args.app,
            expectation=expectation_of(settings),
            ledger=ledger,
            spool=settings.spool,
            maker=Maker.of("import"),
            clock=SystemClock(),
            dry_run=args.dry_run,
        )
        with progress("importing") as update:
            imported = await importing.run(update)
        if afterwards is not None and ledger is not None and not args.dry_run:
            indexed, damage = await afterwards(archive, ledger)
    _tell(args, imported, indexed, damage)
    if imported.damaged or damage:
        return LOST
    return PENDING if imported.puzzles else DONE


def _tell(args: argparse.Namespace, imported: Imported, indexed: int, damage: list[str]) -> None:
    for problem in damage:
        say(visible(problem))
    document = dataclasses.asdict(imported) | {"indexed": indexed, "dry_run": args.dry_run}
    document["left_out"] = document.pop("puzzles")
    if args.json:
        answer_json(document)
        return
    for each in [*imported.damaged, *imported.puzzles]:
        answer(visible(f"left out: {each.path}: {each.reason}"))
    would = "would be " * args.dry_run
    answer(
        f"{imported.artifacts} artifacts ({imported.size_bytes} bytes) {would}imported:"
        f" {imported.new} new sessions, {imported.extended} extended, {imported.unchanged} unchanged;"
        f" {imported.held} files archived already, {len(imported.puzzles)} left out"
    )


IMPORT = Command(
    "import", "a folder of downloaded files as archived sessions", import_arguments, import_folder
)
