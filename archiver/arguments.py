"""What the words of a command line may be, and the arguments that several commands share."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime, timedelta

from archiver.ledger import Range, Share
from archiver.model import parse_time, to_ms
from archiver.settings import values


def moment(text: str) -> datetime:
    """A time on the command line: a date, a month, an RFC 3339 time, or an age such as 3d."""
    if match := re.fullmatch(r"(\d{1,5})([hd])", text):
        unit = timedelta(hours=1) if match[2] == "h" else timedelta(days=1)
        return datetime.now(UTC) - int(match[1]) * unit
    try:
        missing = {4: "-01-01", 7: "-01"}.get(len(text), "")
        return parse_time(text + missing)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: 2026-10-01, 2026-10, 2026-10-01T09:00:00Z or 3d"
        ) from None


def expiry(text: str) -> datetime:
    """A moment ahead on the command line: a date, an RFC 3339 time, or how long from now, such as 90d."""
    now = datetime.now(UTC)
    if match := re.fullmatch(r"(\d{1,5})([hd])", text):
        return now + int(match[1]) * (timedelta(hours=1) if match[2] == "h" else timedelta(days=1))
    found = moment(text)
    if found <= now:
        raise argparse.ArgumentTypeError(f"{text!r} is past; say a date ahead, or 90d")
    return found


def share(text: str) -> Share:
    """A worker's part of the sessions: 2/4, or with what others gave up 1-2/4 or 1,2/4."""
    match = re.fullmatch(r"([0-9,-]+)/([0-9]{1,4})", text)
    parts = [_numbers(each) for each in match[1].split(",")] if match else []
    numbers = sorted(set[int]().union(*parts))
    if not match or not all(parts) or not 1 <= numbers[0] <= numbers[-1] <= int(match[2]):
        raise argparse.ArgumentTypeError(
            f"{text!a} is no share: 2/4 is the second of four, 1-2/4 and 1,2/4 are two of them"
        )
    return Share(tuple(numbers), int(match[2]))


def _numbers(text: str) -> range:
    """2 or 1-3; what is neither has no numbers."""
    match = re.fullmatch(r"([0-9]{1,4})(?:-([0-9]{1,4}))?", text)
    return range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)


def fraction(text: str) -> float:
    """A part of the sessions, such as 0.1 or 10%."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no part of the whole: 0.1 or 10%")
    return value


def name(text: str) -> str:
    """An id or a name: something that can be written."""
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!a} names nothing")
    return text


def store_url(text: str) -> str:
    """A store: file:PATH or s3://BUCKET/PREFIX."""
    try:
        return values.store(text)
    except ValueError as error:
        # The value is not repeated: a URL that is not understood may hold a password.
        raise argparse.ArgumentTypeError(f"it names no store: {error}") from None


def port(text: str) -> int:
    """A port to listen on; 0 is any that is free."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!a} is no port: 0 to 65535")
    return int(text)


def limit(text: str) -> int:
    """How many of them."""
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!a} is no number from 1 to 100")
    return int(text)


def app_argument(parser: argparse.ArgumentParser) -> None:
    """--app: which apps."""
    parser.add_argument(
        "--app", action="append", type=name, default=[], metavar="ID", help="only this app"
    )


def range_arguments(parser: argparse.ArgumentParser) -> None:
    """--app, --since, --until: which sessions."""
    app_argument(parser)
    parser.add_argument("--since", type=moment, metavar="T", help="sessions begun since then")
    parser.add_argument("--until", type=moment, metavar="T", help="sessions begun before then")


def json_argument(parser: argparse.ArgumentParser) -> None:
    """--json: for programs."""
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


def range_of(args: argparse.Namespace) -> Range:
    """The range these arguments name."""
    return Range(
        apps=tuple(args.app),
        since_ms=to_ms(args.since) if args.since else None,
        until_ms=to_ms(args.until) if args.until else None,
    )
