"""How long the source asks to be left alone, however it spells it: reference, 3.2; pure."""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

#: From here on a number of seconds is a moment since 1970: it is one of 2001 or later.
EPOCH_MIN_S = 1_000_000_000
#: Beyond this, in the year 2286, it is none that anybody means.
EPOCH_MAX_S = 10_000_000_000


def retry_after_s(text: str, now: datetime) -> float | None:
    """Retry-After: a number of seconds of any length, or the moment it ends at; None for neither."""
    seconds = _number(text)
    # Nobody is sent away for decades: so large a number is when, not how long.
    return seconds if seconds is not None and seconds < EPOCH_MIN_S else seconds_until(text, now)


def seconds_until(text: str, now: datetime) -> float | None:
    """How far away a date is, or a moment in seconds or milliseconds since 1970; None for neither."""
    moment_s = _number(text)
    if moment_s is None:
        try:
            return (parsedate_to_datetime(text) - now).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    if moment_s >= EPOCH_MIN_S * 1000:
        moment_s /= 1000
    return moment_s - now.timestamp() if EPOCH_MIN_S <= moment_s < EPOCH_MAX_S else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
