"""A large object in parts, each with its checksum: all of it appears at once, or none of it."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from contextlib import aclosing, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from archiver.archive.stores.s3_errors import FAILURES
from archiver.archive.stores.store import WrongDigestError
from archiver.threads import opened, to_its_end

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from pathlib import Path

    from types_aiobotocore_s3.client import S3Client
    from types_aiobotocore_s3.type_defs import (
        CompletedPartTypeDef,
        CompleteMultipartUploadOutputTypeDef,
    )

_MOST_PARTS = 10_000


def checksum(digest: str) -> str:
    """A digest as S3's headers write it."""
    return b64encode(bytes.fromhex(digest)).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """One object to be put: where, what, and how it is to be kept."""

    place: dict[str, Any]  #: the arguments that name it to the server
    body: bytes | Path
    digest: str
    size_bytes: int
    arguments: Mapping[str, Any]  #: its media type, encryption, lock and so on


async def put_in_parts(
    client: S3Client, put: Put, *, part_bytes: int
) -> CompleteMultipartUploadOutputTypeDef:
    """Upload with one part in memory at a time; a failure leaves nothing behind."""
    created = await client.create_multipart_upload(
        **put.place, ChecksumAlgorithm="SHA256", **put.arguments
    )
    upload = put.place | {"UploadId": created["UploadId"]}
    part_bytes = max(part_bytes, -(-put.size_bytes // _MOST_PARTS))
    try:
        parts = await _send_parts(client, upload, put.body, put.digest, part_bytes)
        return await client.complete_multipart_upload(
            **upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
        )
    except BaseException:
        # What went wrong is told by the error under way, not by one of clearing up.
        with suppress(*FAILURES):
            await asyncio.shield(client.abort_multipart_upload(**upload))
        raise


async def _send_parts(
    client: S3Client, upload: dict[str, Any], body: bytes | Path, digest: str, part_bytes: int
) -> list[CompletedPartTypeDef]:
    whole = sha256()
    parts: list[CompletedPartTypeDef] = []
    async with aclosing(_read(body, part_bytes)) as read:
        async for part in read:
            await asyncio.to_thread(whole.update, part)
            number, proof = len(parts) + 1, checksum(sha256(part).hexdigest())
            sent = await client.upload_part(
                **upload, PartNumber=number, Body=part, ChecksumSHA256=proof
            )
            parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": proof})
    if whole.hexdigest() != digest:
        raise WrongDigestError("the body is not what its digest says", key=upload["Key"])
    return parts


async def _read(body: bytes | Path, part_bytes: int) -> AsyncGenerator[bytes]:
    if isinstance(body, bytes):
        for start in range(0, len(body), part_bytes):
            yield body[start : start + part_bytes]
        return
    file = await opened(body, "rb")
    try:
        while part := await to_its_end(lambda: file.read(part_bytes)):
            yield part
    finally:
        file.close()
