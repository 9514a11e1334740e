"""When to try what next, and what it means when nothing came."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.model import (
    CHAT,
    PEER_REPORTS,
    SESSION_RECORD,
    SUMMARY,
    Outcome,
    Session,
    TranscriptFormat,
    transcript,
)
from archiver.schedule import (
    INTERVAL_LAST,
    LAST_LOOK,
    PLANNED_AHEAD_MAX,
    SOFT_ALARM,
    ArtifactState,
    Expectation,
    Fate,
    SummaryRequest,
    after_none,
    decide,
    may_request_summary,
    next_attempt,
    session_next_attempt,
    summary_look_again,
    to_ask,
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
EXPECTATION = Expectation(
    formats=(TranscriptFormat.JSON, TranscriptFormat.CSV),
    summaries="generate",
    summary_wait=timedelta(minutes=15),
    summary_patience=timedelta(hours=6),
)
JSON, CSV = transcript("JSON"), transcript("CSV")


def _tries(state: ArtifactState, session: Session = SESSION) -> list[datetime]:
    """Every moment an artifact that never comes is asked for, from the session's end on."""
    now, moments = END, [END]
    while now < session.final_at:
        state = replace(state, attempts=state.attempts + 1)
        now = next_attempt(state, session, now)
        moments.append(now)
    return moments


def test_an_artifact_that_never_comes_is_asked_for_about_twenty_times() -> None:
    """Intervals double from a minute to twelve hours, until the moment that decides."""
    moments = _tries(ArtifactState(artifact=CHAT))
    gaps = [later - sooner for sooner, later in itertools.pairwise(moments)]

    assert [timedelta(minutes=2**n) for n in range(10)] == gaps[:10]
    assert max(gaps) == timedelta(hours=12)
    assert 20 <= len(moments) <= 26
    assert moments[-1] == SESSION.final_at


def test_there_is_one_last_look_before_the_deadline() -> None:
    """Shortly before the source may delete, it is asked once more, whatever the interval says."""
    moments = _tries(ArtifactState(artifact=CHAT))

    assert any(
        timedelta(0) <= SESSION.deadline_at - each <= timedelta(minutes=30) for each in moments
    )


def test_a_session_without_transcribed_minutes_waits_longer() -> None:
    """Where the source says that nothing was transcribed, its transcript is asked for less often."""
    silent = replace(SESSION, transcribed=False)

    assert len(_tries(ArtifactState(artifact=JSON), silent)) < 20
    assert _tries(ArtifactState(artifact=CHAT), silent) == _tries(ArtifactState(artifact=CHAT))


def test_everything_is_asked_for_in_order() -> None:
    """The session, the probe, its sisters, chat, summary; what is excluded or settled is not."""
    states = EXPECTATION.initial()
    assert to_ask(states, EXPECTATION, END) == [SESSION_RECORD, JSON, CSV, CHAT, SUMMARY]

    states[CHAT] = replace(states[CHAT], outcome=Outcome.ARCHIVED)
    states[JSON] = replace(states[JSON], next_attempt_at=END + timedelta(hours=1))
    assert to_ask(states, EXPECTATION, END) == [SESSION_RECORD, CSV, SUMMARY]
    everything = to_ask(states, EXPECTATION, END, everything=True)
    assert everything == [SESSION_RECORD, JSON, CSV, SUMMARY]


def test_settings_that_change_exclude_and_include() -> None:
    """A format no longer wanted is excluded while it is pending, and asked for when it is again."""
    srt = replace(EXPECTATION, formats=(TranscriptFormat.SRT,), peer_reports=True)
    states = srt.reconcile(EXPECTATION.initial())
    assert (states[JSON].outcome, states[JSON].reason) == (Outcome.EXCLUDED, "setting:formats")
    assert states[transcript("SRT")].outcome is states[PEER_REPORTS].outcome is Outcome.PENDING

    back = EXPECTATION.reconcile(states)
    assert back[JSON].outcome is Outcome.PENDING
    assert back[transcript("SRT")].outcome is Outcome.EXCLUDED

    kept = replace(EXPECTATION, summaries="off").reconcile(
        {SUMMARY: ArtifactState(artifact=SUMMARY, outcome=Outcome.ARCHIVED)}
    )
    assert kept[SUMMARY].outcome is Outcome.ARCHIVED


