"""What was said and typed, a JSON document a line: for loading into other programs; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archiver.archive.canonical import canonical_json
from archiver.model import Kind, format_time, from_ms
from search.index.seam import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from search.index.seam import Document

FORMAT = "realtimekit-archive/export-lines/1"


def spoken(document: Document) -> list[Line]:
    """The utterances of a session."""
    said = document.transcript.utterances if document.transcript else ()
    return [
        Line(
            kind=Kind.TRANSCRIPT,
            speaker=each.speaker,
            start_ms=each.start_ms,
            end_ms=each.end_ms,
            text=each.text,
        )
        for each in said
    ]


def typed(document: Document) -> list[Line]:
    """The chat messages of a session."""
    return [
        Line(
            kind=Kind.CHAT,
            speaker=each.speaker,
            start_ms=each.at_ms,
            end_ms=each.at_ms,
            text=each.text,
        )
        for each in (document.chat.messages if document.chat else ())
    ]


def counts(document: Document) -> dict[str, int]:
    """How many utterances, messages and summaries a session has."""
    return {
        "utterances": len(document.transcript.utterances) if document.transcript else 0,
        "messages": len(document.chat.messages) if document.chat else 0,
        "summaries": int(document.summary is not None),
    }


def opening(archive_id: str) -> bytes:
    """The first line."""
    return canonical_json({"record": "export", "format": FORMAT, "archive": archive_id})


def closing(tally: Mapping[str, int], sessions: int, digest: str) -> bytes:
    """The last line: how many records there are, and the SHA-256 of all lines before it."""
    return canonical_json(
        {"record": "end", "sessions": sessions, **tally, "digest_of_lines": digest}
    )


def session_lines(
    session: Mapping[str, Any], document: Document | None, sources: Mapping[str, str]
) -> Iterator[bytes]:
    """A session and everything in it: its record first, then utterances, messages and the summary.

    `session` is as the manifest has it; `sources` are the digests of the bytes it was read from, by
    kind.
    """
    record = {name: each for name, each in session.items() if name not in {"files", "unreferenced"}}
    if document is None:
        yield canonical_json({"record": "session", **record, "title": None, "participants": []})
        return
    yield canonical_json(
        {
            "record": "session",
            **record,
            "title": document.title,
            "unread": dict(document.unread),
            "participants": [
                {
                    "name": each.name,
                    "peer_id": each.peer_id,
                    "user_id": each.user_id,
                    "custom_id": each.custom_id,
                    "joined_ms": each.joined_at_ms,
                    "left_ms": each.left_at_ms,
                }
                for each in document.participants
            ],
        }
    )
    of = {"app": document.app_id, "session": document.session_id}
    for record in _said(document):
        source = {"source": sources.get(record["kind"])}
        yield canonical_json({**of, **source, **record})


def _said(document: Document) -> Iterator[dict[str, Any]]:
    start_ms = document.started_at_ms
    if document.transcript is not None:
        for number, each in enumerate(document.transcript.utterances, start=1):
            yield {
                "record": "utterance",
                "kind": Kind.TRANSCRIPT,
                "number": number,
                "at": _at(start_ms, each.start_ms),
                **each._asdict(),
            }
    if document.chat is not None:
        for number, message in enumerate(document.chat.messages, start=1):
            fields = message._asdict()
            yield {
                "record": "message",
                "kind": Kind.CHAT,
                "number": number,
                "at": _at(start_ms, message.at_ms),
                "type": fields.pop("kind"),
                **fields,
            }
    if document.summary is not None:
        yield {
            "record": "summary",
            "kind": Kind.SUMMARY,
            "text": document.summary.text,
            "layout": document.summary.layout,
        }


def _at(started_at_ms: int, offset_ms: int | None) -> str | None:
    """A moment as RFC 3339; None where there is none, or none that can be written so."""
    try:
        return None if offset_ms is None else format_time(from_ms(started_at_ms + offset_ms))
    except (OverflowError, ValueError, OSError):
        return None
