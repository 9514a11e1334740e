"""The archive's session record: title, times, and everybody once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from search.formats import FormatError, Limits, Participant, SessionRecord, parse_session_record

SESSION: dict[str, Any] = {
    "id": "s1",
    "associated_id": "mt1",
    "meeting_display_name": "Weekly sync",
    "status": "ENDED",
    "started_at": "2026-06-03T10:00:00.000Z",
    "ended_at": "2026-06-03 10:30:00.000000Z",
}
MARK: dict[str, Any] = {
    "id": "peer-1",
    "user_id": "u1",
    "custom_participant_id": "c1",
    "display_name": "Mark",
    "joined_at": "2026-06-03T10:00:08.030Z",
    "left_at": "2026-06-03T10:05:00.000Z",
}
MARK_READ = Participant(
    peer_id="peer-1",
    user_id="u1",
    custom_id="c1",
    name="Mark",
    joined_at_ms=8030,
    left_at_ms=300_000,
)


def page(*people: object) -> dict[str, object]:
    """The source's answer with these participants."""
    return {"success": True, "data": {"participants": list(people), "paging": {"total_count": 1}}}


def read(
    session: object = SESSION, pages: object = (), limits: Limits | None = None
) -> SessionRecord:
    record = {"participants": pages, "session": session}
    return parse_session_record(json.dumps(record).encode(), limits=limits or Limits())


def test_record() -> None:
    """Title, ids, times in both spellings, and the participants' times from the session's start."""
    assert read(pages=[page(MARK)]) == SessionRecord(
        session_id="s1",
        meeting_id="mt1",
        title="Weekly sync",
        started_at=datetime(2026, 6, 3, 10, tzinfo=UTC),
        ended_at=datetime(2026, 6, 3, 10, 30, tzinfo=UTC),
        participants=(MARK_READ,),
        notes=(),
    )


@pytest.mark.parametrize(
    "session", [SESSION, {"data": SESSION}, {"success": True, "data": {"session": SESSION}}]
)
def test_session_nestings(session: object) -> None:
    """The session is found in either nesting of the source."""
    assert read(session).title == "Weekly sync"


@pytest.mark.parametrize(
    "pages",
    [
        [page(MARK)],
        page(MARK),
        [{"participants": [MARK]}],
        [{"data": [MARK]}],
        [[MARK]],
        [MARK],
    ],
)
def test_participant_nestings(pages: object) -> None:
    """The participants are found in every nesting of a page."""
    assert read(pages=pages).participants == (MARK_READ,)


def test_everybody_once() -> None:
    """Of one peer on two pages, the entry that knows when they left is kept."""
    here, other = MARK | {"left_at": None}, MARK | {"id": "peer-2"}
    record = read(pages=[page(here, other), page(MARK, here)])

    assert [(person.peer_id, person.left_at_ms) for person in record.participants] == [
        ("peer-1", 300_000),
        ("peer-2", 300_000),
    ]


def test_incomplete_participants() -> None:
    """Every field may be missing; who has neither id nor name is nobody."""
    record = read(pages=[page({"display_name": "Ana"}, {}, 5, None, {"id": 7, "joined_at": "?"})])

    assert [person.name for person in record.participants] == ["Ana"]
    assert record.participants[0].joined_at_ms is None
    assert record.notes == ("rows-skipped:4",)


def test_live_session() -> None:
    """A session may have no end, no start and no participants."""
    record = read({"id": "s1", "ended_at": None}, pages=None)

    assert (record.title, record.started_at, record.ended_at) == ("", None, None)
    assert record.participants == ()


def test_times_without_a_start() -> None:
    """Without the session's start there are no offsets."""
    assert read({"id": "s1"}, pages=[page(MARK)]).participants[0].left_at_ms is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "malformed"),
        (b"[]", "unrecognised"),
        (b"{}", "unrecognised"),
        (b'{"session": 5}', "unrecognised"),
        (
            b'{"session": {"session": {"session": {"session": {"session": {"id": "x"}}}}}}',
            "unrecognised",
        ),
        (b"[" * 1000, "too-deep"),
    ],
)
def test_refused(data: bytes, reason: str) -> None:
    """What is no session record is one error with its reason."""
    with pytest.raises(FormatError) as caught:
        parse_session_record(data)

    assert (caught.value.reason, caught.value.kind) == (reason, "session")


def test_bounds() -> None:
    """Too many participants are refused."""
    people = [MARK | {"id": str(number)} for number in range(5)]
    with pytest.raises(FormatError):
        read(pages=[page(*people)], limits=Limits(utterances=4))
