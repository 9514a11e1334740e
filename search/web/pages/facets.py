"""What narrows a search: facets as links that add a filter, chips that take one away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.web.pages.times import MONTHS
from search.web.pages.words import name_of, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from search.web.pages.places import Place

VALUES_SHOWN = 8
#: An app's id is long, and its beginning tells it from others.
ID_CHARS = 12
#: How the value of a facet is written as parameters; a month is a range of dates.
_PARAMETERS = {"speaker": "speaker", "kind": "in", "app": "app"}
_FACETS = {parameter: facet for facet, parameter in _PARAMETERS.items()}
_TITLES = {"speaker": "Who said it", "kind": "Where", "month": "When", "app": "App"}
KINDS = {"transcript": "Spoken", "chat": "Chat", "summary": "Summary"}
_CHIPS = {
    "speaker": "said by",
    "in": "in",
    "app": "app",
    "after": "from",
    "before": "before",
    "match": "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetValue:
    """One value, with the sessions that have it, and the link that adds or removes it."""

    label: str
    count: int
    url: str
    is_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """One way to narrow the results."""

    title: str
    values: list[FacetValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A filter in force, and the place without it."""

    label: str
    value: str
    url: str


def facets_of(counts: Mapping[str, Sequence[tuple[str, int]]], here: Place) -> list[Facet]:
    """The facets worth showing: an app only where there are several."""
    found = []
    for name, title in _TITLES.items():
        values = [_value(name, *each, here) for each in counts.get(name, ())[:VALUES_SHOWN]]
        if values and (name != "app" or len(values) > 1 or values[0].is_on):
            found.append(Facet(title=title, values=values))
    return found


def _value(name: str, value: str, count: int, here: Place) -> FacetValue:
    if name == "month":
        is_on = here.value("after") == value and here.value("before") == following_month(value)
        rest = here.without("after", "before")
        place = rest if is_on else rest.having(after=value, before=following_month(value))
    else:
        parameter = _PARAMETERS[name]
        is_on = value in here.values(parameter)
        place = (here.without_value if is_on else here.plus)(parameter, value)
    return FacetValue(label=label_of(name, value), count=count, url=place.url, is_on=is_on)


def label_of(name: str, value: str) -> str:
    """A facet's value as people say it."""
    if name == "month":
        return month_text(value)
    if name == "kind":
        return KINDS.get(value, value)
    return shortened(value, ID_CHARS) if name == "app" else name_of(value)


def month_text(month: str) -> str:
    """`2026-10` as `October 2026`; what is no month as it is."""
    year, _, number = month.partition("-")
    known = number.isdigit() and 1 <= int(number) <= 12
    return f"{MONTHS[int(number) - 1]} {year}" if known else month


def following_month(month: str) -> str:
    """`2026-11` after `2026-10`."""
    year, number = int(month[:4]), int(month[5:7])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


def chips_of(here: Place) -> list[Chip]:
    """The filters in force beside the query itself."""
    chips = []
    for name, value in here.pairs:
        if name in _CHIPS and not (name == "match" and value != "all"):
            shown = {"match": "every word"}.get(name) or label_of(_FACETS.get(name, name), value)
            url = here.without_value(name, value).url
            chips.append(Chip(label=_CHIPS[name], value=shown, url=url))
    return chips
