"""What a query can be refused for: text that cannot mean anything, and where that is."""

from __future__ import annotations

from archiver.errors import ArchiverError


class QueryError(ArchiverError):
    """A query that cannot mean anything; `position` counts code points from its start."""

    def __init__(self, message: str, *, position: int, suggestion: str) -> None:
        super().__init__(message, hint=suggestion)
        self.position = position
        self.suggestion = suggestion
