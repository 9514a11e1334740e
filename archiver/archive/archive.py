"""The archive: what the keys of the bucket mean, and the order in which they are written.

Payload first, then the record that names it; every key once, put-if-absent. A refused put reads back
what is there: the same digest means that it is done, another means that somebody else was first.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archiver.archive import keys
from archiver.archive.inventory import (
    Entry,
    Inventory,
    canonical_json,
    parse_inventory,
    sha256,
    unknown_parts,
)
from archiver.archive.stores import Capabilities, ObjectInfo, Store, Stored
from archiver.errors import (
    ArchiveError,
    ArchiveMismatchError,
    ArchiveMissingError,
    CommitConflictError,
    InventoryError,
    ObjectExistsError,
    ObjectMissingError,
    SettingsError,
    StoreError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from datetime import datetime

    from archiver.model import ArtifactId, Fetched, Session, SessionId

FORMAT = "realtimekit-archive/1"
_JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the sessions of an archive come from; an archive never changes it."""

    base_url: str
    account: str
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """An inventory that is in the bucket, and the digest of its bytes."""

    inventory: Inventory
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What was found of one session's inventories: the newest of the whole part, and what broke it."""

    session_id: SessionId
    folder: str
    newest: Committed | None
    named: Mapping[str, Entry]  #: the objects named by any version, by bare name
    problem: str = (
        ""  #: "" where every version from 1 is there, readable and linked to the one before
    )