@pytest.mark.parametrize(
    ("requests", "after_end", "expected"),
    [
        ({}, timedelta(minutes=14), None),
        ({}, timedelta(minutes=15), 1),
        ({1: Fate.ACCEPTED}, timedelta(days=6), None),
        ({1: Fate.NOT_STARTED}, timedelta(minutes=16), 2),
        ({1: Fate.UNKNOWN}, timedelta(hours=6, minutes=14), None),
        ({1: Fate.UNKNOWN}, timedelta(hours=6, minutes=15), 2),
        ({1: Fate.UNKNOWN, 2: Fate.NOT_STARTED}, timedelta(days=6), None),
        ({1: Fate.NOT_STARTED, 2: Fate.UNKNOWN}, timedelta(days=6), None),
    ],
)
def test_promise_7_which_request_may_be_sent(
    requests: dict[int, Fate], after_end: timedelta, expected: int | None
) -> None:
    """The first after a wait; the second only if the first did nothing, or is long unknown."""
    at = END + timedelta(minutes=15)
    made = {n: SummaryRequest(number=n, at=at, fate=fate) for n, fate in requests.items()}

    assert expected == may_request_summary(SESSION, made, EXPECTATION, END + after_end)


@given(st.lists(st.tuples(st.integers(0, 600), st.sampled_from(list(Fate))), max_size=40))
def test_promise_7_never_a_third(events: list[tuple[int, Fate]]) -> None:
    """Whatever becomes of requests, there are at most two, and never two within the patience
    unless the first provably did nothing."""
    now, made = END, dict[int, SummaryRequest]()
    for minutes, fate in events:
        now += timedelta(minutes=minutes)
        number = may_request_summary(SESSION, made, EXPECTATION, now)
        if number is not None:
            assert number not in made
            if number == 2 and made[1].fate is not Fate.NOT_STARTED:
                assert made[1].fate is Fate.UNKNOWN
                assert now - made[1].at >= EXPECTATION.summary_patience
            made[number] = SummaryRequest(number=number, at=now, fate=fate)

    assert set(made) <= {1, 2}


def test_a_summary_is_never_asked_for_unless_it_is_to_be_generated() -> None:
    """With `collect` and `off` nothing is POSTed, however long it takes."""
    for summaries in ("collect", "off"):
        expectation = replace(EXPECTATION, summaries=summaries)
        assert may_request_summary(SESSION, {}, expectation, END + timedelta(days=5)) is None
        assert summary_look_again(SESSION, {}, expectation, END) is None


PENDING = ArtifactState(artifact=CHAT, attempts=5, last_status="404")
#: The last healthy answer there may be before the source deletes what it has.
LAST_LOOKED = SESSION.deadline_at - LAST_LOOK
NONE = replace(PENDING, none_at=LAST_LOOKED)


@pytest.mark.parametrize(
    ("state", "outcome", "reason"),
    [
        (NONE, Outcome.ABSENT, "source has none"),
        # One failure after it takes nothing from what was said.
        (replace(NONE, last_status="500"), Outcome.ABSENT, "source has none"),
        (replace(NONE, none_at=LAST_LOOKED - INTERVAL_LAST), Outcome.ABSENT, "source has none"),
        # What it said a week before its deadline says nothing of that week.
        (replace(NONE, none_at=END), Outcome.LOST, "no healthy answer"),
        (PENDING, Outcome.LOST, "no healthy answer"),
        (replace(PENDING, last_status="malformed"), Outcome.LOST, "no healthy answer"),
        (replace(PENDING, last_status="500"), Outcome.LOST, "no healthy answer"),
        (replace(PENDING, last_status="no answer"), Outcome.LOST, "no healthy answer"),
        (replace(PENDING, attempts=0, last_status=""), Outcome.LOST, "never asked for in time"),
        (replace(NONE, reason="download failed"), Outcome.LOST, "download failed"),
        (replace(NONE, artifact=SUMMARY), Outcome.ABSENT, "no transcript"),
        (replace(PENDING, outcome=Outcome.EMPTY), Outcome.EMPTY, ""),
        (replace(PENDING, outcome=Outcome.ARCHIVED), Outcome.ARCHIVED, ""),
    ],
)
def test_the_evidence_decides_when_the_time_is_up(
    state: ArtifactState, outcome: Outcome, reason: str
) -> None:
    """Absent where the source said so healthily, lost where it could not be had."""
    sooner = decide({state.artifact: state}, SESSION, END, seen_at=END)
    assert sooner == {state.artifact: state}

    final = decide({state.artifact: state}, SESSION, SESSION.final_at, seen_at=END)[state.artifact]

    assert (outcome, reason) == (final.outcome, final.reason)
    assert final.settled


