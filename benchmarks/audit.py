"""What the record of reads adds to a search: the endpoint with and without it, in turn, in one run.

    python -m benchmarks.audit [--sessions 500] [--searches 1000]

The whole application answers in this process, without a network; searches alternate between two
applications over the same index and ledger, one of which records. Bar: 0.3 ms at the median.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archiver.access import LOCAL
from archiver.audit import Trail
from archiver.clock import SystemClock
from archiver.settings import Settings
from benchmarks.source import machine
from search.formats import Transcript, Utterance
from search.index.appfile import AppFile
from search.index.generations import Generations, app_path
from search.index.library import Library
from search.index.seam import Document, Position
from search.web import Services, create_app

if TYPE_CHECKING:
    from starlette.applications import Starlette

APP = "c94c437b-0000-4000-8000-000000000001"
SYLLABLES = ["".join(each) for each in product("bdfgklmnprst", "aeiou")]
WORDS = ["".join(each) for each in product(SYLLABLES, repeat=2)][:2000]
QUERIES = [f"{first} {second}" for first, second in zip(WORDS[::2], WORDS[1::2], strict=True)]


def build(root: Path, sessions: int) -> Path:
    """An index of so many sessions of twenty utterances."""
    folder = Generations(root).ensure()
    writer = AppFile.open(app_path(folder, APP))
    for begin in range(0, sessions, 500):
        made = [_document(number) for number in range(begin, min(begin + 500, sessions))]
        writer.put(made, Position(seq=begin + 1))
    writer.close()
    return root


def _document(number: int) -> Document:
    said = tuple(
        Utterance(1000 * at, 1000 * at + 900, "Ana", "p1", "u1", "", _text(number * 31 + at * 7))
        for at in range(20)
    )
    return Document(
        app_id=APP,
        session_id=f"session-{number}",
        meeting_id="weekly",
        title="Weekly",
        started_at_ms=1_790_000_000_000 + number * 1000,
        ended_at_ms=None,
        version=1,
        digest="0" * 64,
        transcript=Transcript(utterances=said, layout="json-array", notes=()),
    )


def _text(seed: int) -> str:
    return " ".join(WORDS[(seed * 7919 + step * 104_729) % len(WORDS)] for step in range(8))


async def ask(app: Starlette, query: str, state: dict[str, Any]) -> float:
    """One search; returns its seconds."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/v1/search",
        "raw_path": b"/v1/search",
        "root_path": "",
        "query_string": f"q={query.replace(' ', '+')}".encode(),
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "state": dict(state),
    }
    statuses: list[int] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    begin = time.perf_counter()
    await app(scope, receive, send)
    seconds = time.perf_counter() - begin
    assert statuses == [200]
    return seconds


async def measure(root: Path, searches: int) -> dict[str, list[float]]:
    """So many searches with and without, in turn."""
    settings = Settings(data=root / "data")
    trail = Trail(settings.audit_path, SystemClock())
    library = Library(root / "index")
    took: dict[str, list[float]] = {"without": [], "with": []}
    async with AsyncExitStack() as stack:
        apps: dict[str, tuple[Starlette, Any]] = {}
        for name, recorded in (("without", None), ("with", trail)):
            services = Services(
                index=library,
                archive=None,
                ledger=None,
                settings=settings,
                clock=SystemClock(),
                trail=recorded,
            )
            app = create_app(services)
            apps[name] = (app, await stack.enter_async_context(app.router.lifespan_context(app)))
        for number in range(searches):
            for name, (app, state) in apps.items():
                took[name].append(await ask(app, QUERIES[number % len(QUERIES)], state))
    library.close()
    trail.close()
    return took


def alone(root: Path, records: int) -> float:
    """The median of the seconds one record takes by itself, with twenty sessions in it."""
    trail, took = Trail(root / "alone", SystemClock()), []
    sessions = [f"05e57591-0000-4000-8000-{number:012}" for number in range(20)]
    for _ in range(records):
        begin = time.perf_counter()
        trail.record(LOCAL, "search", asked={"q": ["renewal price"]}, hits=20, sessions=sessions)
        took.append(time.perf_counter() - begin)
    trail.close()
    return statistics.median(took)


def main() -> None:
    """Measure, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--searches", type=int, default=1000)
    args = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        build(root / "index", args.sessions)
        took = asyncio.run(measure(root, args.searches))
        record_s = alone(root, args.searches)
    without_s, with_s = (statistics.median(took[each]) for each in ("without", "with"))
    pairs = zip(took["with"], took["without"], strict=True)
    added_s = statistics.median(later - first for later, first in pairs)
    print(f"a search: {without_s * 1000:.3f} ms without, {with_s * 1000:.3f} ms with")
    print(f"added: {added_s * 1000:.3f} ms at the median (bar: 0.3 ms)")
    print(f"one record alone: {record_s * 1000:.3f} ms")


if __name__ == "__main__":
    main()
