"""The command `keys`: made, listed and revoked, each by a record in the bucket."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from archiver.access.keys import NAME
from archiver.access.reader import RESERVED_ROLES, ROLES, Role, os_user
from archiver.arguments import expiry, json_argument, name
from archiver.characters import visible
from archiver.clock import SystemClock
from archiver.commands import Command
from archiver.exits import DONE, USAGE
from archiver.model import format_time
from archiver.terminal import answer, answer_json, say

if TYPE_CHECKING:
    from archiver.settings import Settings


def _key_name(text: str) -> str:
    if not NAME.match(text):
        raise argparse.ArgumentTypeError(
            f"{text[:100]!a} is no key's name: up to 63 letters, digits, dots, hyphens, underscores"
        )
    return text


def _role(text: str) -> Role:
    if text in RESERVED_ROLES:
        raise argparse.ArgumentTypeError(f"the role {text} is reserved for releases to come")
    if text not in ROLES:
        raise argparse.ArgumentTypeError(f"{text[:100]!a} is no role: {', '.join(ROLES)}")
    return Role(text)


def keys_arguments(parser: argparse.ArgumentParser) -> None:
    """create, list, revoke."""
    does = parser.add_subparsers(dest="does", required=True, metavar="create|list|revoke")
    create = does.add_parser("create", help="make a key, and print it, this once")
    create.add_argument("name", type=_key_name, metavar="NAME", help="which program it is for")
    create.add_argument(
        "--app", action="append", type=name, default=[], metavar="ID", help="only this app"
    )
    create.add_argument(
        "--role", type=_role, default=Role.READER, metavar="ROLE", help=", ".join(ROLES)
    )
    create.add_argument("--expires", type=expiry, metavar="T", help="a date ahead, or 90d")
    listing = does.add_parser("list", help="every key there is and was, without its secret")
    revoke = does.add_parser("revoke", help="let a key in no longer, for good")
    revoke.add_argument("name", type=_key_name, metavar="NAME")
    for each in (create, listing, revoke):
        json_argument(each)


async def keys(args: argparse.Namespace, settings: Settings) -> int:
    """Make, list or revoke keys; noted before it is done."""
    from archiver.audit import open_trail

    if args.does == "create" and args.app and args.role is not Role.READER:
        say("rtk-archive keys: only a reader is limited to apps; the other roles see no content")
        return USAGE
    with open_trail(settings, SystemClock()) as trail:
        trail.record(os_user(), f"keys {args.does}", asked=_asked(args))
    does = {"create": _create, "list": _list, "revoke": _revoke}
    return await does[args.does](args, settings)


def _asked(args: argparse.Namespace) -> dict[str, Any]:
    told = {name: getattr(args, name, None) for name in ("name", "role", "app", "expires")}
    asked = {name: each for name, each in told.items() if each}
    if args.does == "create" and args.expires is not None:
        asked["expires"] = format_time(args.expires)
    return asked


async def _create(args: argparse.Namespace, settings: Settings) -> int:
    from archiver.access import create_key
    from archiver.capture import Maker
    from archiver.runtime import open_archive

    now = SystemClock().now()
    async with open_archive(settings, writing=True) as archive:
        key, secret = await create_key(
            archive,
            args.name,
            role=args.role,
            apps=tuple(args.app),
            expires_at=args.expires,
            now=now,
            made=Maker.of("keys create").made(now),
        )
    if args.json:
        answer_json({**key.shown(now, None), "secret": secret})
    else:
        answer(secret)
        say("keep it now: it is shown this once, and only its digest is kept")
    return DONE


async def _list(args: argparse.Namespace, settings: Settings) -> int:
    from archiver.access import read_keys
    from archiver.access.usage import Usage
    from archiver.runtime import open_archive

    clock = SystemClock()
    async with open_archive(settings) as archive:
        found = await read_keys(archive)
    used = Usage(settings.data, clock).read()
    rows = [each.shown(clock.now(), used.get(each.id)) for each in found.by_id.values()]
    if args.json:
        answer_json(rows)
        return DONE
    for row in rows:
        apps = "every app" if row["apps"] is None else f"apps {', '.join(row['apps'])}"
        told = [row["name"], row["id"], row["role"], row["state"], apps]
        told += [f"{what} {row[at]}" for what, at in _TIMES.items() if row[at]]
        answer(visible("  ".join(told)))
    if not rows:
        say("there are no keys; `rtk-archive keys create NAME` makes one")
    return DONE


_TIMES = {
    "created": "created_at",
    "expires": "expires_at",
    "revoked": "revoked_at",
    "last used here": "last_used_at",
}


async def _revoke(args: argparse.Namespace, settings: Settings) -> int:
    from archiver.access import revoke_key
    from archiver.capture import Maker
    from archiver.runtime import open_archive

    now = SystemClock().now()
    async with open_archive(settings, writing=True) as archive:
        key = await revoke_key(archive, args.name, now=now, made=Maker.of("keys revoke").made(now))
    if args.json:
        answer_json({"name": key.name, "id": key.id})
    else:
        answer(f"{key.name} {key.id} is revoked; within a minute it lets nobody in anywhere")
    return DONE


COMMANDS = (Command("keys", "API keys: who may search and read", keys_arguments, keys),)
