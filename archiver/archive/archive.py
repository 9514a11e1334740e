"""The archive: what the keys of the bucket mean, and the order in which they are written.

Payload first, then the record that names it; every key once, put-if-absent. A refused put reads back
what is there: the same digest means that it is done, another means that somebody else was first.
"""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from archiver.archive import keys
from archiver.archive.canonical import (
    lock_document,
    lock_of,
    parse_with_own_digest,
    sha256,
    with_own_digest,
)
from archiver.archive.chains import Chain, Committed, read_chain, read_inventory
from archiver.archive.folders import Folder, folders
from archiver.archive.lanes import in_order
from archiver.archive.stores import Capabilities, ObjectInfo, Store, Stored
from archiver.errors import (
    ArchiveError,
    ArchiveMismatchError,
    ArchiveMissingError,
    CommitConflictError,
    InventoryError,
    ObjectExistsError,
    ObjectMissingError,
    RecordError,
    SettingsError,
)
from archiver.model import UNLOCKED, Lock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine
    from datetime import datetime

    from archiver.archive.inventory import Inventory
    from archiver.model import ArtifactId, Fetched, Session, SessionId

log = logging.getLogger("archiver.archive")

#: What is put for an app, or for "", which stands for all of them, is locked so.
LockFor = Callable[[str], Lock]

