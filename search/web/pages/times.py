"""Times as pages say them: moments of a session, days and times in UTC, lengths."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN = "unknown"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def moment_clock(ms: int) -> str:
    """A place in a session, from its start: `2:03`, or `1:02:03` where there are hours."""
    minutes, seconds = divmod(max(ms, 0) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def when_of(ms: int | None) -> datetime | None:
    """The moment in UTC; None where there is none, or none that a calendar has."""
    try:
        return None if ms is None else _EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        return None


def day_text(when: datetime | None) -> str:
    """`Sat 3 October 2026`."""
    if when is None:
        return _UNKNOWN
    return f"{_DAYS[when.weekday()]} {when.day} {MONTHS[when.month - 1]} {when.year}"


def time_text(when: datetime | None) -> str:
    """`10:00`."""
    return _UNKNOWN if when is None else f"{when.hour:02d}:{when.minute:02d}"


def moment_text(when: datetime | None) -> str:
    """`3 Oct 2026, 10:00`."""
    if when is None:
        return _UNKNOWN
    return f"{when.day} {MONTHS[when.month - 1][:3]} {when.year}, {time_text(when)}"


def iso_text(when: datetime | None) -> str:
    """As the `datetime` attribute wants it; "" for none."""
    return "" if when is None else f"{when.isoformat(timespec='seconds')[:19]}Z"


def length_text(start_ms: int, end_ms: int | None) -> str:
    """`30 min`, `6 h 2 min`; "" where no end is known."""
    if end_ms is None or end_ms < start_ms:
        return ""
    return span_text(timedelta(milliseconds=end_ms - start_ms))


def span_text(span: timedelta) -> str:
    """A stretch of time in its two largest units, rounded down: `3 d 4 h`, `2 h 5 min`, `40 s`."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return _two(days, "d", hours % 24, "h")
    return _two(hours, "h", minutes % 60, "min") if hours else f"{minutes} min"


def _two(large: int, unit: str, small: int, smaller: str) -> str:
    return f"{large} {unit} {small} {smaller}" if small else f"{large} {unit}"
