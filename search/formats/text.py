"""Bytes into text that an index and a page can hold: no NUL, no lone surrogate, no BOM."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from search.formats.errors import FormatError

if TYPE_CHECKING:
    from search.formats.limits import Limits

REPLACEMENT = "\ufffd"


def decode(data: bytes, limits: Limits) -> tuple[str, tuple[str, ...]]:
    """The text of an artifact, and the codes of what was repaired in it."""
    if len(data) > limits.size_bytes:
        raise FormatError(
            f"{len(data)} bytes, the limit is {limits.size_bytes}", reason="too-large"
        )
    text, notes = _decode(data)
    text = text.lstrip("\ufeff")
    if "\0" in text:
        notes = (*notes, "nul-replaced")
        text = text.rstrip("\0").replace("\0", REPLACEMENT)
    return text, notes


def _decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding, notes, broken = "utf-16", ("utf-16",), "invalid-utf16"
    else:
        encoding, broken = "utf-8", "invalid-utf8"
    try:
        return data.decode(encoding), notes
    except UnicodeDecodeError:
        return data.decode(encoding, errors="replace"), (*notes, broken)
