"""PUTs through the store against a bare client loop that makes the same requests to the same server.

python -m benchmarks.put [--objects 1000] [--rounds 5] [--versioned]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import secrets
import statistics
import tempfile
import time
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import aiobotocore.session
from aiobotocore.config import AioConfig

from archiver.archive.stores import open_store
from benchmarks.archives import s3_server
from benchmarks.source import machine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from types_aiobotocore_s3.client import S3Client

    from archiver.archive.stores import Store

SIZE_BYTES = 50_000
LANES = 32
BODY = os.urandom(SIZE_BYTES)
DIGEST = hashlib.sha256(BODY).digest()

Put: TypeAlias = "Callable[[int], Awaitable[None]]"


async def _timed(objects: int, put: Put) -> float:
    began, waiting = time.perf_counter(), iter(range(objects))

    async def lane() -> None:
        for number in waiting:
            await put(number)

    await asyncio.gather(*(lane() for _ in range(LANES)))
    return time.perf_counter() - began


async def measure(objects: int, rounds: int, *, versioned: bool) -> list[tuple[float, float]]:
    """Seconds of the bare loop, and of the store, round by round."""
    with tempfile.TemporaryDirectory() as root, s3_server(Path(root)) as url:
        bucket = f"bench-{secrets.token_hex(4)}"
        config = AioConfig(
            max_pool_connections=LANES,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        session = aiobotocore.session.get_session()
        async with session.create_client(
            "s3", endpoint_url=url, region_name="us-east-1", config=config
        ) as client:
            await client.create_bucket(Bucket=bucket)
            if versioned:
                await client.put_bucket_versioning(
                    Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
                )
            store = open_store(f"s3://{bucket}", connections=LANES)
            await store.probe()
            taken = [
                (
                    await _timed(objects, _bare(client, bucket, turn, versioned=versioned)),
                    await _timed(objects, _ours(store, turn)),
                )
                for turn in range(rounds)
            ]
            await store.close()
    return taken


def _bare(client: S3Client, bucket: str, turn: int, *, versioned: bool) -> Put:
    """The requests that the store makes, by the client alone."""

    async def put(number: int) -> None:
        key = f"bare/{turn}/{number:06}"
        answer = await client.put_object(
            Bucket=bucket,
            Key=key,
            Body=BODY,
            ContentLength=SIZE_BYTES,
            ContentType="application/json",
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=b64encode(DIGEST).decode(),
            IfNoneMatch="*",
        )
        if versioned:
            found = await client.list_object_versions(Bucket=bucket, Prefix=key, MaxKeys=1000)
            assert found["Versions"][-1]["VersionId"] == answer["VersionId"]

    return put


def _ours(store: Store, turn: int) -> Put:
    async def put(number: int) -> None:
        await store.put(
            f"ours/{turn}/{number:06}",
            BODY,
            digest=DIGEST.hex(),
            size_bytes=SIZE_BYTES,
            media_type="application/json",
        )

    return put


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--versioned", action="store_true")
    args = parser.parse_args()
    taken = asyncio.run(measure(args.objects, args.rounds, versioned=args.versioned))
    floor, ours = (args.objects / statistics.median(each) for each in zip(*taken, strict=True))
    ratio = statistics.median(each[0] / each[1] for each in taken)
    print(machine())
    print(f"bare {floor:.0f} PUT/s, store {ours:.0f} PUT/s: {ratio:.2f}")


if __name__ == "__main__":
    main()
