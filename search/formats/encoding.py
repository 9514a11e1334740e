"""Undoes the Content-Encoding that a source applied unasked and the archive kept."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from search.formats.errors import FormatError, parser_of

if TYPE_CHECKING:
    from search.formats.limits import Limits

#: Window bits: a gzip or zlib header found by zlib itself, or none at all.
_ANY_HEADER = zlib.MAX_WBITS | 32
_NO_HEADER = -zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"
_CODINGS_MAX = 2
_MEMBERS_MAX = 64
#: Small bodies may grow further than `Limits.expansion` allows: they can do no harm.
_EXPANSION_FLOOR_BYTES = 2**20


@parser_of("encoded artifact")
def expand(data: bytes, encoding: str, limits: Limits) -> bytes:
    """The bytes as they were before this Content-Encoding, for a parser; "" and identity keep them."""
    codings = [name.strip().lower() for name in encoding.split(",")]
    codings = [name for name in codings if name not in {"", "identity"}]
    if len(codings) > _CODINGS_MAX:
        raise FormatError("encoded too many times", reason="encoding")
    if len(data) > limits.size_bytes:
        raise FormatError("larger than the limit", reason="too-large")
    for coding in reversed(codings if data else []):
        if coding not in {"gzip", "x-gzip", "deflate"}:
            raise FormatError("a content encoding that cannot be undone", reason="encoding")
        data = _inflate(data, limits)
    return data


def _inflate(data: bytes, limits: Limits) -> bytes:
    bound = min(limits.size_bytes, max(len(data) * limits.expansion, _EXPANSION_FLOOR_BYTES))
    try:
        return _inflate_members(data, bound, _ANY_HEADER)
    except zlib.error:
        pass
    try:
        return _inflate_members(data, bound, _NO_HEADER)
    except zlib.error:
        raise FormatError("the encoding is damaged", reason="encoding") from None


def _inflate_members(data: bytes, bound_bytes: int, window_bits: int) -> bytes:
    parts: list[bytes] = []
    room = bound_bytes
    for _ in range(_MEMBERS_MAX):
        inflater = zlib.decompressobj(window_bits)
        part = inflater.decompress(data, room + 1)
        if len(part) > room:
            raise FormatError("expands beyond the limit", reason="too-large")
        if not inflater.eof:
            raise zlib.error("incomplete")
        parts.append(part)
        room -= len(part)
        data = inflater.unused_data
        # A gzip body may be several members end to end; anything else after the end is padding.
        if not data.startswith(_GZIP_MAGIC):
            return b"".join(parts)
    raise FormatError("too many compressed parts", reason="too-many")
