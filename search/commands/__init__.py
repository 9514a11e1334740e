"""The commands of search that are more than a few lines; `search.cli` puts all of them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.formats import Limits
from search.index.library import Library

if TYPE_CHECKING:
    from archiver.settings import Settings


def limits_of(settings: Settings) -> Limits:
    """How much of an artifact is parsed."""
    return Limits(size_bytes=settings.parse_max_bytes)


def open_library(settings: Settings) -> Library:
    """The reading side of the index."""
    return Library(settings.index_path, timeout_s=settings.query_timeout.total_seconds())
