"""Somebody who looks at pages, and notes whatever the browser complains of."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

#: A page that tells of a problem has a status that the console repeats; nothing else may be there.
_STATUS_OF_PAGE = "Failed to load resource: the server responded with a status of 4"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE, PHONE = (1440, 900), (390, 844)


class Browsing:
    """A person's browser windows."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.address = address
        self.complaints: list[str] = []
        self.asked: list[str] = []  #: every URL a page wanted

    def close(self) -> None:
        """Close everything; what was complained of is a failure, and so is a request elsewhere."""
        for each in self._contexts:
            each.close()
        assert self.complaints == []
        assert [each for each in self.asked if not each.startswith((self.address, "data:"))] == []

    def open(
        self,
        path: str,
        *,
        size: tuple[int, int] = WIDE,
        script: bool = True,
        idle: bool = True,
    ) -> Page:
        """A page in a window of its own; `idle`: its browser finds time for what can wait."""
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        if not idle:
            page.add_init_script("window.requestIdleCallback = () => 0")
        page.goto(self.address + path)
        return page

    def _note(self, message: ConsoleMessage) -> None:
        if not message.text.startswith(_STATUS_OF_PAGE):
            self.complaints.append(f"{message.type}: {message.text}")


@cache
def _axe() -> str:
    return resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


def barriers(page: Page, *rules: str) -> list[str]:
    """What axe-core finds on a page: each rule that is broken, and where; all rules, or these."""
    page.evaluate(_axe())
    chosen = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": _RULES}
    found: dict[str, Any] = page.evaluate(
        "chosen => axe.run(document, {runOnly: chosen, resultTypes: ['violations']})", chosen
    )
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def overflow_px(page: Page) -> int:
    """How much wider than the window the page is."""
    width: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return width
