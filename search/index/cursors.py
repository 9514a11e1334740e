"""Opaque cursors: where the next page of an answer begins, bound to the question it belongs to."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isal import isal_zlib

from search.errors import CursorError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from search.index.seam import SearchRequest

#: How deep an answer by relevance can be paged through.
OFFSET_MAX = 10_000
#: A cursor is a parameter of a URL: one that would be longer forgets which sessions were shown.
LENGTH_MAX = 6_000
_EXPANDED_MAX_BYTES = 4 * 2**20
_NUMBER_MAX = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """By relevance what was shown of the rows there were at the first page; by date the last place.

    Scores change while sessions arrive, so only the rows themselves say what comes next.
    """

    offset: int = 0  #: how many sessions were shown
    newest_rows: dict[str, int] | None = None
    shown: dict[str, frozenset[int]] | None = None  #: by app; None: the first `offset` of them
    after: tuple[int, str] | None = None


def fingerprint(request: SearchRequest, generation: Path | None) -> str:
    """What a cursor belongs to: the question, not how its answer is cut.

    By relevance also the index that answered: made again, it numbers its rows anew.
    """
    question = [str(request.query), request.apps, request.sort, request.match]
    if request.sort == "relevance" and generation is not None:
        question.append(generation.name)
    text = json.dumps(question, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def encode(cursor: Cursor, belongs_to: str) -> str:
    """The cursor as clients carry it."""
    text = _encode(cursor, cursor.shown, belongs_to, _quickly)
    if len(text) > LENGTH_MAX:
        text = _encode(cursor, cursor.shown, belongs_to, _well)
    return text if len(text) <= LENGTH_MAX else _encode(cursor, None, belongs_to, _quickly)


def _quickly(data: bytes) -> bytes:
    """In a fortieth of the time of `_well`, and as short where much was shown of what there is."""
    compressed: bytes = isal_zlib.compress(data, 1)
    return compressed


def _well(data: bytes) -> bytes:
    """To two thirds of that where little was."""
    return zlib.compress(data, 9)


def _encode(
    cursor: Cursor,
    shown: dict[str, frozenset[int]] | None,
    belongs_to: str,
    compress: Callable[[bytes], bytes],
) -> str:
    newest_rows = cursor.newest_rows
    bits = [_bits(shown.get(app, ())) for app in newest_rows or {}] if shown is not None else None
    sizes = [len(each) for each in bits] if bits is not None else None
    rows = list(newest_rows.items()) if newest_rows is not None else None
    head = json.dumps([belongs_to, cursor.offset, rows, sizes, cursor.after], separators=(",", ":"))
    data = compress(b"\n".join([head.encode(), b"".join(bits or ())]))
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bits(rows: Collection[int]) -> bytes:
    bits = bytearray(max(rows, default=-8) // 8 + 1)
    for row in rows:
        bits[row >> 3] |= 1 << (row & 7)
    return bytes(bits)


def decode(text: str, belongs_to: str) -> Cursor:
    """The cursor a client brought back; raises CursorError where it is not of this question."""
    if not text:
        return Cursor()
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        head, _, bits = _expanded(raw).partition(b"\n")
        owner, offset, rows, sizes, after = json.loads(head)
        if owner != belongs_to:
            raise CursorError(
                "the cursor belongs to another search", hint="start again without a cursor"
            )
        newest_rows = None if rows is None else {_text(app): _number(row) for app, row in rows}
        return Cursor(
            offset=_number(offset, OFFSET_MAX),
            newest_rows=newest_rows,
            shown=None if sizes is None else _shown(list(newest_rows or ()), sizes, bits),
            after=None if after is None else _place(*after),
        )
    except (ValueError, TypeError, LookupError, RecursionError, zlib.error):
        raise CursorError("the cursor is not one of ours", hint="start again without one") from None


def _expanded(raw: bytes) -> bytes:
    inflater = zlib.decompressobj()
    data = inflater.decompress(raw, _EXPANDED_MAX_BYTES)
    if not inflater.eof or inflater.unused_data:
        raise ValueError("size")
    return data


def _shown(apps: list[str], sizes: list[Any], bits: bytes) -> dict[str, frozenset[int]]:
    shown: dict[str, frozenset[int]] = {}
    start = 0
    for app, size in zip(apps, sizes, strict=True):
        end = start + _number(size, len(bits))
        shown[app] = _rows(bits[start:end])
        start = end
    return shown


def _rows(bits: bytes) -> frozenset[int]:
    return frozenset(
        8 * index + bit
        for index, byte in enumerate(bits)
        if byte
        for bit in range(8)
        if byte >> bit & 1
    )


def _place(moment_ms: Any, session_id: Any) -> tuple[int, str]:
    return _number(moment_ms, least=-_NUMBER_MAX), _text(session_id)


def _number(value: Any, most: int = _NUMBER_MAX, *, least: int = 0) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError("number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text")
    value.encode()  # half a character cannot be looked for
    return value
