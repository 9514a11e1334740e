"""One page of a search, with how much of what was asked about is not in the index yet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from search.web import answers, bound, params
from search.web.coverage import coverage_of
from search.web.services import owner_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from search.index.seam import SearchRequest
    from search.results import SearchResult
    from search.web.services import Asking, Services
    from search.web.shapes import Coverage, SearchPage


T = TypeVar("T")


async def search_page(asking: Asking, values: params.Values, made: Callable[[SearchPage], T]) -> T:
    """What is made of the page these parameters ask for; raises what parsing, searching and their
    threads raise.

    `made` is called where the search was, in a thread: what it makes of dozens of moments is nothing to
    hold the event loop up with, nor to fetch from another core's cache.
    """
    services, owner = asking["services"], owner_of(asking)
    asking["reading"].asked = values.by_name
    asked = params.search_request(values, asking["apps"])
    if asked.cursor:
        asked = replace(asked, cursor=bound.unbind(asked.cursor, owner))

    def answered() -> tuple[SearchResult, T]:
        result, covered = covered_search(services, asked)
        if result.next_cursor and owner:
            result = replace(result, next_cursor=bound.bind(result.next_cursor, owner))
        page = answers.search_answer(asked, result, covered, services.settings.public_url)
        return result, made(page)

    result, answer = await asking["threads"].run(answered)
    asking["reading"].found(result.total_sessions, (each.session_id for each in result.hits))
    return answer


def covered_search(
    services: Services, asked: SearchRequest
) -> tuple[SearchResult, Coverage | None]:
    """The page, and the coverage of its apps and dates. Blocks."""
    now, filters = services.clock.now(), asked.query.filters
    result = services.index.search(asked)
    # By where the index stood when it was searched, and the ledger as it is after that: what was
    # committed in between counts as not yet indexed, whether it is by now or not.
    covered = coverage_of(
        services,
        result.positions,
        now,
        apps=params.in_scope(filters.apps, asked.apps),
        excluded=filters.excluded_apps,
        after_ms=filters.after_ms,
        before_ms=filters.before_ms,
    )
    return result, covered
