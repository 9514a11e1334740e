"""Opaque cursors: where the next page of an answer begins, bound to the question it belongs to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.errors import CursorError

if TYPE_CHECKING:
    from search.index.seam import SearchRequest

OFFSET_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """By relevance an offset among the rows there were at the first page; by date the last place."""

    offset: int = 0
    newest_rows: dict[str, int] | None = None
    after: tuple[int, str] | None = None


def fingerprint(request: SearchRequest) -> str:
    """What a cursor belongs to: the question, not how its answer is cut."""
    question = [str(request.query), request.apps, request.sort, request.match]
    text = json.dumps(question, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def encode(cursor: Cursor, belongs_to: str) -> str:
    """The cursor as clients carry it."""
    document = [belongs_to, cursor.offset, cursor.newest_rows, cursor.after]
    text = json.dumps(document, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(text: str, belongs_to: str) -> Cursor:
    """The cursor a client brought back; raises CursorError where it is not of this question."""
    if not text:
        return Cursor()
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        owner, offset, newest_rows, after = json.loads(raw)
        if owner != belongs_to:
            raise CursorError(
                "the cursor belongs to another search", hint="start again without a cursor"
            )
        return Cursor(
            offset=_offset(offset),
            newest_rows=_rows(newest_rows),
            after=(int(after[0]), str(after[1])) if after is not None else None,
        )
    except (ValueError, TypeError, LookupError, binascii.Error, RecursionError) as error:
        if isinstance(error, CursorError):
            raise
        raise CursorError("the cursor is not one of ours", hint="start again without one") from None


def _offset(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= OFFSET_MAX:
        raise ValueError("offset")
    return value


def _rows(value: Any) -> dict[str, int] | None:
    if value is None:
        return None
    return {str(app): min(int(row), 2**62) for app, row in value.items()}
