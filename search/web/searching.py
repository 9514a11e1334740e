"""One page of a search, with how much of what was asked about is not in the index yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.web import params
from search.web.coverage import coverage_of

if TYPE_CHECKING:
    from search.index.seam import SearchRequest
    from search.results import SearchResult
    from search.web.services import Services
    from search.web.shapes import Coverage


def covered_search(
    services: Services, asked: SearchRequest
) -> tuple[SearchResult, Coverage | None]:
    """The page, and the coverage of its apps and dates. Blocks."""
    # Coverage first: what is committed in between is then in the answer, and counted as not yet.
    filters = asked.query.filters
    covered = coverage_of(
        services,
        apps=params.in_scope(filters.apps, asked.apps),
        excluded=filters.excluded_apps,
        after_ms=filters.after_ms,
        before_ms=filters.before_ms,
    )
    return services.index.search(asked), covered
