"""A bucket as the S3 store sees it: the connection, what kind of bucket it is, and its listings."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from archiver.archive.stores.s3_errors import FAILURES, error_status, translate, translated
from archiver.archive.stores.s3_versions import OldestVersions
from archiver.archive.stores.store import ObjectInfo, Upload
from archiver.errors import StoreError
from archiver.model import Lock, LockMode

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from contextlib import AbstractAsyncContextManager

    from types_aiobotocore_s3.client import S3Client

#: What a server answers that keeps no versions and no locks, or does not let us ask.
_UNHEARD_OF = {404, 405, 501}
_NOT_ALLOWED = {401, 403}


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """How the store uses its server; where that is and who we are, botocore finds out."""

    connections: int = 32
    attempts: int = 5
    connect_timeout_s: float = 10
    read_timeout_s: float = 60
    multipart_bytes: int = 64 * 1024 * 1024  #: larger bodies go in parts
    part_bytes: int = 16 * 1024 * 1024
    page_size: int = 1000
    profile: str = ""  #: of the AWS files: its credentials, region and endpoint, and nobody else's
    encryption: str = ""  #: "AES256", "aws:kms" or "aws:kms:dsse"; the bucket's own unless given
    kms_key: str = ""
    storage_class: str = ""

    def at_rest(self) -> dict[str, Any]:
        """The arguments of a put that say how the object is to be kept."""
        wanted = {
            "ServerSideEncryption": self.encryption,
            "SSEKMSKeyId": self.kms_key,
            "StorageClass": self.storage_class,
        }
        return {name: value for name, value in wanted.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketKind:
    """What a bucket does with the objects in it."""

    versioned: bool  #: versioning is, or once was, enabled
    locked: bool | None  #: None where we may not ask


class Bucket:
    """One bucket, or what is below a prefix of it; connects when it is first needed."""

    def __init__(self, name: str, prefix: str, options: S3Options) -> None:
        self.name = name
        self.prefix = f"{prefix}/" if prefix else ""
        self.url = f"s3://{name}/{prefix}" if prefix else f"s3://{name}"
        self.options = options
        self._starting = asyncio.Lock()
        self._open = AsyncExitStack()
        self._client: S3Client | None = None
        self._kind: BucketKind | None = None

    def place(self, key: str, version_id: str = "") -> dict[str, Any]:
        """The arguments that name an object to the server."""
        place = {"Bucket": self.name, "Key": self.prefix + key}
        return place | {"VersionId": version_id} if version_id else place

    async def client(self) -> S3Client:
        """The connected client."""
        async with self._starting:
            if self._client is None:
                with translated(self.url):
                    self._client = await self._connect()
            return self._client

    @asynccontextmanager
    async def as_stranger(self) -> AsyncGenerator[S3Client]:
        """A client of somebody who has no credentials: what it can do, everybody can."""
        async with self._create(signature_version=UNSIGNED) as client:
            yield client

    async def _connect(self) -> S3Client:
        try:
            return await self._open.enter_async_context(self._create())
        except ValueError:
            # Its message repeats the URL, which may hold a password.
            raise StoreError(
                f"{self.url}: the client cannot be used",
                hint="check AWS_ENDPOINT_URL and AWS_REGION, or the profile",
            ) from None

    def _create(self, **more: Any) -> AbstractAsyncContextManager[S3Client]:
        session = AioSession(profile=self.options.profile or None)
        region, endpoint_url = _of_profile(session) if self.options.profile else ("", None)
        config = AioConfig(
            **more,
            connect_timeout=self.options.connect_timeout_s,
            read_timeout=self.options.read_timeout_s,
            max_pool_connections=self.options.connections,
            retries={"mode": "standard", "total_max_attempts": self.options.attempts},
            # Ours is sent with every put; botocore's own fail on some servers.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            tcp_keepalive=True,
            # Where a profile is named, AWS_ENDPOINT_URL is about the other store.
            ignore_configured_endpoint_urls=bool(self.options.profile),
        )
        # botocore alone among the AWS clients does not read AWS_REGION.
        region = region or session.get_config_variable("region") or os.environ.get("AWS_REGION", "")
        return session.create_client(
            "s3", region_name=region or None, endpoint_url=endpoint_url, config=config
        )

    async def close(self) -> None:
        """Close the connections."""
        self._client = None
        await self._open.aclose()

    async def kind(self) -> BucketKind:
        """What kind of bucket this is: asked once."""
        if self._kind is None:
            self._kind = BucketKind(
                versioned=await self._ask_versioned(), locked=await self._ask_locked()
            )
        return self._kind

    def forget_kind(self) -> None:
        """Ask again: settings of a bucket can be changed."""
        self._kind = None

    async def _ask_versioned(self) -> bool:
        client = await self.client()
        try:
            answer = await client.get_bucket_versioning(Bucket=self.name)
        except FAILURES as error:
            if _status(error) in _NOT_ALLOWED:
                return await self._lists_versions()
            if _status(error) in {405, 501}:
                return False  # until an answer shows a version: see `learn`
            raise translate(error, self.url, "") from error
        return answer.get("Status") in {"Enabled", "Suspended"}

    async def _lists_versions(self) -> bool:
        """Whether versions may be listed, where we may not ask if there are any: then they are."""
        client = await self.client()
        try:
            await client.list_object_versions(Bucket=self.name, Prefix=self.prefix, MaxKeys=1)
        except FAILURES:
            return False
        return True

    async def _ask_locked(self) -> bool | None:
        client = await self.client()
        try:
            answer = await client.get_object_lock_configuration(Bucket=self.name)
        except FAILURES as error:
            if _status(error) in _NOT_ALLOWED:
                return None
            if _status(error) in _UNHEARD_OF or 400 <= _status(error) < 500:
                return False
            raise translate(error, self.url, "") from error
        return answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled"

    async def learn(self, answer: object) -> bool:
        """Whether this answer shows versions in a bucket that was thought to have none."""
        kind = await self.kind()
        if kind.versioned or headers(answer).get("x-amz-version-id", "null") == "null":
            return False
        self._kind = replace(kind, versioned=True)
        return True

    async def head(self, key: str, version_id: str) -> ObjectInfo | None:
        """One version, or without an id the newest, with its lock."""
        client = await self.client()
        try:
            answer = await client.head_object(**self.place(key, version_id))
        except FAILURES as error:
            await self.learn(error)
            if _status(error) == 404:
                return None
            raise translate(error, self.url, key) from error
        await self.learn(answer)
        return ObjectInfo(
            key=key,
            size_bytes=answer["ContentLength"],
            modified_at=answer["LastModified"].astimezone(UTC),
            etag=answer["ETag"].strip('"'),
            version_id=answer.get("VersionId", "") if (await self.kind()).versioned else "",
            lock=lock_in(answer),
        )

    async def retain(self, key: str, version_id: str, lock: Lock) -> None:
        """Put this lock on one version."""
        client, place = await self.client(), self.place(key, version_id)
        with translated(self.url, key):
            if lock.mode and lock.until is not None:
                await client.put_object_retention(
                    **place,
                    Retention={
                        "Mode": LockMode(lock.mode).value,
                        "RetainUntilDate": lock.until,
                    },
                )
            if lock.hold:
                await client.put_object_legal_hold(**place, LegalHold={"Status": "ON"})

    async def uploads(self) -> AsyncGenerator[Upload]:
        """Uploads in parts that are under way or were left behind."""
        client = await self.client()
        at: dict[str, Any] = {}
        while True:
            with translated(self.url):
                page = await client.list_multipart_uploads(
                    Bucket=self.name, Prefix=self.prefix, **at
                )
            for each in page.get("Uploads", []):
                key = each["Key"].removeprefix(self.prefix)
                yield Upload(key=key, begun_at=each["Initiated"].astimezone(UTC))
            if not page.get("IsTruncated"):
                return
            at = {
                "KeyMarker": page["NextKeyMarker"],
                "UploadIdMarker": page["NextUploadIdMarker"],
            }

    async def oldest(self, key: str) -> ObjectInfo | None:
        """The oldest version of exactly this key, which sorts before all keys that begin with it."""
        async with aclosing(self.version_pages(key)) as pages:
            async for page in pages:
                if page:
                    return page[0] if page[0].key == key else None
        return None

    async def version_pages(
        self, prefix: str, start_after: str = ""
    ) -> AsyncGenerator[list[ObjectInfo]]:
        """The oldest version of each key, ascending."""
        client = await self.client()
        oldest = OldestVersions(self.prefix)
        at: dict[str, Any] = {"KeyMarker": self.prefix + start_after} if start_after else {}
        while True:
            with translated(self.url, prefix):
                page = await client.list_object_versions(
                    Bucket=self.name,
                    Prefix=self.prefix + prefix,
                    MaxKeys=self.options.page_size,
                    **at,
                )
            yield oldest.add(page)
            if not page.get("IsTruncated"):
                return
            at = {"KeyMarker": page["NextKeyMarker"]}
            if page.get("NextVersionIdMarker"):
                at["VersionIdMarker"] = page["NextVersionIdMarker"]

    async def plain_pages(
        self, prefix: str, start_after: str = ""
    ) -> AsyncGenerator[list[ObjectInfo]]:
        """Each key, ascending, of a bucket without versions."""
        client = await self.client()
        at: dict[str, Any] = {"StartAfter": self.prefix + start_after} if start_after else {}
        while True:
            with translated(self.url, prefix):
                page = await client.list_objects_v2(
                    Bucket=self.name,
                    Prefix=self.prefix + prefix,
                    MaxKeys=self.options.page_size,
                    **at,
                )
            yield [
                ObjectInfo(
                    key=each["Key"].removeprefix(self.prefix),
                    size_bytes=each["Size"],
                    modified_at=each["LastModified"].astimezone(UTC),
                    etag=each["ETag"].strip('"'),
                    version_id="",
                )
                for each in page.get("Contents", [])
            ]
            if not page.get("IsTruncated"):
                return
            at = {"ContinuationToken": page["NextContinuationToken"]}


def _of_profile(session: AioSession) -> tuple[str, str | None]:
    """The region and the endpoint that a profile itself names, whatever the environment says."""
    profile = session.get_scoped_config()
    services = session.full_config.get("services", {}).get(profile.get("services", ""), {})
    own = services.get("s3", {}) if isinstance(services.get("s3"), dict) else {}
    return profile.get("region", ""), own.get("endpoint_url") or profile.get("endpoint_url")


def lock_in(answer: Mapping[str, Any]) -> Lock:
    """The lock an answer to HEAD or GET tells of."""
    until: datetime | None = answer.get("ObjectLockRetainUntilDate")
    return Lock(
        mode=answer.get("ObjectLockMode", ""),
        until=None if until is None else until.astimezone(UTC),
        hold=answer.get("ObjectLockLegalHoldStatus") == "ON",
    )


def lock_arguments(lock: Lock) -> dict[str, Any]:
    """The arguments of a put that ask for this lock."""
    arguments: dict[str, Any] = {"ObjectLockLegalHoldStatus": "ON"} if lock.hold else {}
    if lock.mode and lock.until is not None:
        arguments |= {"ObjectLockMode": lock.mode, "ObjectLockRetainUntilDate": lock.until}
    return arguments


def headers(answer: object) -> Mapping[str, str]:
    """The headers of an answer, or of the answer in a refusal."""
    if isinstance(answer, ClientError):
        answer = answer.response
    metadata = answer.get("ResponseMetadata", {}) if isinstance(answer, dict) else {}
    found: Mapping[str, str] = metadata.get("HTTPHeaders", {})
    return found


def _status(error: BaseException) -> int:
    return error_status(error) if isinstance(error, ClientError) else 0
