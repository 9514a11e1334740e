"""Every way the artifacts write a time, into milliseconds from the session's start."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.model import parse_time, to_ms

if TYPE_CHECKING:
    from datetime import datetime

#: Three years: a larger number of milliseconds counts from 1970, not from the session's start.
MAX_MS = 10**11 - 1
_NUMBER_MAX = 10**15
_TIME_CHARS_MAX = 64
_NUMBER = re.compile(r"\s*[+-]?\d{1,16}(?:\.\d{0,12})?\s*\Z", re.ASCII)
_MILLISECOND = timedelta(milliseconds=1)


class Offset(int):
    """Milliseconds from the session's start for certain, unlike a number whose unit is open."""

    __slots__ = ()


def clamp(ms: float) -> int:
    """Within a session: not before its start, not beyond what any session lasts."""
    return min(max(round(ms), 0), MAX_MS)


def read_number(value: object) -> float | None:
    """A finite number of sane size from JSON's number or its text; None for anything else."""
    if type(value) is str:
        if not _NUMBER.match(value):
            return None
        value = float(value) if "." in value else int(value)
    if type(value) is float:
        return value if math.isfinite(value) and abs(value) <= _NUMBER_MAX else None
    if type(value) is int:
        return value if abs(value) <= _NUMBER_MAX else None
    return None


def read_moment(value: object) -> datetime | None:
    """The moment an ISO 8601 text names; None for anything else."""
    if type(value) is not str or len(value) > _TIME_CHARS_MAX:
        return None
    try:
        return parse_time(value)
    except ValueError:
        return None


def since(started_at: datetime, moment: datetime) -> Offset:
    """How long after the session's start that is."""
    return Offset(clamp((moment - started_at) // _MILLISECOND))


def read_time(value: object, started_at: datetime) -> float | None:
    """A time in a transcript: an Offset where it is absolute, else a number in the file's unit."""
    number = read_number(value)
    if number is not None:
        if number <= MAX_MS:
            return number
        return Offset(clamp(number - to_ms(started_at)))
    moment = read_moment(value)
    return None if moment is None else since(started_at, moment)
