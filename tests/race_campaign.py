"""Workers that race for the same session: run as `python -m tests.race_campaign --server radosgw`.

In every round all racers, spread over two processes, capture the same new session at the same time, and
again once its summary is there. On a server with several gateways each process has a gateway of its own.
What must hold after each round: one POST, one writer of every record, a whole chain, and no damage.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive import keys
from archiver.archive.canonical import sha256
from archiver.runtime import open_archive
from archiver.simulated import SummaryMode, generate_meetings
from archiver.verify import verify
from tests.archiver.archive.stores.conftest import Variant, make_bucket, raw_client, use_server
from tests.archiver.archive.stores.gaps import GAPS
from tests.archiver.archive.stores.here import SERVERS
from tests.rig import rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from archiver.archive.archive import Archive
    from tests.rig import Rig

PROCESSES = 2
#: Between the passes of a round: the summary that was asked for is there by then.
BETWEEN = timedelta(minutes=10)
ANSWER_S = 300.0
#: Session record, two transcripts, chat and summary.
ARTIFACTS = 5


@dataclass(slots=True)
class Result:
    """What rounds came to."""

    rounds: int = 0
    racers: int = 0
    records: int = 0  #: written, each once
    lost: int = 0  #: puts of a record that came too late
    posts: int = 0
    findings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.rounds} rounds of {self.racers} racers, {self.records} records, "
            f"{self.lost} puts of them too late, {self.posts} POSTs; {len(self.findings)} findings"
        )


class Racers:
    """One process of them."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def begin(self, now: str, session_id: str) -> None:
        """Have all of them begin a pass."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{now} {session_id}\n".encode())

    async def result(self) -> Any:
        """What they wrote first, and what went wrong."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), ANSWER_S)
        if not line:
            raise RuntimeError("the racers are gone")
        return json.loads(line)


