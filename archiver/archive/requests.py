"""The recorded intent to ask for a summary: written before the request leaves, and never again; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archiver.archive import keys
from archiver.archive.canonical import parse_with_own_digest

if TYPE_CHECKING:
    from archiver.model import Session

FORMAT = "realtimekit-archive/summary-request/1"


def request_record(
    archive_id: str, session: Session, number: int, made: dict[str, str]
) -> dict[str, Any]:
    """The record of a session's first or second request."""
    return {
        "format": FORMAT,
        "archive": archive_id,
        "app": session.app_id,
        "session": session.session_id,
        "number": number,
        "made": made,
    }


def parse_request(data: bytes, key: str, archive_id: str) -> dict[str, Any]:
    """The record under this key; raises ValueError where it is none, or speaks for something else."""
    record = parse_with_own_digest(data)
    parsed = keys.parse_key(key)
    said = tuple(record.get(name) for name in ("archive", "app", "session", "number"))
    if parsed is None or said != (
        archive_id,
        parsed.session_id.app_id,
        parsed.session_id.session_id,
        parsed.request,
    ):
        raise ValueError("it is another session's, or another request")
    return record
