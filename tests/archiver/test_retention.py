"""How long what is archived is locked: terms, exceptions, and which of two locks keeps more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.archive.canonical import lock_document, lock_of
from archiver.model import UNLOCKED, Lock, LockMode
from archiver.settings import load_settings
from archiver.settings.retention import retention

NOW = datetime(2026, 11, 26, 10, 0, 0, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

locks = st.builds(
    lambda mode, hours, hold: Lock(
        mode=mode, until=NOW.replace(microsecond=0) + hours * HOUR if mode else None, hold=hold
    ),
    st.sampled_from(["", *LockMode]),
    st.integers(-50, 50),
    st.booleans(),
)


@given(locks, locks)
def test_joined_is_no_less_than_either(one: Lock, other: Lock) -> None:
    """What joins two locks covers both."""
    assert one.joined(other).covers(one)
    assert one.joined(other).covers(other)
    assert one.covers(one)
    assert one.covers(UNLOCKED)


@given(locks)
def test_a_record_keeps_a_lock(lock: Lock) -> None:
    """A lock is read from a record as it was written."""
    assert lock_of(lock_document(lock)) == lock


def test_a_shorter_a_weaker_or_a_missing_lock_does_not_cover() -> None:
    """Less is told from enough: by mode, by date beyond two seconds, by hold."""
    wanted = Lock(mode="COMPLIANCE", until=NOW + HOUR)

    assert Lock(mode="COMPLIANCE", until=NOW + HOUR - timedelta(seconds=1)).covers(wanted)
    assert not Lock(mode="COMPLIANCE", until=NOW).covers(wanted)
    assert not Lock(mode="GOVERNANCE", until=NOW + 9 * HOUR).covers(wanted)
    assert not UNLOCKED.covers(wanted)
    assert not wanted.covers(Lock(hold=True))


@pytest.mark.parametrize(
    ("text", "moment", "until"),
    [
        ("compliance:7y", NOW, datetime(2033, 11, 26, 10, 0, 1, tzinfo=UTC)),
        ("governance:90d", NOW, datetime(2027, 2, 24, 10, 0, 1, tzinfo=UTC)),
        (
            "compliance:1y",
            datetime(2028, 2, 29, tzinfo=UTC),
            datetime(2029, 3, 1, tzinfo=UTC),
        ),
    ],
)
def test_a_term_is_never_shorter_than_it_says(text: str, moment: datetime, until: datetime) -> None:
    """Years are calendar years, and fractions of a second are rounded up."""
    assert retention(text).lock("any", moment).until == until


def test_an_app_may_have_a_term_of_its_own_and_records_have_the_strictest() -> None:
    """What vouches for every app is kept as long, and as strictly, as any of theirs."""
    settings = load_settings(
        {
            "RTK_ARCHIVE_LOCK": "governance:10y,strict=compliance:1y,free=off",
            "RTK_ARCHIVE_LEGAL_HOLD": "held",
        }
    )

    assert settings.lock_for("other", NOW).mode == LockMode.GOVERNANCE
    assert settings.lock_for("strict", NOW).mode == LockMode.COMPLIANCE
    assert not settings.lock_for("free", NOW)
    assert settings.lock_for("held", NOW).hold
    records = settings.lock_for("", NOW)
    assert (records.mode, records.hold) == (LockMode.COMPLIANCE, True)
    assert records.until is not None
    assert records.until.year == 2036
    assert not load_settings({}).lock_for("", NOW)
