"""A real browser before a real endpoint, with meetings that are hard on a page."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from archiver.settings import Address
from search.web import create_app, serve
from tests.browser.looking import Browsing
from tests.search.web.pages.meetings import add_arabic, add_attack, add_long
from tests.search.web.world import World, build, close

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = [
    "--no-sandbox",  # tests may run as root, in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_browser() -> str | None:
    """The command of a browser on this machine."""
    named = os.environ.get("CHROMIUM", "")
    return next(
        (path for each in (named, *COMMANDS) if each and (path := shutil.which(each))), None
    )


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The world that all tests here look at; none of them changes it."""
    if find_browser() is None:
        pytest.skip("needs Chromium: `apt-get install chromium`, or its path in CHROMIUM")
    world = build(tmp_path_factory.mktemp("shown"))
    add_attack(world)
    add_arabic(world)
    add_long(world)
    yield world
    close(world)


@pytest.fixture(scope="module")
def address(shown: World) -> Iterator[str]:
    with serving(shown) as address:
        yield address


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[Browser]:
    """The browser; while it is open this thread has a running event loop, and no room for another.

    So it opens after the world was made, and closes before any other module's tests.
    """
    assert address
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def browsing(browser: Browser, address: str) -> Iterator[Browsing]:
    """Somebody at this browser, who has seen nothing yet, and no error in the end."""
    browsing = Browsing(browser, address)
    yield browsing
    browsing.close()


@contextmanager
def serving(world: World) -> Iterator[str]:
    """The endpoint at a port of the system's choice, in a thread and event loop of its own."""
    listening = threading.Event()
    state: dict[str, object] = {}

    async def run() -> None:
        stop = asyncio.Event()

        def told(address: Address) -> None:
            state.update(loop=asyncio.get_running_loop(), stop=stop, address=address)
            listening.set()

        await serve(create_app(world.services()), Address("127.0.0.1", 0), stop, listening=told)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert listening.wait(20)
    try:
        yield f"http://{state['address']}"
    finally:
        loop, stop = state["loop"], state["stop"]
        assert isinstance(loop, asyncio.AbstractEventLoop)
        assert isinstance(stop, asyncio.Event)
        loop.call_soon_threadsafe(stop.set)
        thread.join()
