"""Verification against the floor: `sha256sum` over the same files, or a bare loop of GETs.

python -m benchmarks.verify [--sessions 400] [--rounds 5]       a folder against sha256sum
python -m benchmarks.verify --s3 [--sessions 200] [--rounds 5]  a bucket against bare GETs
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from archiver.archive.stores import open_store
from archiver.verify import verify
from benchmarks.archives import fill, s3_server
from benchmarks.source import machine

if TYPE_CHECKING:
    from archiver.archive.archive import Archive

SIZE_BYTES = 50_000
LANES = 32


async def folder(sessions: int, rounds: int) -> list[tuple[float, float]]:
    """Seconds of sha256sum, and of the verification, round by round."""
    with tempfile.TemporaryDirectory() as root:
        store = open_store(f"file:{root}/archive")
        archive = await fill(store, sessions, SIZE_BYTES)
        files = [str(each) for each in Path(f"{root}/archive").rglob("*") if each.is_file()]
        taken = [(_sha256sum(files), await _verification(archive)) for _ in range(rounds)]
        await archive.close()
    return taken


def _sha256sum(files: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(
        ["xargs", "-0", "sha256sum"],
        input="\0".join(files).encode(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began


async def _verification(archive: Archive) -> float:
    began = time.perf_counter()
    result = await verify(archive)
    assert not result.findings
    return time.perf_counter() - began


async def bucket(sessions: int, rounds: int) -> list[tuple[float, float]]:
    """Seconds of bare GETs of every object, and of the verification, round by round."""
    import aiobotocore.session
    from aiobotocore.config import AioConfig

    with tempfile.TemporaryDirectory() as root, s3_server(Path(root)) as url:
        name = f"bench-{secrets.token_hex(4)}"
        session = aiobotocore.session.get_session()
        config = AioConfig(max_pool_connections=LANES)
        async with session.create_client(
            "s3", endpoint_url=url, region_name="us-east-1", config=config
        ) as client:
            await client.create_bucket(Bucket=name)
            archive = await fill(open_store(f"s3://{name}/a"), sessions, SIZE_BYTES)
            keys = [info.key async for info in archive.store.list("")]

            async def bare() -> float:
                began, waiting = time.perf_counter(), iter(keys)

                async def lane() -> None:
                    for key in waiting:
                        answer = await client.get_object(Bucket=name, Key=f"a/{key}")
                        async with answer["Body"] as body:
                            await body.read()

                await asyncio.gather(*(lane() for _ in range(LANES)))
                return time.perf_counter() - began

            taken = [(await bare(), await _verification(archive)) for _ in range(rounds)]
            await archive.close()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--s3", action="store_true")
    args = parser.parse_args()
    taken = asyncio.run((bucket if args.s3 else folder)(args.sessions, args.rounds))
    floor, ours = (statistics.median(each) for each in zip(*taken, strict=True))
    ratio = statistics.median(each[0] / each[1] for each in taken)
    what = "bare GETs" if args.s3 else "sha256sum"
    print(machine())
    print(f"{args.sessions} sessions, {what} {floor:.2f} s, verify {ours:.2f} s: {ratio:.2f}")


if __name__ == "__main__":
    main()
