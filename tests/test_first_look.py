"""What a stranger sees first: the address that is printed, and what lies a click or two behind it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from tests.console import console
from tests.search.web.pages.reading import Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest


@contextmanager
def serving(folder: Path, *argv: str) -> Iterator[str]:
    """A command that serves until it is told to stop; the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "search", *argv],
        cwd=folder,
        env={**os.environ, "RTK_ARCHIVE_LISTEN": "127.0.0.1:0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        said = (re.search(r"earching at (http://\S+)", line) for line in process.stderr)
        yield next(match[1] for match in said if match).rstrip(";")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def look(url: str) -> Page:
    """What a browser would show."""
    asked = Request(url, headers={"Accept": "text/html"})
    with urlopen(asked, timeout=20) as answer:
        return Page(answer.read().decode())


def test_a_moment_of_the_demo_is_two_clicks_away(tmp_path: Path) -> None:
    """The first example on the first page finds something, and its first moment is where it was said."""
    with serving(tmp_path, "demo", "--port", "0") as address:
        base = address.rstrip("/")
        first = look(address)
        results = look(base + first.all("a", class_="try")[0]["href"])
        moment = results.all("a", class_="moment")[0]
        session = look(base + moment["href"])

    assert first.texts("h1") == ["What was said?"]
    assert len(first.all("a", class_="try")) == 4
    assert len(first.all("li", class_="row")) == 8
    line = session.one("p", id=moment["href"].partition("#")[2])
    assert "renewal price" in line.text
    assert session.all("mark")


def test_what_serves_an_archive_prints_the_address_of_its_pages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And they show what was captured."""
    with console(tmp_path, capsys, monkeypatch) as shell:
        shell.run("sync")
        with serving(tmp_path, "serve") as address:
            page = look(address)

    assert len(page.all("li", class_="row")) == len(shell.source.session_ids)
