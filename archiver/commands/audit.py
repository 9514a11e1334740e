"""The command `audit`: who read what, and whether the record of it is what was written."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from archiver.access.reader import os_user
from archiver.arguments import json_argument, moment, name
from archiver.characters import visible
from archiver.clock import SystemClock
from archiver.commands import Command
from archiver.exits import DONE, LOST
from archiver.model import format_time
from archiver.terminal import answer, answer_json, say

if TYPE_CHECKING:
    import argparse

    from archiver.settings import Settings


def audit_arguments(parser: argparse.ArgumentParser) -> None:
    """show, verify."""
    does = parser.add_subparsers(dest="does", required=True, metavar="show|verify")
    show = does.add_parser("show", help="who read what, the newest first")
    show.add_argument("--since", type=moment, metavar="T", help="read since then")
    show.add_argument("--until", type=moment, metavar="T", help="read before then")
    show.add_argument("--who", type=name, metavar="NAME", help="a key, person or user")
    verify = does.add_parser("verify", help="whether the record of reads is what was written")
    for each in (show, verify):
        json_argument(each)


async def audit(args: argparse.Namespace, settings: Settings) -> int:
    """Show the record of reads, or check it."""
    return await {"show": _show, "verify": _verify}[args.does](args, settings)


async def _show(args: argparse.Namespace, settings: Settings) -> int:
    from archiver.audit import Reads, Wanted, open_trail
    from archiver.audit.reading import reads_document
    from archiver.runtime import open_archive

    wanted = Wanted(who=args.who or "", since=args.since, until=args.until)
    with open_trail(settings, SystemClock()) as trail:
        trail.record(os_user(), "audit show", asked=_asked(args))
        async with open_archive(settings) as archive:
            reads = Reads(archive, settings.audit_path)
            async with aclosing(reads.newest_first()) as found:
                async for _, record in found:
                    if record is None or not wanted.holds(record):
                        continue
                    if args.json:
                        answer_json(reads_document(record))
                    else:
                        answer(visible(_line(record)))
    return DONE


def _asked(args: argparse.Namespace) -> dict[str, str]:
    moments = {"since": args.since, "until": args.until}
    told = {name: format_time(each) for name, each in moments.items() if each is not None}
    return told | ({"who": args.who} if args.who else {})


def _line(record: dict[str, Any]) -> str:
    """A record in one line: when, who, what, and what came of it."""
    who, asked = record["who"], record.get("asked") or {}
    told = [record["at"], f"{who['kind']}:{who['name']}", record["action"]]
    told += [f"{what}={_short(each)}" for what, each in sorted(asked.items())]
    came = ((what, record.get(what)) for what in ("session", "artifact", "hits", "status"))
    told += [f"{what}={each}" for what, each in came if each is not None]
    return "  ".join(told)


def _short(value: Any, limit: int = 200) -> str:
    text = ",".join(str(each) for each in value) if isinstance(value, list) else str(value)
    return text if len(text) <= limit else text[:limit] + "…"


async def _verify(args: argparse.Namespace, settings: Settings) -> int:
    from archiver.audit import check_audit, open_trail
    from archiver.runtime import open_archive

    async with open_archive(settings) as archive:
        checked = await check_audit(archive, settings.audit_path)
    with open_trail(settings, SystemClock()) as trail:
        trail.record(os_user(), "audit verify", asked={}, hits=len(checked.findings))
    if args.json:
        document = {
            **{name: each for name, each in asdict(checked).items() if name != "findings"},
            "findings": [asdict(each) for each in checked.findings],
        }
        answer_json(document)
    else:
        for each in checked.findings:
            answer(visible(f"{each.damage}: {each.place}: {each.detail}"))
        answer(
            f"{checked.records} reads in the bucket, {checked.unsealed} not there yet, in "
            f"{checked.objects} records and {checked.trails} files: "
            f"{len(checked.findings) or 'no'} damage"
        )
    if not settings.audit:
        say("the record of reads is off: RTK_ARCHIVE_AUDIT")
    return LOST if checked.findings else DONE


COMMANDS = (Command("audit", "who read what, and whether that is whole", audit_arguments, audit),)
