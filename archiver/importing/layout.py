"""What a folder of downloaded files holds: which file is which artifact of which session; pure.

Names decide, a manifest overrules them, and what neither explains is said to be so: nothing is
guessed from a file's content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from archiver.model import (
    CHAT,
    SESSION_RECORD,
    SUMMARY,
    ArtifactId,
    Kind,
    TranscriptFormat,
    is_id,
    transcript,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

MANIFESTS = ("import.csv", "import.json")

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_KIND = r"(?P<kind>transcript|chat|summary|session)s?"
#: What may stand behind the kind: `chat.csv`, `chat_export.csv`, `transcript-2.json`.
_REST = r"(?:[._ -].*)?"
#: The shapes of a file's name without its extension, the surest first.
_WITH_UUID = (
    re.compile(rf"(?P<id>{_UUID})[._ -]{_KIND}{_REST}\Z", re.IGNORECASE),
    re.compile(rf"{_KIND}[._ -](?P<id>{_UUID}){_REST}\Z", re.IGNORECASE),
)
_KIND_ALONE = re.compile(rf"{_KIND}{_REST}\Z", re.IGNORECASE)
_KIND_FOLDER = re.compile(r"(?P<kind>transcript|chat|summar|session)(?:s|y|ies)?\Z", re.IGNORECASE)
_ANY_ID = re.compile(rf"(?P<id>.+?)[._-]{_KIND}{_REST}\Z", re.IGNORECASE)

_EXTENSIONS = {
    Kind.TRANSCRIPT: frozenset(each.lower() for each in TranscriptFormat),
    Kind.CHAT: frozenset({"csv", "json"}),
    Kind.SUMMARY: frozenset({"md", "txt"}),
    Kind.SESSION: frozenset({"json"}),
}
_ARTIFACTS = {Kind.CHAT: CHAT, Kind.SUMMARY: SUMMARY, Kind.SESSION: SESSION_RECORD}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a manifest says of a session."""

    started_at: datetime | None = None
    ended_at: datetime | None = None
    meeting_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a manifest: a file and whose it is, or only what is known of a session."""

    session_id: str
    file: str = ""
    kind: str = ""
    format: str = ""
    about: About = field(default_factory=About)


@dataclass(frozen=True, slots=True, order=True)
class Puzzle:
    """A file, or a session, that is left out, and what to do about it."""

    path: str
    reason: str


@dataclass(slots=True)
class Layout:
    """The sessions of a folder."""

    files: dict[str, dict[ArtifactId, list[str]]] = field(default_factory=dict)
    about: dict[str, About] = field(default_factory=dict)
    puzzles: list[Puzzle] = field(default_factory=list)


def lay_out(paths: Iterable[str], rows: Iterable[Row] = ()) -> Layout:
    """Which of these files, named relative to the folder, is what; a manifest's rows come first."""
    layout, named = Layout(), dict[str, Row]()
    for row in rows:
        known = layout.about.get(row.session_id, About())
        layout.about[row.session_id] = _joined(known, row.about)
        if row.file:
            named[row.file] = row
    for path in sorted(paths):
        if path in MANIFESTS:
            continue
        found = _by_manifest(path, named.pop(path)) if path in named else recognise(path)
        if isinstance(found, str):
            layout.puzzles.append(Puzzle(path, found))
            continue
        session_id, artifact = found
        layout.files.setdefault(session_id, {}).setdefault(artifact, []).append(path)
    layout.puzzles += [Puzzle(path, "the manifest names it, and it is not there") for path in named]
    return layout


def _joined(one: About, other: About) -> About:
    return replace(
        one,
        started_at=one.started_at or other.started_at,
        ended_at=one.ended_at or other.ended_at,
        meeting_id=one.meeting_id or other.meeting_id,
    )


def recognise(path: str) -> tuple[str, ArtifactId] | str:
    """Session and artifact by a file's path alone; where it tells neither, what to do about it."""
    folder, _, name = path.rpartition("/")
    parent = folder.rpartition("/")[2]
    stem, _, extension = name.rpartition(".")
    parent_kind = _KIND_FOLDER.match(parent)
    for shape in _WITH_UUID:
        if match := shape.match(stem):
            return _artifact(match["id"].lower(), match["kind"], extension)
    if parent_kind is not None:
        if re.fullmatch(_UUID, stem):
            return _artifact(stem.lower(), parent_kind["kind"], extension)
    elif parent and (match := _KIND_ALONE.match(stem)):
        is_uuid = re.fullmatch(_UUID, parent)
        return _artifact(parent.lower() if is_uuid else parent, match["kind"], extension)
    if match := _ANY_ID.match(stem):
        return _artifact(match["id"], match["kind"], extension)
    return "its name tells no session and kind: name it in import.csv"


def _artifact(
    session_id: str, kind: str, extension: str, format_: str = ""
) -> tuple[str, ArtifactId] | str:
    kind = "summary" if kind.lower() == "summar" else kind.lower()
    extension = extension.lower()
    if not is_id(session_id):
        return "no session can have such an id"
    if format_ and kind == Kind.TRANSCRIPT:
        extension = format_.lower()
    allowed = _EXTENSIONS[Kind(kind)]
    if extension not in allowed:
        return f"a {kind} is one of {', '.join(sorted(allowed))}: name it in import.csv"
    if kind == Kind.TRANSCRIPT:
        return session_id, transcript(TranscriptFormat(extension.upper()))
    return session_id, _ARTIFACTS[Kind(kind)]


def _by_manifest(path: str, row: Row) -> tuple[str, ArtifactId] | str:
    extension = path.rpartition(".")[2]
    if not row.kind:
        found = recognise(path)
        return found if isinstance(found, str) else (row.session_id, found[1])
    kinds: Mapping[str, str] = {Kind.CHAT: "csv", Kind.SUMMARY: "md", Kind.SESSION: "json"}
    # What the manifest says it is, it is, however the file is called.
    return _artifact(row.session_id, row.kind, kinds.get(row.kind, extension), row.format)