FORMAT = "realtimekit-archive/1"
_JSON = "application/json"
CHAINS_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the sessions of an archive come from; an archive never changes it."""

    base_url: str
    account: str
    simulated: bool


class Archive:
    """One bucket (or prefix of one), opened, known to belong to this source and account."""

    def __init__(self, store: Store, *, archive_id: str, origin: Origin, record: bytes) -> None:
        self.store = store
        self.is_new = False  #: made by this very process: there is nothing of anybody in it
        self.id = archive_id
        self.origin = origin
        #: The lock of what is put for an app now; for "", of what vouches for all of them.
        self.lock_for: LockFor = _no_lock
        #: Objects put by this process that are locked less than they were to be.
        self.underlocked = 0
        self._record = record

    @classmethod
    async def open(
        cls,
        store: Store,
        *,
        origin: Origin | None = None,
        made: dict[str, str] | None = None,
        create: bool = True,
        lock_for: LockFor | None = None,
    ) -> Archive:
        """Open the archive in this store; with an `origin`, create it where there is none yet.

        Raises ArchiveMismatchError where it belongs to another source or account, ArchiveMissingError
        where there is none to open, RecordError where `format.json` is not as it was written,
        ArchiveError where it is of a format unknown here.
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
            record, made_here = await cls._create(store, origin, made or {}, lock_for or _no_lock)
        archive = cls._read(store, record)
        archive.lock_for = lock_for or _no_lock
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
    async def _create(
        store: Store, origin: Origin, made: dict[str, str], lock_for: LockFor
    ) -> tuple[bytes, bool]:
        """The first record there is, and whether it is ours."""
        lock = lock_for("")
        document = {
            "format": FORMAT,
            "archive": uuid.uuid4().hex,
            "base_url": origin.base_url,
            "account": origin.account,
            "simulated": origin.simulated,
            "made": made,
        }
        record = with_own_digest(document | ({"lock": lock_document(lock)} if lock else {}))
        try:
            await _put(store, keys.FORMAT_KEY, record, lock)
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
            parse_with_own_digest(record)
            origin = Origin(
                base_url=str(document["base_url"]),
                account=str(document["account"]),
                simulated=bool(document["simulated"]),
            )
            return cls(store, archive_id=str(document["archive"]), origin=origin, record=record)
        except (ValueError, KeyError, TypeError):
            raise RecordError(
                f"{keys.FORMAT_KEY} in {store.url} is not as it was written", key=keys.FORMAT_KEY
            ) from None

    async def claim(self, *, sole_worker: bool) -> Capabilities:
        """Find out, at a worker's start, whether this store keeps what it is told to keep.

        Puts `format.json` again, which must be refused. Raises SettingsError where it is not and
        this worker was not declared the only one, or where it locks nothing though it is to.
        """
        capabilities = await self.store.probe(keys.CANARIES)
        try:
            await _put(self.store, keys.FORMAT_KEY, self._record, UNLOCKED)
            refused = False
        except ObjectExistsError:
            refused = True
        if not (refused and capabilities.put_if_absent) and not sole_worker:
            raise SettingsError(
                f"{self.store.url} overwrites an object although told not to",
                hint="let one worker alone write to it and say so with RTK_ARCHIVE_SOLE_WORKER=1",
            )
        if self.lock_for("") and capabilities.locked is False:
            raise SettingsError(
                f"{self.store.url} has no Object Lock",
                hint="use a bucket that was made with it, or leave RTK_ARCHIVE_LOCK and"
                " RTK_ARCHIVE_LEGAL_HOLD off; see `rtk-archive doctor`",
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
        lock = self.lock_for(session.app_id)
        try:
            stored = await self.store.put(
                key,
                fetched.body,
                digest=fetched.digest,
                size_bytes=fetched.size_bytes,
                media_type=fetched.media_type or "application/octet-stream",
                lock=lock,
            )
        except ObjectExistsError:
            stored = await self._stored_before(key, fetched, lock)
        self._compare_lock(stored, lock)
        return name, stored

    def _compare_lock(self, stored: Stored, lock: Lock) -> None:
        """Tell of what is not locked as it was to be: it is archived all the same."""
        if not stored.lock.covers(lock):
            self.underlocked += 1
            log.warning("object.underlocked", extra={"key": stored.key, "mode": stored.lock.mode})

    async def _put_record(self, key: str, data: bytes, lock: Lock) -> None:
        """Put a record; raises ObjectExistsError where the key is taken."""
        self._compare_lock(await _put(self.store, key, data, lock), lock)

    async def _stored_before(self, key: str, fetched: Fetched, lock: Lock) -> Stored:
        """What is under a key that is taken, if it is the same bytes; whoever put it, it is locked."""
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
            lock=await self._locked(key, info, lock),
        )

    async def _locked(self, key: str, info: ObjectInfo, lock: Lock) -> Lock:
        if info.lock.covers(lock):
            return info.lock
        return await self.store.keep(key, lock, version_id=info.version_id)

    async def commit(self, inventory: Inventory) -> Committed:
        """Write the next inventory of a session: the moment from which it counts.

        Raises CommitConflictError where somebody else wrote this version first.
        """
        data = inventory.to_bytes()
        digest = sha256(data)
        lock = lock_of(inventory.settings.get("lock"))
        try:
            await self._put_record(inventory.key, data, lock)
        except ObjectExistsError:
            if sha256(await self.store.get(inventory.key)) != digest:
                raise CommitConflictError(
                    f"{inventory.key} was written by another worker"
                ) from None
            if lock:  # a put whose answer was lost may have been cut before its lock
                await self.store.keep(inventory.key, lock)
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
        return await read_chain(self.store, self.id, folder, versions)

    async def read(self, key: str) -> Committed:
        """The inventory under this key; raises InventoryError or ObjectMissingError."""
        return await read_inventory(self.store, key)

    async def claim_summary(self, session: Session, number: int, record: dict[str, Any]) -> bool:
        """Record the intent to ask for a summary; False where somebody recorded it first."""
        key = keys.folder(session.id, session.started_at) + keys.summary_request_name(number)
        lock = self.lock_for(session.app_id)
        if lock:
            record = record | {"lock": lock_document(lock)}
        try:
            await self._put_record(key, with_own_digest(record), lock)
        except ObjectExistsError:
            return False
        return True

    async def write_record(self, key: str, data: bytes, lock: Lock) -> None:
        """Put a record of the archive itself; raises ObjectExistsError where the key is taken."""
        await self._put_record(key, data, lock)

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
        async with aclosing(in_order(self._chain_reads(prefix), CHAINS_AT_ONCE)) as chains:
            async for chain in chains:
                if chain is not None:
                    yield chain

    async def _chain_reads(
        self, prefix: str
    ) -> AsyncGenerator[Coroutine[object, object, Chain | None]]:
        """What reads the chain of each folder, as the listing comes to its end."""
        async with aclosing(folders(self.store, prefix)) as found:
            async for folder in found:
                if folder.session_id is not None:
                    yield self._read_listed(folder)

    async def _read_listed(self, folder: Folder) -> Chain | None:
        listed = {each.key: each.version_id for each in folder.objects}
        chain = await read_chain(self.store, self.id, folder.name, listed, version_ids=listed)
        requests = {
            parsed.request: each.modified_at
            for each in folder.objects
            if (parsed := keys.parse_key(each.key)) and parsed.request
        }
        return chain and replace(chain, requests=requests)

    async def objects(self, prefix: str) -> list[ObjectInfo]:
        """Everything stored below a prefix."""
        return [info async for info in self.store.list(prefix)]

    @property
    def record(self) -> bytes:
        """`format.json` as it was when this archive was opened."""
        return self._record

    async def close(self) -> None:
        """Let go of the store."""
        with suppress(OSError):
            await self.store.close()


def _no_lock(_app_id: str) -> Lock:
    return UNLOCKED


async def _put(store: Store, key: str, data: bytes, lock: Lock) -> Stored:
    return await store.put(
        key, data, digest=sha256(data), size_bytes=len(data), media_type=_JSON, lock=lock
    )
