"""The command `searches`: saved, listed and deleted, each by a record in the bucket."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from archiver.access.keys import NAME
from archiver.alerts.records import COMMAND, MATCHES, NAME_MAX, WEBHOOK, is_name
from archiver.arguments import json_argument
from archiver.characters import visible
from archiver.clock import SystemClock
from archiver.commands import Command
from archiver.exits import DONE
from archiver.terminal import answer, answer_json, say

if TYPE_CHECKING:
    from archiver.alerts import Target
    from archiver.settings import Settings
    from search.web import alert_shapes


def _search_name(text: str) -> str:
    if not is_name(text):
        raise argparse.ArgumentTypeError(f"a search's name has 1 to {NAME_MAX} visible characters")
    return text


def _key_name(text: str) -> str:
    if not NAME.match(text):
        raise argparse.ArgumentTypeError(f"{text[:100]!a} is no key's name")
    return text


def searches_arguments(parser: argparse.ArgumentParser) -> None:
    """create, list, delete."""
    does = parser.add_subparsers(dest="does", required=True, metavar="create|list|delete")
    create = does.add_parser("create", help="have what a query finds from now on told")
    create.add_argument("name", type=_search_name, metavar="NAME", help="as it is told")
    create.add_argument("query", nargs="+", metavar="QUERY", help="words, phrases, filters")
    to = create.add_mutually_exclusive_group(required=True)
    to.add_argument("--webhook", metavar="URL", help="called with each session that is found")
    to.add_argument(
        "--command", dest="calls", metavar="NAME", help="of the settings file; likewise"
    )
    create.add_argument(
        "--match", choices=MATCHES, default="all", help="all of the words, or any of them (best)"
    )
    create.add_argument(
        "--key", type=_key_name, metavar="NAME", help="whose it is, with the apps of that key"
    )
    listing = does.add_parser("list", help="every saved search, and how its alerts stand")
    delete = does.add_parser("delete", help="have it told no more, for good")
    delete.add_argument("id", metavar="ID", help="as `list` tells it")
    for each in (create, listing, delete):
        json_argument(each)


async def searches(args: argparse.Namespace, settings: Settings) -> int:
    """Make, list or delete saved searches; noted before it is done."""
    from archiver.access import os_user
    from archiver.audit import open_trail

    with open_trail(settings, SystemClock()) as trail:
        trail.record(os_user(), f"searches {args.does}", asked=_asked(args))
    does = {"create": _create, "list": _list, "delete": _delete}
    return await does[args.does](args, settings)


def _asked(args: argparse.Namespace) -> dict[str, Any]:
    told = {name: getattr(args, name, None) for name in ("name", "match", "key", "id")}
    if args.does == "create":
        told |= {"q": [" ".join(args.query)], "to": _target(args).shown}
    return {name: each for name, each in told.items() if each}


def _target(args: argparse.Namespace) -> Target:
    from archiver.alerts import Target

    if args.calls is not None:
        return Target(kind=COMMAND, to=args.calls)
    return Target(kind=WEBHOOK, to=args.webhook)


async def _create(args: argparse.Namespace, settings: Settings) -> int:
    from archiver.access import Role, read_keys
    from archiver.alerts import create_search
    from archiver.alerts.programs import Programs
    from archiver.alerts.webhooks import Webhooks
    from archiver.capture import Maker
    from archiver.errors import AlertError
    from archiver.runtime import open_archive
    from search.web.saved import new_search

    target, webhooks = _target(args), Webhooks(settings)
    if target.kind == COMMAND:
        Programs({each.name: each.argv for each in settings.alert_commands}).check(target.to)
    else:
        webhooks.check(target.to)
    now = SystemClock().now()
    async with open_archive(settings, writing=True) as archive:
        key = None
        if args.key is not None:
            key = (await read_keys(archive)).named(args.key)
            if key is None or not key.is_usable(now) or key.role is not Role.READER:
                raise AlertError(
                    f"there is no key {args.key} that lets a reader in", hint="see `keys list`"
                )
        search = new_search(
            args.name, " ".join(args.query), match=args.match, key=key, target=target, now=now
        )
        await create_search(archive, search, made=Maker.of("searches create").made(now))
    secret = webhooks.secret(search) if target.kind == WEBHOOK else None
    if args.json:
        answer_json({"id": search.id, "query": search.query, "secret": secret})
        return DONE
    answer(search.id)
    if secret is not None:
        answer(secret)
        say("keep the second line now: it signs what is sent, and is shown this once")
    return DONE


async def _list(args: argparse.Namespace, settings: Settings) -> int:
    from archiver.access import read_keys
    from archiver.alerts import read_searches
    from archiver.alerts.queue import FILE, tallies_in
    from archiver.runtime import open_archive
    from search.web.saved import shown

    now = SystemClock().now()
    async with open_archive(settings) as archive:
        found, keys = await read_searches(archive), await read_keys(archive)
    tallies = tallies_in(settings.data / FILE)
    rows = [shown(each, keys, tallies.get(each.id), now) for each in found.by_id.values()]
    if args.json:
        answer_json(rows)
        return DONE
    for row in rows:
        answer(visible("  ".join(_told(row))))
    if not rows:
        say("there are no saved searches; `rtk-archive searches create` makes one")
    return DONE


def _told(row: alert_shapes.SavedSearch) -> list[str]:
    target, key = row["target"], row["key"]
    told = [row["id"], row["name"], row["query"] or "", f"{target['kind']} {target['to']}"]
    told.append(f"key {key['name']}" if key is not None else "every app")
    told.append(f"rests: {row['rests_because']}" if row["rests_because"] else "active")
    told += [f"{row[each]} {each}" for each in ("delivered", "pending", "failed") if row[each]]
    if row["last_delivered_at"]:
        told.append(f"last {row['last_delivered_at']}")
    if row["last_problem"]:
        told.append(row["last_problem"])
    return told


async def _delete(args: argparse.Namespace, settings: Settings) -> int:
    from archiver.alerts import delete_search
    from archiver.capture import Maker
    from archiver.runtime import open_archive

    now = SystemClock().now()
    made = Maker.of("searches delete").made(now)
    async with open_archive(settings, writing=True) as archive:
        search = await delete_search(archive, args.id, key_id=None, now=now, made=made)
    if args.json:
        answer_json({"id": search.id, "name": search.name})
    else:
        answer(visible(f"{search.name} {search.id} is deleted; within a minute it is told no more"))
    return DONE


COMMANDS = (
    Command("searches", "saved searches: told of what they find", searches_arguments, searches),
)