@asynccontextmanager
async def _racers(one: Rig, names: list[str], url: str) -> AsyncIterator[Racers]:
    kept = {name: os.environ[name] for name in os.environ if name.startswith(("AWS_", "PATH"))}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.racing", str(one.folder), *names),
        env={
            **kept,
            **({"AWS_ENDPOINT_URL": url} if url else {}),
            "CLOUDFLARE_API_TOKEN": one.source.token,
            "CLOUDFLARE_ACCOUNT_ID": one.source.account_id,
            "CLOUDFLARE_BASE_URL": one.base_url,
            "RTK_ARCHIVE_STORE": one.configured().store,
            "RTK_ARCHIVE_BUDGET": "99999/1",
        },
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Racers(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


class Race:
    """Rounds on one archive."""

    def __init__(self, one: Rig, processes: list[Racers], result: Result, seed: int) -> None:
        self._one = one
        self._processes = processes
        self.result = result
        self._meetings = iter(generate_meetings(1000, seed, utterances=8, chat=3, days=1))

    def _new_session(self) -> str:
        meeting = dataclasses.replace(next(self._meetings), summary_mode=SummaryMode.ON_REQUEST)
        ended_at = self._one.clock.now() - timedelta(hours=1)
        return self._one.source.add_session(meeting, ended_at=ended_at)

    async def round(self) -> None:
        """One new session, captured by all at once; and again when its summary is there."""
        one, began = self._one, len(self.result.findings)
        session_id = self._new_session()
        won: list[tuple[str, str]] = []
        for _ in range(2):
            for process in self._processes:
                process.begin(one.clock.now().isoformat(), session_id)
            for answer in await asyncio.gather(*(each.result() for each in self._processes)):
                won += [(key, digest) for key, digest in answer["won"]]
                self.result.lost += answer["lost"]
                self.result.findings += answer["problems"]
            one.clock.advance(BETWEEN.total_seconds())
        self.result.rounds += 1
        self.result.records += len(won)
        await self._check(session_id, won)
        for number in range(began, len(self.result.findings)):
            told = self.result.findings[number]
            self.result.findings[number] = f"round {self.result.rounds}: {told}"

    async def _check(self, session_id: str, won: list[tuple[str, str]]) -> None:
        say = self.result.findings.append
        posts = self._one.source.summary_posts[session_id]
        self.result.posts += posts
        if posts != 1:
            say(f"{posts} POSTs")
        for key, writers in Counter(key for key, _ in won).items():
            if writers != 1:
                say(f"{key} was written by {writers}")
        async with open_archive(self._one.configured()) as archive:
            for key, digest in won:
                if sha256(await archive.store.get(key)) != digest:
                    say(f"{key} is not what its writer wrote")
            await self._check_chain(archive, session_id)

    async def _check_chain(self, archive: Archive, session_id: str) -> None:
        say = self.result.findings.append
        found = await archive.find(session_id)
        session = self._one.source.session(session_id)
        if found is None:
            say("nothing is in the archive")
            return
        verified = await verify(archive, session=found)
        self.result.findings += map(str, verified.findings)
        chain = await archive.chain(keys.folder(found, session.started_at))
        if chain is None or chain.newest is None or chain.problem:
            say(f"the chain is broken: {chain and chain.problem}")
            return
        archived = sum(each.outcome == "archived" for each in chain.newest.inventory.entries)
        if archived != ARTIFACTS:
            say(f"{archived} artifacts are archived, not {ARTIFACTS}")

    async def check_all(self) -> None:
        """Nothing is damaged anywhere."""
        async with open_archive(self._one.configured()) as archive:
            self.result.findings += map(str, (await verify(archive)).findings)


async def race(
    folder: Path, rounds: int, racers: int, seed: int, urls: tuple[str, ...], **settings: Any
) -> Result:
    """So many rounds on one archive; the processes take the addresses in turn."""
    result = Result(racers=racers)
    names = [f"racer-{number}" for number in range(racers)]
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(rig(folder, meetings=0, **settings))
        processes = [
            await stack.enter_async_context(
                _racers(one, names[number::PROCESSES], urls[number % len(urls)] if urls else "")
            )
            for number in range(PROCESSES)
        ]
        contest = Race(one, processes, result, seed)
        for _ in range(rounds):
            await contest.round()
        await contest.check_all()
    return result


def race_on(
    server: str, urls: tuple[str, ...], folder: Path, *, rounds: int, racers: int, seed: int
) -> Result:
    """Rounds in a folder, or in a plain bucket of a server that answers at these addresses."""
    if server == "directory":
        return asyncio.run(race(folder, rounds, racers, seed, ()))
    raw = raw_client(urls[0])
    bucket = make_bucket(raw, Variant(server=server))
    raw.close()
    with pytest.MonkeyPatch.context() as patch:
        use_server(patch, urls[0])
        store = f"s3://{bucket}/race"
        return asyncio.run(race(folder, rounds, racers, seed, urls, store=store))


def _chosen(server: str | None) -> Iterator[str]:
    for name in ("directory", *SERVERS) if server is None else (server,):
        if name != "directory" and (why := SERVERS[name].missing()):
            print(f"{name}: {why}", flush=True)
        else:
            yield name


def main() -> None:
    """Race on the chosen servers, and exit with 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--racers", type=int, default=16)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--server", choices=("directory", *SERVERS), help="all unless given")
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    found = 0
    for name in _chosen(args.server):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            (own := folder / "server").mkdir()
            (data := folder / "race").mkdir()
            started = () if name == "directory" else SERVERS[name].start(own)
            urls = started if isinstance(started, tuple) else stack.enter_context(started)
            began = time.monotonic()
            result = race_on(
                name, urls, data, rounds=args.rounds, racers=args.racers, seed=args.seed
            )
            expected = "one winner of a race" in GAPS[name]
            for each in result.findings:
                print(f"{name}{', as expected' * expected}, {each}", flush=True)
            print(f"{name}: {result}, in {time.monotonic() - began:.0f} s", flush=True)
            found += 0 if expected else len(result.findings)
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
