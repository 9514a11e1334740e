"""The search page: one box, sessions with their moments beneath, and what narrows them beside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from search.errors import IndexMissingError
from search.web import bound, params
from search.web.pages.cards import newest
from search.web.pages.facets import chips_of, facets_of
from search.web.pages.hits import hits_html
from search.web.pages.notes import coverage_notes
from search.web.pages.places import Place
from search.web.pages.site import answered
from search.web.pages.words import UNTITLED, name_of, title_of
from search.web.searching import covered_search
from search.web.services import owner_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from search.index.seam import SearchRequest
    from search.results import Hit, SearchResult
    from search.web.pages.cards import CardView
    from search.web.pages.site import Context
    from search.web.services import AppRequest, Services

FACETS = ("speaker", "kind", "month", "app")
SORTS = (("", "Best first"), ("newest", "Newest first"), ("oldest", "Oldest first"))
#: So many hits, each with its moments, fill three screens; those who want more go on from there.
HITS = 10
NEWEST_COUNT = 8
#: Offered on the empty page where it finds something.
EXAMPLE = "renewal price"
_CUT_OR_QUOTED = {"…", '"'}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of several ways to look at the same results."""

    label: str
    url: str
    is_on: bool


async def search(request: AppRequest) -> Response:
    """GET /."""
    here = Place.of("/", request.query_params.multi_items())
    values = params.search_values_of(here.pairs)
    asked = params.search_request(values, request.state["apps"])
    services, owner = request.state["services"], owner_of(request.state)
    if not asked.query.text.strip() and not asked.query.filters:
        return await answered(request, "home.html", lambda: _home(services, asked.apps))
    limit = asked.limit if "limit" in values.by_name else HITS
    asked = replace(asked, limit=limit, facets=FACETS, cursor=bound.unbind(asked.cursor, owner))

    def read() -> Context:
        result, covered = covered_search(services, asked)
        sessions = (each.session_id for each in result.hits)
        request.state["reading"].found(result.total_sessions, sessions)
        result = replace(result, next_cursor=bound.bind(result.next_cursor, owner))
        return _results(asked, result, here) | {
            "notes": coverage_notes(covered, here, services.clock.now())
        }

    return await answered(request, "search.html", read)


def _results(asked: SearchRequest, result: SearchResult, here: Place) -> Context:
    text = asked.query.text
    every = result.total_all_words
    return {
        "query": text,
        "here": here,
        "kept": here.without("q").pairs,
        "result": result,
        "hits": hits_html(result.hits, text),
        "facets": facets_of(result.facets, here),
        "chips": chips_of(here),
        "warnings": asked.query.warnings,
        "sorts": sorts(here, asked.sort),
        "suggestion": result.suggestion,
        "every": every if len(asked.query.words) > 1 and every < result.total_sessions else None,
        "more_url": more_url(here, result),
    }


def more_url(here: Place, result: SearchResult) -> str:
    """The next page of results; "" after the last."""
    return here.having(cursor=result.next_cursor).url if result.next_cursor else ""


def sorts(here: Place, chosen: str) -> list[Choice]:
    """The orders there are."""
    return [
        Choice(label=label, url=here.having(sort=sort).url, is_on=chosen == (sort or "relevance"))
        for sort, label in SORTS
    ]


# ------------------------------------------------------------------ nothing asked for yet


def _home(services: Services, apps: tuple[str, ...] | None) -> Context:
    try:
        cards = newest(services, apps, NEWEST_COUNT)
        found = _example(services, apps)
    except IndexMissingError:
        cards, found = [], ()
    return {"query": "", "kept": (), "cards": cards, "examples": examples(cards, found)}


def _example(services: Services, apps: tuple[str, ...] | None) -> tuple[Hit, ...]:
    asked = params.search_request(params.search_values_of([("q", f'"{EXAMPLE}"')]), apps)
    return services.index.search(replace(asked, limit=1, moments=1)).hits


def examples(cards: list[CardView], found: Sequence[Hit]) -> list[str]:
    """Queries that find something, made of what is there: words, a phrase, a speaker, a meeting."""
    words = [EXAMPLE, f'"{EXAMPLE}"'] if found else []
    names = [name_of(moment.speaker) for hit in found for moment in hit.moments]
    names += [name for card in cards for name in card.speakers]
    titles = [*(title_of(hit.meeting_title) for hit in found), *(card.title for card in cards)]
    for field, values in (("speaker", names), ("meeting", titles)):
        words += [f'{field}:"{each}"' for each in values if _can_be_quoted(each)][:1]
    return words


def _can_be_quoted(name: str) -> bool:
    return name not in {"", UNTITLED} and not _CUT_OR_QUOTED & {*name}
