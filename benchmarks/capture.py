"""Sessions per second through the worker, against a bare loop with the same requests and files.

    python -m benchmarks.capture [--sessions 300] [--rounds 5]
    python -m benchmarks.capture --memory        peak resident size at 1,000 and at 10,000 sessions

The bare loop asks the same questions, downloads the same bodies and writes them as durably (a private
file, fsync, link, fsync of the folder), with as many sessions at a time; it hashes and records nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from archiver.runtime import open_runtime
from benchmarks.source import ACCOUNT, CONCURRENCY, TOKEN, machine, settings_of, source_of


async def worker(base_url: str, folder: Path) -> int:
    """One `sync` of everything; returns how many sessions were settled."""
    async with open_runtime(settings_of(base_url, folder), command="benchmark") as runtime:
        report = await runtime.worker.sync()
    return report.settled


async def bare_loop(base_url: str, folder: Path) -> int:
    """The same requests and files, without a ledger, records, checks or digests."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    root = f"{base_url}/accounts/{ACCOUNT}/realtime/kit"
    async with (
        aiohttp.ClientSession(headers=headers) as api,
        aiohttp.ClientSession(auto_decompress=False) as files,
    ):
        apps = (await _json(api, f"{root}/apps"))["data"]
        urls = [f"{root}/{app['id']}" for app in apps]
        sessions = iter([each for url in urls for each in await _sessions(api, url)])
        done = 0

        async def lane() -> None:
            nonlocal done
            for url in sessions:
                await _capture(api, files, url, folder / url.rsplit("/", 1)[-1])
                done += 1

        await asyncio.gather(*(lane() for _ in range(CONCURRENCY)))
    return done


async def _json(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as answer:
        return json.loads(await answer.read())


async def _sessions(api: aiohttp.ClientSession, app_url: str) -> list[str]:
    page, found = 1, list[str]()
    while True:
        url = f"{app_url}/sessions?per_page=100&page_no={page}&sort_by=createdAt&sort_order=DESC"
        rows = (await _json(api, url))["data"]["sessions"]
        if not rows:
            return found
        found += [f"{app_url}/sessions/{row['id']}" for row in rows]
        page += 1


async def _capture(
    api: aiohttp.ClientSession, files: aiohttp.ClientSession, url: str, folder: Path
) -> None:
    folder.mkdir(parents=True)
    async with api.get(f"{url}/participants?per_page=100&page_no=1") as answer:
        await asyncio.to_thread(_write, folder, "session.json", await answer.read())
    for name in ("transcript?format=JSON", "transcript?format=CSV", "chat", "summary"):
        data = (await _json(api, f"{url}/{name}"))["data"]
        link = next(value for value in data.values() if str(value).startswith("http"))
        async with files.get(link) as answer:
            await asyncio.to_thread(_write, folder, name.replace("?", "-"), await answer.read())
    await asyncio.to_thread(_write, folder, "inventory.json", b"x" * 3000)


def _write(folder: Path, name: str, data: bytes) -> None:
    """As durably as the directory store: a private file, fsync, link, fsync of the folder."""
    aside = folder / f".{name}.part"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.link(aside, folder / name)
    aside.unlink()
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _timed(run: Any, base_url: str) -> tuple[float, int]:
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        done = asyncio.run(run(base_url, Path(folder) / "run"))
        return time.perf_counter() - begin, done


def compare(sessions: int, rounds: int) -> None:
    """Worker and bare loop in turn, and the median of the ratios."""
    ratios = []
    with source_of(sessions) as base_url:
        _timed(bare_loop, base_url)  # the source makes its files once
        for number in range(rounds):
            floor_s, floor_done = _timed(bare_loop, base_url)
            worker_s, worker_done = _timed(worker, base_url)
            if floor_done != sessions or worker_done != sessions:
                raise SystemExit(f"{floor_done} and {worker_done} of {sessions} sessions")
            ratios.append(floor_s / worker_s)
            print(
                f"round {number + 1}: worker {sessions / worker_s:7.1f} sessions/s, "
                f"bare loop {sessions / floor_s:7.1f} sessions/s, ratio {ratios[-1]:.2f}"
            )
    print(f"median ratio {statistics.median(ratios):.2f} (bar: 0.60)   [{machine()}]")


def memory(base_url: str) -> None:
    """Capture everything and print the peak resident size of this process."""
    with tempfile.TemporaryDirectory() as folder:
        settled = asyncio.run(worker(base_url, Path(folder)))
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{settled} sessions: peak resident size {peak_mib:.0f} MiB")


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sessions", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory_of:
        memory(args.memory_of)
    elif args.memory:
        for sessions in (1_000, 10_000):
            with source_of(sessions) as base_url:
                command = [sys.executable, "-m", "benchmarks.capture", "--memory-of", base_url]
                subprocess.run(command, check=True)
    else:
        compare(args.sessions, args.rounds)


if __name__ == "__main__":
    main()
