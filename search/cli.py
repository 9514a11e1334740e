"""The one command, `rtk-archive`: the archiver's commands, and those that need the index."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import sys
from contextlib import AsyncExitStack, closing
from typing import TYPE_CHECKING, Any

from archiver import arguments, cli
from archiver.characters import visible
from archiver.clock import SystemClock
from archiver.commands import Command, importing
from archiver.errors import ArchiverError
from archiver.exits import DONE, LOST
from archiver.intake import Intake
from archiver.status import status_code, status_document, status_lines
from archiver.terminal import answer, answer_json, progress, say
from search.commands import limits_of, looking, models, open_library, searches
from search.errors import IndexDamagedError, IndexMissingError
from search.export.command import export_arguments
from search.indexer import Indexed, Indexer
from search.lag import behind, index_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from datetime import datetime

    from archiver.archive.archive import Archive
    from archiver.ledger import Ledger
    from archiver.metrics import FactsOf, IndexFacts
    from archiver.runtime import Runtime
    from archiver.settings import Settings
    from search.index.library import Library
    from search.index.seam import Unread


def _facts_of(settings: Settings) -> FactsOf:
    """What computes how far the index of these settings has come."""

    def facts(ledger: Ledger, now: datetime) -> IndexFacts | None:
        with closing(open_library(settings)) as library:
            return index_facts(library, ledger, now)

    return facts


# ---------------------------------------------------------------------- capturing, and the index after it


async def sync(args: argparse.Namespace, settings: Settings) -> int:
    """One pass, then the index."""
    return await cli.sync(args, settings, afterwards=_indexing(settings), facts=_facts_of(settings))


async def import_folder(args: argparse.Namespace, settings: Settings) -> int:
    """A folder of downloaded files, then the index."""
    return await importing.import_folder(args, settings, afterwards=_indexing(settings))


def _indexing(
    settings: Settings,
) -> Callable[[Archive, Ledger], Coroutine[Any, Any, tuple[int, list[str]]]]:
    """What follows with the index whatever was archived."""

    async def index(archive: Archive, ledger: Ledger) -> tuple[int, list[str]]:
        indexer = Indexer(archive, ledger, settings.index_path, limits_of(settings))
        try:
            with progress("indexing") as update:
                indexed = await indexer.catch_up(update)
        finally:
            indexer.close()
        await _tell_alerts(settings, archive, ledger)
        return indexed.sessions, indexed.problems

    return index


async def _tell_alerts(settings: Settings, archive: Archive, ledger: Ledger) -> None:
    """Tell what saved searches find by now; what cannot be told waits for the next time."""
    from search.alerts import open_alerter

    try:
        async with open_alerter(settings, archive, ledger, SystemClock()) as alerter:
            if alerter is not None:
                await alerter.once()
    except ArchiverError as error:
        say(f"alerts wait: {visible(str(error))}")


async def work(args: argparse.Namespace, settings: Settings) -> int:
    """Capture and index until told to stop."""

    async def index(runtime: Runtime, stop: asyncio.Event) -> None:
        indexer = _indexer(runtime, settings)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(indexer.run(stop))
                group.create_task(_alerting(runtime, settings, stop))
        finally:
            indexer.close()

    return await cli.work(args, settings, beside=index, facts=_facts_of(settings))


async def run(args: argparse.Namespace, settings: Settings) -> int:
    """Worker, indexer and endpoint in one process."""
    from search.endpoint import answer_requests

    async def beside(runtime: Runtime, stop: asyncio.Event) -> None:
        indexer = _indexer(runtime, settings)
        library = open_library(settings)
        told = runtime.worker.discovery.told.set
        intake = Intake(settings, runtime.clock, offers=runtime.offers, told=told)
        answering = answer_requests(
            settings,
            library=library,
            archive=runtime.archive,
            ledger=runtime.ledger,
            intake=intake,
            clock=runtime.clock,
            stop=stop,
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(indexer.run(stop))
                group.create_task(_alerting(runtime, settings, stop, library))
                group.create_task(answering)
        finally:
            library.close()
            indexer.close()

    return await cli.work(args, settings, beside=beside, facts=_facts_of(settings))


async def _alerting(
    runtime: Runtime, settings: Settings, stop: asyncio.Event, library: Library | None = None
) -> None:
    from search.alerts import run_alerts

    await run_alerts(settings, runtime.archive, runtime.ledger, runtime.clock, stop, library)


def _indexer(runtime: Runtime, settings: Settings) -> Indexer:
    return Indexer(runtime.archive, runtime.ledger, settings.index_path, limits_of(settings))


async def serve_only(_args: argparse.Namespace, settings: Settings) -> int:
    """The endpoint alone."""
    from archiver.runtime import open_views
    from search.endpoint import answer_requests

    async with AsyncExitStack() as stack:
        archive, ledger = await stack.enter_async_context(open_views(settings))
        stop = cli.stop_event()  # not before: until here a signal ends whatever is waited for
        library = open_library(settings)
        stack.callback(library.close)
        clock = SystemClock()
        await answer_requests(
            settings,
            library=library,
            archive=archive,
            ledger=ledger,
            intake=Intake(settings, clock),
            clock=clock,
            stop=stop,
        )
    say("stopped")
    return DONE


# ---------------------------------------------------------------------- reading


async def status(args: argparse.Namespace, settings: Settings) -> int:
    """The ledger, and how far the index has followed it."""
    from archiver.runtime import open_ledger

    async with open_ledger(settings) as ledger:
        document = status_document(ledger, arguments.range_of(args), SystemClock().now())
        document |= index_status(settings, ledger)
    if args.json:
        answer_json(document)
    else:
        answer("\n".join(status_lines(document)))
    return status_code(document)


def index_status(settings: Settings, ledger: Ledger, rows: int = 10) -> dict[str, Any]:
    """What the index holds, what the ledger lists that it does not, and what could not be read."""
    unread: list[Unread] = []
    total = 0
    index: dict[str, Any] = {"sessions": 0, "behind": behind({}, ledger)}
    library = open_library(settings)
    try:
        unread, total = library.unread(rows)
        index = {"sessions": library.count(), "behind": behind(library.positions(), ledger)}
    except IndexMissingError:  # nothing was indexed yet, or it was deleted
        pass
    except IndexDamagedError as error:  # no reason to keep back what the ledger knows
        index["problem"] = str(error)
    finally:
        library.close()
    return {
        "index": {**index, "unread": total},
        "unread": [
            {"session": each.session_id, "object": each.name, "reason": each.reason}
            for each in unread
        ],
    }


async def export(args: argparse.Namespace, settings: Settings) -> int:
    """A selection, with all that vouches for it, for others to check."""
    from search.export.command import export as run

    return await run(args, settings, library=open_library(settings), limits=limits_of(settings))


# ---------------------------------------------------------------------- making views again


def _rebuild_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=["index", "ledger", "all"], default="all")


async def rebuild(args: argparse.Namespace, settings: Settings) -> int:
    """Make a view again from the bucket; search keeps answering meanwhile."""
    code = DONE
    if args.what in {"ledger", "all"}:
        code = await cli.rebuild_ledger(args, settings)
    if args.what in {"index", "all"}:
        indexed = await _rebuild_index(settings)
        for problem in indexed.problems:
            say(visible(problem))
        unread = f", {indexed.unread} artifacts could not be read" * bool(indexed.unread)
        answer(f"index: {indexed.sessions} sessions{unread}")
        code = max(code, LOST if indexed.problems else DONE)
    return code


async def _rebuild_index(settings: Settings) -> Indexed:
    from archiver.runtime import open_views

    async with AsyncExitStack() as stack:
        archive, ledger = await stack.enter_async_context(open_views(settings))
        indexer = Indexer(archive, ledger, settings.index_path, limits_of(settings))
        stack.callback(indexer.close)
        with progress("rebuilding the index") as update:
            indexed = await indexer.rebuild(update)
            later = await indexer.catch_up(update)
        indexed.sessions += later.sessions
        return indexed


# ---------------------------------------------------------------------- the demo


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=arguments.port, metavar="N", help="where to listen")
    parser.add_argument(
        "--data", metavar="DIR", default=argparse.SUPPRESS, help="its folder, started anew"
    )
    parser.add_argument("--exit", action="store_true", help="stop once a search was answered")


async def demo(args: argparse.Namespace, _settings: Settings) -> int:
    """The whole main job with nothing configured."""
    from search.demo import run_demo

    return await run_demo(folder=args.data, port=args.port, stay=not args.exit)


_REPLACED: dict[str, Any] = {
    "work": work,
    "sync": sync,
    "status": status,
    "import": import_folder,
}

COMMANDS: tuple[Command, ...] = (
    Command(
        "demo",
        "the whole main job with nothing configured: a simulated source, captured and searched",
        _demo_arguments,
        demo,
        needs_settings=False,
    ),
    Command("run", "worker, indexer and endpoint in one process", cli.COMMANDS[0].arguments, run),
    Command("serve", "the endpoint alone", lambda _parser: None, serve_only),
    *looking.COMMANDS,
    *models.COMMANDS,
    *searches.COMMANDS,
    Command("export", "a selection, for others to read and check", export_arguments, export),
    Command("rebuild", "make a view again from the bucket", _rebuild_arguments, rebuild),
    *(
        dataclasses.replace(each, run=_REPLACED.get(each.name, each.run))
        for each in cli.COMMANDS
        if each.name != "rebuild"
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """`rtk-archive`."""
    return cli.run_command("rtk-archive", COMMANDS, sys.argv[1:] if argv is None else argv)
