"""The nouns: what may be a session, its deadlines, and how times are written."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.archive import keys
from archiver.model import (
    CHAT,
    ID_BYTES_MAX,
    SETTLED,
    Kind,
    Outcome,
    Session,
    SessionId,
    format_time,
    from_ms,
    is_digest,
    parse_time,
    to_ms,
    transcript,
)

START = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
END = START + timedelta(hours=1)
SESSION = Session(
    app_id="app",
    session_id="session",
    meeting_id="meeting",
    started_at=START,
    ended_at=END,
    created_at=START,
    ended=True,
)


def changed(field: str, value: Any) -> Session:
    """The session with one field of another value."""
    return replace(SESSION, **{field: value})


def test_the_deadline_counts_from_the_start_and_the_end_decides() -> None:
    """Work is ordered by the safe reading of seven days, outcomes are final by the other."""
    assert SESSION.deadline_at == START + timedelta(days=6, hours=23)
    assert SESSION.final_at == END + timedelta(days=7)
    assert replace(SESSION, ended_at=None).final_at == START + timedelta(days=7)


def test_an_end_before_the_start_decides_nothing_early() -> None:
    """A nonsensical end does not turn what may still come into something lost."""
    absurd = replace(SESSION, ended_at=START - timedelta(days=300))

    assert absurd.final_at == START + timedelta(days=7)


@pytest.mark.parametrize("field", ["app_id", "session_id"])
@pytest.mark.parametrize(
    "text", ["", "x" * 129, "é" * 41, "a\0b", "a\nb", "a\x7f", "a\u202eb", "half \ud800"]
)
def test_an_id_no_folder_can_be_named_after_is_none(field: str, text: str) -> None:
    """Empty, too long or with control characters: no session has such an id."""
    with pytest.raises(ValueError, match="id"):
        changed(field, text)


@pytest.mark.parametrize("text", ["a\0b", "half \ud800", "a\nb"])
def test_a_meeting_id_nothing_can_store_is_none(text: str) -> None:
    """A meeting's id names no folder, but is written down; it may be missing."""
    with pytest.raises(ValueError, match="id"):
        replace(SESSION, meeting_id=text)

    assert replace(SESSION, meeting_id="").meeting_id == ""


@given(st.text(max_size=ID_BYTES_MAX + 5), st.text(max_size=ID_BYTES_MAX + 5))
def test_every_session_has_a_folder_a_file_system_can_hold(app_id: str, session_id: str) -> None:
    """Whatever passes as an id makes segments of at most 255 bytes, and reads back."""
    try:
        session = replace(SESSION, app_id=app_id, session_id=session_id)
    except ValueError:
        return
    folder = keys.folder(session.id, session.started_at)

    assert folder.isascii()
    assert max(len(each) for each in folder.split("/")) <= 255
    parsed = keys.parse_key(folder + keys.inventory_name(1))
    assert parsed is not None
    assert parsed.session_id == session.id


def test_the_longest_id_still_makes_a_folder() -> None:
    """At worst every byte takes three characters."""
    longest = replace(SESSION, app_id="." * ID_BYTES_MAX, session_id="_" + "~" * (ID_BYTES_MAX - 1))

    assert max(len(each) for each in keys.folder(longest.id, START).split("/")) <= 255


@pytest.mark.parametrize("field", ["started_at", "ended_at", "created_at"])
@pytest.mark.parametrize("moment", [datetime(2026, 1, 1), datetime.max.replace(tzinfo=UTC)])  # noqa: DTZ001 — the fact under test
def test_a_session_has_times_that_can_be_reckoned_with(field: str, moment: datetime) -> None:
    """Without an offset, or too late to add a deadline to, a time is none."""
    with pytest.raises(ValueError, match="time"):
        changed(field, moment)


def test_a_session_does_not_change() -> None:
    """News is a new value."""
    with pytest.raises(FrozenInstanceError):
        SESSION.ended = False  # type: ignore[misc]  # the fact under test


def test_names_are_written_in_one_way() -> None:
    """A session's whole name and an artifact's, as they are shown."""
    assert str(SESSION.id) == "app/session"
    assert str(SessionId("a", "b")) == "a/b"
    assert (str(CHAT), str(transcript("JSON"))) == ("chat", "transcript/JSON")
    assert [each.value for each in Kind] == [
        "session",
        "transcript",
        "chat",
        "summary",
        "peer-reports",
    ]


def test_promise_5_every_outcome_is_final_but_two() -> None:
    """What is pending or empty is looked at again; nothing else is."""
    assert set(Outcome) - SETTLED == {Outcome.PENDING, Outcome.EMPTY}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-06-10T10:30:00.000Z", datetime(2026, 6, 10, 10, 30, tzinfo=UTC)),
        ("2022-12-13 07:08:39.051621Z", datetime(2022, 12, 13, 7, 8, 39, 51621, tzinfo=UTC)),
        ("2022-12-13T07:08:39", datetime(2022, 12, 13, 7, 8, 39, tzinfo=UTC)),
        (" 2026-06-10T12:30:00+02:00\n", datetime(2026, 6, 10, 10, 30, tzinfo=UTC)),
    ],
)
def test_both_spellings_of_the_source_are_read(text: str, moment: datetime) -> None:
    """A time without an offset is UTC."""
    assert moment == parse_time(text)
    assert parse_time(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13-01", "1700000000.5", "9999-12-31T23:59:59-01:00"]
)
def test_what_is_no_time_is_one_clear_error(text: str) -> None:
    """ValueError, also where only the offset makes it impossible."""
    with pytest.raises(ValueError, match=r".+"):
        parse_time(text)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    """Nothing else comes out."""
    try:
        assert parse_time(text).tzinfo is UTC
    except ValueError:
        return


@given(
    st.datetimes(
        min_value=datetime(1900, 1, 1),  # noqa: DTZ001 — hypothesis wants it without an offset
        max_value=datetime(8999, 1, 1),  # noqa: DTZ001 — as above
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30))]),
    )
)
def test_a_time_survives_writing_to_the_millisecond(moment: datetime) -> None:
    """As a text and as a number it is the same moment again."""
    written = format_time(moment)

    assert written.endswith("Z")
    assert len(written) == len("2026-06-10T10:30:00.000Z")
    assert timedelta(0) <= moment - parse_time(written) < timedelta(milliseconds=1)
    assert format_time(parse_time(written)) == written
    assert from_ms(to_ms(moment)) == parse_time(written)
    assert to_ms(from_ms(to_ms(moment))) == to_ms(moment)


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("ab" * 32, True),
        ("AB" * 32, False),
        ("ab" * 31, False),
        ("ab" * 32 + "\n", False),
        ("٣" * 64, False),
        ("", False),
    ],
)
def test_a_digest_is_64_lower_case_hex_digits(text: str, digest: bool) -> None:
    """As we write it, and no other spelling."""
    assert is_digest(text) is digest
