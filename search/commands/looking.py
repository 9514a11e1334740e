"""The commands `search` and `show`: what the endpoint answers, in the terminal, and recorded alike."""

from __future__ import annotations

import dataclasses
from contextlib import AsyncExitStack, ExitStack, closing
from typing import TYPE_CHECKING, Any

from archiver import arguments
from archiver.access import os_user
from archiver.audit import open_trail
from archiver.characters import visible
from archiver.clock import SystemClock
from archiver.commands import Command
from archiver.exits import DONE
from archiver.ledger import Ledger
from archiver.model import format_time, to_ms
from archiver.terminal import answer_json, say
from search.commands import open_library
from search.index.seam import SearchRequest

if TYPE_CHECKING:
    import argparse

    from archiver.settings import Settings
    from search.results import SearchResult
    from search.web.shapes import Coverage


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
    result, coverage = _searched(settings, request, with_coverage=args.json)
    _record_search(args, settings, result)
    for warning in query.warnings:
        say(visible(warning))
    if args.json:
        answer_json(search_answer(request, result, coverage, settings.public_url))
    else:
        print_result(result)
    return DONE


def _record_search(args: argparse.Namespace, settings: Settings, result: SearchResult) -> None:
    """Note what was asked and found, before it is shown; raises AuditError."""
    asked: dict[str, Any] = {
        "q": [" ".join(args.query)],
        "app": args.app,
        "speaker": args.speaker,
        "in": args.kinds,
        "after": [format_time(args.after)] if args.after else [],
        "before": [format_time(args.before)] if args.before else [],
        "sort": [args.sort],
        "match": [args.match] if args.match else [],
        "limit": [str(args.limit)],
    }
    with open_trail(settings, SystemClock()) as trail:
        trail.record(
            os_user(),
            "search",
            asked={name: each for name, each in asked.items() if each},
            hits=result.total_sessions,
            sessions=[each.session_id for each in result.hits],
        )


def _searched(
    settings: Settings, request: SearchRequest, *, with_coverage: bool
) -> tuple[SearchResult, Coverage | None]:
    """The answer, and what of its apps and dates is pending or lost; None where there is no ledger."""
    from search.web import Services
    from search.web.searching import covered_search

    with ExitStack() as stack:
        library = open_library(settings)
        stack.callback(library.close)
        if not with_coverage or not settings.ledger_path.exists():
            return library.search(request), None
        ledger = stack.enter_context(closing(Ledger.open(settings.ledger_path, read_only=True)))
        services = Services(
            index=library, archive=None, ledger=ledger, settings=settings, clock=SystemClock()
        )
        stack.callback(services.ledgers.close)
        return covered_search(services, request)


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
    with open_trail(settings, SystemClock()) as trail:
        asked = {"parts": list(args.parts)} if args.parts else {}
        trail.record(os_user(), "show", asked=asked, session=args.session)
    if args.json:
        answer_json(document)
    else:
        print_session(document)
    return DONE


COMMANDS = (
    Command("search", "search from the terminal", _search_arguments, search),
    Command("show", "one session", _show_arguments, show),
)
