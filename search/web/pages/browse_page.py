"""The browse page: all sessions by day, for those who look before they search."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from archiver.model import Outcome
from search.errors import IndexMissingError
from search.web import bound, params
from search.web.coverage import coverage_now
from search.web.listing import listed
from search.web.pages.cards import CardView, apps_of, card_view
from search.web.pages.notes import coverage_notes
from search.web.pages.places import Place
from search.web.pages.site import answered
from search.web.pages.times import day_text
from search.web.services import owner_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response

    from search.web.pages.site import Context
    from search.web.services import AppRequest, Services
    from search.web.shapes import Card

OUTCOMES = tuple(each.value for each in Outcome)


async def browse(request: AppRequest) -> Response:
    """GET /sessions."""
    here = Place.of("/sessions", request.query_params.multi_items())
    asked, owner = params.sessions_request(here.pairs), owner_of(request.state)
    asked = replace(asked, cursor=bound.unbind(asked.cursor, owner))
    scope = request.state["apps"]
    services = request.state["services"]

    def read() -> Context:
        documents, following = _listed(services, asked, scope)
        request.state["reading"].found(len(documents), (each["session_id"] for each in documents))
        context = _context(services, asked, here, scope)
        following = bound.bind(following, owner)
        return context | {
            "days": by_day(map(card_view, documents)),
            "more_url": here.having(cursor=following).url if following else "",
        }

    return await answered(request, "browse.html", read)


def _listed(
    services: Services, asked: params.SessionsRequest, scope: tuple[str, ...] | None
) -> tuple[list[Card], str | None]:
    try:
        return listed(services, asked, params.in_scope(asked.apps, scope))
    except IndexMissingError:  # nothing was indexed yet: that is an empty list
        return [], None


def _context(
    services: Services, asked: params.SessionsRequest, here: Place, scope: tuple[str, ...] | None
) -> Context:
    apps = params.in_scope(asked.apps, scope)
    covered = coverage_now(services, apps=apps, after_ms=asked.after_ms, before_ms=asked.before_ms)
    return {
        "here": here,
        "notes": [] if asked.outcome else coverage_notes(covered, here, services.clock.now()),
        "apps": apps_of(services, scope),
        "outcomes": OUTCOMES,
        "first_url": here.without().url if asked.cursor else "",
        "is_narrowed": bool(here.without("limit").pairs),
    }


def by_day(cards: Iterable[CardView]) -> list[tuple[str, list[CardView]]]:
    """Sessions under the days they began on."""
    return [(day, list(group)) for day, group in groupby(cards, lambda each: day_text(each.when))]
