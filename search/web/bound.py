"""Cursors bound to whoever was given them: a key's cursor is of no use to another key."""

from __future__ import annotations

from archiver.archive.canonical import sha256
from search.errors import CursorError

_MARK = "."


def bind(cursor: str | None, owner: str) -> str | None:
    """The cursor as this owner carries it; this machine's own, "", is as it was."""
    return cursor if cursor is None or not owner else f"{_tag(owner)}{_MARK}{cursor}"


def unbind(cursor: str, owner: str) -> str:
    """The cursor itself; raises CursorError where somebody else was given it."""
    if not cursor:
        return cursor
    tag, mark, rest = cursor.rpartition(_MARK)
    if tag != (_tag(owner) if owner else "") or (owner and not mark):
        raise CursorError("the cursor is not one of ours", hint="start again without one")
    return rest


def _tag(owner: str) -> str:
    return sha256(owner.encode())[:16]
