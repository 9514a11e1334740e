"""Utterances per second from stored artifacts to the index, against a bare executemany.

    python -m benchmarks.index_build [--sessions 1000] [--rounds 3]

The indexer reads inventories and artifacts from a directory store, checks their digests, parses and
prepares the words. The bare loop inserts the very same rows, taken from the finished index and held in
memory, into the same tables, with as many sessions in a transaction.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archiver.archive.archive import Archive, Origin
from archiver.archive.inventory import Entry, Inventory
from archiver.archive.stores import open_store
from archiver.clock import SystemClock
from archiver.ledger import Ledger
from archiver.model import SESSION_RECORD, Outcome, Session, transcript
from archiver.rebuild import rebuild_ledger
from benchmarks.source import machine
from benchmarks.text import talk
from migrations.index import migrate
from migrations.sqlite import Transaction, connect
from search.formats import Limits
from search.index.appfile import KINDS
from search.index.generations import Generations, app_path
from search.indexer import BATCH_SESSIONS, Indexer
from search.text import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = "benchmark"
UTTERANCES = 300
STARTED = datetime(2026, 1, 1, tzinfo=UTC)


async def store_sessions(folder: Path, sessions: int) -> int:
    """Write an archive with so many sessions of 300 utterances; returns the bytes of their text."""
    origin = Origin(base_url="http://127.0.0.1:1", account="benchmark", simulated=True)
    text_bytes = 0
    store = open_store(f"file:{folder}")
    try:
        archive = await Archive.open(store, origin=origin)
        for number in range(sessions):
            rows = list(talk(number, UTTERANCES))
            text_bytes += sum(len(row["sentence"]) for row in rows)
            await _store(archive, number, rows)
    finally:
        await store.close()
    return text_bytes


async def _store(archive: Archive, number: int, rows: list[dict[str, Any]]) -> None:
    started_at = STARTED + timedelta(minutes=40 * number)
    session = Session(
        app_id=APP,
        session_id=f"session-{number:06}",
        meeting_id="meeting",
        started_at=started_at,
        ended_at=started_at + timedelta(minutes=35),
        created_at=started_at,
        ended=True,
    )
    record = {"session": {"id": session.session_id, "meeting_display_name": f"Meeting {number}"}}
    bodies = {
        SESSION_RECORD: json.dumps(record | {"participants": []}).encode(),
        transcript("JSON"): json.dumps(rows).encode(),
    }
    base = Inventory(
        archive_id=archive.id,
        account="benchmark",
        session=session,
        version=1,
        previous="",
        entries=(),
    )
    entries = []
    for artifact, body in bodies.items():
        digest = hashlib.sha256(body).hexdigest()
        name = f"{artifact.kind}.{digest}.json"
        await archive.store.put(
            base.folder + name, body, digest=digest, size_bytes=len(body), media_type="text/plain"
        )
        entries.append(
            Entry(
                artifact=artifact,
                outcome=Outcome.ARCHIVED,
                name=name,
                digest=digest,
                size_bytes=len(body),
            )
        )
    await archive.commit(
        Inventory(
            archive_id=archive.id,
            account="benchmark",
            session=session,
            version=1,
            previous="",
            entries=tuple(entries),
        )
    )


async def build(archive_folder: Path, data: Path) -> tuple[float, Path]:
    """Index everything by following the ledger; returns the seconds and the index file."""
    store = open_store(f"file:{archive_folder}")
    try:
        archive = await Archive.open(store)
        await rebuild_ledger(archive, data / "ledger.db", SystemClock())
        ledger = Ledger.open(data / "ledger.db")
        indexer = Indexer(archive, ledger, data / "index", Limits())
        begin = time.perf_counter()
        await indexer.catch_up()
        seconds = time.perf_counter() - begin
        indexer.close()
        ledger.close()
    finally:
        await store.close()
    return seconds, app_path(Generations(data / "index").ensure(), APP)


def bare(source: Path, target: Path) -> float:
    """Insert the rows of a finished index into the same tables, with nothing else to do."""
    rows = _rows(source)
    connection = connect(target)
    migrate(connection)
    begin = time.perf_counter()
    for at in range(0, len(rows["session"]), BATCH_SESSIONS):
        chosen = rows["session"][at : at + BATCH_SESSIONS]
        with Transaction(connection) as db:
            for row in chosen:
                lines, words, columns = rows["of"][row[0]]
                db.executemany("insert into line values (?, ?, ?, ?, ?, ?, ?)", lines)
                db.executemany("insert into lines (rowid, text, who) values (?, ?, ?)", words)
                db.execute(
                    "insert into sessions (rowid, transcript, chat, summary, title)"
                    " values (?, ?, ?, ?, ?)",
                    columns,
                )
                db.execute(f"insert into session values ({','.join('?' * len(row))})", row)
    seconds = time.perf_counter() - begin
    connection.close()
    return seconds


def _rows(source: Path) -> dict[str, Any]:
    connection = connect(source, read_only=True)
    sessions = connection.execute("select * from session order by id").fetchall()
    held: dict[int, Any] = {}
    for row in sessions:
        lines = connection.execute(
            "select * from line where session = ? order by id", [row[0]]
        ).fetchall()
        prepared = [prepare(line[6]) for line in lines]
        words = [
            (line[0], text, f"s{line[3]} k{line[2]}")
            for line, text in zip(lines, prepared, strict=True)
        ]
        columns = [
            " ".join(text for line, text in zip(lines, prepared, strict=True) if line[2] == kind)
            for kind in range(len(KINDS))
        ]
        held[row[0]] = (lines, words, [row[0], *columns, prepare(row[3])])
    connection.close()
    return {"session": sessions, "of": held}


def rounds_of(archive: Path, rounds: int) -> Iterator[tuple[float, float, int]]:
    """Seconds of the indexer and of the bare loop, in turn, and the size of the index."""
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            indexer_s, file = asyncio.run(build(archive, Path(folder)))
            bare_s = bare(file, Path(folder) / "bare.db")
            yield indexer_s, bare_s, file.stat().st_size


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text_bytes = asyncio.run(store_sessions(Path(folder), args.sessions))
        utterances = args.sessions * UTTERANCES
        ratios = []
        for number, (indexer_s, bare_s, size_bytes) in enumerate(
            rounds_of(Path(folder), args.rounds), start=1
        ):
            ratios.append(bare_s / indexer_s)
            print(
                f"round {number}: indexer {utterances / indexer_s:8.0f} utterances/s "
                f"({text_bytes / indexer_s / 1e6:.1f} MB/s of text), bare executemany "
                f"{utterances / bare_s:8.0f}, ratio {ratios[-1]:.2f}, "
                f"index {size_bytes / text_bytes:.2f} x text"
            )
    print(f"median ratio {statistics.median(ratios):.2f} (bar: 0.60)   [{machine()}]")


if __name__ == "__main__":
    main()
