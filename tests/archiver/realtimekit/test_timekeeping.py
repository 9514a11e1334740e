"""Whether our clock agrees with the source's."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import pytest

from archiver.realtimekit.timekeeping import Timekeeping
from tests.rig import NOW

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("off_s", "agrees"),
    [(0, True), (59, True), (-59, True), (63, False), (-63, False), (90_000, False)],
)
def test_a_minute_is_forgiven(off_s: int, agrees: bool) -> None:
    """In either direction; more is a wrong clock."""
    kept = Timekeeping()
    kept.compare(format_datetime(NOW + off_s * SECOND, usegmt=True), NOW, NOW + SECOND)
    assert kept.agrees(NOW + SECOND) is agrees


def test_an_answer_that_took_long_proves_less() -> None:
    """It may have been dated at any moment between asking and hearing."""
    kept = Timekeeping()
    kept.compare(format_datetime(NOW + 100 * SECOND, usegmt=True), NOW, NOW + 120 * SECOND)
    assert kept.agrees(NOW + 120 * SECOND)


def test_nothing_is_known_before_the_first_answer_nor_long_after_the_last() -> None:
    """By the clock in question: one that jumped makes every comparison old."""
    kept = Timekeeping()
    assert not kept.agrees(NOW)
    kept.compare(format_datetime(NOW, usegmt=True), NOW, NOW)
    assert kept.agrees(NOW + timedelta(minutes=10))
    assert not kept.agrees(NOW + timedelta(minutes=11))
    assert not kept.agrees(NOW - timedelta(minutes=11))


@pytest.mark.parametrize("date", ["", "today", "Mon, 99 Nov 2026 99:00:00 GMT"])
def test_a_source_without_dates_says_nothing_against_our_clock(date: str) -> None:
    """It was there, and nobody contradicts."""
    kept = Timekeeping()
    kept.compare(date, NOW, NOW)
    assert kept.agrees(NOW)
