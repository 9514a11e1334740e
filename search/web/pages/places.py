"""The URL of a page is its whole state: what it says, with one thing changed, is every link on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Where in a list one stands: gone as soon as the list is another.
_POSITION = "cursor"


@dataclass(frozen=True, slots=True)
class Place:
    """A page and its parameters, in order; parameters without a value are not there."""

    path: str
    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, path: str, pairs: Iterable[tuple[str, str]]) -> Place:
        """The place that a request names; what a form sends empty is left out."""
        return cls(path, tuple((name, value) for name, value in pairs if value.strip()))

    @property
    def url(self) -> str:
        """The link to it."""
        asked = "&".join([_encoded(*pair) for pair in self.pairs])
        return f"{self.path}?{asked}" if asked else self.path

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter."""
        return tuple(value for each, value in self.pairs if each == name)

    def value(self, name: str) -> str:
        """The first value of a parameter, or ""."""
        return next(iter(self.values(name)), "")

    def without(self, *names: str) -> Place:
        """The same without these parameters."""
        gone = {*names, _POSITION}
        return Place(self.path, tuple(pair for pair in self.pairs if pair[0] not in gone))

    def without_value(self, name: str, value: str) -> Place:
        """The same without this one value."""
        kept = tuple(pair for pair in self.without().pairs if pair != (name, value))
        return Place(self.path, kept)

    def plus(self, name: str, value: str) -> Place:
        """The same with one value more."""
        rest = self.without_value(name, value)
        return Place(self.path, (*rest.pairs, (name, value)))

    def having(self, **values: str) -> Place:
        """The same with these parameters set to these values, or taken away where one is empty."""
        rest = self.without(*values)
        more = tuple((name, value) for name, value in values.items() if value)
        return Place(self.path, (*rest.pairs, *more))


@lru_cache(maxsize=1024)
def _encoded(name: str, value: str) -> str:
    """A parameter as a URL has it; the links of a page have most of theirs in common."""
    return urlencode({name: value}, errors="replace")


def session_url(session_id: str, query: str = "", start_ms: int | None = None) -> str:
    """The page of a session, at a moment of it, with the matches of a query marked."""
    return at_moment(
        Place.of(f"/sessions/{quote(session_id, safe='')}", [("q", query)]).url, start_ms
    )


def at_moment(url: str, start_ms: int | None) -> str:
    """A session's page, opened at a moment of it."""
    return url if start_ms is None else f"{url}#t={start_ms}"
