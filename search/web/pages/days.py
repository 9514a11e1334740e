"""A calendar of days: how many sessions each had, and the worst that became of one of them; pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from search.web.pages.facets import following_month, month_text
from search.web.pages.places import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: Shades of a day, by how its sessions compare with those of the busiest one.
SHADES = 4
OUTCOMES = ("archived", "empty", "absent", "excluded", "pending", "lost")
#: What a day with one of these is marked with, the worst first: a sign and a word, not a colour alone.
_SIGNS = (("lost", "▲"), ("missing", "▲"), ("pending", "◷"))


@dataclass(slots=True)
class DayView:
    """One day, over all apps asked for."""

    day: str
    sessions: int = 0
    pending: int = 0  #: sessions
    missing: int = 0  #: inventories the bucket lacked, or sessions that nobody recorded
    outcomes: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    shade: int = 0  #: 0 for a day without sessions
    url: str = ""

    @property
    def state(self) -> str:
        """The worst there is to say of this day."""
        if self.outcomes.get("lost"):
            return "lost"
        if self.missing:
            return "missing"
        if self.pending:
            return "pending"
        return "whole" if self.sessions else "none"

    @property
    def sign(self) -> str:
        """The sign of that state."""
        return dict(_SIGNS).get(self.state, "")

    @property
    def number(self) -> int:
        """The day of the month."""
        return int(self.day[8:10])

    def outcome_url(self, outcome: str) -> str:
        """The sessions of this day with such an artifact."""
        return Place.of(*_split(self.url)).having(outcome=outcome).url


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month as rows of weeks, Monday first; None where a week belongs to another month."""

    title: str
    weeks: list[list[DayView | None]]


def _split(url: str) -> tuple[str, list[tuple[str, str]]]:
    from urllib.parse import parse_qsl

    path, _, query = url.partition("?")
    return path, parse_qsl(query)


def days_of(documents: Iterable[Mapping[str, Any]], here: Place) -> list[DayView]:
    """The days of a coverage answer, apps taken together, newest first."""
    days: dict[str, DayView] = {}
    for each in documents:
        day = days.setdefault(each["day"], DayView(each["day"], url=_url(each["day"], here)))
        day.sessions += each["sessions"]
        day.pending += each["pending"] + each["live"]
        day.missing += each["missing"] + max((each["listed"] or 0) - each["sessions"], 0)
        for outcome, count in each["artifacts"].items():
            day.outcomes[outcome] += count
    busiest = max((each.sessions for each in days.values()), default=0)
    for day in days.values():
        day.shade = -(-SHADES * day.sessions // busiest) if busiest else 0
    return sorted(days.values(), key=lambda each: each.day, reverse=True)


def _url(day: str, here: Place) -> str:
    until = date.fromisoformat(day) + timedelta(days=1)
    apps = tuple(pair for pair in here.pairs if pair[0] == "app")
    return Place("/sessions", apps).having(after=day, before=until.isoformat()).url


def months_of(days: Sequence[DayView], since: date, until: date) -> list[Month]:
    """Every month from this day to before that one, newest first."""
    known = {each.day: each for each in days}
    months, month = [], since.isoformat()[:7]
    while month < until.isoformat()[:7] or (month == until.isoformat()[:7] and until.day > 1):
        months.append(Month(title=month_text(month), weeks=_weeks(month, known)))
        month = following_month(month)
    return months[::-1]


def _weeks(month: str, known: Mapping[str, DayView]) -> list[list[DayView | None]]:
    first = date.fromisoformat(f"{month}-01")
    past = date.fromisoformat(f"{following_month(month)}-01")
    cells: list[DayView | None] = [None] * first.weekday()
    for number in range((past - first).days):
        day = (first + timedelta(days=number)).isoformat()
        cells.append(known.get(day) or DayView(day))
    cells += [None] * (-len(cells) % 7)
    return [cells[at : at + 7] for at in range(0, len(cells), 7)]
