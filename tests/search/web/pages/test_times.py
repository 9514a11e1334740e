"""Times as pages say them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from archiver.model import to_ms
from search.web.pages import times
from tests.search.web.world import STARTED


@pytest.mark.parametrize(
    ("ms", "clock"), [(0, "0:00"), (123_456, "2:03"), (3_723_000, "1:02:03"), (-5, "0:00")]
)
def test_a_moment(ms: int, clock: str) -> None:
    """Hours only where there are any."""
    assert times.moment_clock(ms) == clock


def test_a_day_and_a_time() -> None:
    """In UTC, in words that are read without thinking."""
    when = times.when_of(to_ms(STARTED))

    assert times.day_text(when) == "Sat 3 October 2026"
    assert times.time_text(when) == "10:00"
    assert times.moment_text(when) == "3 Oct 2026, 10:00"
    assert times.iso_text(when) == "2026-10-03T10:00:00Z"


@pytest.mark.parametrize("ms", [None, 10**18, -(10**18)])
def test_a_time_that_no_calendar_has(ms: int | None) -> None:
    """It is unknown, and no error."""
    when = times.when_of(ms)

    assert when is None
    assert times.day_text(when) == times.moment_text(when) == times.time_text(when) == "unknown"
    assert times.iso_text(when) == ""


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=40), "40 s"),
        (timedelta(minutes=30, seconds=59), "30 min"),
        (timedelta(hours=6), "6 h"),
        (timedelta(hours=6, minutes=2), "6 h 2 min"),
        (timedelta(days=3, hours=4, minutes=5), "3 d 4 h"),
        (timedelta(seconds=-1), "0 s"),
    ],
)
def test_a_length(span: timedelta, text: str) -> None:
    """Two units at most."""
    assert times.span_text(span) == text


def test_a_length_without_an_end() -> None:
    """Nothing is said where no end is known, or one before the start."""
    assert times.length_text(5, None) == times.length_text(5, 4) == ""