def test_what_was_first_seen_too_late_is_tried_until_it_is_answered_once() -> None:
    """Late, an answer decides at once; no answer decides nothing."""
    late = SESSION.deadline_at + timedelta(seconds=1)
    unanswered = replace(PENDING, last_status="no answer")

    decided = decide({CHAT: PENDING}, SESSION, late, seen_at=late)[CHAT]
    waiting = decide({CHAT: unanswered}, SESSION, late, seen_at=late)[CHAT]

    assert (decided.outcome, decided.reason) == (Outcome.LOST, "expired before seen")
    assert waiting.outcome is Outcome.PENDING


def test_what_the_source_says_after_the_deadline_is_no_evidence() -> None:
    """A 404 after the deadline does not turn what failed before it into something that never was."""
    failing = replace(PENDING, last_status="503")
    late = after_none(failing, replace(failing, last_status="404"), SESSION, SESSION.final_at)
    in_time = after_none(failing, replace(failing, last_status="404"), SESSION, LAST_LOOKED)
    offered = replace(PENDING, reason="download failed")
    gone = after_none(offered, replace(PENDING, reason=""), SESSION, END)

    assert (late.none_at, in_time.none_at) == (None, LAST_LOOKED)
    assert gone.reason == "download failed"


def test_no_summary_is_asked_for_once_it_could_not_be_had() -> None:
    """After the deadline a POST would start what nobody can fetch."""
    late = SESSION.deadline_at
    assert may_request_summary(SESSION, {}, EXPECTATION, late) is None
    assert may_request_summary(SESSION, {}, EXPECTATION, late - timedelta(seconds=1)) == 1


def test_a_summary_that_may_come_by_itself_is_looked_for_once_the_wait_is_over() -> None:
    """The doubling intervals do not count meanwhile: each look costs a request."""
    wait_is_over = END + EXPECTATION.summary_wait
    at = summary_look_again(SESSION, {}, EXPECTATION, END)
    state = ArtifactState(artifact=SUMMARY, attempts=1)

    assert at == wait_is_over
    assert next_attempt(state, SESSION, END, at=at) == wait_is_over


def test_a_day_after_the_end_everything_is_looked_at() -> None:
    """Whatever the interval: a session that is wholly pending then gets its inventory."""
    hours_after = END + timedelta(hours=20)
    state = ArtifactState(artifact=CHAT, attempts=12)

    assert next_attempt(state, SESSION, hours_after) == END + SOFT_ALARM


def test_a_session_is_due_with_the_first_of_its_artifacts() -> None:
    """The earliest artifact decides; when all are settled the session never is again."""
    soon, later = END, END + timedelta(hours=1)
    states = {
        CHAT: replace(PENDING, next_attempt_at=later),
        SUMMARY: replace(PENDING, artifact=SUMMARY, next_attempt_at=soon),
    }
    assert soon == session_next_attempt(states)

    settled = {CHAT: replace(PENDING, outcome=Outcome.ABSENT)}
    assert session_next_attempt(settled) is None


def test_what_a_wrong_clock_planned_far_ahead_is_asked_for_now() -> None:
    """Else a session that is due would have nothing to ask for, and be due again at once, for ever."""
    far = END + PLANNED_AHEAD_MAX + timedelta(seconds=1)
    states = {CHAT: ArtifactState(artifact=CHAT, next_attempt_at=far)}
    assert to_ask(states, EXPECTATION, END) == [CHAT]
    near = {CHAT: replace(states[CHAT], next_attempt_at=END + PLANNED_AHEAD_MAX)}
    assert to_ask(near, EXPECTATION, END) == []


def test_what_was_seen_by_a_clock_ahead_was_not_seen_late() -> None:
    """A session first seen "after its deadline" by a wrong clock is decided no sooner for it."""
    states = {CHAT: ArtifactState(artifact=CHAT, last_status="404", none_at=END)}
    assert decide(states, SESSION, END, seen_at=END + timedelta(days=30)) == states
