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
from typing import TYPE_CHECKING, Any

import aiobotocore.session
from aiobotocore.config import AioConfig

from archiver.archive.stores import open_store
from benchmarks.archives import s3_server
from benchmarks.source import machine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SIZE_BYTES = 50_000
LANES = 32


async def _timed(objects: int, put: Callable[[int], Awaitable[Any]]) -> float:
    began, waiting = time.perf_counter(), iter(range(objects))

    async def lane() -> None:
        for number in waiting:
            await put(number)

    await asyncio.gather(*(lane() for _ in range(LANES)))
    return time.perf_counter() - began


async def measure(objects: int, rounds: int, *, versioned: bool) -> list[tuple[float, float]]:
    """Seconds of the bare loop, and of the store, round by round."""
    body = os.urandom(SIZE_BYTES)
    digest = hashlib.sha256(body).digest()
    taken: list[tuple[float, float]] = []
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

            for turn in range(rounds):

                async def bare(number: int, turn: int = turn) -> None:
                    key = f"bare/{turn}/{number}"
                    answer = await client.put_object(
                        Bucket=bucket,
                        Key=key,
                        Body=body,
                        ContentLength=SIZE_BYTES,
                        ContentType="application/json",
                        ChecksumAlgorithm="SHA256",
                        ChecksumSHA256=b64encode(digest).decode(),
                        IfNoneMatch="*",
                    )
                    if versioned:
                        found = await client.list_object_versions(
                            Bucket=bucket, Prefix=key, MaxKeys=1000
                        )
                        assert found["Versions"][-1]["VersionId"] == answer["VersionId"]

                async def ours(number: int, turn: int = turn) -> None:
                    await store.put(
                        f"ours/{turn}/{number}",
                        body,
                        digest=digest.hex(),
                        size_bytes=SIZE_BYTES,
                        media_type="application/json",
                    )

                taken.append((await _timed(objects, bare), await _timed(objects, ours)))
            await store.close()
    return taken


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
