"""Many people at once at an endpoint that is running: searches and session pages, with time to think.

    python -m benchmarks.load --url http://127.0.0.1:8000 [--url http://127.0.0.1:8001]
                              [--users 200] [--think 2] [--seconds 60] [--pid PID] [--queries FILE]

Each user searches, thinks, opens the moment that was found, thinks, and searches for something else.
Where several URLs are given, one for each process that answers, the users are spread over them. What
is measured shares its cores with this program, which therefore unpacks no more than it must.
Told are errors, requests a second, how long answers took, and, of the process PID, its resident size at
the beginning and the end. Bars: no error, 99 of 100 answers within a second, memory that does not grow.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import aiohttp
import zstandard

from benchmarks.source import machine

BAR_S = 1.0
_MOMENT = re.compile(rb'class="moment" href="(/sessions/[^"#]+)')
QUERIES = (
    "renewal price",
    '"renewal price"',
    "price",
    "budget OR deadline",
    "renew*",
    "customer contract",
    "price NEAR/8 renewal",
    "retention",
    "release AND NOT test",
    "in:chat link",
)
URL = "http://127.0.0.1:8000"
HEADERS = {"Accept": "text/html", "Accept-Encoding": "gzip, zstd"}  # as browsers do
_decompress = zstandard.ZstdDecompressor().decompress


@dataclass(slots=True)
class Tally:
    """What was answered."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Browser:
    """One person's way to an endpoint."""

    client: aiohttp.ClientSession
    tally: Tally
    url: str

    async def get(self, kind: str, path: str, **query: str) -> bytes:
        """A page as it was sent; how long it took is noted, and an error as an error."""
        began = time.perf_counter()
        try:
            async with self.client.get(f"{self.url}{path}", params=query or None) as answer:
                body = await answer.read()
                self.tally.statuses[str(answer.status)] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            self.tally.statuses[type(error).__name__] += 1
            return b""
        self.tally.seconds.setdefault(kind, []).append(time.perf_counter() - began)
        return body


def moments_in(page: bytes) -> list[str]:
    """Where the links to moments lead, on a page as it was sent."""
    html = _decompress(page) if page.startswith(zstandard.FRAME_HEADER) else page
    return [unescape(each.decode()) for each in _MOMENT.findall(html)]


async def user(browser: Browser, queries: tuple[str, ...], think_s: float, end: float) -> None:
    """One person, until the end."""
    await asyncio.sleep(random.uniform(0, think_s))
    while time.perf_counter() < end:
        moments = moments_in(await browser.get("search", "/", q=random.choice(queries)))
        await asyncio.sleep(random.uniform(0.5, 1.5) * think_s)
        if moments and time.perf_counter() < end:
            await browser.get("session", random.choice(moments))
            await asyncio.sleep(random.uniform(0.5, 1.5) * think_s)


def resident_mb(pid: int | None) -> float | None:
    """The resident size of a process; None where nobody tells."""
    if pid is None:
        return None
    match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(match[1]) / 1024 if match else None


async def run(asked: argparse.Namespace, queries: tuple[str, ...]) -> Tally:
    """All users, and their tally; the resident size is printed on the way."""
    tally = Tally()
    connector = aiohttp.TCPConnector(limit=asked.users)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(
        connector=connector, headers=HEADERS, timeout=timeout, auto_decompress=False
    ) as client:
        end = time.perf_counter() + asked.seconds
        browsers = [Browser(client, tally, each.rstrip("/")) for each in asked.url or [URL]]
        users = [
            asyncio.create_task(user(browser, queries, asked.think, end))
            for browser in itertools.islice(itertools.cycle(browsers), asked.users)
        ]
        for quarter in itertools.count():
            left_s = end - time.perf_counter()
            if (size := resident_mb(asked.pid)) is not None:
                print(f"resident after {quarter * asked.seconds / 4:.0f} s: {size:.0f} MB")
            if left_s <= 0:
                break
            await asyncio.sleep(min(asked.seconds / 4, left_s))
        await asyncio.gather(*users)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", action="append", help=f"given once or more; else {URL}")
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--think", type=float, default=2.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pid", type=int)
    parser.add_argument("--queries", type=Path, help="a query a line, instead of our own")
    asked = parser.parse_args()
    queries = tuple(asked.queries.read_text().splitlines()) if asked.queries else QUERIES
    print(machine())
    tally = asyncio.run(run(asked, queries))
    for kind, seconds in sorted(tally.seconds.items()):
        ordered = sorted(seconds)
        p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
        verdict = "" if p99 < BAR_S else "  over the bar"
        rate = len(ordered) / asked.seconds
        print(
            f"{kind:<8} {len(ordered):>6} answers, {rate:.1f} a second:"
            f" p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, longest"
            f" {ordered[-1] * 1000:.0f} ms{verdict}"
        )
    print(f"answers by status: {dict(tally.statuses)}")


if __name__ == "__main__":
    main()
