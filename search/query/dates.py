"""Dates as a query writes them: a year, a month, a day or a moment, as half-open milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
#: Years whose every moment, in any offset, and the one after it can be written.
_FIRST_YEAR, _LAST_YEAR = "0002", "9998"
_DAY = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:[Zz]|[+-]\d{2}:\d{2})?",
    re.ASCII,
)


def time_range(text: str) -> tuple[int, int]:
    """From the first millisecond of this year, month, day or moment to the first after it, in UTC.

    A moment without an offset is UTC, and its range is empty. Raises ValueError for anything else.
    """
    if not _FIRST_YEAR <= text[:4] <= _LAST_YEAR:
        raise ValueError(f"not a date: {text!r}")
    day = _DAY.fullmatch(text)
    if day:
        year, month, day_of_month = (int(part) if part else None for part in day.groups())
        assert year is not None
        return _calendar_range(year, month, day_of_month)
    if not _MOMENT.fullmatch(text):
        raise ValueError(f"not a date: {text!r}")
    moment = datetime.fromisoformat(text.upper().replace(",", "."))
    at = _ms(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment)
    return at, at


def format_ms(ms: int) -> str:
    """The moment as `time_range` reads it."""
    moment = (_EPOCH + ms * _MILLISECOND).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")


def _calendar_range(year: int, month: int | None, day: int | None) -> tuple[int, int]:
    start = date(year, month or 1, day or 1)
    if day:
        end = start + timedelta(days=1)
    elif month:
        end = (start + timedelta(days=31)).replace(day=1)
    else:
        end = start.replace(year=year + 1)
    return _midnight_ms(start), _midnight_ms(end)


def _midnight_ms(day: date) -> int:
    return _ms(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND
