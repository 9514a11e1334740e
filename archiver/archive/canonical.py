"""How every record is spelled: one way to write it down, and what it never holds; pure."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from archiver.model import UNLOCKED, Lock, format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

DEPTH_MAX = 16
INTEGER_MAX = 2**63 - 1  # what a ledger can hold
#: The field in which a record that nothing else vouches for yet holds the digest of its other fields.
OWN_DIGEST = "digest"


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """The one spelling every record is written in: sorted keys, ASCII, no spaces, a trailing newline."""
    _refuse_fractions(document)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return text.encode("ascii") + b"\n"


def _refuse_fractions(document: Mapping[str, Any]) -> None:
    """A record holds integers only: no two programs write a fraction alike."""
    held: list[Any] = list(document.values())
    while held:
        value = held.pop()
        kind = type(value)
        if kind is dict:
            held.extend(value.values())
        elif kind is list or kind is tuple:
            held.extend(value)
        elif kind is float:
            raise TypeError("a record holds integers only")


def sha256(data: bytes) -> str:
    """The digest of these bytes, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def lock_document(lock: Lock) -> dict[str, str]:
    """A lock as records write it; empty where there is none."""
    document = {"mode": lock.mode, "hold": "on" * lock.hold}
    if lock.until is not None:
        document["until"] = format_time(lock.until)
    return {name: value for name, value in document.items() if value}


def lock_of(document: object) -> Lock:
    """The lock a record tells of; what cannot be read is none."""
    if not isinstance(document, dict):
        return UNLOCKED
    try:
        until = parse_time(str(document["until"])) if "until" in document else None
    except ValueError:
        until = None
    mode = str(document.get("mode", ""))
    return Lock(mode=mode if until else "", until=until, hold=document.get("hold") == "on")


def check_plain(value: object, depth: int = 0) -> None:
    """Refuse what a record never holds: fractions, endless numbers, half characters, deep nesting."""
    if depth > DEPTH_MAX:
        raise ValueError("it is nested too deeply")
    if isinstance(value, dict):
        for name, each in value.items():
            check_plain(name, depth + 1)
            check_plain(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            check_plain(each, depth + 1)
    elif isinstance(value, str):
        value.encode()
    elif isinstance(value, float) or (isinstance(value, int) and abs(value) > INTEGER_MAX):
        raise ValueError("it holds a number that no record has")


def with_own_digest(document: Mapping[str, Any]) -> bytes:
    """The record, with the digest of the record without it: `jq -cSa 'del(.digest)' | sha256sum`."""
    return canonical_json({**document, OWN_DIGEST: sha256(canonical_json(document))})


def parse_with_own_digest(data: bytes) -> dict[str, Any]:
    """Read what `with_own_digest` wrote, without that digest; raises ValueError for anything else."""
    try:
        document: dict[str, Any] = json.loads(data)
        check_plain(document)
        own = document.pop(OWN_DIGEST)
        whole = sha256(canonical_json(document)) == own and with_own_digest(document) == data
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("it is no record") from error
    if not whole:
        raise ValueError("it is not as it was written")
    return document


def made_by(
    now: datetime, *, release: str, commit: str, instance: str, command: str
) -> dict[str, str]:
    """Who wrote a record, when: the `made` of every record."""
    return {
        "at": format_time(now),
        "release": release,
        "commit": commit,
        "instance": instance,
        "command": command,
    }
