"""`rebuild all` from a folder, against `rebuild index` alone on the same archive.

    python -m benchmarks.rebuild [--sessions 100000] [--utterances 100]

Both in processes of their own: prints the seconds, their ratio, and the most memory each held.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

from archiver.archive.archive import Archive
from archiver.archive.inventory import Entry
from archiver.archive.stores import open_store
from archiver.clock import SystemClock
from archiver.ledger import Ledger
from archiver.model import SESSION_RECORD, Outcome, transcript
from archiver.rebuild import rebuild_ledger
from benchmarks.archives import ORIGIN, inventory_of, session_of
from benchmarks.source import machine
from benchmarks.text import talk
from search.formats import Limits
from search.indexer import Indexer


def make(folder: Path, sessions: int, utterances: int) -> None:
    """An archive of so many sessions; written without waiting for the disk, which is not measured."""

    async def begin() -> str:
        store = open_store(f"file:{folder}")
        archive = await Archive.open(store, origin=ORIGIN)
        await archive.close()
        return archive.id

    archive_id = asyncio.run(begin())
    rows = [json.dumps(list(talk(number, utterances))).encode() for number in range(50)]
    for number in range(sessions):
        session = session_of(number)
        record = {"session": {"id": session.session_id}, "participants": []}
        bodies = {
            SESSION_RECORD: json.dumps(record).encode(),
            transcript("JSON"): rows[number % len(rows)],
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


def _measured(folder: Path, data: Path, *, only_index: bool) -> tuple[float, float]:
    async def run() -> float:
        store = open_store(f"file:{folder}")
        archive = await Archive.open(store)
        if only_index:
            await rebuild_ledger(archive, data / "ledger.db", SystemClock())
        began = time.perf_counter()
        if not only_index:
            await rebuild_ledger(archive, data / "ledger.db", SystemClock())
        ledger = Ledger.open(data / "ledger.db")
        indexer = Indexer(archive, ledger, data / "index", Limits())
        await indexer.rebuild()
        await indexer.catch_up()
        seconds = time.perf_counter() - began
        indexer.close()
        ledger.close()
        await archive.close()
        return seconds

    seconds = asyncio.run(run())
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(folder: Path, *, only_index: bool) -> tuple[float, float]:
    """Seconds, and the most MiB, of one or the other."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as data, context.Pool(1) as pool:
        return pool.apply(_measured, (folder, Path(data)), {"only_index": only_index})


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--utterances", type=int, default=100)
    args = parser.parse_args()
    for sessions in (args.sessions // 10, args.sessions):
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder)
            make(archive, sessions, args.utterances)
            index_s, index_mib = measure(archive, only_index=True)
            all_s, all_mib = measure(archive, only_index=False)
        print(
            f"{sessions} sessions: index alone {index_s:.1f} s, {index_mib:.0f} MiB; "
            f"rebuild all {all_s:.1f} s, {all_mib:.0f} MiB; ratio {index_s / all_s:.2f} (bar: 0.70)"
        )
    print(machine())


if __name__ == "__main__":
    main()
