"""The coverage page: what of which day is archived, and what is not; opened each morning, printed for audits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from archiver.ledger import FIXITY_FAILURES, VERIFIED
from archiver.model import from_ms, to_ms
from search.web import params
from search.web.coverage import coverage_answer, range_of
from search.web.pages.cards import apps_of
from search.web.pages.days import OUTCOMES, days_of, months_of
from search.web.pages.places import Place, session_url
from search.web.pages.site import answered
from search.web.pages.times import moment_text, span_text

if TYPE_CHECKING:
    from starlette.responses import Response

    from archiver.ledger import Ledger, Range
    from search.web.pages.site import Context
    from search.web.services import AppRequest, Services
    from search.web.shapes import Bucket, CoverageReport, Gap

#: Unless a range is asked for: this month, and as many before it.
MONTHS_BEFORE = 2
#: No more months are drawn than these, the last of the range; the numbers are those of all of it.
MONTHS_MAX = 24
LOST_MAX = 100
#: A worker lists the source every few minutes, and indexes at once.
_SOON = timedelta(minutes=30)
_NEVER_LISTED = ("never", "the source's list was never seen")
_NO_INDEX = ("unknown", "the index cannot be used: run `rtk-archive rebuild index`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing a records manager looks for, and whether it is as it should be."""

    name: str
    text: str
    is_good: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A session whose time runs out."""

    url: str
    session_id: str
    at: datetime
    left: str
    is_late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """An artifact that was lost."""

    url: str
    session_id: str
    artifact: str
    reason: str


async def coverage(request: AppRequest) -> Response:
    """GET /coverage."""
    here = Place.of("/coverage", request.query_params.multi_items())
    asked = params.coverage_request(here.pairs)
    scope = request.state["apps"]
    services = request.state["services"]
    return await answered(request, "coverage.html", lambda: _context(services, asked, here, scope))


def _context(
    services: Services, asked: params.CoverageRequest, here: Place, scope: tuple[str, ...] | None
) -> Context:
    now = services.clock.now()
    apps = params.in_scope(asked.apps, scope)
    with services.reading_ledger() as there:
        if there is None:
            return _heading(services, bounds_of(asked, now, None), here, scope, now)
        ledger = there.ledger
        bounds = bounds_of(asked, now, _first_known(ledger, range_of(ledger, asked, apps)))
        context = _heading(services, bounds, here, scope, now)
        document = coverage_answer(services, bounds, apps)
        days = days_of(document["days"], here)
        drawn_since = max(context["since"], _months_earlier(context["until"], MONTHS_MAX))
        return context | {
            "document": document,
            "days": days,
            "months": months_of(days, drawn_since, context["until"]),
            "facts": facts_of(document, now, *_verification(ledger)),
            "due": _due(document, now),
            "lost": _lost(ledger, range_of(ledger, bounds, apps)),
        }


def _heading(
    services: Services,
    bounds: params.CoverageRequest,
    here: Place,
    scope: tuple[str, ...] | None,
    now: datetime,
) -> Context:
    """What the page says even where there is no ledger."""
    assert bounds.after_ms is not None
    assert bounds.before_ms is not None
    since, last = from_ms(bounds.after_ms).date(), from_ms(bounds.before_ms - 1).date()
    until = last + timedelta(days=1)
    return {
        "here": here,
        "apps": apps_of(services, scope),
        "since": since,
        "until": until,
        "last_day": last,
        "now": now,
        "today": now.date().isoformat(),
        "outcomes": OUTCOMES,
        "earlier_url": _moved(here, since, back=True),
        "later_url": _moved(here, until, back=False) if until <= now.date() else "",
        "document": None,
    }


def bounds_of(
    asked: params.CoverageRequest, now: datetime, known: datetime | None
) -> params.CoverageRequest:
    """The range asked for; without one the last few months, as far back as anything is known."""
    before_ms = asked.before_ms
    if before_ms is None:
        before_ms = _ms(now.date() + timedelta(days=1))
    after_ms = asked.after_ms
    if after_ms is None:
        after_ms = _ms(_months_earlier(from_ms(before_ms).date(), MONTHS_BEFORE))
        after_ms = max(after_ms, to_ms(known) if known is not None else after_ms)
    return params.CoverageRequest(
        apps=asked.apps, after_ms=min(after_ms, before_ms - 1), before_ms=before_ms
    )


def _first_known(ledger: Ledger, of: Range) -> datetime | None:
    """When the oldest session began, or the oldest list of sessions that was seen."""
    known = [ledger.coverage.first_start(app_id) for app_id in of.apps]
    known += [span[0] for app_id in of.apps for span in ledger.coverage.spans(app_id)[:1]]
    return min((each for each in known if each is not None), default=None)


def _months_earlier(day: date, months: int) -> date:
    """The first day of the month so many months before that of the day before this one."""
    last = day - timedelta(days=1)
    number = max(last.year * 12 + last.month - 1 - months, 12)
    return date(number // 12, number % 12 + 1, 1)


def _moved(here: Place, edge: date, *, back: bool) -> str:
    """As many months on the other side of this day."""
    if back:
        since, until = _months_earlier(edge, MONTHS_BEFORE), edge
    else:
        months = edge.year * 12 + edge.month + MONTHS_BEFORE
        since, until = edge, date(months // 12, months % 12 + 1, 1)
    return here.having(after=since.isoformat(), before=until.isoformat()).url


def _ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def _verification(ledger: Ledger) -> tuple[datetime | None, int]:
    """When everything was last read back, and how much was not what it should be."""
    vitals = ledger.vitals()
    verified, failures = vitals.get(VERIFIED), vitals.get(FIXITY_FAILURES)
    return verified.at if verified else None, int(failures.value) if failures else 0


def facts_of(
    document: CoverageReport, now: datetime, verified_at: datetime | None, failures: int
) -> list[Fact]:
    """How sure one can be of these numbers."""
    source, bucket = document["source"], document["bucket"]
    return [
        _since("Source listed", source["listed_through"], now, _NEVER_LISTED),
        Fact(
            name="Gaps in what was listed",
            text=str(len(source["gaps"])) if source["gaps"] else "none",
            is_good=not source["gaps"] and not source["sessions_missing"],
            detail=_gap_text(source["gaps"], source["sessions_missing"]),
        ),
        _since("Index current to", document["indexed_through"], now, _NO_INDEX),
        Fact(
            name="Everything read back",
            text=moment_text(verified_at) if verified_at else "not yet",
            is_good=bool(verified_at) and not failures,
            detail=f"{failures} findings: run `rtk-archive verify`" if failures else "",
        ),
        Fact(
            name="Bucket compared",
            text=_moment(bucket["compared_at"]) or "not yet",
            is_good=not bucket["inventories_missing"],
            detail=_bucket_text(bucket),
        ),
    ]


def _since(name: str, at: str | None, now: datetime, otherwise: tuple[str, str]) -> Fact:
    """How long ago something was; `otherwise` says what stands there where that is not known, and why."""
    if at is None:
        text, why = otherwise
        return Fact(name=name, text=text, is_good=False, detail=why)
    lag = now - datetime.fromisoformat(at)
    is_good = lag <= _SOON
    detail = "" if is_good else f"{span_text(lag)} ago"
    return Fact(name=name, text=_moment(at), is_good=is_good, detail=detail)


def _moment(text: str | None) -> str:
    return "" if text is None else moment_text(datetime.fromisoformat(text))


def _gap_text(gaps: list[Gap], missing: int) -> str:
    spans = [f"{_moment(each['from'])} to {_moment(each['until'])}" for each in gaps]
    parts = list(dict.fromkeys(spans))
    parts = [*parts[:3], f"and {len(parts) - 3} more"] if len(parts) > 3 else parts
    parts += [f"{missing} sessions were listed and are not known"] if missing else []
    return "; ".join(parts)


def _bucket_text(bucket: Bucket) -> str:
    if bucket["inventories_missing"]:
        return f"{bucket['inventories_missing']} inventories missing: run `rtk-archive verify`"
    days = bucket["days_not_compared"]
    return f"{days} days not compared yet" if days else ""


def _due(document: CoverageReport, now: datetime) -> list[Due]:
    found = []
    for each in document["nearest_deadlines"]:
        at = datetime.fromisoformat(each["deadline_at"])
        found.append(
            Due(
                url=session_url(each["session_id"]),
                session_id=each["session_id"],
                at=at,
                left=span_text(abs(at - now)),
                is_late=at < now,
            )
        )
    return found


def _lost(ledger: Ledger, of: Range) -> list[Lost]:
    return [
        Lost(
            url=session_url(session_id.session_id),
            session_id=session_id.session_id,
            artifact=" ".join(filter(None, (artifact.kind, artifact.format))),
            reason=reason,
        )
        for session_id, artifact, reason in ledger.lost(of, LOST_MAX)
    ]
