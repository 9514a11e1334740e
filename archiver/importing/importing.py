"""Downloaded files taken into the archive: bytes first, then the inventory that says where they are from.

What was imported never takes the place of what was captured, and gives way to it; while the source
may still serve an artifact itself, the worker goes on asking for it.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.canonical import lock_document
from archiver.archive.inventory import IMPORT, Entry, Inventory
from archiver.archive.versions import next_version
from archiver.emptiness import HEAD_BYTES, is_empty
from archiver.errors import CommitConflictError, InventoryError, SourceError
from archiver.importing.folder import UnreadableError
from archiver.importing.layout import MANIFESTS, About, Layout, Puzzle, lay_out
from archiver.importing.manifest import SIZE_MAX_BYTES, read_manifest
from archiver.model import (
    SESSION_RECORD,
    ArtifactId,
    Fetched,
    Outcome,
    Session,
    SessionId,
    format_time,
)
from archiver.realtimekit import parse_saved_session
from archiver.records import states_of
from archiver.schedule import session_next_attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from archiver.archive.archive import Archive
    from archiver.archive.chains import Committed
    from archiver.archive.stores import Stored
    from archiver.capture import Maker
    from archiver.clock import Clock
    from archiver.importing.folder import Folder, Taken
    from archiver.ledger import Ledger
    from archiver.schedule import Expectation

REASON_NOT_IN_THE_FOLDER = "not in the imported folder"
UNKNOWN_START = (
    "when it started is not known: put its session.json beside it, or started_at in import.csv"
)
STILL_LIVE = "it was still live when its session.json was saved"
CAPTURED = "captured already, and not the same: the captured bytes stay"
SEVERAL = "another file is the same artifact: name the one to take in import.csv"
BROKEN = "its inventories are damaged: run `rtk-archive verify`"
COMMIT_TRIES = 5
_MEDIA_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "md": "text/markdown",
    "srt": "application/x-subrip",
    "txt": "text/plain",
    "vtt": "text/vtt",
}
#: A saved session is a page of text.
_RECORD_MAX_BYTES = 16 * 2**20


@dataclass(slots=True)
class Imported:
    """What came of an import."""

    new: int = 0  #: sessions the archive did not hold
    extended: int = 0  #: sessions that lacked something
    unchanged: int = 0  #: sessions that hold it all
    artifacts: int = 0  #: taken in
    size_bytes: int = 0
    held: int = 0  #: files whose very bytes are archived already
    puzzles: list[Puzzle] = field(default_factory=list)  #: what was left out, and why
    damaged: list[Puzzle] = field(default_factory=list)


@dataclass(slots=True)
class _Plan:
    """One session under way."""

    session: Session
    current: Committed | None
    bodies: dict[ArtifactId, Taken] = field(default_factory=dict)
    entries: dict[ArtifactId, Entry] = field(default_factory=dict)


class Importing:
    """Imports one folder into one app of an archive; with `dry_run` it only says what it would do."""

    def __init__(
        self,
        archive: Archive,
        folder: Folder,
        app_id: str,
        *,
        expectation: Expectation,
        ledger: Ledger | None,
        spool: Path,
        maker: Maker,
        clock: Clock,
        dry_run: bool = False,
    ) -> None:
        self._archive = archive
        self._folder = folder
        self._app_id = app_id
        self._expectation = expectation
        self._ledger = ledger
        self._spool = spool
        self._maker = maker
        self._clock = clock
        self._dry_run = dry_run

    async def run(self, progress: Callable[[int, int], None] = lambda _done, _of: None) -> Imported:
        """Take in what the archive lacks; raises StoreError or ArchiveError about more than a file."""
        imported = Imported()
        layout = await asyncio.to_thread(self._lay_out)
        imported.puzzles += layout.puzzles
        folders = await self._folders_of(set(layout.files))
        for number, (session_id, files) in enumerate(layout.files.items(), start=1):
            about = layout.about.get(session_id, About())
            try:
                await self._import(session_id, files, about, folders.get(session_id), imported)
            except InventoryError:
                imported.damaged.append(Puzzle(session_id, BROKEN))
            progress(number, len(layout.files))
        imported.puzzles.sort()
        return imported

    def _lay_out(self) -> Layout:
        names = self._folder.names()
        rows, puzzles = [], []
        for name in MANIFESTS:
            if name not in names:
                continue
            try:
                found = read_manifest(name, self._folder.read(name, SIZE_MAX_BYTES))
            except UnreadableError as error:
                found = [], [Puzzle(name, str(error))]
            rows += found[0]
            puzzles += found[1]
        layout = lay_out(names, rows)
        layout.puzzles += puzzles
        return layout

    async def _folders_of(self, session_ids: set[str]) -> dict[str, str]:
        """Where the archive holds those of these sessions that it holds: one listing of the app."""
        found: dict[str, str] = {}
        async for info in self._archive.store.list(keys.app_prefix(self._app_id)):
            parsed = keys.parse_key(info.key)
            if parsed and parsed.version and parsed.session_id.session_id in session_ids:
                found[parsed.session_id.session_id] = parsed.folder
        return found

    # ------------------------------------------------------------------ one session

    async def _import(
        self,
        session_id: str,
        files: Mapping[ArtifactId, list[str]],
        about: About,
        folder: str | None,
        imported: Imported,
    ) -> None:
        current = await self._current(folder)
        session = current.inventory.session if current else self._listed(session_id)
        if session is None:
            session = await asyncio.to_thread(self._told, session_id, files, about, imported)
        if session is None:
            return
        plan = _Plan(session, current)
        try:
            for artifact, paths in files.items():
                await asyncio.to_thread(self._take, plan, artifact, paths, imported)
            if not plan.bodies:
                imported.unchanged += current is not None
                return
            if not self._dry_run:
                await self._store(plan)
        finally:
            for taken in plan.bodies.values():
                await asyncio.to_thread(taken.discard)
        imported.new += current is None
        imported.extended += current is not None
        imported.artifacts += len(plan.bodies)
        imported.size_bytes += sum(each.size_bytes for each in plan.bodies.values())

    async def _current(self, folder: str | None) -> Committed | None:
        chain = await self._archive.chain(folder) if folder else None
        if chain is not None and chain.problem:
            raise InventoryError(chain.problem)
        return chain.newest if chain else None

    def _listed(self, session_id: str) -> Session | None:
        """The session as the source's own list showed it, if this ledger has seen that."""
        known = SessionId(self._app_id, session_id)
        if self._ledger is None or known not in self._ledger.find(session_id):
            return None
        return self._ledger.state(known).session

    def _told(
        self,
        session_id: str,
        files: Mapping[ArtifactId, list[str]],
        about: About,
        imported: Imported,
    ) -> Session | None:
        """The session as its saved record or the manifest tells of it; None where neither does."""
        for path in files.get(SESSION_RECORD, []):
            try:
                text = self._folder.read(path, _RECORD_MAX_BYTES).decode()
                saved = parse_saved_session(text, self._app_id).session
            except (UnreadableError, UnicodeDecodeError, SourceError):
                imported.puzzles.append(Puzzle(path, "it is no session as the API tells of it"))
                continue
            if saved.session_id.lower() != session_id.lower():
                imported.puzzles.append(Puzzle(path, "it tells of another session"))
            elif not saved.ended and saved.ended_at is None:
                imported.puzzles.append(Puzzle(path, STILL_LIVE))
            else:
                return replace(saved, session_id=session_id, ended=True)
        if about.started_at is None:
            imported.puzzles.append(Puzzle(session_id, UNKNOWN_START))
            return None
        try:
            return Session(
                app_id=self._app_id,
                session_id=session_id,
                meeting_id=about.meeting_id,
                started_at=about.started_at,
                ended_at=about.ended_at,
                created_at=about.started_at,
                ended=True,
            )
        except ValueError:
            imported.puzzles.append(Puzzle(session_id, "no session can be so"))
            return None

    def _take(
        self, plan: _Plan, artifact: ArtifactId, paths: list[str], imported: Imported
    ) -> None:
        """Copy the artifact's file, unless the archive holds one already, or nobody knows which it is."""
        before = plan.current.inventory.entry(artifact) if plan.current else None
        if plan.current is not None and plan.current.inventory.tombstone:
            imported.puzzles += [Puzzle(each, "its session was destroyed") for each in paths]
            return
        taken: list[Taken] = []
        try:
            for path in paths:
                body = self._spool / f"import-{uuid.uuid4().hex}.part"
                try:
                    taken.append(self._folder.take(path, body))
                except UnreadableError as error:
                    body.unlink(missing_ok=True)
                    imported.puzzles.append(Puzzle(path, str(error)))
            if len({each.digest for each in taken}) > 1:
                imported.puzzles += [Puzzle(each, SEVERAL) for each in paths]
            elif taken and before is not None and before.has_object:
                same = before.digest == taken[0].digest
                imported.held += same * len(taken)
                imported.puzzles += [Puzzle(each, CAPTURED) for each in paths if not same]
            elif taken:
                plan.bodies[artifact] = taken.pop()
        finally:
            for each in taken:
                each.discard()

    # ------------------------------------------------------------------ bytes, then the record

    async def _store(self, plan: _Plan) -> None:
        for artifact, taken in plan.bodies.items():
            head = await asyncio.to_thread(_head, taken)
            outcome = Outcome.EMPTY if is_empty(head, taken.size_bytes) else Outcome.ARCHIVED
            media_type = _MEDIA_TYPES.get(taken.extension, "application/octet-stream")
            fetched = Fetched(
                body=taken.body,
                size_bytes=taken.size_bytes,
                digest=taken.digest,
                media_type=media_type,
                encoding="",
                host="",
                fetched_at=taken.modified_at,
            )
            name, stored = await self._archive.put_artifact(plan.session, artifact, fetched)
            plan.entries[artifact] = _entry(artifact, outcome, taken, name, media_type, stored)
        committed = await self._commit(plan)
        if committed is not None and self._ledger is not None:
            states = states_of(committed.inventory, self._clock.now())
            again = session_next_attempt(states)
            self._ledger.adopt(committed, states, next_attempt_at=again, now=self._clock.now())

    async def _commit(self, plan: _Plan) -> Committed | None:
        """Write the next inventory, whoever else writes one too; None where nothing is news any more."""
        current = plan.current
        for _ in range(COMMIT_TRIES):
            pair = (current.inventory, current.digest) if current else None
            entries = tuple(plan.entries.values()) if current else self._all_entries(plan)
            inventory = next_version(pair, self._base(plan.session), entries)
            if inventory is None:
                return current
            try:
                return await self._archive.commit(inventory)
            except CommitConflictError:
                current = await self._archive.newest(plan.session)
        raise CommitConflictError(
            f"{keys.folder(plan.session.id, plan.session.started_at)} is written by others too often"
        )

    def _all_entries(self, plan: _Plan) -> tuple[Entry, ...]:
        """The entries of a session nobody captured: what the folder lacks is said to be not asked for.

        Unless the source may still have it: then the worker asks, and says what came of it.
        """
        if self._clock.now() < plan.session.final_at:
            return tuple(plan.entries.values())
        lacking = [
            Entry(
                artifact=each.artifact,
                outcome=Outcome.EXCLUDED,
                reason=each.reason or REASON_NOT_IN_THE_FOLDER,
            )
            for each in self._expectation.initial().values()
            if each.artifact not in plan.entries
        ]
        return (*plan.entries.values(), *lacking)

    def _base(self, session: Session) -> Inventory:
        lock = self._archive.lock_for(session.app_id)
        return Inventory(
            archive_id=self._archive.id,
            account=self._archive.origin.account,
            session=session,
            version=1,
            previous="",
            entries=(),
            made=self._maker.made(self._clock.now()),
            settings={"imported": "on", **({"lock": lock_document(lock)} if lock else {})},
        )


def _entry(
    artifact: ArtifactId,
    outcome: Outcome,
    taken: Taken,
    name: str,
    media_type: str,
    stored: Stored,
) -> Entry:
    """What is known of imported bytes: not when they were fetched, but when the file was last written."""
    store = {"date": stored.date, "etag": stored.etag, "version_id": stored.version_id}
    return Entry(
        artifact=artifact,
        outcome=outcome,
        origin=IMPORT,
        name=name,
        size_bytes=taken.size_bytes,
        digest=taken.digest,
        media_type=media_type,
        source={"file_modified_at": format_time(taken.modified_at)},
        store={key: value for key, value in store.items() if value},
        lock=lock_document(stored.lock),
    )


def _head(taken: Taken) -> bytes:
    with taken.body.open("rb") as file:
        return file.read(HEAD_BYTES)
