"""What the endpoint adds to the index's own time, and what a second process gives.

    python -m benchmarks.http [--utterances 1000000] [--keep DIR] [--seconds 10] [--json FILE]

`rtk-archive serve` in processes of their own over one index, one ledger that holds every session as
archived, and one archive. One keep-alive connection, a bare socket, asks five queries of every class
of `benchmarks.search`; each answer is set against the same search in this process, in turn, the best
of three runs of each. `/healthz`, which has nothing to do, is asked beside: so much the connection and
the server around it cost. Then two connections ask as fast as they are answered: both of one process,
and each of its own; beside that, what two processes of this machine give that only count.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from archiver.archive.archive import Archive
from archiver.archive.chains import Committed
from archiver.archive.inventory import Entry
from archiver.archive.stores import open_store
from archiver.clock import SystemClock
from archiver.ledger import Found, Ledger
from archiver.model import SESSION_RECORD, Outcome, from_ms, transcript
from archiver.records import states_of
from benchmarks.archives import ORIGIN, inventory_of, session_of
from benchmarks.corpus import Corpus
from benchmarks.search import indexes
from benchmarks.search.queries import LIMIT, MOMENTS, Asked, queries_of
from benchmarks.source import machine
from search.index.library import Library

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = 3
OF_A_CLASS = 5
WARM_S = 2.0
_COUNTING = """
import sys, time
until, count = time.perf_counter() + float(sys.argv[1]), 0
while time.perf_counter() < until:
    count += 1
