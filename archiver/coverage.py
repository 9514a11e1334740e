"""How much of what there was is archived, and which of it nobody can tell: for any range, by day and app."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from archiver.model import format_time, from_ms, parse_time, to_ms

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.ledger import Ledger, Range
    from archiver.ledger.coverage import Day

DAY_MS = 86_400_000
#: The source's list is looked at every few minutes; this long after the last look nobody knows.
TAIL_MAX = timedelta(minutes=30)


def coverage_document(ledger: Ledger, of: Range, now: datetime) -> dict[str, Any]:
    """Sessions and artifacts by outcome, in all and by day, and how sure of that one can be."""
    days = ledger.coverage.days(of)
    artifacts: Counter[str] = Counter()
    for each in days:
        artifacts.update(each.outcomes)
    return {
        "sessions": ledger.session_counts(of),
        "artifacts": dict(sorted(artifacts.items())),
        **certainty(ledger, of, now, days),
        "days": [_day(each) for each in days],
    }


def certainty(
    ledger: Ledger, of: Range, now: datetime, days: list[Day] | None = None
) -> dict[str, Any]:
    """Whether the source's list was seen whole in this range, and the bucket holds what it should."""
    days = ledger.coverage.days(of) if days is None else days
    compared = [each.compared_at for each in days if each.compared_at is not None]
    return {
        "source": {
            "listed_through": listed_through(ledger, of),
            "gaps": [
                {"app_id": app_id, "from": format_time(since), "until": format_time(until)}
                for app_id, since, until in gaps(ledger, of, now)
            ],
            "sessions_missing": sum(
                max((each.listed or 0) - each.sessions, 0) for each in days if _whole(each, of)
            ),
        },
        "bucket": {
            "compared_at": format_time(min(compared)) if compared else None,
            "days_not_compared": sum(each.compared_at is None for each in days),
            "inventories_missing": sum(each.missing for each in days),
        },
    }


def _whole(day: Day, of: Range) -> bool:
    """Whether all of the day lies in the range: only then do the source's counts compare."""
    begins_ms = to_ms(parse_time(day.day))
    ends_ms = begins_ms + DAY_MS
    return (of.since_ms is None or of.since_ms <= begins_ms) and (
        of.until_ms is None or ends_ms <= of.until_ms
    )


def listed_through(ledger: Ledger, of: Range) -> str | None:
    """Up to when the lists of all these apps were seen whole; None where one never was."""
    ends = [
        spans[-1][1] if (spans := ledger.coverage.spans(each)) else None
        for each in _apps(ledger, of)
    ]
    known = [each for each in ends if each is not None]
    return format_time(min(known)) if known and len(known) == len(ends) else None


def gaps(ledger: Ledger, of: Range, now: datetime) -> list[tuple[str, datetime, datetime]]:
    """When sessions may have begun that nobody saw: before the first look, between looks, since the last.

    A range without a beginning begins with what is known of the app.
    """
    found = []
    for app_id in _apps(ledger, of):
        spans = ledger.coverage.spans(app_id)
        first = ledger.coverage.first_start(app_id)
        known = [each for each in (first, spans[0][0] if spans else None) if each is not None]
        since = from_ms(of.since_ms) if of.since_ms is not None else min(known, default=now)
        until = min(from_ms(of.until_ms), now) if of.until_ms is not None else now
        at = since
        for begins, ends in spans:
            if begins > at:
                found.append((app_id, at, min(begins, until)))
            at = max(at, ends)
            if at >= until:
                break
        if until - at > TAIL_MAX:
            found.append((app_id, at, until))
    return [(app_id, since, until) for app_id, since, until in found if since < until]


def _apps(ledger: Ledger, of: Range) -> list[str]:
    return list(of.apps) or sorted({*ledger.apps(), *ledger.known_apps()})


def _day(day: Day) -> dict[str, Any]:
    return {
        "day": day.day,
        "app_id": day.app_id,
        "sessions": day.sessions,
        "live": day.live,
        "pending": day.pending,
        "recorded": day.recorded,
        "artifacts": dict(sorted(day.outcomes.items())),
        "listed": day.listed,
        "in_bucket": day.in_bucket,
        "missing": day.missing,
        "compared_at": format_time(day.compared_at) if day.compared_at else None,
    }
