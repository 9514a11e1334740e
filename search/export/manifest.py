"""What an export says of itself: `export.json`, the lists of digests, the completion record; pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from archiver.archive.canonical import canonical_json
from archiver.model import format_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from archiver.archive.inventory import Entry
    from search.export.model import Copied, Tally, Vouched, Written

FORMAT = "realtimekit-archive/export/1"
COMPLETE_FORMAT = "realtimekit-archive/export-complete/1"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
COMPLETE = "export-complete.json"


def session_document(copied: Copied, *, vouched: Vouched | None) -> dict[str, Any]:
    """A session in the manifest: where its artifacts stand, its chain, its seal, its copies."""
    newest = copied.newest
    session = newest.session if newest else None
    return {
        "app": copied.session_id.app_id,
        "session": copied.session_id.session_id,
        "folder": copied.folder,
        "meeting": session.meeting_id if session else None,
        "started_at": format_time(session.started_at) if session else None,
        "ended_at": format_time(session.ended_at) if session and session.ended_at else None,
        "inventory": {
            "version": newest.version if newest else 0,
            "digest": copied.digest or None,
            "problem": copied.problem or None,
        },
        "seal": vouched.document() if vouched else None,
        "artifacts": [_artifact(each) for each in newest.entries] if newest else [],
        "files": [
            file_document(each, copied.folder + name) for name, each in copied.written.items()
        ],
        "unreferenced": list(copied.unreferenced),
    }


def _artifact(entry: Entry) -> dict[str, Any]:
    document: dict[str, Any] = {
        "kind": entry.artifact.kind,
        "format": entry.artifact.format or None,
        "outcome": entry.outcome,
        "reason": entry.reason,
        "name": entry.name or None,
        "digest": entry.digest or None,
        "size": entry.size_bytes if entry.has_object else None,
    }
    if entry.later:
        document["later"] = [_artifact(each) for each in entry.later]
    return document


def file_document(written: Written, key: str | None = None) -> dict[str, Any]:
    """A file of the export; `key` is what it is called in the bucket, null where it was made here."""
    return {
        "key": key,
        "path": written.path or None,
        "size": written.size_bytes,
        "digest": written.sha256,
    }


def document_pieces(
    heading: Mapping[str, Any], member: str, documents: Iterable[bytes]
) -> Iterator[bytes]:
    """Canonical JSON of the heading with a list of documents under `member`, never whole in memory.

    Each document is canonical JSON itself, on a line of its own.
    """
    mark = b"{"
    for name in sorted([*heading, member]):
        yield mark + json.dumps(name).encode() + b":"
        mark = b","
        if name == member:
            yield from _listed(documents)
        else:
            value = canonical_json({"": heading[name]})
            yield value.removeprefix(b'{"":').removesuffix(b"}\n")
    yield b"}\n"


def _listed(documents: Iterable[bytes]) -> Iterator[bytes]:
    mark = b"["
    for each in documents:
        yield mark + each.rstrip(b"\n")
        mark = b","
    yield b"]" if mark == b"," else b"[]"


def digest_line(digest: str, path: str) -> bytes:
    """A line as `sha256sum -c` reads it."""
    return f"{digest}  {path}\n".encode("ascii")


def parse_digest_line(line: bytes) -> tuple[str, str]:
    """Digest and path of such a line; raises ValueError where it is none."""
    digest, mark, path = line.decode("ascii").rstrip("\n").partition("  ")
    if not mark or len(digest) != 64 or not path:
        raise ValueError("no line of a manifest")
    return digest, path


def completion(
    *,
    archive_id: str,
    layout: str,
    manifests: Sequence[Written],
    export: Written,
    tally: Tally,
    findings: int,
    at: datetime,
) -> bytes:
    """The record that is written last: what an export must hold to be whole."""
    return canonical_json(
        {
            "format": COMPLETE_FORMAT,
            "archive": archive_id,
            "layout": layout,
            "at": format_time(at),
            "manifests": [{"path": each.path, "digest": each.sha256} for each in manifests],
            "export": {"path": export.path, "digest": export.sha256},
            "files": tally.files,
            "size": tally.size_bytes,
            "sessions": tally.sessions,
            "findings": findings,
        }
    )
