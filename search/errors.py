"""Every error of search, beside those of the formats and of the query language.

ArchiverError (archiver/errors.py)
└── SearchError
    ├── IndexMissingError        there is no index yet
    ├── IndexDamagedError        an index file cannot be used; it can be made again
    ├── SearchTimeoutError       a query ran into its time limit
    ├── BusyError                too much is being asked at once
    ├── CursorError              a cursor that is not of this query
    ├── SessionMissingError      no such session, or none that may be seen
    └── ExportError              an export that cannot be made, or be read
"""

from __future__ import annotations

from archiver.errors import ArchiverError


class SearchError(ArchiverError):
    """A search that could not be answered."""


class IndexMissingError(SearchError):
    """There is no index yet."""


class IndexDamagedError(SearchError):
    """An index file cannot be used; it can be made again from the bucket."""


class SearchTimeoutError(SearchError):
    """A query ran into its time limit and was stopped."""


class BusyError(SearchError):
    """Too much is being asked at once: the same is answered a moment later."""


class CursorError(SearchError):
    """A cursor that is not one of ours, or not of this query."""


class SessionMissingError(SearchError):
    """There is no such session, or none that may be seen."""


class ExportError(SearchError):
    """An export that cannot be made where or of what was asked, or that cannot be read."""
