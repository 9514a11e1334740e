"""The searches that are answered now: parsed once, each with what its owner may see at the moment."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.alerts.standing import standing
from search.alerts.watch import Condition, condition_of, is_enough
from search.query import Query, QueryError, parse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from archiver.access import Keys, Reader
    from archiver.alerts import Search

log = logging.getLogger("search.alerts")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A search whose query is understood."""

    search: Search
    query: Query
    condition: Condition
    is_enough: bool  #: whether what meets the condition is found


@dataclass(frozen=True, slots=True)
class Watched:
    """A search that is answered, and for whom."""

    parsed: Parsed
    reader: Reader

    @property
    def made_at(self) -> datetime:
        """When the search was made: what came in since is told of."""
        return self.parsed.search.created_at

    def sees(self, app_id: str) -> bool:
        """Whether a session of this app may be told of."""
        filters = self.parsed.query.filters
        in_scope = self.reader.apps is None or app_id in self.reader.apps
        asked = not filters.apps or app_id in filters.apps
        return in_scope and asked and app_id not in filters.excluded_apps


class Owners:
    """Says of searches which are answered; remembers how they were understood."""

    def __init__(self) -> None:
        self._parsed: dict[str, Parsed | None] = {}

    def watched(self, searches: Iterable[Search], keys: Keys, now: datetime) -> dict[str, Watched]:
        """Those of these searches that are answered now, by their ids."""
        found: dict[str, Watched] = {}
        for each in searches:
            reader = standing(each, keys, now)
            parsed = self._understood(each)
            if not isinstance(reader, str) and parsed is not None:
                found[each.id] = Watched(parsed, reader)
        return found

    def _understood(self, search: Search) -> Parsed | None:
        if search.id not in self._parsed:
            try:
                query = parse(search.query)
                match = search.match
                condition, enough = condition_of(query, match), is_enough(query, match)
                parsed = Parsed(search, query, condition, enough)
            except QueryError as error:  # it was understood by the release that took it
                log.warning("alerts.query", extra={"search": search.id, "at": error.position})
                parsed = None
            self._parsed[search.id] = parsed
        return self._parsed[search.id]
