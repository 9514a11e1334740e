"""A bucket in memory: written once, never deleted from, and failing when it is told to."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from archiver.archive.keys import CANARIES
from archiver.archive.stores import Capabilities, Fixity, ObjectInfo, Stored, Upload
from archiver.archive.stores.store import (
    CHUNK_BYTES,
    RECORD_LIMIT_BYTES,
    WrongDigestError,
    check_body,
    check_canary,
    check_key,
    try_canaries,
)
from archiver.errors import (
    ObjectExistsError,
    ObjectMissingError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
)
from archiver.model import UNLOCKED, Lock

if TYPE_CHECKING:
    from datetime import datetime

#: Told the name of every step a process makes at the bucket, before and after it; may raise.
Step = Callable[[str], None]


@dataclass(slots=True)
class Bucket:
    """What is stored, whoever stored it, and what goes wrong with it at the moment."""

    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    full: bool = False
    unreachable: bool = False
    lost_answers: int = 0  #: puts that are stored and then reported as failed
    refused: list[str] = field(default_factory=list)  #: keys that somebody tried to write again


class MemoryStore:
    """One process's way to the bucket."""

    def __init__(self, bucket: Bucket, now: Callable[[], datetime], step: Step) -> None:
        self._bucket = bucket
        self._now = now
        self._step = step
        self.on_put: Callable[[str, bytes], None] = lambda _key, _body: None

    @property
    def url(self) -> str:
        return "memory:bucket"

    async def _reach(self) -> None:
        await asyncio.sleep(0.02)
        if self._bucket.unreachable:
            raise StoreUnavailableError("the bucket cannot be reached")

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
        check_key(key)
        check_body(key, body, size_bytes)
        self._step(f"before put {key}")
        await self._reach()
        if self._bucket.full:
            raise StoreFullError("no space left in the bucket", key=key)
        data = body.read_bytes() if isinstance(body, Path) else body  # noqa: ASYNC240 — repeatable
        if hashlib.sha256(data).hexdigest() != digest:
            raise WrongDigestError(f"{key} is not what its digest says", key=key)
        if key in self._bucket.objects:
            self._bucket.refused.append(key)
            raise ObjectExistsError(f"{key} is taken", key=key)
        self._bucket.objects[key] = (data, self._now())
        self.on_put(key, data)
        self._step(f"after put {key}")
        if self._bucket.lost_answers and not key.startswith(CANARIES):
            self._bucket.lost_answers -= 1
            raise StoreUnavailableError("the answer was lost", key=key)
        return Stored(key=key, etag=digest[:32], version_id="", date="")

    async def get(
        self, key: str, *, version_id: str = "", max_bytes: int = RECORD_LIMIT_BYTES
    ) -> bytes:
        del version_id
        await self._reach()
        if key not in self._bucket.objects:
            raise ObjectMissingError(f"there is no {key}", key=key)
        data = self._bucket.objects[key][0]
        if len(data) > max_bytes:
            raise StoreError(f"{key} is too large", key=key)
        return data

    async def stream(
        self, key: str, *, version_id: str = "", chunk_bytes: int = CHUNK_BYTES
    ) -> AsyncGenerator[bytes]:
        data = await self.get(key, version_id=version_id, max_bytes=2**40)
        for start in range(0, len(data), chunk_bytes):
            yield data[start : start + chunk_bytes]

    async def fixity(self, key: str, *, version_id: str = "") -> Fixity:
        data = await self.get(key, version_id=version_id, max_bytes=2**40)
        return Fixity(digest=hashlib.sha256(data).hexdigest(), size_bytes=len(data))

    async def keep(self, key: str, lock: Lock, *, version_id: str = "") -> Lock:
        return UNLOCKED

    async def locks(self) -> bool:
        return False

    async def uploads(self) -> AsyncGenerator[Upload]:
        return
        yield

    async def head(self, key: str) -> ObjectInfo | None:
        await self._reach()
        return self._info(key) if key in self._bucket.objects else None

    def _info(self, key: str) -> ObjectInfo:
        data, at = self._bucket.objects[key]
        return ObjectInfo(key=key, size_bytes=len(data), modified_at=at, etag="", version_id="")

    async def list(self, prefix: str, *, start_after: str = "") -> AsyncGenerator[ObjectInfo]:
        await self._reach()
        for key in sorted(self._bucket.objects):
            if key.startswith(prefix) and key > start_after and key in self._bucket.objects:
                yield self._info(key)

    async def remove(self, key: str) -> None:
        check_canary(key)
        self._bucket.objects.pop(key, None)

    async def probe(self, canary_prefix: str = CANARIES) -> Capabilities:
        refused, verified = await try_canaries(self, canary_prefix)
        return Capabilities(
            put_if_absent=refused, checksums_verified=verified, versioned=False, locked=False
        )

    async def close(self) -> None:
        """There is nothing to let go of."""
