"""What every object store does: the protocol, its answers, its keys, and the canaries that prove it."""

from __future__ import annotations

import re
import secrets
from contextlib import aclosing, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from archiver.archive.keys import CANARIES
from archiver.errors import ObjectExistsError, StoreDeniedError, StoreError
from archiver.model import UNLOCKED, Lock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from datetime import datetime

#: The largest object `get` reads whole unless told otherwise.
RECORD_LIMIT_BYTES = 64 * 1024 * 1024
#: The most `stream` holds at a time unless told otherwise.
CHUNK_BYTES = 1024 * 1024

_KEY_LIMIT = 1024  # S3's, in bytes
_SEGMENT_LIMIT = 255  # of the common file systems
_KEY = re.compile(r"[!-\[\]-~]+\Z")  # visible ASCII without the backslash
#: The first segment the directory store keeps for itself.
RESERVED_SEGMENT = ".tmp"


class WrongDigestError(StoreError):
    """The bytes are not what their digest says: refused before, or found wrong after, being stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """An object as `head` and `list` describe it: the oldest version of its key."""

    key: str
    size_bytes: int
    modified_at: datetime
    etag: str
    version_id: str  #: "" where the store keeps no versions
    later_versions: int = 0  #: versions or delete markers on top of this one: damage
    lock: Lock = UNLOCKED  #: `head` only, and only where the bucket locks


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixity:
    """What was found on reading an object from its first byte to its last."""

    digest: str  #: SHA-256, 64 hex digits
    size_bytes: int
    lock: Lock = UNLOCKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload in parts that was begun and never finished: it is paid for, and no object."""

    key: str
    begun_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the store answered to a put."""

    key: str
    etag: str
    version_id: str
    date: str  #: the server's Date header, "" where there is none
    lock: Lock = UNLOCKED  #: as read back


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a probe found the store to do, whatever it claims."""

    put_if_absent: bool  #: a second put of a key is refused
    checksums_verified: bool  #: a put with a wrong checksum is refused
    versioned: bool  #: versioning is, or once was, enabled
    locked: bool | None  #: the bucket has Object Lock; None where we may not ask


class Store(Protocol):
    """A place for objects that are written once; every method raises StoreError or a kind of it.

    Keys are relative to the store's prefix. `stream` and `list` are asynchronous generators: close
    one that is not read to its end (`contextlib.aclosing`).
    """

    @property
    def url(self) -> str:
        """The store's name for messages, without credentials."""
        ...

    async def put(
        self,
        key: str,
        body: bytes | Path,
        *,
        digest: str,
        size_bytes: int,
        media_type: str,
        lock: Lock = UNLOCKED,
    ) -> Stored:
        """Store the body if the key is free; it is durable when this returns.

        The lock asked for is read back and put right where it fell short; what the answer says of it
        is what the store says, which may still be less.

        ObjectExistsError means that the key is taken, perhaps by ourselves: a put whose answer was
        lost is sent again, so read back what is there. A file is only borrowed: the directory store
        may link it, so it must not be written to afterwards, but may be deleted.
        """
        ...

    async def get(
        self, key: str, *, version_id: str = "", max_bytes: int = RECORD_LIMIT_BYTES
    ) -> bytes:
        """The whole object; one larger than `max_bytes` is an error."""
        ...

    def stream(
        self, key: str, *, version_id: str = "", chunk_bytes: int = CHUNK_BYTES
    ) -> AsyncGenerator[bytes]:
        """The object in pieces; ends without an error only if all of it came."""
        ...

    async def fixity(self, key: str, *, version_id: str = "") -> Fixity:
        """Read the object from end to end: its digest, its size, and the lock it is under.

        Raises ObjectMissingError where there is none, another StoreError where what sits there is no
        object.
        """
        ...

    async def keep(self, key: str, lock: Lock, *, version_id: str = "") -> Lock:
        """See to it that the object is locked at least so; never shortens. Returns the lock read back.

        Where the store has no locks that is none at all.
        """
        ...

    async def locks(self) -> bool | None:
        """Whether an object here can be under a lock; None where we may not ask."""
        ...

    def uploads(self) -> AsyncGenerator[Upload]:
        """Every upload in parts that is under way or was left behind, by key."""
        ...

    async def head(self, key: str) -> ObjectInfo | None:
        """The object under this key, or None."""
        ...

    def list(self, prefix: str, *, start_after: str = "") -> AsyncGenerator[ObjectInfo]:
        """The objects whose keys start so and come after `start_after`, ascending by key."""
        ...

    async def remove(self, key: str) -> None:
        """Delete a canary; other keys are refused, and a missing one is no error."""
        ...

    async def probe(self, canary_prefix: str = CANARIES) -> Capabilities:
        """Find out on canaries what the store does, and work accordingly from now on."""
        ...

    async def close(self) -> None:
        """Let go of connections and threads."""
        ...


def check_key(key: str) -> None:
    """Refuse a key that could mean another place, or that some store could not hold."""
    segments = key.split("/")
    if (
        not _KEY.match(key)
        or len(key) > _KEY_LIMIT
        or any(part in {"", ".", ".."} or len(part) > _SEGMENT_LIMIT for part in segments)
        or segments[0] == RESERVED_SEGMENT
    ):
        raise StoreError(f"not a key: {key[:100]!a}", key=key)


def check_prefix(prefix: str) -> None:
    """Refuse a prefix that no key of ours can have; all keys have the empty one."""
    if prefix:
        check_key(prefix.removesuffix("/"))


def check_canary(key: str) -> None:
    """Refuse to remove anything but a canary."""
    check_key(key)
    if not key.startswith(CANARIES):
        raise StoreDeniedError(f"{key} is no canary, and nothing else is ever removed", key=key)


def check_body(key: str, body: bytes | Path, size_bytes: int) -> None:
    """Refuse a body that is not as long as it is said to be."""
    try:
        actual = body.stat().st_size if isinstance(body, Path) else len(body)
    except OSError as error:
        raise StoreError(f"the body for {key} cannot be read: {error.strerror}", key=key) from error
    if actual != size_bytes:
        raise WrongDigestError(f"the body for {key} has {actual} bytes, not {size_bytes}", key=key)


async def first_key(store: Store) -> str | None:
    """The first key of a store that is no canary's; None where it holds nothing else."""
    async with aclosing(store.list("")) as listing:
        async for info in listing:
            if not info.key.startswith(CANARIES):
                return info.key
    return None


async def try_canaries(store: Store, canary_prefix: str) -> tuple[bool, bool]:
    """Whether the store refuses a second put of a key, and a put with a wrong checksum."""
    if not canary_prefix.startswith(CANARIES):
        raise StoreDeniedError(f"canaries belong under {CANARIES}")
    first, second = (f"{canary_prefix}{secrets.token_hex(16)}" for _ in range(2))
    try:
        await _put_canary(store, first, b"canary", b"canary")
        refused = await _is_refused(store, first, b"another", b"another", ObjectExistsError)
        # Where the server let it pass on top of the first, only this store's own look refused it.
        info = await store.head(first)
        refused = refused and info is not None and not info.later_versions
        verified = await _is_refused(store, second, b"canary", b"bananas"[:6], WrongDigestError)
    finally:
        for key in (first, second):
            # A locked bucket keeps its canaries; that is no reason not to start.
            with suppress(StoreDeniedError):
                await store.remove(key)
    return refused, verified


async def _put_canary(store: Store, key: str, body: bytes, claimed: bytes) -> None:
    await store.put(
        key,
        body,
        digest=sha256(claimed).hexdigest(),
        size_bytes=len(body),
        media_type="application/octet-stream",
    )


async def _is_refused(
    store: Store, key: str, body: bytes, claimed: bytes, refusal: type[StoreError]
) -> bool:
    try:
        await _put_canary(store, key, body, claimed)
    except refusal:
        return True
    return False
