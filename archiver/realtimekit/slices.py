"""Where the values of a JSON text stand in it, so that a part can be kept exactly as it was sent."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

_WHITE_SPACE = re.compile(r"[ \t\n\r]*")


def _integer(digits: str) -> int | float:
    """An integer of any length: beyond what Python converts, its size is all that matters."""
    return int(digits) if len(digits) < 1000 else float(digits)


#: Not strict: raw control characters inside a string are read, since they are what was served.
_DECODER = json.JSONDecoder(parse_int=_integer, strict=False)


@dataclass(frozen=True, slots=True)
class Slice:
    """One value of a JSON text: decoded, and where it begins and ends."""

    text: str = field(repr=False)
    start: int
    end: int
    value: Any = field(repr=False)

    @property
    def raw(self) -> str:
        return self.text[self.start : self.end]


def fold(name: str) -> str:
    """One spelling for `sessionId`, `session_id` and `SessionID`: the source mixes them."""
    return name.replace("_", "").lower()


def parse(text: str) -> Slice:
    """The whole text as one value; ValueError when it is not JSON."""
    root = _value_at(text, _skip(text, 0))
    if _skip(text, root.end) != len(text):
        raise ValueError("something follows the JSON value")
    return root


def member(parent: Slice, name: str) -> Slice | None:
    """The member of an object by its folded name; of duplicates the last, as parsers do."""
    if not isinstance(parent.value, dict) or name not in map(fold, parent.value):
        return None
    found = None
    text, at = parent.text, _skip(parent.text, parent.start + 1)
    while text[at] == '"':
        key = _value_at(text, at)
        child = _value_at(text, _skip(text, _skip(text, key.end) + 1))
        if fold(key.value) == name:
            found = child
        at = _skip(text, child.end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def elements(parent: Slice) -> list[Slice]:
    """The elements of an array; of anything else, none."""
    found: list[Slice] = []
    if not isinstance(parent.value, list):
        return found
    text, at = parent.text, _skip(parent.text, parent.start + 1)
    while text[at] != "]":
        child = _value_at(text, at)
        found.append(child)
        at = _skip(text, child.end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def _value_at(text: str, start: int) -> Slice:
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return Slice(text, start, end, value)


def _skip(text: str, at: int) -> int:
    match = _WHITE_SPACE.match(text, at)
    return match.end() if match else at
