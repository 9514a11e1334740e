"""Which of some new sessions each saved search finds: the few that may, decided by the search itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from search.alerts.watch import Beginnings
from search.errors import SearchTimeoutError
from search.index.seam import SearchRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from search.alerts.owners import Parsed, Watched
    from search.alerts.watch import Watch
    from search.index.library import Library
    from search.index.watched import Glimpse
    from search.results import SearchResult


def decide(
    library: Library,
    app_id: str,
    session_ids: Sequence[str],
    watch: Watch,
    watched: Mapping[str, Watched],
    is_news: Callable[[Watched, str], bool],
) -> list[tuple[str, str]]:
    """Which of these searches find which of these sessions of an app. Blocks.

    `is_news`: whether a session came in after a search was made. What takes too long, or is as good as
    certain, is left to be decided when it is told. Raises SearchError.
    """
    words = library.beginnings(app_id, session_ids, watch.prefixes) if watch.prefixes else {}
    begun = Beginnings.of(watch, words)
    sessions = library.glimpses(app_id, session_ids, begun.hashes)
    found: list[tuple[str, str]] = []
    for search_id, some in watch.candidates(sessions, begun).items():
        each = watched.get(search_id)
        if each is None or not each.sees(app_id):
            continue
        ids = [one.session_id for one in _in_time(each, some) if is_news(each, one.session_id)]
        if ids and not each.parsed.is_enough:
            ids = _matching(library, app_id, each, ids)
        found += [(search_id, session_id) for session_id in ids]
    return found


def _in_time(each: Watched, sessions: Iterable[Glimpse]) -> Iterable[Glimpse]:
    filters = each.parsed.query.filters
    return (
        one
        for one in sessions
        if (filters.after_ms is None or one.started_at_ms >= filters.after_ms)
        and (filters.before_ms is None or one.started_at_ms < filters.before_ms)
    )


def _matching(library: Library, app_id: str, each: Watched, ids: list[str]) -> list[str]:
    try:
        result = search_in(library, each.parsed, app_id, ids, moments=0)
    except SearchTimeoutError:
        return ids
    return [hit.session_id for hit in result.hits]


def search_in(
    library: Library, parsed: Parsed, app_id: str, session_ids: Sequence[str], *, moments: int
) -> SearchResult:
    """What a search finds among these sessions of an app; raises SearchError."""
    filters = parsed.query.filters
    wanted = tuple(each for each in session_ids if not filters.sessions or each in filters.sessions)
    # No session at all would be no filter: an id that nothing has.
    query = replace(parsed.query, filters=replace(filters, sessions=wanted or ("",)))
    request = SearchRequest(
        query=query,
        apps=(app_id,),
        sort="newest",
        match=parsed.search.match,
        limit=max(len(wanted), 1),
        moments=moments,
    )
    return library.search(request)
