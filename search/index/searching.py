"""One search, answered: ranked in each app, merged, cut into a page, and its moments found."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING

from search.index import cursors
from search.index.facets import FACETS_OF, month_of, most_of, need_lines, parts_of
from search.index.filters import scope_of
from search.index.lines import all_lines
from search.index.matching import Matches, Matching
from search.index.moments import Places, Weights, everywhere, moments_of, nowhere
from search.index.names import Names
from search.index.ordering import Cut, Match, sort_key
from search.index.planning import plan
from search.index.position import position_in
from search.query import corrected
from search.results import Hit, SearchResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from search.index.lines import Looking
    from search.index.planning import Plan
    from search.index.readers import Readers
    from search.index.seam import SearchRequest
    from search.index.suggestions import Correction
    from search.index.view import View
    from search.results import Moment


#: So many of the best sessions are looked into, and the worth of the best moment of each counts so much
#: beside its score: by measurement on real meetings (benchmarks/relevance.py).
LOOKED_INTO = 20
MOMENT_WEIGHT = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    """What matches in one app, and the state of its index that this was read from."""

    app_id: str
    view: View
    plan: Plan
    matches: Matches
    looking: Looking
    weights: Weights
    names: Names
    check: Callable[[], None]  #: raises where the time is up
    places: dict[int, Places] = field(default_factory=dict)  #: of sessions that were looked into

    def look_into(self, rows: list[int], *, with_text: bool) -> None:
        """Find where the query is met in these sessions."""
        sessions = self.looking.into(rows, with_text=with_text)
        if self.plan.items:
            found = self.weights.places(sessions, self.check)
        elif self.looking.names_lines:
            found = [everywhere(each) for each in sessions]
        else:
            found = [nowhere(each) for each in sessions]
        self.places.update((each.session.row_id, each) for each in found)

    def parts_of(self, rows: list[int]) -> dict[str, Counter[str]]:
        """In how many of these sessions each speaker and each kind has a part in what is met."""
        sessions = self.looking.into(rows, with_text=False)
        lines = self.weights.lines(sessions, self.check) if self.plan.items else all_lines(sessions)
        return parts_of([each.record for each in sessions], lines, self.names.of)


_Ranked = tuple[_Found, Match]


class Searching:
    """Answers searches from the files that `readers` opens."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    def search(self, request: SearchRequest) -> SearchResult:
        """As `Library.search`, of whatever generation is read now."""
        cursor = cursors.Cursor()
        if request.cursor:
            cursor = cursors.decode(request.cursor, self._belongs_to(request))
        positions: dict[str, tuple[str, int]] = {}
        with ExitStack() as stack:
            found = list(self._matched(request, cursor, stack, positions))
            return self._answer(request, cursor, found, positions)

    def _belongs_to(self, request: SearchRequest) -> str:
        return cursors.fingerprint(request, self._readers.folder())

    def _matched(
        self,
        request: SearchRequest,
        cursor: cursors.Cursor,
        stack: ExitStack,
        positions: dict[str, tuple[str, int]],
    ) -> Iterator[_Found]:
        """What matches in each app that may be searched; where its index stands is noted meanwhile."""
        deadline = self._readers.deadline()
        asked, made = request.query.filters, plan(request.query, request.match)
        wanted = max(cursor.offset + request.limit + 1, LOOKED_INTO)
        if request.facets:
            wanted = max(wanted, FACETS_OF)
        for app_id, path in self._readers.files(request.apps).items():
            if (asked.apps and app_id not in asked.apps) or app_id in asked.excluded_apps:
                continue
            db, views = stack.enter_context(self._readers.reading(path, deadline))
            view = views.of(db)
            stands = position_in(db)
            positions[app_id] = stands.epoch, stands.seq
            scope = scope_of(db, view, asked)
            if scope is None or (made.root is None and request.query.words):
                continue
            check = partial(self._readers.check, deadline)
            matching = Matching(db, view, made, scope, check)
            matches = matching.run(_cut(request, cursor, app_id, view, wanted))
            yield _Found(
                app_id=app_id,
                view=view,
                plan=made,
                matches=matches,
                looking=matching.looking,
                weights=Weights(made, matches.weights, matches.pair_weights),
                names=Names(db, views.names),
                check=check,
            )

    def _answer(
        self,
        request: SearchRequest,
        cursor: cursors.Cursor,
        found: list[_Found],
        positions: dict[str, tuple[str, int]],
    ) -> SearchResult:
        merged = _merged(found, request.sort)
        if request.sort == "relevance":
            merged = _by_moments(merged[:LOOKED_INTO]) + merged[LOOKED_INTO:]
        rest = _not_shown(merged, cursor)
        page = rest[: request.limit]
        best = merged[:FACETS_OF] if request.facets else []
        _look_into(page, with_text=bool(request.moments))
        following = None
        if len(rest) > request.limit:
            following = _next(cursor, request, page, found, self._belongs_to(request))
        return SearchResult(
            hits=_hits(page, request.moments),
            total_sessions=sum(each.matches.total for each in found),
            total_all_words=sum(each.matches.all_words for each in found),
            facets=_facets(best, request.facets),
            facets_of=len(best),
            suggestion=_suggestion(request, found),
            next_cursor=following,
            positions=positions,
        )