print(count)
"""
_DIGEST = "0" * 64
_RECEIVED_BYTES = 1 << 18
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)")


async def prepare(folder: Path, corpus: Corpus) -> None:
    """An archive with nothing in it, and a ledger that lists every session of the corpus as archived."""
    archive = await Archive.open(open_store(f"file:{folder / 'archive'}"), origin=ORIGIN)
    await archive.close()
    now = SystemClock().now()
    entries = tuple(
        Entry(
            artifact=artifact,
            outcome=Outcome.ARCHIVED,
            name=f"{artifact.kind}.{_DIGEST}.json",
            digest=_DIGEST,
            size_bytes=1,
        )
        for artifact in (SESSION_RECORD, transcript("JSON"))
    )

    def found() -> Iterator[Found]:
        for number in range(len(corpus)):
            started_at = from_ms(corpus.started_at_ms(number))
            session = replace(
                session_of(number),
                app_id=corpus.app_of(number),
                started_at=started_at,
                ended_at=started_at + timedelta(minutes=30),
                created_at=started_at,
            )
            inventory = inventory_of(archive.id, session, entries)
            yield Found(
                committed=Committed(inventory=inventory, digest=_DIGEST),
                states=states_of(inventory, now),
                next_attempt_at=None,
            )

    with closing(Ledger.open(folder / "data" / "ledger.db")) as ledger:
        ledger.bind(archive.id)
        ledger.adopt_all(found(), now)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """One more process that answers; yields its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    where = ("--data", str(folder / "data"), "--store", f"file:{folder / 'archive'}")
    process = subprocess.Popen(
        [sys.executable, "-m", "search", *where, "serve"],
        env=os.environ | {"RTK_ARCHIVE_LISTEN": address},
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(tuple_of(address)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://{address}/v1/search"
    finally:
        process.terminate()
        process.wait()


def tuple_of(address: str) -> tuple[str, int]:
    host, port = address.split(":")
    return host, int(port)


def path_of(url: str, asked: Asked) -> str:
    """The same search as the path of a request."""
    request = asked.request()
    fields: dict[str, object] = {
        "q": asked.text,
        "sort": request.sort,
        "match": request.match,
        "limit": LIMIT,
        "moments": MOMENTS,
    }
    if request.apps is not None:
        fields["app"] = list(request.apps)
    return f"{urlsplit(url).path}?{urlencode(fields, doseq=True)}"


def answered_ms(connection: socket.socket, path: str) -> float:
    """Milliseconds until the whole answer is there, as it is sent: unpacking it is the client's part."""
    host = "{}:{}".format(*connection.getpeername())
    asking = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    began = time.perf_counter()
    connection.sendall(asking)
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(_RECEIVED_BYTES)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(_LENGTH.search(head)[1])  # type: ignore[index]
    missing = length - len(body)
    while missing > 0:
        missing -= len(connection.recv(_RECEIVED_BYTES))
    took_ms = (time.perf_counter() - began) * 1000
    if not head.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"the endpoint answers {head.decode()}")
    return took_ms


def added(url: str, library: Library, queries: list[Asked]) -> tuple[float, float, float]:
    """The median milliseconds of a search in this process, of what the endpoint adds to it, and of
    an answer that takes no work."""
    within, differences, idle = [], [], []
    with socket.create_connection(tuple_of(urlsplit(url).netloc)) as connection:
        for asked in queries:
            request = asked.request()
            path = path_of(url, asked)
            answered_ms(connection, path)
            library.search(request)
            through, alone = [], []
            for _ in range(RUNS):
                through.append(answered_ms(connection, path))
                began = time.perf_counter()
                library.search(request)
                alone.append((time.perf_counter() - began) * 1000)
                idle.append(answered_ms(connection, "/healthz"))
            within.append(min(alone))
            differences.append(min(through) - min(alone))
    return statistics.median(within), statistics.median(differences), statistics.median(idle)


def throughput(urls: list[str], queries: list[Asked], seconds: float) -> float:
    """Answers a second to a connection to each of these; one URL may come more than once."""

    def client(url: str, until: float) -> int:
        count = 0
        with socket.create_connection(tuple_of(urlsplit(url).netloc)) as connection:
            for asked in cycle(queries):
                answered_ms(connection, path_of(url, asked))
                if time.perf_counter() > until:
                    return count
                count += 1
        return count

    with ThreadPoolExecutor() as threads:
        # What a process opens at its first requests is open by then.
        for url in dict.fromkeys(urls):
            threads.submit(client, url, time.perf_counter() + WARM_S).result()
        until = time.perf_counter() + seconds
        counts = threads.map(lambda url: client(url, until), urls)
        return sum(counts) / seconds


def counted(processes: int, seconds: float) -> int:
    """How far so many processes count at once that do nothing else: what the machine has to give."""
    command = [sys.executable, "-c", _COUNTING, str(seconds)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    return sum(int(each.communicate()[0]) for each in running)


def measure(corpus: Corpus, kept: Path, seconds: float) -> dict[str, float]:
    """The figures, printed as well."""
    ours = indexes.kept_index(corpus, kept, "ours", indexes.build)
    queries = [each for of in queries_of(corpus, kept).values() for each in of[:OF_A_CLASS]]
    with tempfile.TemporaryDirectory() as root, ExitStack() as stack:
        folder = Path(root)
        (folder / "data").mkdir(mode=0o700)
        (folder / "data" / "index").symlink_to(ours.resolve())
        asyncio.run(prepare(folder, corpus))
        library = stack.enter_context(closing(Library(ours, timeout_s=120)))
        first = stack.enter_context(serving(folder))
        within_ms, adds_ms, idle_ms = added(first, library, queries)
        one = throughput([first, first], queries, seconds)
        floor = counted(2, seconds) / counted(1, seconds)
        second = stack.enter_context(serving(folder))
        two = throughput([first, second], queries, seconds)
    print(f"{corpus.utterances} utterances, {len(queries)} queries   [{machine()}]")
    print(
        f"the index {within_ms:.2f} ms p50, the endpoint adds {adds_ms:.2f} ms (bar: 1);"
        f" an answer without work takes {idle_ms:.2f} ms"
    )
    print(
        f"answers a second to two connections: {one:.0f} of one process, {two:.0f} of two, "
        f"ratio {two / one:.2f} (bar: 1.8; two processes that only count: {floor:.2f})"
    )
    return {
        "within_ms": within_ms,
        "adds_ms": adds_ms,
        "idle_ms": idle_ms,
        "one": one,
        "two": two,
        "floor": floor,
    }


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--utterances", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where indexes are built and kept")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    args = parser.parse_args()
    with ExitStack() as stack:
        kept = args.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kept.mkdir(parents=True, exist_ok=True)
        found = measure(Corpus(args.utterances, args.seed), kept, args.seconds)
    if args.json is not None:
        args.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
