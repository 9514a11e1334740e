"""What saved searches add to indexing: a folder indexed with none of them and with thousands, in turn.

    python -m benchmarks.alerts [--sessions 1500] [--searches 5000] [--rounds 3]

Each in a process of its own, which indexes the whole archive while alerts are looked for beside it, and
is done once both are. Prints seconds, CPU seconds, their ratios (bar: 1.10), and how much was found.
Telling it is not measured: that is as much as there is to tell.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import multiprocessing
import shutil
import statistics
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from archiver.alerts import Search, Target
from archiver.alerts.queue import FILE, Place, Queue
from archiver.alerts.records import COMMAND, created, new_id
from archiver.archive import keys
from archiver.archive.archive import Archive
from archiver.archive.inventory import Entry
from archiver.archive.journal import BEGINNING, Journal
from archiver.archive.stores import open_store
from archiver.clock import SystemClock
from archiver.ledger import Ledger
from archiver.model import SESSION_RECORD, Outcome, to_ms, transcript
from archiver.rebuild import rebuild_ledger
from archiver.settings import Settings
from archiver.settings.programs import Program
from benchmarks.archives import ORIGIN, inventory_of, session_of
from benchmarks.corpus import Corpus, text_of
from benchmarks.source import machine
from benchmarks.vocabulary import Vocabulary
from search.alerts import open_alerter
from search.alerts.alerter import POLL_S
from search.formats import Limits
from search.indexer import Indexer
from search.query import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from search.index.seam import Document

UTTERANCES = 300
#: Of the names and phrases that are watched for, so many are said at all, in a meeting of sixty.
SAID = 0.02
#: How many of a thousand searches are of each kind.
KINDS = {
    "name": 350,
    "phrase": 200,
    "both": 150,
    "either": 100,
    "near": 50,
    "beginning": 50,
    "said by": 50,
    "of a meeting": 20,
    "by anybody": 10,
    "chinese": 20,
}


def make(folder: Path, sessions: int) -> list[Document]:
    """An archive of so many sessions of the corpus; returns some of what they were made of."""

    async def begin() -> str:
        archive = await Archive.open(open_store(f"file:{folder}"), origin=ORIGIN)
        await archive.close()
        return archive.id

    archive_id = asyncio.run(begin())
    corpus = Corpus(UTTERANCES * sessions, seed=5)
    kept = []
    for number, document in zip(range(sessions), corpus, strict=False):
        if number % 10 == 0:
            kept.append(document)
        _store(folder, archive_id, number, document)
    return kept


def _store(folder: Path, archive_id: str, number: int, document: Document) -> None:
    assert document.transcript is not None
    session = session_of(number)
    told = {"id": session.session_id, "meeting_display_name": document.title}
    rows = [
        {
            "startTime": each.start_ms,
            "endTime": each.end_ms,
            "sentence": each.text,
            "peerData": {
                "id": each.peer_id,
                "userId": each.participant_id,
                "displayName": each.speaker,
                "cpi": "",
            },
        }
        for each in document.transcript.utterances
    ]
    bodies = {
        SESSION_RECORD: json.dumps({"session": told, "participants": []}).encode(),
        transcript("JSON"): json.dumps(rows).encode(),
    }
    digests = {artifact: hashlib.sha256(body).hexdigest() for artifact, body in bodies.items()}
    entries = tuple(
        Entry(
            artifact=artifact,
            outcome=Outcome.ARCHIVED,
            name=f"{artifact.kind}.{digests[artifact]}.json",
            digest=digests[artifact],
            size_bytes=len(body),
        )
        for artifact, body in bodies.items()
    )
    inventory = inventory_of(archive_id, session, entries)
    at = folder / inventory.folder
    at.mkdir(parents=True)
    for entry, body in zip(entries, bodies.values(), strict=True):
        (at / entry.name).write_bytes(body)
    (folder / inventory.key).write_bytes(inventory.to_bytes())


def queries(documents: list[Document], count: int) -> list[str]:
    """So many queries of mixed kinds, as watch lists are: what they look for is said rarely or never.

    Words are `rare` where one of these sessions says them, `middling` where a few in a hundred do.
    """
    draw = np.random.default_rng(7)
    lines = [[each.replace(".", "").split() for each in text_of(one)] for one in documents]
    holders = Counter(word for one in lines for word in {word for line in one for word in line})
    long = {each: often for each, often in holders.items() if len(each) > 4}
    rare = [each for each, often in long.items() if often == 1]
    middling = [each for each, often in long.items() if 1 < often <= len(documents) // 25]
    pairs = [
        f"{first} {second}"
        for one in lines
        for line in one
        for first, second in pairwise(line)
        if holders[first] <= len(documents) // 25
    ]
    known = Vocabulary(200_000)
    unheard = [known.word(known.size - number) for number in range(1, 20_000)]
    people = sorted({each.name for one in documents for each in one.participants})
    titles = [one.title for one in documents]

    def one(words: list[str]) -> str:
        return words[int(draw.integers(len(words)))]

    def name() -> str:
        return one(rare if draw.random() < SAID else unheard)

    def han() -> str:
        return "".join(chr(0x4E00 + int(each)) for each in draw.integers(0, 3000, 2))

    kinds: dict[str, Callable[[], str]] = {
        "name": name,
        "phrase": lambda: f'"{one(pairs) if draw.random() < SAID else one(unheard) + " the"}"',
        "both": lambda: f"{one(middling)} {one(middling)}",
        "either": lambda: f"{name()} OR {name()} OR {name()}",
        "near": lambda: f"{one(middling)} NEAR/8 {one(middling)}",
        "beginning": lambda: f"{name()}*",
        "said by": lambda: f'speaker:"{one(people)}" {one(middling)}',
        "of a meeting": lambda: f'meeting:"{one(titles)}"',
        "by anybody": lambda: f'speaker:"{one(people)}"',
        "chinese": han,
    }
    shares = [name for name, share in KINDS.items() for _ in range(share)]
    return [kinds[shares[at % 1000]]() for at in range(count)]


async def _prepare(folder: Path, settings: Settings, texts: list[str]) -> None:
    """Save the searches, and make a ledger that lists every session, none of which is indexed."""
    archive, clock = await Archive.open(open_store(f"file:{folder}")), SystemClock()
    now = clock.now()
    await rebuild_ledger(archive, settings.ledger_path, clock)
    with (
        closing(Ledger.open(settings.ledger_path)) as ledger,
        closing(Queue.open(settings.data / FILE)) as queue,
    ):
        for app_id in ledger.apps():
            queue.take(app_id, Place(ledger.epoch, 0, to_ms(now), 0), (), now)
    journal, link = Journal(archive, keys.SEARCHES), BEGINNING
    for number, text in enumerate(texts):
        search = Search(
            id=new_id(),
            name=str(number),
            query=str(parse(text)),
            match="all",
            key_id="",
            key_name="",
            target=Target(kind=COMMAND, to="note"),
            created_at=now - timedelta(days=1),
        )
        link = await journal.append(link, created(search), {})
    await archive.close()


@dataclass(frozen=True, slots=True)
class Took:
    """What one run took, and what was found in it."""

    seconds: float
    cpu_s: float
    found: int


def _settings(data: Path) -> Settings:
    return Settings(data=data, alert_commands=(Program("note", ("/bin/cat",)),))


async def _index(folder: Path, data: Path) -> Took:
    """Index everything while alerts are looked for."""
    settings, clock = _settings(data), SystemClock()
    archive = await Archive.open(open_store(f"file:{folder}"))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(archive.close)
        ledger = stack.enter_context(closing(Ledger.open(settings.ledger_path)))
        alerter = await stack.enter_async_context(open_alerter(settings, archive, ledger, clock))
        assert alerter is not None
        await alerter.look()  # what every process does once: the searches are understood
        indexer = stack.enter_context(
            closing(Indexer(archive, ledger, settings.index_path, Limits()))
        )
        indexed, found = asyncio.Event(), 0

        async def look() -> int:
            count = 0
            while not indexed.is_set():
                count += await alerter.look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(indexed.wait(), POLL_S)
            return count + await alerter.look()

        began, cpu = time.perf_counter(), time.process_time()
        looking = asyncio.create_task(look())
        await indexer.catch_up()
        indexed.set()
        found = await looking
        return Took(time.perf_counter() - began, time.process_time() - cpu, found)


def _run(folder: Path, data: Path) -> Took:
    return asyncio.run(_index(folder, data))


def measure(folder: Path, template: Path) -> Took:
    """One run, in a process and a data folder of its own."""
    with tempfile.TemporaryDirectory(dir=template.parent) as name:
        data = Path(name) / "data"
        shutil.copytree(template, data)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(_run, (folder, data))


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sessions", type=int, default=1500)
    parser.add_argument("--searches", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        documents = make(root / "archive", args.sessions)
        texts = queries(documents, args.searches)
        for saved in ("without", "with"):
            # The searches are in the bucket: each way has a copy of it.
            shutil.copytree(root / "archive", root / saved / "archive")
            of = texts if saved == "with" else []
            asyncio.run(_prepare(root / saved / "archive", _settings(root / saved / "data"), of))
        took: dict[str, list[Took]] = {"without": [], "with": []}
        for _ in range(args.rounds):
            for saved, runs in took.items():
                runs.append(measure(root / saved / "archive", root / saved / "data"))
                print(f"{saved}: {runs[-1]}", flush=True)
    for what in ("seconds", "cpu_s"):
        without, with_ = (
            statistics.median(getattr(each, what) for each in took[saved])
            for saved in ("without", "with")
        )
        print(
            f"{what}: {without:.2f} without, {with_:.2f} with {args.searches} searches:"
            f" ratio {with_ / without:.3f} (bar: 1.10)"
        )
    found = took["with"][-1].found
    print(f"{found} alerts found, {found / args.sessions:.2f} a session")


if __name__ == "__main__":
    main()