def _by_moments(best: list[_Ranked]) -> list[_Ranked]:
    """The best sessions, those with the better moments first: one place that is about it all counts."""
    _look_into(best, with_text=True)
    weighed = []
    for found, match in best:
        score = match.score + MOMENT_WEIGHT * found.places[match.row_id].best
        weighed.append((found, Match(match.tier, score, *match[2:])))
    order = sort_key("relevance")
    return sorted(weighed, key=lambda pair: order(pair[1]))


def _look_into(ranked: list[_Ranked], *, with_text: bool) -> None:
    """Find where the query is met in these sessions, as far as that is not known yet."""
    unknown = [pair for pair in ranked if pair[1].row_id not in pair[0].places]
    for found, mine in _by_app(unknown).items():
        found.look_into([each.row_id for each in mine], with_text=with_text)


def _cut(
    request: SearchRequest, cursor: cursors.Cursor, app_id: str, view: View, wanted: int
) -> Cut:
    newest_row = view.newest_row
    if cursor.newest_rows is not None:
        newest_row = cursor.newest_rows.get(app_id, 0)
    return Cut(
        sort=request.sort,
        count=wanted,
        after=cursor.after,
        newest_row=newest_row if request.sort == "relevance" else None,
    )


def _merged(found: list[_Found], sort: str) -> list[_Ranked]:
    by_app = [[(each, match) for match in each.matches.matches] for each in found]
    if len(by_app) == 1:
        return by_app[0]
    order = sort_key(sort)
    return list(merge(*by_app, key=lambda pair: order(pair[1])))


def _by_app(ranked: list[_Ranked]) -> dict[_Found, list[Match]]:
    by_app: dict[_Found, list[Match]] = {}
    for found, match in ranked:
        by_app.setdefault(found, []).append(match)
    return by_app


def _hits(page: list[_Ranked], moments: int) -> tuple[Hit, ...]:
    shown = {
        found: iter(
            moments_of(
                [found.places[each.row_id] for each in mine], found.plan, moments, found.names.of
            )
        )
        for found, mine in _by_app(page).items()
    }
    return tuple(_hit(found, match, *next(shown[found])) for found, match in page)


def _hit(found: _Found, match: Match, moments: list[Moment], count: int) -> Hit:
    return Hit(
        found.app_id,
        match.session_id,
        match.meeting_id,
        match.meeting_title,
        match.started_at_ms,
        match.ended_at_ms,
        round(match.score, 4),
        count,
        tuple(moments),
    )


def _facets(best: list[_Ranked], names: tuple[str, ...]) -> dict[str, list[tuple[str, int]]]:
    if not names:
        return {}
    counts = {
        "app": Counter(found.app_id for found, _ in best),
        "month": Counter(month_of(match.started_at_ms) for _, match in best),
        "speaker": Counter[str](),
        "kind": Counter[str](),
    }
    if need_lines(names):
        for found, mine in _by_app(best).items():
            for name, counter in found.parts_of([each.row_id for each in mine]).items():
                counts[name].update(counter)
    return {name: most_of(counts[name]) for name in names}


def _suggestion(request: SearchRequest, found: list[_Found]) -> str:
    """The query with words that are nowhere put right; "" where every word is somewhere, or unknown."""
    if not found:
        return ""
    missing = frozenset.intersection(*(each.matches.missing for each in found))
    nearest: dict[str, Correction] = {}
    for each in found:
        for word, correction in each.matches.corrections.items():
            if word in missing:
                nearest[word] = min(correction, nearest.get(word, correction))
    if not nearest:
        return ""
    return corrected(request.query, {word: each.term for word, each in nearest.items()})


def _not_shown(merged: list[_Ranked], cursor: cursors.Cursor) -> list[_Ranked]:
    """What earlier pages did not show."""
    shown = cursor.shown
    if shown is None:
        return merged[cursor.offset :]
    nothing = frozenset[int]()
    return [
        (found, match)
        for found, match in merged
        if match.row_id not in shown.get(found.app_id, nothing)
    ]


def _next(
    cursor: cursors.Cursor,
    request: SearchRequest,
    page: list[_Ranked],
    found: list[_Found],
    belongs_to: str,
) -> str | None:
    """Where the next page begins; by relevance not beyond what is worth paging through."""
    if request.sort != "relevance":
        last = page[-1][1]
        after = cursors.Cursor(after=(last.started_at_ms, last.session_id))
        return cursors.encode(after, belongs_to)
    offset = cursor.offset + len(page)
    if offset > cursors.OFFSET_MAX:
        return None
    rows = {each.app_id: each.view.newest_row for each in islice(found, 1000)}
    return cursors.encode(
        cursors.Cursor(offset=offset, newest_rows=rows, shown=_shown(cursor, page)), belongs_to
    )


def _shown(cursor: cursors.Cursor, page: list[_Ranked]) -> dict[str, frozenset[int]] | None:
    """What was shown up to here; None where an earlier page already lost count."""
    if cursor.offset and cursor.shown is None:
        return None
    shown = {app_id: set(rows) for app_id, rows in (cursor.shown or {}).items()}
    for found, match in page:
        shown.setdefault(found.app_id, set()).add(match.row_id)
    return {app_id: frozenset(rows) for app_id, rows in shown.items()}
