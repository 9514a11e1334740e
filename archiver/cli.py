"""The archiver's commands: work, sync, status, verify, rebuild, doctor, webhooks, keys, settings."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import io
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archiver.arguments import (
    app_argument,
    json_argument,
    name,
    range_arguments,
    range_of,
    share,
)
from archiver.characters import visible
from archiver.clock import SystemClock
from archiver.commands import Command, access, audit, importing, keeping, moving
from archiver.doctor.command import doctor
from archiver.errors import explain
from archiver.exits import DONE, FAILED, LOST, PENDING
from archiver.ledger import WHOLE, Ledger
from archiver.metrics import FactsOf, teller
from archiver.realtimekit.results import Webhook
from archiver.release import version
from archiver.settings import Settings, load_settings
from archiver.settings.showing import settings_rows
from archiver.status import status_code, status_document, status_lines
from archiver.terminal import answer, answer_json, progress, say, set_up_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from archiver.archive.archive import Archive
    from archiver.runtime import Runtime


# ---------------------------------------------------------------------- arguments


def _sync_arguments(parser: argparse.ArgumentParser) -> None:
    range_arguments(parser)
    parser.add_argument("--session", type=name, metavar="ID", help="only this session")
    _share_argument(parser)
    json_argument(parser)


def _share_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--share",
        type=share,
        default=WHOLE,
        metavar="I/N",
        help="capture only this part of the sessions: 2/4, or 1-2/4 for two of four",
    )


def _status_arguments(parser: argparse.ArgumentParser) -> None:
    range_arguments(parser)
    json_argument(parser)


def _rebuild_ledger_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=["ledger"], default="ledger")


# ---------------------------------------------------------------------- commands


async def sync(
    args: argparse.Namespace,
    settings: Settings,
    *,
    afterwards: Callable[[Archive, Ledger], Coroutine[Any, Any, tuple[int, list[str]]]]
    | None = None,
    facts: FactsOf | None = None,
) -> int:
    """One pass over everything that is not settled.

    `afterwards` follows what was archived: it returns how many sessions, and what is damaged.
    """
    from archiver.runtime import open_runtime

    if args.app:
        settings = dataclasses.replace(settings, apps=tuple(args.app))
    async with open_runtime(settings, command="sync", share=args.share) as runtime:
        with progress("capturing") as update:
            report = await runtime.worker.sync(
                since=args.since,
                until=args.until,
                session_id=args.session,
                every_app=not args.app,
                progress=update,
            )
        indexed, damage = 0, list[str]()
        if afterwards is not None:
            indexed, damage = await afterwards(runtime.archive, runtime.ledger)
        await teller(settings, runtime.clock, facts)()
        counts = runtime.ledger.session_counts(range_of(args))
    for session_id, problem in report.problems.items():
        say(f"session {visible(session_id)}: {visible(problem)}")
    for problem in damage:
        say(visible(problem))
    if report.malformed:
        say(f"{report.malformed} sessions in the source's list could not be read: they have no id")
    document = {
        "apps": report.apps,
        "sessions_listed": report.listed,
        "sessions_unreadable": report.malformed,
        "sessions_new": report.new,
        "sessions_attempted": report.attempted,
        "sessions_settled": report.settled,
        "sessions_pending": counts["pending"],
        "sessions_indexed": indexed,
        "outcomes": dict(sorted(report.outcomes.items())),
        "problems": len(report.problems),
    }
    if args.json:
        answer_json(document)
    else:
        answer(_sync_text(document))
    if report.lost or report.damaged or damage:
        return LOST
    return PENDING if counts["pending"] or report.malformed else DONE


def _sync_text(document: dict[str, Any]) -> str:
    outcomes = ", ".join(f"{count} {name}" for name, count in document["outcomes"].items())
    return (
        f"{document['sessions_listed']} sessions listed, {document['sessions_new']} new; "
        f"artifacts: {outcomes or 'nothing new'}; {document['sessions_pending']} sessions pending"
    )


async def work(
    args: argparse.Namespace,
    settings: Settings,
    *,
    beside: Callable[[Runtime, asyncio.Event], Coroutine[Any, Any, None]] | None = None,
    facts: FactsOf | None = None,
) -> int:
    """Capture until told to stop; `beside` runs along and stops at the same word."""
    from archiver.runtime import open_runtime

    async with open_runtime(settings, command="work", share=args.share) as runtime:
        stop = stop_event()  # not before: until here a signal ends whatever is waited for
        runtime.worker.tell = teller(settings, runtime.clock, facts)
        say(f"capturing into {runtime.archive.store.url}; stop with Ctrl-C")
        async with asyncio.TaskGroup() as group:
            worker = group.create_task(runtime.worker.run(stop))
            worker.add_done_callback(lambda _task: stop.set())
            if beside is not None:
                group.create_task(beside(runtime, stop))
        counts = runtime.ledger.session_counts()
    say("stopped")
    return LOST if runtime.worker.total.lost else PENDING if counts["pending"] else DONE


async def status(args: argparse.Namespace, settings: Settings) -> int:
    """What the ledger says of the whole range."""
    from archiver.runtime import open_ledger

    of = range_of(args)
    async with open_ledger(settings) as ledger:
        document = status_document(ledger, of, SystemClock().now())
    if args.json:
        answer_json(document)
    else:
        answer("\n".join(status_lines(document)))
    return status_code(document)


async def rebuild_ledger(_args: argparse.Namespace, settings: Settings) -> int:
    """Make the ledger again from the bucket."""
    from archiver import rebuild
    from archiver.runtime import open_archive

    async with open_archive(settings) as archive:
        with progress("rebuilding the ledger") as update:
            rebuilt = await rebuild.rebuild_ledger(
                archive, settings.ledger_path, SystemClock(), progress=update
            )
    for problem in rebuilt.problems:
        say(visible(problem))
    answer(f"ledger: {rebuilt.sessions} sessions")
    return LOST if rebuilt.problems else DONE


async def show_settings(args: argparse.Namespace, settings: Settings) -> int:
    """Every setting with its value, origin and default."""
    rows = settings_rows(settings)
    if args.json:
        answer_json(rows)
        return DONE
    for row in rows:
        answer(f"{row['variable']:<30} {row['value']:<44} {row['origin']}")
    return DONE


def _webhooks_arguments(parser: argparse.ArgumentParser) -> None:
    does = parser.add_subparsers(dest="does", required=True, metavar="list|register|delete")
    listing = does.add_parser("list", help="what is registered, in every app")
    register = does.add_parser("register", help="have events sent to this URL")
    register.add_argument("url", metavar="URL", help="such as https://hooks.example.com")
    delete = does.add_parser("delete", help="remove one by its id")
    delete.add_argument("webhook_id", type=name, metavar="ID")
    for sub in (listing, register, delete):
        app_argument(sub)
        json_argument(sub)


async def webhooks(args: argparse.Namespace, settings: Settings) -> int:
    """Registrations of webhooks at the source."""
    from archiver import registrations
    from archiver.runtime import open_source

    url = registrations.receiver(args.url) if args.does == "register" else ""
    async with open_source(settings) as source:
        apps = tuple(args.app) or settings.apps or [each.id for each in await source.apps()]
        if args.does == "delete":
            app_id = await registrations.delete(source, apps, args.webhook_id)
            rows, notes = [(app_id, Webhook(id=args.webhook_id))], ["deleted"]
        elif args.does == "register":
            done = await registrations.register(source, apps, url)
            rows = [(app_id, webhook) for app_id, webhook, _ in done]
            notes = ["registered" if new else "is registered already" for _, _, new in done]
        else:
            rows = await registrations.list_webhooks(source, apps)
            notes = ["" if webhook.enabled else "disabled" for _, webhook in rows]
    if args.json:
        answer_json([{"app": app_id, **dataclasses.asdict(each)} for app_id, each in rows])
        return DONE
    for (app_id, webhook), note in zip(rows, notes, strict=True):
        shown = [webhook.id, f"app {app_id}", webhook.url, ",".join(webhook.events), note]
        answer(visible("  ".join(filter(None, shown))))
    if not rows:
        say("no webhook is registered; `rtk-archive webhooks register URL` makes one")
    return DONE


COMMANDS = (
    Command("work", "capture until told to stop", _share_argument, work),
    Command(
        "sync", "one pass: discover, then try everything that is not settled", _sync_arguments, sync
    ),
    Command("status", "how many sessions and artifacts stand where", _status_arguments, status),
    *keeping.COMMANDS,
    moving.COPY,
    importing.IMPORT,
    Command(
        "rebuild",
        "make the ledger again from the bucket",
        _rebuild_ledger_arguments,
        rebuild_ledger,
    ),
    Command(
        "doctor",
        "try what the store, the account and this machine really do",
        json_argument,
        doctor,
    ),
    Command("webhooks", "registrations of webhooks at the source", _webhooks_arguments, webhooks),
    *access.COMMANDS,
    *audit.COMMANDS,
    Command(
        "settings", "every setting, its value and where it came from", json_argument, show_settings
    ),
)


# ---------------------------------------------------------------------- running


def stop_event() -> asyncio.Event:
    """An event that Ctrl-C and SIGTERM set, in the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    return stop


