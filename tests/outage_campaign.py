"""An S3 server that dies under load: run as `python -m tests.outage_campaign --kills 6 --sessions 300`.

A worker captures many sessions into a plain bucket of radosgw, while the gateways, the store and the
monitor are killed (SIGKILL) all at once and begun again, several times. The worker waits and goes on; in
the end everything is archived, nothing is damaged, and no summary was asked for twice.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.archiver.archive.stores import ceph
from tests.archiver.archive.stores.conftest import Variant, make_bucket, raw_client, use_server
from tests.fleet import fleet

if TYPE_CHECKING:
    from tests.archiver.archive.stores.ceph import Ceph

#: The server is gone for so long besides what it takes to start, which is about ten seconds.
GONE_S = (0.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of it."""

    sessions: int
    killed: int
    pending_at_kills: list[int]
    store_failures: int  #: of which the worker told
    posts: int
    findings: list[str]

    def __str__(self) -> str:
        return (
            f"{self.sessions} sessions, killed {self.killed} times with "
            f"{', '.join(map(str, self.pending_at_kills))} pending, {self.store_failures} failures "
            f"of the store told, {self.posts} POSTs; {len(self.findings)} findings"
        )


async def _play(
    folder: Path, store: Ceph, bucket: str, sessions: int, kills: int, seed: int
) -> Result:
    rng, at_kills = random.Random(seed), list[int]()
    async with fleet(folder, sessions, seed, store=f"s3://{bucket}/x") as workers:
        await workers.start("data")
        await workers.arrivals.wait(rng.randint(20, 60))
        for _ in range(kills):
            at_kills.append(await workers.pending("data"))
            await asyncio.to_thread(store.kill)
            await asyncio.sleep(rng.uniform(*GONE_S))
            await asyncio.to_thread(store.start)
            # Some of what is left, so that there is something left to interrupt.
            more = max((await workers.pending("data")) * 5 // (kills + 1), 5)
            try:
                await asyncio.wait_for(workers.arrivals.wait(more), 60)
            except TimeoutError:
                break  # there was not so much left
        await workers.work_on("data")
        failures = (folder / "data.stderr").read_text(errors="replace").count("store.failed")
        await workers.stop()
        await workers.settle()
        return Result(
            sessions=sessions,
            killed=len(at_kills),
            pending_at_kills=at_kills,
            store_failures=failures,
            posts=workers.one.source.summary_posts.total(),
            findings=workers.findings,
        )


def play(folder: Path, *, sessions: int, kills: int, seed: int) -> Result:
    """All of it, on a store of its own."""
    (own := folder / "ceph").mkdir()
    (work := folder / "work").mkdir()
    with (
        ceph.running(own, gateways=1, durable=True) as store,
        pytest.MonkeyPatch.context() as patch,
    ):
        raw = raw_client(store.urls[0])
        bucket = make_bucket(raw, Variant(server="radosgw"))
        raw.close()
        use_server(patch, store.urls[0])
        return asyncio.run(_play(work, store, bucket, sessions, kills, seed))


def main() -> None:
    """Play, and exit with 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sessions", type=int, default=300)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    args = parser.parse_args()
    if why := ceph.missing():
        raise SystemExit(why)
    print(f"seed {args.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        result = play(Path(name), sessions=args.sessions, kills=args.kills, seed=args.seed)
    for each in result.findings:
        print(each, flush=True)
    print(f"{result}, in {time.monotonic() - began:.0f} s", flush=True)
    raise SystemExit(bool(result.findings))


if __name__ == "__main__":
    main()
