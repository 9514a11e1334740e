"""The one command, `rtk-archive`: the archiver's commands, and those that need the index."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import sys
from contextlib import AsyncExitStack, closing
from typing import TYPE_CHECKING, Any

from archiver import arguments, cli
from archiver.clock import SystemClock
from archiver.commands import Command, importing
from archiver.exits import DONE, LOST
from archiver.intake import Intake
from archiver.ledger import Ledger
from archiver.model import to_ms
from archiver.status import status_code, status_document, status_lines
from archiver.terminal import answer, answer_json, progress, say, visible
from search.errors import IndexMissingError
from search.export.command import export_arguments
from search.formats import Limits
from search.index.library import Library
from search.index.seam import SearchRequest
from search.indexer import Indexed, Indexer
from search.lag import behind, index_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from datetime import datetime

    from archiver.archive.archive import Archive
    from archiver.metrics import FactsOf, IndexFacts
    from archiver.runtime import Runtime
    from archiver.settings import Settings
    from search.query import Filters


def limits_of(settings: Settings) -> Limits:
    """How much of an artifact is parsed."""
    return Limits(size_bytes=settings.parse_max_bytes)


def open_library(settings: Settings) -> Library:
    """The reading side of the index."""
    return Library(settings.index_path, timeout_s=settings.query_timeout.total_seconds())


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
            return indexed.sessions, indexed.problems
        finally:
            indexer.close()

    return index


async def work(args: argparse.Namespace, settings: Settings) -> int:
    """Capture and index until told to stop."""

    async def index(runtime: Runtime, stop: asyncio.Event) -> None:
        indexer = _indexer(runtime, settings)
        try:
            await indexer.run(stop)
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
                group.create_task(answering)
        finally:
            library.close()
            indexer.close()

    return await cli.work(args, settings, beside=beside, facts=_facts_of(settings))


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


def _search_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("query", nargs="+", metavar="QUERY", help="words, phrases, filters")
    arguments.app_argument(parser)
    parser.add_argument(
        "--speaker",
        action="append",
        type=arguments.name,
        default=[],
        metavar="NAME",
        help="said by",
    )
    kinds = ("transcript", "chat", "summary")
    parser.add_argument("--in", dest="kinds", action="append", default=[], choices=kinds)
    parser.add_argument(
        "--after", type=arguments.moment, metavar="T", help="sessions begun since then"
    )
    parser.add_argument(
        "--before", type=arguments.moment, metavar="T", help="sessions begun before then"
    )
    sorts = ("relevance", "newest", "oldest")
    parser.add_argument("--sort", choices=sorts, default="relevance")
    parser.add_argument(
        "--limit", type=arguments.limit, default=10, metavar="N", help="sessions to show, 1 to 100"
    )
    parser.add_argument("--match", choices=("best", "all"), help="any of the words, or all of them")
    arguments.json_argument(parser)


async def search(args: argparse.Namespace, settings: Settings) -> int:
    """Search from the terminal."""
    from search.presentation import print_result
    from search.query import parse
    from search.web.answers import search_answer

    query = parse(" ".join(args.query))
    merged = query.filters.narrowed(
        speakers=tuple(args.speaker),
        kinds=tuple(args.kinds),
        apps=tuple(args.app),
        after_ms=to_ms(args.after) if args.after else None,
        before_ms=to_ms(args.before) if args.before else None,
    )
    query = dataclasses.replace(query, filters=merged)
    request = SearchRequest(
        query=query,
        sort=args.sort,
        match=args.match or ("best" if args.sort == "relevance" else "all"),
        limit=args.limit,
    )
    library = open_library(settings)
    try:
        result = library.search(request)
        coverage = _coverage(settings, library, query.filters) if args.json else None
    finally:
        library.close()
    for warning in query.warnings:
        say(visible(warning))
    if args.json:
        answer_json(search_answer(request, result, coverage, settings.public_url))
    else:
        print_result(result)
    return DONE


def _coverage(settings: Settings, library: Library, filters: Filters) -> dict[str, Any] | None:
    """What of the filters' apps and dates is pending or lost; None where there is no ledger."""
    from search.web import Services
    from search.web.coverage import coverage_of

    if not settings.ledger_path.exists():
        return None
    with closing(Ledger.open(settings.ledger_path, read_only=True)) as ledger:
        services = Services(
            index=library, archive=None, ledger=ledger, settings=settings, clock=SystemClock()
        )
        return coverage_of(
            services,
            apps=filters.apps or None,
            excluded=filters.excluded_apps,
            after_ms=filters.after_ms,
            before_ms=filters.before_ms,
        )


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", type=arguments.name, metavar="SESSION", help="its id")
    for part in ("transcript", "chat", "summary", "inventory"):
        parser.add_argument(f"--{part}", dest="parts", action="append_const", const=part)
    arguments.json_argument(parser)


async def show(args: argparse.Namespace, settings: Settings) -> int:
    """One session: what is archived of it, or what was said."""
    from archiver.runtime import open_views
    from search.presentation import print_session, session_document

    async with AsyncExitStack() as stack:
        archive, ledger = await stack.enter_async_context(open_views(settings))
        library = open_library(settings)
        stack.callback(library.close)
        document = await session_document(
            args.session, tuple(args.parts or ()), archive=archive, ledger=ledger, library=library
        )
    if args.json:
        answer_json(document)
    else:
        print_session(document)
    return DONE


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
    library = open_library(settings)
    try:
        unread, total = library.unread(rows)
        index = {"sessions": library.count(), "behind": behind(library.positions(), ledger)}
    except IndexMissingError:  # nothing was indexed yet, or it was deleted
        unread, total = [], 0
        index = {"sessions": 0, "behind": behind({}, ledger)}
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
    Command("search", "search from the terminal", _search_arguments, search),
    Command("show", "one session", _show_arguments, show),
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