class Archive:
    """One bucket (or prefix of one), opened, known to belong to this source and account."""

    def __init__(self, store: Store, *, archive_id: str, origin: Origin, record: bytes) -> None:
        self.store = store
        self.is_new = False  #: made by this very process: there is nothing of anybody in it
        self.id = archive_id
        self.origin = origin
        self._record = record

    @classmethod
    async def open(
        cls,
        store: Store,
        *,
        origin: Origin | None = None,
        made: dict[str, str] | None = None,
        create: bool = True,
    ) -> Archive:
        """Open the archive in this store; with an `origin`, create it where there is none yet.

        Raises ArchiveMismatchError where it belongs to another source or account, ArchiveMissingError
        where there is none to open, ArchiveError where `format.json` is of a format unknown here.
        """
        made_here = False
        try:
            record = await store.get(keys.FORMAT_KEY)
        except ObjectMissingError:
            if origin is None or not create:
                raise ArchiveMissingError(
                    f"there is no archive in {store.url}",
                    hint="capture something first: `rtk-archive sync`, or try `rtk-archive demo`",
                ) from None
            record, made_here = await cls._create(store, origin, made or {})
        archive = cls._read(store, record)
        archive.is_new = made_here
        if origin is not None and origin != archive.origin:
            raise ArchiveMismatchError(
                f"{store.url} is the archive of account {archive.origin.account!r} at "
                f"{archive.origin.base_url}{' (simulated)' * archive.origin.simulated}, not of "
                f"{origin.account!r} at {origin.base_url}",
                hint="give every account and source a store of its own in RTK_ARCHIVE_STORE",
            )
        return archive

    @staticmethod
    async def _create(store: Store, origin: Origin, made: dict[str, str]) -> tuple[bytes, bool]:
        """The first record there is, and whether it is ours."""
        record = canonical_json(
            {
                "format": FORMAT,
                "archive": uuid.uuid4().hex,
                "base_url": origin.base_url,
                "account": origin.account,
                "simulated": origin.simulated,
                "made": made,
            }
        )
        try:
            await _put(store, keys.FORMAT_KEY, record)
        except ObjectExistsError:
            return await store.get(keys.FORMAT_KEY), False
        return record, True

    @classmethod
    def _read(cls, store: Store, record: bytes) -> Archive:
        try:
            document = json.loads(record)
            if document["format"] != FORMAT:
                raise ArchiveError(
                    f"{store.url} is an archive of a format this release does not know",
                    hint="use the release that made it, or a newer one",
                )
            origin = Origin(
                base_url=str(document["base_url"]),
                account=str(document["account"]),
                simulated=bool(document["simulated"]),
            )
            return cls(store, archive_id=str(document["archive"]), origin=origin, record=record)
        except (ValueError, KeyError, TypeError):
            raise ArchiveError(
                f"{keys.FORMAT_KEY} in {store.url} cannot be read",
                hint="is this the right bucket and prefix?",
            ) from None

    async def claim(self, *, sole_worker: bool) -> Capabilities:
        """Find out, at a worker's start, whether this store keeps what it is told to keep.

        Puts `format.json` again, which must be refused. Raises SettingsError where it is not and
        this worker was not declared the only one.
        """
        capabilities = await self.store.probe(keys.CANARIES)
        try:
            await _put(self.store, keys.FORMAT_KEY, self._record)
            refused = False
        except ObjectExistsError:
            refused = True
        if not (refused and capabilities.put_if_absent) and not sole_worker:
            raise SettingsError(
                f"{self.store.url} overwrites an object although told not to",
                hint="let one worker alone write to it and say so with RTK_ARCHIVE_SOLE_WORKER=1",
            )
        return capabilities

    async def put_artifact(
        self, session: Session, artifact: ArtifactId, fetched: Fetched
    ) -> tuple[str, Stored]:
        """Store an artifact's bytes as they were served; returns its bare name and what the store said.

        Finding the same bytes there already is as good as having written them.
        """
        name = keys.artifact_name(artifact, fetched.digest)
        key = keys.folder(session.id, session.started_at) + name
        try:
            stored = await self.store.put(
                key,
                fetched.body,
                digest=fetched.digest,
                size_bytes=fetched.size_bytes,
                media_type=fetched.media_type or "application/octet-stream",
            )
        except ObjectExistsError:
            stored = await self._stored_before(key, fetched)
        return name, stored

    async def _stored_before(self, key: str, fetched: Fetched) -> Stored:
        """What is under a key that is taken, if it is the same bytes."""
        info = await self.store.head(key)
        found = hashlib.sha256()
        if info is not None and info.size_bytes == fetched.size_bytes:
            async with aclosing(self.store.stream(key, version_id=info.version_id)) as chunks:
                async for chunk in chunks:
                    found.update(chunk)
        if info is None or found.hexdigest() != fetched.digest:
            raise ArchiveError(
                f"{key} is taken by something else", hint="run `rtk-archive verify` on this session"
            )
        return Stored(
            key=key,
            etag=info.etag,
            version_id=info.version_id,
            date="",
            lock_mode=info.lock_mode,
            lock_until=info.lock_until,
        )

    async def commit(self, inventory: Inventory) -> Committed:
        """Write the next inventory of a session: the moment from which it counts.

        Raises CommitConflictError where somebody else wrote this version first.
        """
        data = inventory.to_bytes()
        digest = sha256(data)
        try:
            await _put(self.store, inventory.key, data)
        except ObjectExistsError:
            if sha256(await self.store.get(inventory.key)) != digest:
                raise CommitConflictError(
                    f"{inventory.key} was written by another worker"
                ) from None
        return Committed(inventory=inventory, digest=digest)

    async def newest(self, session: Session) -> Committed | None:
        """The newest inventory of this session, if it has one.

        Raises InventoryError where the chain is broken: work on such a session waits for a person.
        """
        chain = await self.chain(keys.folder(session.id, session.started_at))
        if chain is None:
            return None
        if chain.problem:
            raise InventoryError(chain.problem, hint="run `rtk-archive verify` on this session")
        return chain.newest

    async def chain(self, folder: str) -> Chain | None:
        """The inventories in a session's folder; None where there is none."""
        versions = [each.key async for each in self.store.list(f"{folder}inventory-")]
        return await self._chain(folder, versions)

    async def read(self, key: str) -> Committed:
        """The inventory under this key; raises InventoryError or ObjectMissingError."""
        data = await self.store.get(key)
        return Committed(inventory=parse_inventory(data, key), digest=sha256(data))

    async def claim_summary(self, session: Session, number: int, record: dict[str, Any]) -> bool:
        """Record the intent to ask for a summary; False where somebody recorded it first."""
        key = keys.folder(session.id, session.started_at) + keys.summary_request_name(number)
        try:
            await _put(self.store, key, canonical_json(record))
        except ObjectExistsError:
            return False
        return True

    async def summary_requests(self, session: Session) -> dict[int, datetime]:
        """When each recorded request for a summary of this session was written, by its number."""
        prefix = keys.folder(session.id, session.started_at) + "summary-request-"
        found: dict[int, datetime] = {}
        async for info in self.store.list(prefix):
            parsed = keys.parse_key(info.key)
            if parsed and parsed.request:
                found[parsed.request] = info.modified_at
        return found

    async def find(self, session_id: str) -> SessionId | None:
        """The session of this id, in whichever app; None where it is not in this archive."""
        async for info in self.store.list(""):
            parsed = keys.parse_key(info.key)
            if parsed is not None and parsed.session_id.session_id == session_id:
                return parsed.session_id
        return None

    async def chains(self, prefix: str = "") -> AsyncGenerator[Chain]:
        """Every session's inventories below a prefix, in the order of their keys."""
        folder, names = "", list[str]()
        async for info in self.store.list(prefix):
            parsed = keys.parse_key(info.key)
            if parsed is None or not parsed.version:
                continue
            if parsed.folder != folder and names:
                if chain := await self._chain(folder, names):
                    yield chain
                names = []
            folder = parsed.folder
            names.append(info.key)
        if names and (chain := await self._chain(folder, names)):
            yield chain

    async def _chain(self, folder: str, inventory_keys: list[str]) -> Chain | None:
        """Read the versions of one session in order, as far as they link."""
        parsed = [each for each in map(keys.parse_key, inventory_keys) if each and each.version]
        newest: Committed | None = None
        named: dict[str, Entry] = {}
        for position, key in enumerate(sorted(parsed, key=lambda each: each.version), start=1):
            problem = ""
            if key.version != position:
                problem = f"{folder}{keys.inventory_name(position)} is missing"
            else:
                newest, problem = await self._link(folder + key.name, newest)
            if problem:
                return Chain(
                    session_id=key.session_id,
                    folder=folder,
                    newest=newest,
                    named=named,
                    problem=problem,
                )
            if newest is not None:
                named |= newest.inventory.named()
        if newest is None:
            return None
        return Chain(
            session_id=newest.inventory.session.id, folder=folder, newest=newest, named=named
        )

    async def _link(self, key: str, before: Committed | None) -> tuple[Committed | None, str]:
        """The inventory under this key if it follows `before`; else `before` and what is wrong."""
        try:
            committed = await self.read(key)
        except (InventoryError, StoreError) as error:
            if error.transient:
                raise
            return before, str(error)
        inventory = committed.inventory
        if before is not None and before.inventory.tombstone:
            return before, f"{key} follows a tombstone, which is the end"
        if inventory.archive_id != self.id:
            return before, f"{key} is of another archive"
        if inventory.previous != (before.digest if before else ""):
            return before, f"{key} does not name the digest of the version before it"
        return committed, ""

    async def objects(self, prefix: str) -> list[ObjectInfo]:
        """Everything stored below a prefix."""
        return [info async for info in self.store.list(prefix)]

    def unknown_parts(self, inventory: Inventory) -> list[str]:
        """What a later release wrote in this inventory."""
        return unknown_parts(inventory)

    async def is_unchanged(self) -> bool:
        """Whether `format.json` is still what it was when this archive was opened."""
        return await self.store.get(keys.FORMAT_KEY) == self._record

    async def close(self) -> None:
        """Let go of the store."""
        with suppress(OSError):
            await self.store.close()


async def _put(store: Store, key: str, data: bytes) -> Stored:
    return await store.put(key, data, digest=sha256(data), size_bytes=len(data), media_type=_JSON)