def build_parser(program: str, commands: Sequence[Command]) -> argparse.ArgumentParser:
    """The command line of these commands."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__ if not commands else None)
    parser.add_argument("--version", action="version", version=f"{program} {version()}")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the settings file")
    parser.add_argument("--data", metavar="DIR", help="the folder of ledger and index")
    parser.add_argument("--store", metavar="URL", help="file:PATH or s3://BUCKET/PREFIX")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what is done")
    names = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in commands:
        sub = names.add_parser(command.name, help=command.help, description=command.help)
        command.arguments(sub)
        sub.set_defaults(handler=command)
    return parser


def run_command(
    program: str, commands: Sequence[Command], argv: Sequence[str] | None = None
) -> int:
    """Parse, load the settings, run, and turn every outcome into an exit code and one line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # whatever the terminal can show
    args = build_parser(program, commands).parse_args(argv)
    set_up_logs(verbose=args.verbose)
    try:
        return asyncio.run(_run(args))
    except KeyboardInterrupt:
        say(f"{program}: stopped; run it again to go on")
        return FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # the last line of defence: no traceback reaches a user
        say(f"{program}: {visible(explain(error))}")
        if args.verbose:
            raise
        return FAILED


async def _run(args: argparse.Namespace) -> int:
    command: Command = args.handler
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    overrides = {name: getattr(args, name) for name in ("data", "store") if getattr(args, name)}
    if command.needs_settings:
        settings = load_settings(os.environ, config=args.config, overrides=overrides)
    else:
        settings = Settings()
    try:
        return await command.run(args, settings)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m archiver`: the capture half, without the index."""
    return run_command("archiver", COMMANDS, argv)
