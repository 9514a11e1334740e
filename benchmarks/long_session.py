"""How a session of very many utterances opens in a real browser.

    python -m benchmarks.long_session [--utterances 20000] [--rounds 7]

Utterances of `benchmarks.corpus`, put together into one session of six hours, from `rtk-archive serve`.
Medians, each time in a tab that shows nothing yet: milliseconds to the first byte, to the first paint,
until the page is loaded and can be used, and until the last line that came as text is an element. As it
is, with a common word marked, and led to a moment in the middle. Bar: it is open within a second.
Then how it scrolls: milliseconds from frame to frame, half of them and 95 of 100, at a third of a
screen a frame.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import tempfile
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from benchmarks.corpus import Corpus
from benchmarks.http import prepare, serving
from benchmarks.search import indexes
from benchmarks.source import machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from search.formats import Utterance
    from search.index.seam import Document

OPEN_BAR_MS = 1000
SIX_HOURS_MS = 6 * 3_600_000
IDLE_MS = 800
SESSION = "long"
_TIMES = """() => {
    const page = performance.getEntriesByType("navigation")[0];
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    return [page.responseStart, paint.startTime, page.loadEventEnd];
}"""
_PAINTED = "() => performance.getEntriesByName('first-contentful-paint').length"
_FILLED = """() => new Promise((resolve) => {
    const look = () => document.querySelector(".far > noscript")
        ? setTimeout(look, 10) : resolve(performance.now());
    look();
})"""
_FRAMES = """async () => {
    const took = [];
    let last = performance.now();
    for (let frame = 0; frame < 120; frame++) {
        scrollBy(0, innerHeight / 3);
        const now = await new Promise(requestAnimationFrame);
        took.push(now - last);
        last = now;
    }
    return took.sort((one, other) => one - other);
}"""


def long_session(corpus: Corpus, count: int) -> Document:
    """One session that is so many utterances of the corpus."""
    step_ms = SIX_HOURS_MS // count
    first = corpus.document(0)
    assert first.transcript is not None

    def utterances() -> Iterator[Utterance]:
        every = (
            each
            for document in corpus.documents(0)
            if document.transcript is not None
            for each in document.transcript.utterances
        )
        for number, each in enumerate(islice(every, count)):
            yield each._replace(start_ms=number * step_ms, end_ms=(number + 1) * step_ms)

    return replace(
        first,
        session_id=SESSION,
        started_at_ms=first.started_at_ms,
        ended_at_ms=first.started_at_ms + SIX_HOURS_MS,
        transcript=replace(first.transcript, utterances=tuple(utterances())),
    )


def measure(browser: Browser, url: str, rounds: int) -> list[float]:
    """The medians of the times of one page."""
    rows = []
    for _ in range(rounds):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.wait_for_timeout(IDLE_MS)
        page.goto(url)
        filled = page.evaluate(_FILLED)
        page.wait_for_function(_PAINTED)
        rows.append([*page.evaluate(_TIMES), filled])
        context.close()
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def frames(browser: Browser, url: str) -> tuple[float, float]:
    """How long frames are when somebody scrolls: half are no longer, 95 of 100 are no longer."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(url)
    page.evaluate(_FILLED)
    took = page.evaluate(_FRAMES)
    page.close()
    return took[len(took) // 2], took[len(took) * 95 // 100]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--utterances", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--query", default="think")
    asked = parser.parse_args()
    corpus = Corpus(2 * asked.utterances, 1)
    path = shutil.which("chromium") or shutil.which("google-chrome")
    print(f"{asked.utterances} utterances in one session   [{machine()}]")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(prepare(folder, Corpus(1000, 1)))
        indexes.build(folder / "data" / "index", [long_session(corpus, asked.utterances)])
        with serving(folder) as searching, sync_playwright() as playwright:
            base = f"{searching.removesuffix('/v1/search')}/sessions/{SESSION}"
            browser = playwright.chromium.launch(
                executable_path=path, args=["--no-sandbox", "--disable-gpu"]
            )
            pages = {
                "as it is": base,
                "a common word marked": f"{base}?q={asked.query}",
                "led to its middle": f"{base}?q={asked.query}#t={SIX_HOURS_MS // 2}",
            }
            print(f"{'':<22} {'first byte':>10} {'painted':>8} {'open':>8} {'filled':>8}")
            for what, url in pages.items():
                took = measure(browser, url, asked.rounds)
                verdict = "" if took[2] < OPEN_BAR_MS else "  over the bar"
                times = f"{took[0]:>7.0f} ms " + " ".join(f"{each:>5.0f} ms" for each in took[1:])
                print(f"{what:<22} {times}{verdict}")
            half, most = frames(browser, base)
            print(f"a frame while it is scrolled: {half:.0f} ms, 95 of 100 within {most:.0f} ms")
            browser.close()


if __name__ == "__main__":
    main()
