"""An examination as it is handed on: a table for people, a document for programs, an exit code."""

from __future__ import annotations

import dataclasses
import getpass
import os
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from archiver.characters import visible
from archiver.checks import Verdict
from archiver.exits import DONE, LOST, PENDING
from archiver.model import format_time
from archiver.release import NAME, commit, version

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console, RenderableType
    from rich.text import Text

    from archiver.checks import Check

_STYLES = {
    Verdict.OK: "green",
    Verdict.WEAK: "yellow",
    Verdict.FAILED: "bold red",
    Verdict.UNKNOWN: "magenta",
    Verdict.NOT_APPLICABLE: "dim",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was tried, and where, when and by whom."""

    archive_id: str  #: "" where there is no archive yet
    store: str
    account: str
    base_url: str
    started_at: datetime
    checks: tuple[Check, ...]

    @property
    def code(self) -> int:
        """4 where what is archived is in danger, 3 where something failed or was not proven."""
        if any(each.endangers for each in self.checks):
            return LOST
        unproven = {Verdict.FAILED, Verdict.UNKNOWN}
        return PENDING if any(each.verdict in unproven for each in self.checks) else DONE

    def head(self) -> dict[str, str]:
        """What was examined, by which release, when and by whom."""
        return {
            "archive": self.archive_id,
            "store": self.store,
            "account": self.account,
            "source": self.base_url,
            "release": " ".join(filter(None, (NAME, version(), commit()))),
            "at": format_time(self.started_at),
            "by": _user(),
        }

    def counts(self) -> dict[str, int]:
        """How many checks ended in each verdict."""
        counted = Counter(each.verdict for each in self.checks)
        return {str(verdict): counted[verdict] for verdict in Verdict}

    def document(self) -> dict[str, Any]:
        """The whole report, as one JSON document."""
        return {
            **self.head(),
            "verdicts": self.counts(),
            "code": self.code,
            "checks": [dataclasses.asdict(each) for each in self.checks],
        }

    def text(self) -> str:
        """The whole report, as wide as the terminal; coloured only on one."""
        from rich.console import Console

        console = Console(highlight=False)
        with console.capture() as captured:
            _print(self, console)
        # Cells are filled up to their width, which nobody wants in what is pasted elsewhere.
        return "\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n"))


def _print(report: Report, console: Console) -> None:
    for name, value in report.head().items():
        console.print(_text(f"{name:<9}{value or '–'}"), overflow="fold")
    for area, checks in groupby(report.checks, key=lambda each: each.area):
        console.print()
        console.print(_table(area, list(checks)))
    if advised := [each for each in report.checks if each.advice]:
        console.print()
        console.print("What to do:")
        console.print(_advice(advised))
    counts = [f"{count} {verdict}" for verdict, count in report.counts().items() if count]
    danger = "; what is archived is in danger" if report.code == LOST else ""
    console.print()
    console.print(_text(", ".join(counts) + danger))


def _table(area: str, checks: list[Check]) -> RenderableType:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(area, no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("observed", overflow="fold")
    for each in checks:
        table.add_row(
            _text(each.name), _text(each.verdict, _STYLES[each.verdict]), _text(each.observed)
        )
    return table


def _advice(checks: list[Check]) -> RenderableType:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in checks:
        table.add_row(
            _text(each.verdict, _STYLES[each.verdict]), _text(each.name), _text(each.advice)
        )
    return table


def _text(text: str, style: str = "") -> Text:
    """Text as it is: what a server called itself is no markup, and steers no terminal."""
    from rich.text import Text

    return Text(visible(text), style=style)


def _user() -> str:
    """Who runs this, as the system calls them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the latter since Python 3.13
        return f"user {os.getuid()}"
