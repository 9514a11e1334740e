"""Where a query is met in what was said: the words of it, and only in what its filters let count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.query import Matcher
from search.text import phrase_terms, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.index.seam import Line
    from search.query import Query

Ranges = list[tuple[int, int]]


class Marker:
    """Finds the matches of one query in the lines of a session."""

    def __init__(self, query: Query) -> None:
        self._matcher = Matcher(query)
        self._kinds = query.filters.kinds
        self._wanted = [phrase_terms(each) for each in query.filters.speakers]
        self._speaks: dict[str, bool] = {}
        self.is_idle = not self._matcher.items  #: nothing is looked for

    def ranges(self, lines: Sequence[Line]) -> list[Ranges]:
        """Of each of these lines the half-open code-point ranges of its text that match."""
        count = [self._counts(line) for line in lines]
        texts = [line.text for line, counts in zip(lines, count, strict=True) if counts]
        found = iter(self._matcher.marked(texts).ranges) if texts else iter(())
        return [next(found) if counts else [] for counts in count]

    def ranges_of(self, text: str) -> Ranges:
        """The same of a piece of a summary, which nobody says."""
        if self.is_idle or self._wanted or (self._kinds and "summary" not in self._kinds):
            return []
        return self._matcher.ranges(text)

    def _counts(self, line: Line) -> bool:
        if self.is_idle or (self._kinds and line.kind not in self._kinds):
            return False
        return not self._wanted or self._is_wanted(line.speaker)

    def _is_wanted(self, speaker: str) -> bool:
        if speaker not in self._speaks:
            name = f" {prepare(speaker)} "
            self._speaks[speaker] = any(
                f" {' '.join(terms)}{'' if is_prefix else ' '}" in name
                for terms, is_prefix in self._wanted
                if terms
            )
        return self._speaks[speaker]
