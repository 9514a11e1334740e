"""The store in a bucket: put-if-absent, the oldest version read, and nothing taken on trust."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

from archiver.archive.keys import CANARIES
from archiver.archive.stores.s3_bucket import (
    Bucket,
    S3Options,
    headers,
    lock_arguments,
    lock_in,
)
from archiver.archive.stores.s3_errors import FAILURES, error_code, translate, translated
from archiver.archive.stores.s3_multipart import Put, checksum, put_in_parts
from archiver.archive.stores.store import (
    CHUNK_BYTES,
    RECORD_LIMIT_BYTES,
    Capabilities,
    Fixity,
    Stored,
    WrongDigestError,
    check_body,
    check_canary,
    check_key,
    check_prefix,
    try_canaries,
)
from archiver.errors import ObjectExistsError, ObjectMissingError, StoreDeniedError, StoreError
from archiver.model import UNLOCKED, Lock
from archiver.threads import opened

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from typing import BinaryIO

    from types_aiobotocore_s3.type_defs import GetObjectOutputTypeDef

    from archiver.archive.stores.store import ObjectInfo, Upload
    from archiver.archive.stores.trials import Claims
    from archiver.checks import Check
    from archiver.clock import Clock

_CONFLICT = "ConditionalRequestConflict"
#: What servers say to a put-if-absent of a key that is taken, or may be. R2's bucket locks refuse
#: before R2 looks at the condition; an upload whose completion got lost on the way is gone.
_TAKEN = {_CONFLICT, "PreconditionFailed", "412", "ObjectLockedByBucketPolicy", "NoSuchUpload"}


def _is_conflict(error: BaseException) -> bool:
    return isinstance(error, ClientError) and error_code(error) == _CONFLICT


#: Two writers at the same moment: S3 may refuse both, and asks them to try again.
_again_after_conflict = retry(
    retry=retry_if_exception(_is_conflict),
    stop=stop_after_attempt(6),
    wait=wait_random_exponential(multiplier=0.1, max=2),
    reraise=True,
)


class S3Store:
    """Objects in a bucket, or below a prefix of one; the oldest version of a key is the object."""

    def __init__(self, bucket: str, prefix: str = "", *, options: S3Options | None = None) -> None:
        self._options = options or S3Options()
        self._bucket = Bucket(bucket, prefix, self._options)
        self.url = self._bucket.url
        # What every server claims, until `probe` finds otherwise.
        self._put_if_absent = True
        self._checksums_verified = True

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
        """Store the body if the key is free, and see to it that it arrived."""
        check_key(key)
        check_body(key, body, size_bytes)
        if lock and (await self._bucket.kind()).locked is False:
            raise StoreDeniedError(
                f"{self.url} has no Object Lock",
                key=key,
                hint="use a bucket that was made with it, or leave RTK_ARCHIVE_LOCK and"
                " RTK_ARCHIVE_LEGAL_HOLD off",
            )
        in_parts = size_bytes > self._options.multipart_bytes
        # Worth a question before a long upload; a must where the server ignores the condition.
        if (in_parts or not self._put_if_absent) and await self.head(key):
            raise ObjectExistsError(f"{self.url}: {key} is taken", key=key)
        kept = {"ContentType": media_type, **self._options.at_rest(), **lock_arguments(lock)}
        put = Put(
            place=self._bucket.place(key),
            body=body,
            digest=digest,
            size_bytes=size_bytes,
            arguments=kept,
        )
        try:
            answer = await (self._send_parts if in_parts else self._send)(put)
        except FAILURES as error:
            raise await self._refusal(error, key) from error
        except OSError as error:
            raise StoreError(f"the body for {key} cannot be read", key=key) from error
        return await self._confirm(await self._stored(key, answer), digest, size_bytes, lock)

    @_again_after_conflict
    async def _send(self, put: Put) -> Mapping[str, Any]:
        client = await self._bucket.client()
        async with _readable(put.body) as content:
            return await client.put_object(
                **put.place,
                Body=content,
                ContentLength=put.size_bytes,
                ChecksumAlgorithm="SHA256",  # some servers want to be told, in locked buckets
                ChecksumSHA256=checksum(put.digest),
                IfNoneMatch="*",
                **put.arguments,
            )

    @_again_after_conflict
    async def _send_parts(self, put: Put) -> Mapping[str, Any]:
        client = await self._bucket.client()
        return await put_in_parts(client, put, part_bytes=self._options.part_bytes)

    async def _refusal(self, error: Exception, key: str) -> StoreError:
        """What a refused put means: the key counts as taken only if something is there."""
        if isinstance(error, ClientError) and error_code(error) in _TAKEN and await self.head(key):
            return ObjectExistsError(f"{self.url}: {key} is taken", key=key)
        return translate(error, self.url, key)

    async def _stored(self, key: str, answer: Mapping[str, Any]) -> Stored:
        await self._bucket.learn(answer)
        kind = await self._bucket.kind()
        return Stored(
            key=key,
            etag=answer.get("ETag", "").strip('"'),
            version_id=answer.get("VersionId", "") if kind.versioned else "",
            date=headers(answer).get("date", ""),
        )

    async def _confirm(self, stored: Stored, digest: str, size_bytes: int, lock: Lock) -> Stored:
        """Look at what was stored, where the server's yes does not settle it."""
        kind = await self._bucket.kind()
        if kind.versioned:
            # The condition looks at the newest version only: a delete marker on top lets a put pass.
            oldest = await self._bucket.oldest(stored.key)
            if oldest is None or oldest.version_id != stored.version_id:
                raise ObjectExistsError(f"{self.url}: {stored.key} was taken", key=stored.key)
        if not self._checksums_verified:
            await self._read_back(stored, digest)
        if not kind.versioned or kind.locked is False:
            return stored
        info = await self._bucket.head(stored.key, stored.version_id)
        if info is None or info.size_bytes != size_bytes:
            raise StoreError(f"{self.url}: {stored.key} is not as it was put", key=stored.key)
        return replace(
            stored, lock=await self._kept(stored.key, stored.version_id, info.lock, lock)
        )

    async def keep(self, key: str, lock: Lock, *, version_id: str = "") -> Lock:
        """See to it that a version, or the oldest, is locked at least so; never shortens."""
        check_key(key)
        wanted = version_id or await self._oldest_id(key)
        info = await self._bucket.head(key, wanted)
        if info is None:
            raise ObjectMissingError(f"{self.url}: there is no {key}", key=key)
        return await self._kept(key, wanted, info.lock, lock)

    async def locks(self) -> bool | None:
        """Whether the bucket has Object Lock."""
        return (await self._bucket.kind()).locked

    async def _kept(self, key: str, version_id: str, found: Lock, wanted: Lock) -> Lock:
        """The lock as it is read back, put right where it fell short of what was wanted.

        Several servers drop the lock of an upload in parts without a word.
        """
        if found.covers(wanted) or (await self._bucket.kind()).locked is False:
            return found
        try:
            await self._bucket.retain(key, version_id, found.joined(wanted))
        except StoreError as error:
            if error.transient:
                raise
            return found  # whoever asked compares, and tells
        info = await self._bucket.head(key, version_id)
        return info.lock if info is not None else UNLOCKED

    async def _read_back(self, stored: Stored, digest: str) -> None:
        found = await self.fixity(stored.key, version_id=stored.version_id)
        if found.digest != digest:
            raise WrongDigestError(f"{self.url}: {stored.key} was stored wrong", key=stored.key)

    async def get(
        self, key: str, *, version_id: str = "", max_bytes: int = RECORD_LIMIT_BYTES
    ) -> bytes:
        """The whole object."""
        answer = await self._fetch(key, version_id)
        async with answer["Body"] as body:
            if answer["ContentLength"] > max_bytes:
                raise StoreError(f"{self.url}: {key} has over {max_bytes} bytes", key=key)
            with translated(self.url, key):
                return await body.read()

    async def stream(
        self, key: str, *, version_id: str = "", chunk_bytes: int = CHUNK_BYTES
    ) -> AsyncGenerator[bytes]:
        """The object in pieces."""
        answer = await self._fetch(key, version_id)
        async with answer["Body"] as body:
            while True:
                with translated(self.url, key):
                    chunk = await body.read(chunk_bytes)
                if not chunk:
                    return
                yield chunk

    async def fixity(self, key: str, *, version_id: str = "") -> Fixity:
        """Read a version, or the oldest, from end to end."""
        answer = await self._fetch(key, version_id)
        found, size_bytes = sha256(), 0
        async with answer["Body"] as body:
            with translated(self.url, key):
                while chunk := await body.read(CHUNK_BYTES):
                    found.update(chunk)
                    size_bytes += len(chunk)
        return Fixity(digest=found.hexdigest(), size_bytes=size_bytes, lock=lock_in(answer))

    def uploads(self) -> AsyncGenerator[Upload]:
        """Uploads in parts that are under way or were left behind."""
        return self._bucket.uploads()

    async def _fetch(self, key: str, version_id: str) -> GetObjectOutputTypeDef:
        """Begin to read the version asked for, or the oldest."""
        check_key(key)
        wanted = version_id or await self._oldest_id(key)
        client = await self._bucket.client()
        try:
            answer = await client.get_object(**self._bucket.place(key, wanted))
        except FAILURES as error:
            if await self._bucket.learn(error):
                return await self._fetch(key, version_id)
            raise translate(error, self.url, key) from error
        if await self._bucket.learn(answer):
            answer["Body"].close()
            return await self._fetch(key, version_id)
        return answer

    async def _oldest_id(self, key: str) -> str:
        if not (await self._bucket.kind()).versioned:
            return ""
        oldest = await self._bucket.oldest(key)
        if oldest is None:
            raise ObjectMissingError(f"{self.url}: there is no {key}", key=key)
        return oldest.version_id

    async def head(self, key: str) -> ObjectInfo | None:
        """The oldest version of this key, or None."""
        check_key(key)
        if not (await self._bucket.kind()).versioned:
            newest = await self._bucket.head(key, "")
            if not (await self._bucket.kind()).versioned:
                return newest
        kind, oldest = await self._bucket.kind(), await self._bucket.oldest(key)
        if oldest is None or kind.locked is False:
            return oldest
        info = await self._bucket.head(key, oldest.version_id)
        return info and replace(info, later_versions=oldest.later_versions)

    async def list(self, prefix: str, *, start_after: str = "") -> AsyncGenerator[ObjectInfo]:
        """The oldest version of each key that starts so, ascending."""
        check_prefix(prefix)
        versioned = (await self._bucket.kind()).versioned
        read = self._bucket.version_pages if versioned else self._bucket.plain_pages
        async with aclosing(read(prefix, start_after)) as pages:
            async for page in pages:
                for info in page:
                    if info.key > start_after:
                        yield info

    async def remove(self, key: str) -> None:
        """Delete a canary, every version of it."""
        check_canary(key)
        client, place = await self._bucket.client(), self._bucket.place(key)
        versioned = (await self._bucket.kind()).versioned
        with translated(self.url, key):
            if not versioned:
                await client.delete_object(**place)
                return
            page = await client.list_object_versions(Bucket=place["Bucket"], Prefix=place["Key"])
            for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                if each["Key"] == place["Key"]:
                    await client.delete_object(**place, VersionId=each["VersionId"])

    async def probe(self, canary_prefix: str = CANARIES) -> Capabilities:
        """Find out on canaries what this server does, and make up for what it does not."""
        self._bucket.forget_kind()
        self._put_if_absent = self._checksums_verified = True
        refused, verified = await try_canaries(self, canary_prefix)
        self._put_if_absent, self._checksums_verified = refused, verified
        kind = await self._bucket.kind()
        return Capabilities(
            put_if_absent=refused,
            checksums_verified=verified,
            versioned=kind.versioned,
            locked=kind.locked,
        )

    def examine(self, claims: Claims, clock: Clock) -> AsyncGenerator[Check]:
        """Try on canaries what this server does, nothing made up for."""
        from archiver.archive.stores.trials.s3 import examine_bucket

        return examine_bucket(self, self._bucket, claims, clock)

    async def close(self) -> None:
        """Close the connections."""
        await self._bucket.close()


@asynccontextmanager
async def _readable(body: bytes | Path) -> AsyncGenerator[bytes | BinaryIO]:
    """The body as botocore takes it: a file is read as it is sent, and again where that failed."""
    if not isinstance(body, Path):
        yield body
        return
    file = await opened(body, "rb")
    try:
        yield file
    finally:
        file.close()
