"""Making an export: the archive's records, session after session, then what vouches for the whole."""

from __future__ import annotations

import asyncio
import posixpath
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from archiver.archive import keys
from archiver.archive.canonical import canonical_json
from archiver.archive.chains import Committed
from archiver.errors import ObjectMissingError
from archiver.release import commit, version
from search import render
from search.export import lines, manifest, page
from search.export.copying import Copier, in_order
from search.export.folder import explained
from search.export.layouts import Closing
from search.export.model import Copied, Finding, Tally, Written
from search.export.seals import Records, copy_records
from search.reading import parse_stored, read_bodies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from archiver.archive.archive import Archive
    from archiver.archive.inventory import Entry
    from archiver.clock import Clock
    from search.export.folder import ExportFolder, FileWriter
    from search.export.layouts import Layout
    from search.export.model import Asked
    from search.export.selection import Resolved, Selection
    from search.formats import Limits
    from search.index.seam import Document, Line

#: Sessions copied at the same time; they are read, rendered and recorded one after another.
AT_ONCE = 8
#: Told to spreadsheets, which else take UTF-8 for what their own country once used.
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was exported, and what is wrong with it."""

    tally: Tally
    findings: list[Finding]
    digest: str  #: of `export.json`


class Export:
    """One export being made, in one folder and one layout."""

    def __init__(
        self, archive: Archive, folder: ExportFolder, layout: Layout, limits: Limits, clock: Clock
    ) -> None:
        self._archive = archive
        self._folder = folder
        self._layout = layout
        self._limits = limits
        self._clock = clock
        self._copier = Copier(archive, folder, layout)
        self._tally = Tally()
        self._findings: list[Finding] = []
        self._payload = [0, 0]  #: bytes and files that the manifest lists
        self._tags: list[Written] = []  #: what another manifest lists
        self._own: dict[str, Written] = {}  #: the export's own files, by name

    async def make(
        self,
        selection: Selection,
        resolved: Resolved,
        asked: Asked,
        progress: Callable[[int, int], None],
    ) -> Exported:
        """Copy, render and record all of it; the completion record says that it is done."""
        heading = self._heading(selection, asked)
        chosen = frozenset(resolved.folders)
        with explained(self._folder.root), ExitStack() as stack:
            self._digests = stack.enter_context(self._folder.open(manifest.MANIFEST))
            self._index = stack.enter_context(self._open_own("index.html"))
            self._index.write(page.index_opening(heading).encode())
            self._lines = None
            if self._layout.lines:
                self._lines = stack.enter_context(self._open_own("sessions.jsonl"))
                self._lines.write(lines.opening(self._archive.id))
            spool = stack.enter_context(TemporaryFile(dir=self._folder.root))
            self._records = await self._copy_records(chosen.__contains__)
            sessions = in_order(self._copier.session, resolved.folders, AT_ONCE)
            async with aclosing(sessions) as copies:
                async for copied in copies:
                    spool.write(await self._finish(copied))
                    self._tally.sessions += 1
                    progress(self._tally.sessions, len(resolved.folders))
            return await asyncio.to_thread(self._close, heading, resolved, asked, spool)

    def _heading(self, selection: Selection, asked: Asked) -> dict[str, Any]:
        archive = self._archive
        return {
            "format": manifest.FORMAT,
            "archive": {
                "id": archive.id,
                "account": archive.origin.account,
                "base_url": archive.origin.base_url,
                "simulated": archive.origin.simulated,
            },
            "layout": self._layout.name,
            "asked": asked.document(),
            "made_with": {"release": version(), "commit": commit()},
            "selection": selection.document(),
        }

    def _open_own(self, name: str) -> FileWriter:
        return self._folder.open(self._layout.own_path(name))

    def _note(self, written: Written, own: str = "") -> None:
        """List a finished file in its manifest."""
        if own:
            self._own[own] = written
        self._tally.files += 1
        self._tally.size_bytes += written.size_bytes
        if path := self._layout.in_manifest(written.path):
            self._digests.write(manifest.digest_line(written.sha256, path))
            self._payload[0] += written.size_bytes
            self._payload[1] += 1
        else:
            self._tags.append(written)

    async def _copy_records(self, selected: Callable[[str], bool]) -> Records:
        records = await copy_records(self._archive, self._copier, self._layout, selected=selected)
        for key, written in records.written.items():
            self._note(written, own=f"archive/{key}")
        self._findings += records.findings
        return records

    # ------------------------------------------------------------------ one session

    async def _finish(self, copied: Copied) -> bytes:
        """Read, render and list a session that was copied; returns its document."""
        document, sources = await self._read(copied)
        return await asyncio.to_thread(self._write_session, copied, document, sources)

    async def _read(self, copied: Copied) -> tuple[Document | None, dict[str, str]]:
        """What the session's artifacts say, from the copies where there are any."""
        if copied.newest is None:
            return None, {}

        async def get(entry: Entry) -> bytes:
            written = copied.written.get(entry.name)
            if written is None:
                raise ObjectMissingError(f"there is no {entry.name}")
            if written.path:
                return await asyncio.to_thread(self._folder.read, written.path)
            key = copied.folder + entry.name
            return await self._archive.store.get(key, max_bytes=self._limits.size_bytes)

        newest = Committed(inventory=copied.newest, digest=copied.digest)
        stored = await read_bodies(newest, get, self._limits)
        sources = {each.artifact.kind: each.digest for each, _ in stored.bodies.values()}
        return await asyncio.to_thread(parse_stored, stored, self._limits), sources

    def _write_session(
        self, copied: Copied, document: Document | None, sources: dict[str, str]
    ) -> bytes:
        vouched = self._records.vouched(_inventories(copied))
        session = manifest.session_document(copied, vouched=vouched)
        session["unread"] = dict(document.unread) if document else {}
        told = [str(each) for each in copied.findings]
        told += [f"unread: {name} {reason}" for name, reason in session["unread"].items()]
        written: list[Written] = []
        if self._layout.pages:
            head = max(len(copied.versions), 1)
            for name, pieces in _pages(session, document, told):
                path = self._layout.page_path(copied.folder, name, head)
                written.append(self._folder.write(path, pieces))
        if self._lines is not None:
            for line in lines.session_lines(session, document, sources):
                self._lines.write(line)
        self._index_session(session, document, written)
        session["files"] += [manifest.file_document(each) for each in written]
        extra = self._layout.session_files(copied, written)
        written += [self._folder.write(path, [data]) for path, data in extra]
        for each in (*copied.written.values(), *written):
            if each.path:
                self._note(each)
        self._count(copied, document)
        return canonical_json(session)

    def _index_session(
        self, session: dict[str, Any], document: Document | None, pages: list[Written]
    ) -> None:
        here = posixpath.dirname(self._layout.own_path("index.html"))
        href = quote(posixpath.relpath(pages[0].path, here or ".")) if pages else ""
        title = document.title if document else ""
        self._index.write(page.index_row(session, title, href).encode())

    def _count(self, copied: Copied, document: Document | None) -> None:
        tally = self._tally
        self._findings += copied.findings
        tally.sealed += bool(copied.digest) and self._records.vouched([copied.digest]) is not None
        for each in copied.newest.entries if copied.newest else ():
            tally.outcomes[each.outcome] = tally.outcomes.get(each.outcome, 0) + 1
        for name, number in lines.counts(document).items() if document else ():
            tally.lines[name] = tally.lines.get(name, 0) + number

    # ------------------------------------------------------------------ the whole

    def _close(
        self, heading: dict[str, Any], resolved: Resolved, asked: Asked, spool: BinaryIO
    ) -> Exported:
        heading |= {
            "counts": self._tally.document(),
            "seals": self._records.newest.document(),
            "not_covered": resolved.document() | {"artifacts": _not_archived(self._tally)},
            "findings": [each.document() for each in self._findings],
        }
        self._index.write(page.index_closing(heading, [*map(str, self._findings)]).encode())
        self._note(self._index.close(), own="index.html")
        if self._lines is not None:
            counted = self._tally
            end = lines.closing(counted.lines, counted.sessions, self._lines.digest)
            self._lines.write(end)
            self._note(self._lines.close(), own="sessions.jsonl")
        spool.seek(0)
        pieces = manifest.document_pieces(heading, "sessions", spool)
        export = self._folder.write(self._layout.own_path("export.json"), pieces)
        self._note(export, own="export.json")
        self._write_closing_files(asked)
        manifests = [self._digests.close()]
        if self._tags:
            listed = (
                manifest.digest_line(each.sha256, each.path) for each in (*self._tags, *manifests)
            )
            manifests.append(self._folder.write(manifest.TAG_MANIFEST, listed))
        self._folder.settle()
        done = manifest.completion(
            archive_id=self._archive.id,
            layout=self._layout.name,
            manifests=manifests,
            export=export,
            tally=self._tally,
            findings=len(self._findings),
            at=self._clock.now(),
        )
        self._folder.write_last(manifest.COMPLETE, done)
        return Exported(tally=self._tally, findings=self._findings, digest=export.sha256)

    def _write_closing_files(self, asked: Asked) -> None:
        closing = Closing(
            archive_id=self._archive.id,
            account=self._archive.origin.account,
            release=version(),
            asked=asked,
            own=dict(self._own),
            payload=tuple(self._payload),
        )
        for path, data in self._layout.closing_files(closing):
            self._note(self._folder.write(path, [data]))


def _inventories(copied: Copied) -> list[str]:
    """The digests of a chain's inventories as they were copied, newest first."""
    versions = range(copied.newest.version if copied.newest else 0, 0, -1)
    return [copied.written[keys.inventory_name(each)].sha256 for each in versions]


def _pages(
    session: dict[str, Any], document: Document | None, told: list[str]
) -> Iterator[tuple[str, Iterable[bytes]]]:
    """What people read of a session: a page, and tables for spreadsheets where there is something."""
    yield "session.html", (each.encode() for each in page.session_page(session, document, told))
    if document is not None:
        if said := lines.spoken(document):
            yield "transcript.csv", _csv(said)
        if typed := lines.typed(document):
            yield "chat.csv", _csv(typed)


def _csv(said: list[Line]) -> list[bytes]:
    return [_BOM, render.as_csv(said).encode()]


def _not_archived(tally: Tally) -> dict[str, int]:
    """How many artifacts of the selected sessions the archive does not hold, by outcome."""
    held = {"archived", "empty"}
    return {name: number for name, number in tally.outcomes.items() if name not in held}
