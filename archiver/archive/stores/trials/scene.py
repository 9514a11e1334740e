"""What the trials of one bucket have in common: where they are, what is claimed, whose time it is."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from archiver.archive.stores.s3_bucket import headers, lock_arguments, lock_in
from archiver.archive.stores.s3_multipart import checksum
from archiver.archive.stores.trials.asking import Refusal, asked, refused
from archiver.errors import StoreDeniedError
from archiver.model import UNLOCKED, Lock, LockMode

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from types_aiobotocore_s3.client import S3Client

    from archiver.archive.stores.s3_bucket import Bucket
    from archiver.archive.stores.store import Store
    from archiver.archive.stores.trials import Claims
    from archiver.archive.stores.trials.canaries import Corner
    from archiver.clock import Clock

T = TypeVar("T")


@dataclass(slots=True)
class Scene:
    """A bucket on trial."""

    store: Store
    bucket: Bucket
    client: S3Client
    corner: Corner
    claims: Claims
    clock: Clock
    offset: timedelta = timedelta(0)  #: of the server's clock from ours
    server: str = ""  #: as it calls itself
    default: tuple[Lock, timedelta] | None = None  #: the bucket's own lock of what is put
    default_unknown: bool = False  #: whether we may not ask for it
    brief_until: datetime | None = None  #: when the last brief lock ends
    may_delete: bool | None = None  #: a canary that nothing holds
    held: list[dict[str, Any]] = field(default_factory=list)  #: canaries under a legal hold

    def now(self) -> datetime:
        """The present moment by the server's clock, which is what locks go by."""
        return self.clock.now() + self.offset

    def brief(self) -> Lock:
        """A lock that ends soon, of the kind that can be lifted at need."""
        self.brief_until = (self.now() + self.claims.brief).replace(microsecond=0)
        return Lock(mode=LockMode.GOVERNANCE, until=self.brief_until)

    def place(self, name: str, version_id: str = "") -> dict[str, Any]:
        """The arguments that name a canary to the server."""
        return self.bucket.place(self.corner.key(name), version_id)

    async def asked(self, request: Awaitable[T]) -> T | Refusal:
        """The answer, or the refusal."""
        return await asked(request, self.bucket.url)

    async def refused(self, request: Awaitable[Any]) -> Refusal | None:
        """The refusal, or None where it was let through."""
        return await refused(request, self.bucket.url)

    def checked(self, body: bytes, lock: Lock | None = None) -> dict[str, Any]:
        """The arguments of a put with a checksum, which locked buckets want, and a lock."""
        return {
            "ChecksumAlgorithm": "SHA256",
            "ChecksumSHA256": checksum(sha256(body).hexdigest()),
            **lock_arguments(self.corner.lock() if lock is None else lock),
        }

    async def put(self, name: str, body: bytes, lock: Lock | None = None) -> str:
        """Put a canary as the server takes it, nothing made up for; returns its version id.

        Raises StoreDeniedError where it was refused.
        """
        answer = await self.asked(
            self.client.put_object(
                **self.place(name), Body=body, IfNoneMatch="*", **self.checked(body, lock)
            )
        )
        if isinstance(answer, Refusal):
            raise StoreDeniedError(f"a put was refused ({answer})")
        return answer.get("VersionId", "")

    async def head(self, name: str, version_id: str = "") -> dict[str, Any] | None:
        """What the server tells of a canary; None where it is gone."""
        answer = await self.asked(self.client.head_object(**self.place(name, version_id)))
        return None if isinstance(answer, Refusal) else dict(answer)

    async def lock_of(self, name: str, version_id: str = "") -> Lock:
        """The lock a canary is under; none where it is gone."""
        answer = await self.head(name, version_id)
        return UNLOCKED if answer is None else lock_in(answer)

    async def compare_clocks(self) -> bool:
        """Ask the server for its time and its name; whether it told the time."""
        name = secrets.token_hex(4)
        before = self.clock.now()
        try:
            answer: object = await self.client.head_object(**self.place(f"none-{name}"))
        except Exception as error:  # noqa: BLE001 — whatever it says, its headers are what is wanted
            answer = error
        after = self.clock.now()
        found = headers(answer)
        self.server = found.get("server", "")[:60]
        with suppress(ValueError, TypeError, OverflowError):
            # A Date names a whole second: on average it is half a second more.
            theirs = parsedate_to_datetime(found["date"]) + timedelta(seconds=0.5)
            self.offset = theirs - (before + (after - before) / 2)
            return True
        return False
