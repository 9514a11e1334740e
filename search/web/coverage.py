"""What of an answer's apps and dates is still pending or lost, and how far the index has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from archiver.coverage import coverage_document, listed_through
from archiver.errors import LedgerError
from archiver.ledger import Range
from archiver.model import format_time, from_ms
from search.lag import first_unindexed, indexed_through, positions_of
from search.web import params
from search.web.answers import JSON

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from starlette.responses import Response

    from archiver.ledger import Ledger
    from search.lag import Positions
    from search.web.services import AppRequest, Services
    from search.web.shapes import Coverage, CoverageReport

#: Of the sessions whose time runs out first, so many.
DEADLINES_MAX = 20


async def coverage(request: AppRequest) -> Response:
    """GET /v1/coverage."""
    services = request.state["services"]
    asked = params.coverage_request(request.query_params.multi_items())
    apps = params.in_scope(asked.apps, request.state["apps"])
    return JSON(await request.state["threads"].run(lambda: coverage_answer(services, asked, apps)))


def range_of(ledger: Ledger, asked: params.CoverageRequest, apps: tuple[str, ...] | None) -> Range:
    """The sessions of these apps (None: of all) in these dates, as the ledger is asked for them."""
    names = tuple(sorted({*ledger.apps(), *ledger.known_apps()})) if apps is None else apps
    # To the ledger no apps would mean all of them; no app has an empty name.
    return Range(apps=names or ("",), since_ms=asked.after_ms, until_ms=asked.before_ms)


def coverage_answer(
    services: Services, asked: params.CoverageRequest, apps: tuple[str, ...] | None
) -> CoverageReport:
    """How much of what there was is archived; raises LedgerError where there is no ledger. Blocks."""
    now = services.clock.now()
    with services.reading_ledger() as there:
        if there is None:
            raise LedgerError(
                "there is no ledger yet", hint="capture something: `rtk-archive sync`"
            )
        ledger = there.ledger
        of = range_of(ledger, asked, apps)
        names = [each for each in of.apps if each]
        positions = positions_of(services.index, apps)
        through = None if positions is None else indexed_through(positions, ledger, names, now)
        found = coverage_document(ledger, of, now)
        return {
            "range": {
                "apps": names,
                "after": _time(asked.after_ms),
                "before": _time(asked.before_ms),
            },
            "sessions": found["sessions"],
            "artifacts": found["artifacts"],
            "source": found["source"],
            "bucket": found["bucket"],
            "days": found["days"],
            "nearest_deadlines": [
                {
                    "app_id": session_id.app_id,
                    "session_id": session_id.session_id,
                    "deadline_at": format_time(deadline_at),
                }
                for session_id, deadline_at, _ in ledger.nearest_deadlines(of, DEADLINES_MAX)
            ],
            "indexed_through": None if through is None else format_time(through),
        }


def _time(ms: int | None) -> str | None:
    return None if ms is None else format_time(from_ms(ms))


def coverage_now(
    services: Services,
    *,
    apps: tuple[str, ...] | None,
    after_ms: int | None,
    before_ms: int | None,
) -> Coverage | None:
    """As `coverage_of`, by where the index stands now. Blocks."""
    now, positions = services.clock.now(), positions_of(services.index, apps)
    return coverage_of(services, positions, now, apps=apps, after_ms=after_ms, before_ms=before_ms)


def coverage_of(
    services: Services,
    positions: Positions | None,
    now: datetime,
    *,
    apps: tuple[str, ...] | None,
    excluded: Iterable[str] = (),
    after_ms: int | None,
    before_ms: int | None,
) -> Coverage | None:
    """Sessions pending and lost among these apps (None: all) and dates; None without a ledger.

    `positions` are where the index stood at `now` or after it, None where it cannot be used. Everything
    committed to the archive before `indexed_through` was in it then; what the ledger knows is told even
    without the index. Blocks.
    """
    left_out = frozenset(excluded)
    with services.reading_ledger() as there:
        if there is None:
            return None
        known = apps
        if known is None:
            known = there.remembered("apps", lambda ledger: tuple(ledger.apps()))
        names = tuple(each for each in known if each not in left_out)
        places = positions or {}
        question = (names, after_ms, before_ms, tuple(places.items()))
        told, through = there.remembered(
            question, lambda ledger: _told(ledger, names, after_ms, before_ms, places)
        )
        pending, lost, listed = told
        return {
            "pending": pending,
            "lost": lost,
            "listed_through": listed,
            "indexed_through": None if positions is None else format_time(min(now, through or now)),
        }


def _told(
    ledger: Ledger,
    names: tuple[str, ...],
    after_ms: int | None,
    before_ms: int | None,
    positions: Positions,
) -> tuple[tuple[int, int, str | None], datetime | None]:
    """What only the ledger decides; None where everything that was committed is indexed."""
    counts = {"pending": 0, "lost": 0}
    if names:  # to the ledger, no apps would mean all of them
        counts = ledger.outstanding(Range(apps=names, since_ms=after_ms, until_ms=before_ms))
    listed = listed_through(ledger, Range(apps=names)) if names else None
    return (counts["pending"], counts["lost"], listed), first_unindexed(positions, ledger, names)


ROUTES = [Route("/v1/coverage", coverage)]
