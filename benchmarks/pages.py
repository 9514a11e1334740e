"""How long people wait for a page of an endpoint that is running: to its first result, in a real browser.

python -m benchmarks.pages --url http://127.0.0.1:8000 [--query "renewal price"] [--rounds 9]

For each page: milliseconds to the first byte, to the first paint and until it can be used, and what it
weighs as sent. The session is the first that the query finds, and the longest of the newest hundred.
Bars: 300 ms to the first painted result, a second until a session can be used, 60 kB of a page with
all that it loads, which a session of many hours exceeds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from benchmarks.source import machine

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FIRST_RESULT_BAR_MS = 300
USABLE_BAR_MS = 1000
_TIMES = """() => {
    const page = performance.getEntriesByType("navigation")[0];
    const loaded = performance.getEntriesByType("resource");
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    const weight = [page, ...loaded].reduce((sum, each) => sum + each.encodedBodySize, 0);
    return [page.responseStart, paint?.startTime ?? 0, page.domContentLoadedEventEnd, weight];
}"""


def ask(url: str) -> dict[str, Any]:
    """What the API answers."""
    with urllib.request.urlopen(url) as answer:
        document: dict[str, Any] = json.load(answer)
    return document


def pages_of(url: str, query: str) -> dict[str, str]:
    """The pages that are measured, by name."""
    quoted = urllib.parse.quote_plus(query)
    hits = ask(f"{url}/v1/search?q={quoted}&limit=1")["hits"]
    newest = ask(f"{url}/v1/sessions?limit=100")["sessions"]
    pages = {
        "first page": "/",
        "results": f"/?q={quoted}",
        "sessions": "/sessions",
        "coverage": "/coverage",
    }
    if hits:
        pages["a moment"] = f"{hits[0]['moments'][0]['url']}".replace("#", f"?q={quoted}#")
    ended = [each for each in newest if each["ended_at"]]
    if ended:
        longest = max(ended, key=lambda each: _length(url, each["session_id"]))
        pages["longest session"] = f"/sessions/{longest['session_id']}?q={quoted}"
    return {name: urllib.parse.urljoin(url, path) for name, path in pages.items()}


def _length(url: str, session_id: str) -> int:
    try:
        return len(ask(f"{url}/v1/sessions/{session_id}/transcript")["utterances"])
    except urllib.error.HTTPError:
        return 0


def measure(browser: Browser, url: str, rounds: int) -> list[float]:
    """The medians of a page's times, and its weight, each time in a browser that knows nothing."""
    rows = []
    for _ in range(rounds):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto(url)
        page.wait_for_function(
            "() => performance.getEntriesByName('first-contentful-paint').length"
        )
        rows.append(page.evaluate(_TIMES))
        context.close()
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--query", default="renewal price")
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    url = asked.url.rstrip("/")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    print(machine())
    print(f"{'page':<16} {'first byte':>10} {'painted':>8} {'usable':>8} {'weight':>9}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        for name, each in pages_of(url, asked.query).items():
            byte, painted, usable, weight = measure(browser, each, asked.rounds)
            verdict = "" if _is_within(name, painted, usable) else "  over the bar"
            times = f"{byte:>7.0f} ms {painted:>5.0f} ms {usable:>5.0f} ms"
            print(f"{name:<16} {times} {weight / 1000:>6.1f} kB{verdict}")
        browser.close()


def _is_within(name: str, painted: float, usable: float) -> bool:
    return painted < FIRST_RESULT_BAR_MS if name == "results" else usable < USABLE_BAR_MS


if __name__ == "__main__":
    main()
