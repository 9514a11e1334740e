"""`import.csv` and `import.json`: what a folder's file names do not tell; pure."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from archiver.importing.layout import About, Puzzle, Row
from archiver.model import Kind, TranscriptFormat, is_id, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

COLUMNS = ("file", "session", "kind", "format", "started_at", "ended_at", "meeting")
SIZE_MAX_BYTES = 16 * 2**20
_KINDS = frozenset({Kind.TRANSCRIPT, Kind.CHAT, Kind.SUMMARY, Kind.SESSION})


def read_manifest(name: str, data: bytes) -> tuple[list[Row], list[Puzzle]]:
    """The rows of a manifest, and what is wrong with the others; a file of either kind, by its name."""
    rows, puzzles = list[Row](), list[Puzzle]()
    try:
        text = data.decode("utf-8-sig")
        found = _of_json(text) if name.endswith(".json") else _of_csv(text)
    except (ValueError, csv.Error, RecursionError):
        return [], [Puzzle(name, f"it cannot be read: it has the columns {', '.join(COLUMNS)}")]
    for number, each in enumerate(found, start=1):
        try:
            rows.append(_row(each))
        except ValueError as error:
            puzzles.append(Puzzle(name, f"row {number}: {error}"))
    return rows, puzzles


def _of_csv(text: str) -> list[Mapping[str, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if "session" not in (reader.fieldnames or ()):
        raise ValueError("no column of sessions")
    return list(reader)


def _of_json(text: str) -> list[Mapping[str, Any]]:
    found = json.loads(text)
    if not isinstance(found, list):
        raise ValueError("no list")  # noqa: TRY004 — it is about the file, as every other fault of it
    return found


def _row(said: object) -> Row:
    if not isinstance(said, dict):
        raise ValueError("it is no object")  # noqa: TRY004 — as every other fault of a row
    values = {name: str(said.get(name) or "").strip() for name in COLUMNS}
    kind, format_ = values["kind"].lower(), values["format"].upper()
    if not is_id(values["session"]):
        raise ValueError("it names no session")
    if kind and kind not in _KINDS:
        raise ValueError(f"a kind is one of {', '.join(sorted(_KINDS))}")
    if format_ and format_ not in set(TranscriptFormat):
        raise ValueError(f"a format is one of {', '.join(TranscriptFormat)}")
    if not values["meeting"].isprintable():
        raise ValueError("a meeting's id is printable")
    return Row(
        session_id=values["session"],
        file=values["file"],
        kind=kind,
        format=format_,
        about=About(
            started_at=_time(values["started_at"]),
            ended_at=_time(values["ended_at"]),
            meeting_id=values["meeting"],
        ),
    )


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return parse_time(text)
    except ValueError:
        raise ValueError("a time is written 2026-10-01T09:00:00Z") from None
