"""One object from one store to another: read, held against its digest, put, and known to be there."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.copying.results import Moved, Problem, Trouble
from archiver.errors import (
    ObjectExistsError,
    ObjectMissingError,
    SettingsError,
    StoreDeniedError,
    StoreError,
)
from archiver.model import UNLOCKED, Lock
from archiver.threads import opened, to_its_end

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from archiver.archive.archive import LockFor
    from archiver.archive.stores import Capabilities, Fixity, ObjectInfo, Store
    from archiver.clock import Clock

#: A larger body passes through a file.
IN_MEMORY_BYTES = 1024 * 1024
#: Files under way at once: a disk holds fewer of them than sessions are copied at once.
_FILES_AT_ONCE = 4
_MEDIA_TYPES = {"csv": "text/csv", "md": "text/markdown", "vtt": "text/vtt"}


@dataclass(frozen=True, slots=True)
class _Read:
    """An object as it was read."""

    body: bytes | Path
    digest: str
    size_bytes: int


class Transfer:
    """From one store to another; blocking work is done in threads, a few bodies are in memory."""

    def __init__(
        self,
        source: Store,
        target: Store,
        *,
        lock_for: LockFor,
        spool: Path,
        clock: Clock,
    ) -> None:
        self.source = source
        self.target = target
        self._lock_for = lock_for
        self._spool = spool
        self._clock = clock
        self._locks_there = True
        self._unlocked = False
        self._files = asyncio.Semaphore(_FILES_AT_ONCE)

    def lock_by(self, target: Capabilities, *, unlocked: bool) -> None:
        """What the target was found to do; `unlocked`: where it locks nothing, it need not."""
        self._locks_there = target.locked is not False
        self._unlocked = unlocked and not self._locks_there

    async def move(
        self,
        key: str,
        here: ObjectInfo | None,
        there: ObjectInfo | None,
        into: Moved,
        *,
        digest: str = "",
        media_type: str = "",
    ) -> bool:
        """See to it that the target has this object; whatever came of it is counted `into`.

        `digest` is what the bytes must hash to, "" where nothing tells. Returns whether the target
        has it now. Raises StoreError only for what is about more than this object.
        """
        wanted = await self._wanted(key, into)
        if wanted is None:
            return False
        try:
            if there is not None:
                digest = digest or await self._digest_here(key, here)
                return await self._settle(key, digest, wanted, into)
            async with self._read(key, here) as read:
                if not digest or read.digest == digest:
                    kind = media_type or _media_type(key)
                    return await self._put(key, read, wanted, kind, into)
                into.problems.append(Problem(key=key, trouble=Trouble.CORRUPT))
        except ObjectMissingError:
            into.problems.append(Problem(key=key, trouble=Trouble.MISSING))
        except _UnreadableError:
            into.problems.append(Problem(key=key, trouble=Trouble.CORRUPT))
        return False

    async def move_record(self, key: str, data: bytes, into: Moved, *, is_there: bool) -> bool:
        """See to it that the target has this record, which was read already."""
        wanted = await self._wanted(key, into)
        if wanted is None:
            return False
        read = _Read(data, sha256(data).hexdigest(), len(data))
        if is_there:
            return await self._settle(key, read.digest, wanted, into)
        return await self._put(key, read, wanted, _media_type(key), into)

    async def _put(self, key: str, read: _Read, wanted: Lock, media_type: str, into: Moved) -> bool:
        try:
            stored = await self.target.put(
                key,
                read.body,
                digest=read.digest,
                size_bytes=read.size_bytes,
                media_type=media_type,
                lock=wanted,
            )
        except ObjectExistsError:
            return await self._settle(key, read.digest, wanted, into)
        into.copied.append((key, read.digest))
        into.copied_bytes += read.size_bytes
        self._compare(key, stored.lock, wanted, into)
        return True

    async def _settle(self, key: str, digest: str, wanted: Lock, into: Moved) -> bool:
        """Hold what the target has already against the digest, and lock it as it is to be."""
        found = await read_fixity(self.target, key)
        if found is None or found.digest != digest:
            into.problems.append(Problem(key=key, trouble=Trouble.CONFLICT))
            return False
        into.found += 1
        lock = found.lock
        if not lock.covers(wanted):
            lock = await self.target.keep(key, lock.joined(wanted))
        self._compare(key, lock, wanted, into)
        return True

    def _compare(self, key: str, lock: Lock, wanted: Lock, into: Moved) -> None:
        if not lock.covers(wanted):
            detail = "it is there, and locked less than here"
            into.problems.append(Problem(key=key, trouble=Trouble.UNLOCKED, detail=detail))

    async def _wanted(self, key: str, into: Moved) -> Lock | None:
        """What the target's object must be locked by: as here, and as the settings say.

        None where the target locks nothing, a lock is wanted, and nobody said that the object may be
        copied without.
        """
        parsed = keys.parse_key(key)
        own = self._lock_for(parsed.session_id.app_id if parsed else "")
        found = await self.lock_here(key)
        if self._locks_there:
            return found.joined(own)
        if self._unlocked:
            into.unlocked += bool(found)
        elif found or own:
            detail = "it is locked, and the other side locks nothing"
            into.problems.append(Problem(key=key, trouble=Trouble.UNLOCKED, detail=detail))
            return None
        return UNLOCKED

    async def lock_here(self, key: str) -> Lock:
        """The lock of the source's object, as far as it still runs."""
        if await self.source.locks() is False:
            return UNLOCKED
        info = await self.source.head(key)
        return self.running(info.lock) if info is not None else UNLOCKED

    def running(self, lock: Lock) -> Lock:
        """A lock without a retention that has ended."""
        if lock.until is not None and lock.until > self._clock.now():
            return lock
        return Lock(hold=lock.hold)

    async def _digest_here(self, key: str, here: ObjectInfo | None) -> str:
        try:
            found = await self.source.fixity(key, version_id=here.version_id if here else "")
        except StoreError as error:
            raise _as_unreadable(error) from error
        return found.digest

    @asynccontextmanager
    async def _read(self, key: str, here: ObjectInfo | None) -> AsyncIterator[_Read]:
        """The whole object: in memory, or a large one in a file that is removed afterwards."""
        version_id = here.version_id if here else ""
        if here is not None and here.size_bytes <= IN_MEMORY_BYTES:
            try:
                body = await self.source.get(
                    key, version_id=version_id, max_bytes=2 * IN_MEMORY_BYTES
                )
            except StoreError as error:
                raise _as_unreadable(error) from error
            yield _Read(body, sha256(body).hexdigest(), len(body))
            return
        path = self._spool / f"copy-{uuid.uuid4().hex}.part"
        async with self._files:
            try:
                yield await self._spooled(key, version_id, path)
            finally:
                await asyncio.to_thread(path.unlink, missing_ok=True)

    async def _spooled(self, key: str, version_id: str, path: Path) -> _Read:
        found, size_bytes = sha256(), 0
        file = await opened(path, "xb")
        try:
            async with aclosing(self.source.stream(key, version_id=version_id)) as chunks:
                async for chunk in chunks:
                    await to_its_end(partial(file.write, chunk))
                    await asyncio.to_thread(found.update, chunk)
                    size_bytes += len(chunk)
        except StoreError as error:
            raise _as_unreadable(error) from error
        finally:
            await asyncio.to_thread(file.close)
        return _Read(path, found.hexdigest(), size_bytes)


class _UnreadableError(Exception):
    """What sits under a key of the source is no object, such as a link in its place."""


def _as_unreadable(error: StoreError) -> Exception:
    about_more = error.transient or isinstance(error, ObjectMissingError | StoreDeniedError)
    return error if about_more else _UnreadableError(error.key)


async def probed(target: Store, *, sole_worker: bool) -> Capabilities:
    """What the target does; raises SettingsError where it overwrites, and others may write to it."""
    found = await target.probe(keys.CANARIES)
    if not found.put_if_absent and not sole_worker:
        raise SettingsError(
            f"{target.url} overwrites an object although told not to",
            hint="let nobody else write to it and say so with RTK_ARCHIVE_SOLE_WORKER=1",
        )
    return found


async def read_fixity(store: Store, key: str, version_id: str = "") -> Fixity | None:
    """What is found on reading an object; None where there is none, or no object sits there.

    Raises the StoreErrors that are about more than this object.
    """
    try:
        return await store.fixity(key, version_id=version_id)
    except ObjectMissingError:
        return None
    except StoreError as error:
        if isinstance(_as_unreadable(error), StoreError):
            raise
        return None


def _media_type(key: str) -> str:
    return _MEDIA_TYPES.get(key.rpartition(".")[2], "application/json")
