"""A worker that is killed at random: run as `python -m tests.kill_campaign --rounds 50 --seed 1`.

Every round has a source of its own with faults of its own, and an archive of its own, in a folder or
in a bucket of a real S3 server. Real processes, sometimes two at once, are killed (SIGKILL) somewhere
on their way; then passes follow until everything is settled. What must hold is checked after every
kill and at the end. Seed and number of a round decide all but the moment's chance.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive.keys import parse_key
from archiver.errors import ArchiveMissingError, RateLimitedError, SourceUnavailableError
from archiver.runtime import open_archive
from archiver.simulated import Post, SummaryMode, generate_meetings
from archiver.verify import verify
from tests.archiver.archive.stores.conftest import Variant, make_bucket, raw_client, use_server
from tests.archiver.archive.stores.here import SERVERS, quick_server
from tests.rig import rig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from archiver.simulated import Meeting
    from archiver.simulated.source import Request
    from tests.rig import Rig

ARTIFACTS = (("transcript", "JSON"), ("transcript", "CSV"), ("chat", ""), ("summary", ""))
SWITCHES: tuple[tuple[str, object], ...] = (
    ("not_found_times", 1),
    ("no_data_times", 1),
    ("empty_url_times", 1),
    ("expired_url_times", 1),
    ("empty_file_times", 1),
    ("reset_times", 2),
    ("short_times", 2),
    ("error_times", 2),
    ("chunked", True),
    ("redirects", 2),
)
#: Between two kills: at once, once more a summary may be asked for, once patience is over.
PAUSES = (timedelta(), timedelta(minutes=20), timedelta(hours=7))
SETTLE_HOURS = 4
BUCKETS = (
    Variant(server="s3"),
    Variant(server="s3", versioned=True),
    Variant(server="s3", versioned=True, locked=True),
)


@dataclass(slots=True)
class Result:
    """What rounds came to."""

    rounds: int = 0
    killed: int = 0  #: processes that were at work when they were killed
    ended: int = 0  #: processes that were done before
    posts: int = 0
    asked_twice: int = 0  #: sessions
    sessions: int = 0
    findings: list[str] = field(default_factory=list)

    def add(self, other: Result) -> None:
        for each in dataclasses.fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def __str__(self) -> str:
        return (
            f"{self.rounds} rounds, {self.sessions} sessions, {self.killed} processes killed at work, "
            f"{self.ended} done before; {self.posts} POSTs, {self.asked_twice} sessions asked twice; "
            f"{len(self.findings)} findings"
        )


class Arrivals:
    """Requests as they come to a source, to be waited for."""

    def __init__(self, one: Rig) -> None:
        self._number = 0
        self._waited_for: list[tuple[int, asyncio.Event]] = []
        note = one.source.note

        def noted(request: Request) -> None:
            note(request)
            self._number += 1
            for number, event in self._waited_for:
                if self._number >= number:
                    event.set()

        setattr(one.source, "note", noted)  # noqa: B010 — the source tells nobody

    async def wait(self, more: int) -> None:
        """Until so many more have come."""
        event = asyncio.Event()
        self._waited_for.append((self._number + more, event))
        await event.wait()


def _meetings(rng: random.Random) -> tuple[Meeting, ...]:
    made = generate_meetings(rng.randint(3, 6), rng.randrange(1000), utterances=8, chat=3, days=2)
    modes = (SummaryMode.AUTOMATIC, SummaryMode.ON_REQUEST)
    return tuple(dataclasses.replace(each, summary_mode=rng.choice(modes)) for each in made)


def _break(one: Rig, rng: random.Random) -> None:
    """Draw the faults of a source; all of them pass, so that everything can be had in the end."""
    faults = one.source.faults
    faults.seed, faults.random_rate = rng.randrange(10**6), rng.choice((0, 0.03, 0.1, 0.2))
    faults.random_times = 2
    for session_id in one.source.session_ids:
        for kind, format_ in ARTIFACTS:
            if rng.random() < 0.3:
                switch, value = rng.choice(SWITCHES)
                faults.on(session_id=session_id, kind=kind, format=format_, **{switch: value})
        if rng.random() < 0.5:
            faults.on(session_id=session_id, kind="summary", post=rng.choice(list(Post)))


def environment(one: Rig, data: str) -> dict[str, str]:
    settings = one.configured(data)
    kept = {name: os.environ[name] for name in os.environ if name.startswith(("AWS_", "PATH"))}
    return kept | {
        "CLOUDFLARE_API_TOKEN": one.source.token,
        "CLOUDFLARE_ACCOUNT_ID": one.source.account_id,
        "CLOUDFLARE_BASE_URL": one.base_url,
        "RTK_ARCHIVE_STORE": settings.store,
        "RTK_ARCHIVE_DATA": str(settings.data),
        "RTK_ARCHIVE_CONCURRENCY": "3",
    }


async def _run_killed(
    one: Rig, arrivals: Arrivals, data: str, rng: random.Random, result: Result
) -> None:
    """One process: begun, let work for a while, and killed."""
    command, requests = rng.choice(("sync", "sync", "work")), rng.randint(1, 45)
    patience_s, more_s = rng.uniform(0.2, 1.0), rng.uniform(0, 0.03)
    said = one.folder / f"{data}.stderr"
    with said.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.shifted", one.clock.now().isoformat(), command),
            env=environment(one, data),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=stderr,
        )
    ended = asyncio.create_task(process.wait())
    far_enough = asyncio.create_task(_far_enough(arrivals, requests, patience_s, more_s))
    try:
        await asyncio.wait((ended, far_enough), timeout=30, return_when=asyncio.FIRST_COMPLETED)
    finally:
        far_enough.cancel()
        with suppress(ProcessLookupError):
            process.kill()
    code = await ended
    if code == -signal.SIGKILL:
        result.killed += 1
    else:
        result.ended += 1
    text = said.read_text(errors="replace")
    if code not in {-signal.SIGKILL, 0, 1, 3} or "Traceback" in text or "should not" in text:
        result.findings.append(f"{command} ended with {code}: {text[-300:]}")


async def _far_enough(arrivals: Arrivals, requests: int, patience_s: float, more_s: float) -> None:
    """Until so many requests have come, or none came for a while: it may be waiting to try again."""
    await arrivals.wait(1)
    with suppress(TimeoutError):
        await asyncio.wait_for(arrivals.wait(requests), patience_s)
    await asyncio.sleep(more_s)


async def checked(one: Rig, *, settled: bool = False) -> list[str]:
    """What is wrong with the archive, if there is one yet; and once it is settled, what it lacks."""
    try:
        async with open_archive(one.configured()) as archive:
            found = [str(each) for each in (await verify(archive)).findings]
            listed = [info.key async for info in archive.store.list("")]
            found += _asked(one, listed)
            if settled:
                found += _missing(one, {key: await archive.store.get(key) for key in listed})
            return found
    except ArchiveMissingError as error:
        return [str(error)] if settled else []


def _offered(one: Rig, session_id: str, kind: str) -> bool:
    """Whether the source had it; a summary may have been waited for in vain."""
    session = one.source.session(session_id)
    automatic = session.meeting.summary_mode is SummaryMode.AUTOMATIC
    return kind != "summary" or automatic or session.requested_at is not None


def _missing(one: Rig, objects: Mapping[str, bytes]) -> list[str]:
    """What the source offered and is not in the archive byte for byte, as its inventories say."""
    newest: dict[str, tuple[str, list[dict[str, str]]]] = {}
    for key, data in sorted(objects.items()):
        if (parsed := parse_key(key)) is not None and parsed.version:
            artifacts = json.loads(data)["artifacts"]
            newest[parsed.session_id.session_id] = (parsed.folder, artifacts)
    found = []
    for session_id in one.source.session_ids:
        folder, artifacts = newest.get(session_id, ("", []))
        entries = {(each["kind"], each.get("format", "")): each for each in artifacts}
        for kind, format_ in ARTIFACTS:
            entry = entries.get((kind, format_), {})
            outcome = entry.get("outcome", "nothing")
            if not _offered(one, session_id, kind):
                if outcome not in {"absent", "lost"}:
                    found.append(f"{session_id} {kind}: {outcome}, though it was never there")
                continue
            served = one.source.artifact_bytes(session_id, kind, format_)
            kept = objects.get(folder + entry.get("name", ""))
            if (outcome, kept) != ("archived", served) or (
                entry["digest"] != hashlib.sha256(served).hexdigest()
            ):
                found.append(f"{session_id} {kind} {format_}: {outcome}")
    return found


def _asked(one: Rig, listed: Sequence[str]) -> list[str]:
    """Sessions whose summary was asked for more than twice, or without a record of it."""
    recorded = Counter(
        parsed.session_id.session_id
        for key in listed
        if (parsed := parse_key(key)) is not None and parsed.request
    )
    return [
        f"{session_id}: {posts} POSTs, {recorded[session_id]} recorded"
        for session_id, posts in one.source.summary_posts.items()
        if posts > min(2, recorded[session_id])
    ]


async def settle(one: Rig) -> None:
    """Passes until nothing is pending, at most for the seven days there are."""
    for _ in range(9):  # what fails at random fails a few times only
        with suppress(SourceUnavailableError, RateLimitedError):
            async with one.runtime() as runtime:
                for _ in range(8 * 24 // SETTLE_HOURS):
                    await runtime.worker.sync()
                    counts = runtime.ledger.session_counts()
                    if counts["sessions"] == len(one.source.session_ids) and not counts["pending"]:
                        return
                    one.clock.advance(timedelta(hours=SETTLE_HOURS).total_seconds())
    raise AssertionError("something stays pending for ever")


async def play(folder: Path, rng: random.Random, kills: int, **settings: Any) -> Result:
    """One round: kill and check at most so many times, settle, check."""
    result = Result(rounds=1)
    async with rig(folder, meetings=_meetings(rng), **settings) as one:
        _break(one, rng)
        arrivals = Arrivals(one)
        for _ in range(rng.randint(1, kills)):
            workers = ("data", "another") if rng.random() < 0.25 else ("data",)
            async with asyncio.TaskGroup() as group:
                for data in workers:
                    group.create_task(_run_killed(one, arrivals, data, rng, result))
            result.findings += await checked(one)
            one.clock.advance(rng.choice(PAUSES).total_seconds())
            if rng.random() < 0.3:
                one.source.add_session()
        await settle(one)
        result.findings += await checked(one, settled=True)
        result.sessions = len(one.source.session_ids)
        result.posts = one.source.summary_posts.total()
        result.asked_twice = sum(each > 1 for each in one.source.summary_posts.values())
    return result


class Campaign:
    """Rounds on one kind of store."""

    def __init__(
        self, store: str, folder: Path, seed: int, *, kills: int = 3, buckets: tuple[str, ...] = ()
    ) -> None:
        self.store = store
        self._folder = folder
        self._seed = seed
        self._kills = kills
        self._buckets = buckets

    def round(self, number: int) -> Result:
        """The round of this number."""
        rng = random.Random(f"{self.store}/{self._seed}/{number}")
        folder = self._folder / f"round-{number}"
        folder.mkdir()
        settings: dict[str, Any] = {}
        if self._buckets:
            settings["store"] = f"s3://{rng.choice(self._buckets)}/round-{number}"
        try:
            result = asyncio.run(play(folder, rng, self._kills, **settings))
        except Exception as error:  # noqa: BLE001 — a round that breaks is a finding
            result = Result(rounds=1, findings=[f"{type(error).__name__}: {error}"])
        result.findings = [f"{self.store}, round {number}: {each}" for each in result.findings]
        return result


@contextmanager
def s3_campaign(url: str, folder: Path, seed: int, *, kills: int = 3) -> Iterator[Campaign]:
    """Rounds in buckets of every kind on this server."""
    raw = raw_client(url)
    buckets = tuple(make_bucket(raw, each) for each in BUCKETS)
    raw.close()
    with pytest.MonkeyPatch.context() as patch:
        use_server(patch, url)
        yield Campaign("s3", folder, seed, kills=kills, buckets=buckets)


def _report(campaign: Campaign, rounds: int) -> int:
    began, total = time.monotonic(), Result()
    for number in range(1, rounds + 1):
        result = campaign.round(number)
        total.add(result)
        for each in result.findings:
            print(each, flush=True)
    print(f"{campaign.store}: {total}, in {time.monotonic() - began:.0f} s", flush=True)
    return len(total.findings)


def main() -> None:
    """Run the rounds, and exit with 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--store", choices=("directory", "s3"), help="both unless given")
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = 0
        for store in ("directory", "s3") if args.store is None else (args.store,):
            (rounds := folder / store).mkdir()
            if store == "directory":
                found += _report(Campaign(store, rounds, args.seed), args.rounds)
                continue
            with (
                SERVERS[quick_server()].start(folder) as urls,
                s3_campaign(urls[0], rounds, args.seed) as campaign,
            ):
                found += _report(campaign, args.rounds)
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
