"""The store in a folder: every object a file, every blocking call in a thread."""

from __future__ import annotations

import asyncio
import errno
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from archiver.archive.keys import CANARIES
from archiver.archive.stores.files import Tree
from archiver.archive.stores.store import (
    CHUNK_BYTES,
    RECORD_LIMIT_BYTES,
    Capabilities,
    Fixity,
    Stored,
    check_body,
    check_canary,
    check_key,
    check_prefix,
    try_canaries,
)
from archiver.errors import (
    ObjectMissingError,
    StoreDeniedError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
)
from archiver.model import UNLOCKED

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from archiver.archive.stores.store import ObjectInfo, Upload
    from archiver.archive.stores.trials import Claims
    from archiver.checks import Check
    from archiver.clock import Clock
    from archiver.model import Lock

_P = ParamSpec("_P")
_T = TypeVar("_T")

_LISTED_AT_ONCE = 1000

#: What the system says, what it means here, and what to do about it.
_MEANINGS: dict[int, tuple[type[StoreError], str]] = {
    errno.ENOSPC: (StoreFullError, "free some space, or move the archive to a larger disk"),
    errno.EDQUOT: (StoreFullError, "raise the quota of this user"),
    errno.EFBIG: (StoreFullError, "raise the file size limit of this process (ulimit -f)"),
    errno.EACCES: (StoreDeniedError, "the folder must be writable by this user"),
    errno.EPERM: (StoreDeniedError, "the folder must be writable by this user and know hard links"),
    errno.EROFS: (StoreDeniedError, "the file system is mounted read-only"),
    errno.EMFILE: (StoreUnavailableError, "raise the limit of open files (ulimit -n)"),
    errno.ENFILE: (StoreUnavailableError, ""),
    errno.ENOMEM: (StoreUnavailableError, ""),
    errno.ESTALE: (StoreUnavailableError, "the file server may be restarting"),
    errno.ETIMEDOUT: (StoreUnavailableError, "the file server does not answer"),
    errno.EOPNOTSUPP: (StoreError, "the file system must know hard links"),
    errno.ENOTDIR: (StoreError, "something other than a folder is in the way"),
    errno.ELOOP: (StoreError, "symbolic links below the archive are not followed"),
}


class DirectoryStore:
    """Objects as files below a folder, which is made by the first put.

    Files are 0600 and folders 0700. The passing names of unfinished files are in `.tmp` at the top.
    """

    def __init__(self, root: Path, *, threads: int = 32) -> None:
        self.url = f"file:{root}"
        self._root = root
        self._tree = Tree(root)
        # Threads of our own: asyncio's default pool is shared, and too small to overlap the syncs.
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="directory-store")

    async def put(
        self,
        key: str,
        body: bytes | Path,
        *,
        digest: str,
        size_bytes: int,
        media_type: str,  # noqa: ARG002 — a folder has no place for it; inventories do
        lock: Lock = UNLOCKED,  # noqa: ARG002 — nor does it lock anything
    ) -> Stored:
        """Store the body if the key is free: a file on the same file system is linked, not copied."""
        check_key(key)
        check_body(key, body, size_bytes)
        await self._run(key, self._tree.put, key, body, digest)
        return Stored(key=key, etag="", version_id="", date="")

    async def get(
        self, key: str, *, version_id: str = "", max_bytes: int = RECORD_LIMIT_BYTES
    ) -> bytes:
        """The whole object."""
        _check_read(key, version_id)
        return await self._run(key, self._tree.read, key, max_bytes)

    async def stream(
        self, key: str, *, version_id: str = "", chunk_bytes: int = CHUNK_BYTES
    ) -> AsyncGenerator[bytes]:
        """The object in pieces."""
        _check_read(key, version_id)
        file = await self._run(key, self._tree.open, key)
        position = 0
        try:
            # Not read(): a cancelled read may still be under way when its descriptor is used anew.
            while chunk := await self._run(key, os.pread, file, chunk_bytes, position):
                yield chunk
                position += len(chunk)
        finally:
            os.close(file)

    async def fixity(self, key: str, *, version_id: str = "") -> Fixity:
        """Read the object from end to end."""
        _check_read(key, version_id)
        digest, size_bytes = await self._run(key, self._tree.digest, key)
        return Fixity(digest=digest, size_bytes=size_bytes)

    async def keep(
        self,
        key: str,
        lock: Lock,  # noqa: ARG002 — a folder locks nothing
        *,
        version_id: str = "",
    ) -> Lock:
        """Lock nothing, and say so."""
        _check_read(key, version_id)
        return UNLOCKED

    async def locks(self) -> bool:
        """Never."""
        return False

    async def uploads(self) -> AsyncGenerator[Upload]:
        """None: what is not whole has no key."""
        return
        yield

    async def head(self, key: str) -> ObjectInfo | None:
        """The object under this key, or None."""
        check_key(key)
        return await self._run(key, self._tree.head, key)

    async def list(self, prefix: str, *, start_after: str = "") -> AsyncGenerator[ObjectInfo]:
        """The objects whose keys start so, ascending."""
        check_prefix(prefix)
        found = self._tree.walk(prefix, start_after)
        while batch := await self._run(prefix, lambda: [*islice(found, _LISTED_AT_ONCE)]):
            for info in batch:
                yield info

    async def remove(self, key: str) -> None:
        """Delete a canary."""
        check_canary(key)
        await self._run(key, self._tree.remove, key)

    async def probe(self, canary_prefix: str = CANARIES) -> Capabilities:
        """Find out on canaries whether this file system keeps what it is told to keep."""
        refused, verified = await try_canaries(self, canary_prefix)
        return Capabilities(
            put_if_absent=refused, checksums_verified=verified, versioned=False, locked=False
        )

    def examine(self, claims: Claims, clock: Clock) -> AsyncGenerator[Check]:
        """Try on canaries what this file system does."""
        from archiver.archive.stores.trials.folder import examine_folder

        return examine_folder(self, self._root.absolute(), claims, clock)

    async def close(self) -> None:
        """End the threads, once they have finished what they are writing."""
        await asyncio.to_thread(self._threads.shutdown)

    async def _run(
        self, key: str, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Call in a thread; what the system has against it becomes an error of ours."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, lambda: function(*args, **kwargs))
        except OSError as error:
            raise translate(error, self.url, key) from error


def translate(error: OSError, url: str, key: str) -> StoreError:
    """What an error of the operating system means for the store."""
    kind, hint = _MEANINGS.get(error.errno or 0, (StoreError, ""))
    reason = error.strerror or type(error).__name__
    return kind(f"{url}: {key or 'the folder'}: {reason.lower()}", key=key, hint=hint)


def _check_read(key: str, version_id: str) -> None:
    check_key(key)
    if version_id:
        raise ObjectMissingError(f"there is no version {version_id[:100]!a} of {key}", key=key)
