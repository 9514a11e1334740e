"""JSON text into values, within limits: arrays, objects around them, and one object a line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from search.formats.errors import FormatError
from search.formats.text import REPLACEMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from search.formats.limits import Limits
    from search.formats.model import Notes

#: Integers with more digits than this become infinite: no field needs them.
_DIGITS_MAX = 300
_WRAPPERS_MAX = 4

_SUSPECT_ESCAPE = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair: one character
    r"|\\u(?:[dD][89a-fA-F][0-9a-fA-F]{2}|0000)"  # half a pair, or NUL
    r"|\\."  # any other, so that an escaped backslash never opens one
)
_HALF_CHARS = 6

_BRACES_TO_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in b'"[]{}')
_STRING = re.compile(rb'"[^"]*"?')


def load(text: str, limits: Limits, notes: Notes) -> object:
    """The value of a whole JSON text."""
    return _parse(_prepare(text, limits, notes))


def load_items(
    text: str,
    limits: Limits,
    notes: Notes,
    *,
    keys: tuple[str, ...],
    is_item: Callable[[dict[str, object]], bool],
) -> tuple[list[object], str]:
    """The items of an array, of an array under one of these keys, or one a line; and which it was."""
    text = _prepare(text, limits, notes)
    try:
        value = _parse(text)
    except FormatError as error:
        items = _parse_lines(text, notes) if error.reason == "malformed" else []
        if not items:
            raise
        return _bounded(items, limits, "json-lines"), "json-lines"
    layout = "json-array" if isinstance(value, list) else "json-object"
    found = find_items(value, keys=keys, is_item=is_item)
    if found is None:
        raise FormatError("JSON without a list of items", reason="unrecognised", layout=layout)
    return _bounded(found, limits, layout), layout


def find_items(
    value: object, *, keys: tuple[str, ...], is_item: Callable[[dict[str, object]], bool]
) -> list[object] | None:
    """The list inside a value: itself, under the first of these keys, or one item on its own."""
    for _ in range(_WRAPPERS_MAX):
        if isinstance(value, list):
            return value
        if not isinstance(value, dict):
            return None
        if is_item(value):
            return [value]
        inner = [value[key] for key in keys if isinstance(value.get(key), (list, dict))]
        if not inner:
            return [] if any(key in value and value[key] is None for key in keys) else None
        value = inner[0]
    return None


def _prepare(text: str, limits: Limits, notes: Notes) -> str:
    openers = text.count("[") + text.count("{")
    if openers > limits.containers or text.count(",") > limits.values:
        raise FormatError("too many JSON values", reason="too-many")
    if openers > limits.depth and _is_too_deep(text, limits.depth):
        raise FormatError(f"JSON nested deeper than {limits.depth}", reason="too-deep")
    if _SUSPECT_ESCAPE.search(text):
        text = _replace_halves(text, notes)
    return text


def _is_too_deep(text: str, depth: int) -> bool:
    """Whether brackets nest deeper, in C and in linear time: pairs are taken out level by level."""
    raw = text.encode("utf-8", "replace")
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = raw.translate(_BRACES_TO_BRACKETS, _NOT_STRUCTURE).replace(b'""', b"")
    marks = _STRING.sub(b"", marks)
    for _ in range(depth):
        outer = marks.replace(b"[]", b"")
        if len(outer) == len(marks):
            break
        marks = outer
    return b"[]" in marks or marks.count(b"[") > depth


def _replace_halves(text: str, notes: Notes) -> str:
    """Replace what JSON can escape and nothing can store: half a surrogate pair, and NUL."""
    halves = nuls = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal halves, nuls
        escape = match.group()
        if len(escape) != _HALF_CHARS:
            return escape
        if escape.endswith("0000"):
            nuls += 1
        else:
            halves += 1
        return REPLACEMENT

    text = _ESCAPE.sub(replace, text)
    notes.count("surrogates-replaced", halves)
    if nuls:
        notes.flag("nul-replaced")
    return text


def _read_integer(digits: str) -> float:
    return int(digits) if len(digits) <= _DIGITS_MAX else float("inf")


#: So many lines that look like objects and are none end the hope that the next one is.
FAILED_LINES_MAX = 10_000

# Control characters in strings are let through: they are somebody's words.
_DECODER = json.JSONDecoder(strict=False)
_HUGE_DECODER = json.JSONDecoder(strict=False, parse_int=_read_integer)


def _parse(text: str) -> object:
    failure = FormatError("numbers that cannot be read", reason="malformed", layout="json")
    for decoder in (_DECODER, _HUGE_DECODER):
        try:
            value: object = decoder.decode(text)
            return value
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            failure = FormatError(f"not JSON at {place}", reason="malformed", layout="json")
            break
        except RecursionError:
            failure = FormatError("nested too deeply", reason="too-deep", layout="json")
            break
        except ValueError:
            # An integer of more digits than the interpreter reads: the second decoder is slower.
            continue
    # Raised out here, it does not carry the decoder's error along, which holds the whole text.
    raise failure


def _parse_lines(text: str, notes: Notes) -> list[object]:
    """One object a line; lines that are none are skipped, once one has been found."""
    if not text.lstrip().startswith("{"):
        return []
    items: list[object] = []
    skipped = failed = 0
    for line in _lines(text):
        item = None
        # A line is parsed only if it can be an object; and not for ever, where none of them is.
        if line.lstrip()[:1] == "{" and failed < FAILED_LINES_MAX:
            try:
                item = _parse(line)
            except FormatError:
                failed += 1
        if isinstance(item, dict):
            items.append(item)
        else:
            skipped += 1
    if items:
        notes.count("rows-skipped", skipped)
    return items


def _lines(text: str) -> Iterable[str]:
    # Not str.splitlines: JSON strings may hold U+2028 and its like as they are.
    return (line for line in text.split("\n") if line and not line.isspace())


def _bounded(items: list[object], limits: Limits, layout: str) -> list[object]:
    if len(items) > limits.utterances:
        raise FormatError(f"more than {limits.utterances} items", reason="too-many", layout=layout)
    return items
