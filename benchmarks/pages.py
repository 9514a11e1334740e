"""How long people wait for a page of an endpoint that is running: to its first result, in a real browser.

python -m benchmarks.pages --url http://127.0.0.1:8000 [--query "renewal price"] [--rounds 9]

First how people ask: the first page is open, the words are typed, and what is counted runs from Enter
to the frame that shows the first result, with our script and without it. Then each page opened by its
address in a tab that shows nothing yet: milliseconds to the first byte, to the first paint and until
it can be used, and what it weighs as sent. There the browser begins a new process before it can begin
with the page: "one line" is what that costs here, the time of a page that holds a single line.
The session is the first that the query finds, and the longest of the newest hundred. Bars: 300 ms to
the first painted result, a second until a session can be used, 60 kB of a page with all that it loads,
which a session of many hours exceeds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import urllib.parse
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from benchmarks.source import machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

FIRST_RESULT_BAR_MS = 300
USABLE_BAR_MS = 1000
IDLE_MS = 800
"""How long a new tab is left alone before it is used: nobody types sooner, and the last tab's end is over."""
_TIMES = """() => {
    const page = performance.getEntriesByType("navigation")[0];
    const loaded = performance.getEntriesByType("resource");
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    const weight = [page, ...loaded].reduce((sum, each) => sum + each.encodedBodySize, 0);
    return [page.responseStart, paint?.startTime ?? 0, page.domContentLoadedEventEnd, weight];
}"""

_PAINTED = "() => performance.getEntriesByName('first-contentful-paint').length"
_FROM_ENTER = """() => new Promise((resolve) => {
    const box = document.querySelector("[data-box]");
    let began = 0;
    const painted = () => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => { window.tookMs = performance.now() - began; };
        port2.postMessage(null);
    });
    const seen = new MutationObserver(() => {
        if (!document.querySelector(".hit")) return;
        seen.disconnect();
        painted();
    });
    seen.observe(document.body, { childList: true, subtree: true });
    box.addEventListener("submit", () => { began = performance.now(); }, { capture: true });
    resolve();
})"""


def ask(url: str) -> dict[str, Any]:
    """What the API answers."""
    with urllib.request.urlopen(url) as answer:
        document: dict[str, Any] = json.load(answer)
    return document


def pages_of(url: str, query: str) -> dict[str, str]:
    """The pages that are measured, by name."""
    quoted = urllib.parse.quote_plus(query)
    hits = ask(f"{url}/v1/search?q={quoted}&limit=1")["hits"]
    if not hits:
        raise SystemExit(f"nothing there says {query!r}: give --query words that are found")
    newest = ask(f"{url}/v1/sessions?limit=100")["sessions"]
    pages = {
        "one line": "/healthz",
        "first page": "/",
        "results": f"/?q={quoted}",
        "sessions": "/sessions",
        "coverage": "/coverage",
        "a moment": f"{hits[0]['moments'][0]['url']}".replace("#", f"?q={quoted}#"),
    }
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


@contextmanager
def _tab(browser: Browser, *, script: bool = True) -> Iterator[Page]:
    """A tab of a browser that knows nothing and has nothing else to do."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, java_script_enabled=script
    )
    page = context.new_page()
    page.wait_for_timeout(IDLE_MS)
    yield page
    context.close()


def _open(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_function(_PAINTED)


def measure(browser: Browser, url: str, rounds: int) -> list[float]:
    """The medians of a page's times, and its weight, each time in a tab of its own."""
    rows = []
    for _ in range(rounds):
        with _tab(browser) as page:
            _open(page, url)
            rows.append(page.evaluate(_TIMES))
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def measure_asking(browser: Browser, url: str, query: str, rounds: int, *, script: bool) -> float:
    """The median of the milliseconds from Enter to the first result that is painted."""
    rows: list[float] = []
    for _ in range(rounds):
        with _tab(browser, script=script) as page:
            page.goto(url)
            page.get_by_role("searchbox").fill(query)
            page.wait_for_timeout(IDLE_MS)
            if script:
                page.evaluate(_FROM_ENTER)
            page.keyboard.press("Enter")
            page.wait_for_selector(".hit")
            page.wait_for_timeout(IDLE_MS)
            rows.append(
                page.evaluate("() => window.tookMs") if script else page.evaluate(_TIMES)[1]
            )
    return statistics.median(rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--query", default="renewal price")
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    url = asked.url.rstrip("/")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    print(machine())
    pages = pages_of(url, asked.query)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        for name, script in (("with the script", True), ("without it", False)):
            took = measure_asking(browser, url, asked.query, asked.rounds, script=script)
            verdict = "" if took < FIRST_RESULT_BAR_MS else "  over the bar"
            print(f"from Enter to the first result, {name:<16} {took:>5.0f} ms{verdict}")
        print(f"{'opened':<16} {'first byte':>10} {'painted':>8} {'usable':>8} {'weight':>9}")
        for name, each in pages.items():
            byte, painted, usable, weight = measure(browser, each, asked.rounds)
            verdict = "" if _is_within(name, painted, usable) else "  over the bar"
            times = f"{byte:>7.0f} ms {painted:>5.0f} ms {usable:>5.0f} ms"
            print(f"{name:<16} {times} {weight / 1000:>6.1f} kB{verdict}")
        browser.close()


def _is_within(name: str, painted: float, usable: float) -> bool:
    return usable < USABLE_BAR_MS and (name != "results" or painted < FIRST_RESULT_BAR_MS)


if __name__ == "__main__":
    main()
