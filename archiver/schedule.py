"""When to try what next, and what it means when nothing came; pure: `now` is an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from archiver.model import (
    CHAT,
    PEER_REPORTS,
    SESSION_RECORD,
    SETTLED,
    SUMMARY,
    ArtifactId,
    Kind,
    Outcome,
    Session,
    TranscriptFormat,
    transcript,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

INTERVAL_FIRST = timedelta(minutes=1)
INTERVAL_LAST = timedelta(hours=12)
#: Where the source says that no minute was transcribed, a transcript is unlikely; it waits longer.
INTERVAL_FIRST_UNTRANSCRIBED = timedelta(hours=1)
#: What waits for its last look so long after its time was up is decided without it: the budget does
#: not suffice.
OVERDUE = timedelta(hours=24)
#: While our clock disagrees with the source's, or that is not known.
INTERVAL_CLOCK_OFF = timedelta(minutes=10)
#: One last look this long before the source may delete, whatever the interval says.
LAST_LOOK = timedelta(minutes=30)
#: Only what the source said so shortly before the deadline is evidence that there is none: the
#: longest interval between two looks, and the last look.
EVIDENCE_AGE_MAX = INTERVAL_LAST + timedelta(hours=1)
#: No attempt is ever planned further ahead than this: a time that is was planned by a clock that ran
#: ahead.
PLANNED_AHEAD_MAX = INTERVAL_LAST + timedelta(hours=1)
#: A session with nothing archived this long after its end gets an inventory that says so.
SOFT_ALARM = timedelta(hours=24)

REASON_SETTING_SUMMARIES = "setting:summaries"
REASON_SETTING_PEER_REPORTS = "setting:peer_reports"
REASON_SETTING_FORMATS = "setting:formats"
REASON_NOT_SEEN_IN_TIME = "expired before seen"
REASON_SOURCE_HAS_NONE = "source has none"
REASON_NO_TRANSCRIPT = "no transcript"
REASON_NO_ANSWER = "no healthy answer"
REASON_NOT_ASKED = "never asked for in time"
REASON_DOWNLOAD_FAILED = "download failed"


#: The last status of an artifact that the source never answered about.
NO_ANSWER = "no answer"
#: The last status of an artifact of which the source answered what cannot be understood.
MALFORMED = "malformed"
#: What the source answers, healthily, of an artifact that is not there.
HEALTHY = frozenset({"200", "204", "404"})


class Fate(StrEnum):
    """What is known of a request for a summary."""

    UNKNOWN = "unknown"  #: a time-out, 5xx, 409, or we were killed: it may be at work
    ACCEPTED = "accepted"  #: the source said 2xx
    NOT_STARTED = "not-started"  #: 429, another 4xx, or no connection: it provably started nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactState:
    """Where one artifact of a session stands, between two attempts."""

    artifact: ArtifactId
    outcome: Outcome = Outcome.PENDING
    reason: str = ""
    digest: str = ""
    size_bytes: int = 0
    attempts: int = 0
    first_attempt_at: datetime | None = None
    last_attempt_at: datetime | None = None
    last_status: str = ""  #: of the last answer: an HTTP status, or the name of an error
    next_attempt_at: datetime | None = None
    none_at: datetime | None = (
        None  #: when the source last said, healthily and in time, there is none
    )

    @property
    def settled(self) -> bool:
        """Whether the source is not asked again; an empty file is looked at until its time is up."""
        return self.outcome in SETTLED or (
            self.outcome is Outcome.EMPTY and self.next_attempt_at is None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRequest:
    """One recorded request for a summary."""

    number: int
    at: datetime
    fate: Fate = Fate.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Which artifacts the settings ask for, and how patient they are."""

    formats: tuple[TranscriptFormat, ...]
    summaries: str
    summary_wait: timedelta
    summary_patience: timedelta
    webhook_wait: timedelta = timedelta()
    peer_reports: bool = False

    @property
    def fingerprint(self) -> str:
        """What is asked for, in one word: it changes when sessions must be looked at again."""
        reports = "peer reports" * self.peer_reports
        return " ".join([*self.formats, self.summaries, reports]).strip()

    @property
    def probe(self) -> ArtifactId:
        """The transcript format that is asked for until it exists."""
        return transcript(self.formats[0])

    def initial(self) -> dict[ArtifactId, ArtifactState]:
        """The state of a session nothing was asked for yet."""
        artifacts = [
            SESSION_RECORD,
            *(transcript(each) for each in self.formats),
            CHAT,
            SUMMARY,
            PEER_REPORTS,
        ]
        states = {each: ArtifactState(artifact=each) for each in artifacts}
        if self.summaries == "off":
            states[SUMMARY] = replace(
                states[SUMMARY], outcome=Outcome.EXCLUDED, reason=REASON_SETTING_SUMMARIES
            )
        if not self.peer_reports:
            states[PEER_REPORTS] = replace(
                states[PEER_REPORTS], outcome=Outcome.EXCLUDED, reason=REASON_SETTING_PEER_REPORTS
            )
        return states

    def reconcile(
        self, states: Mapping[ArtifactId, ArtifactState]
    ) -> dict[ArtifactId, ArtifactState]:
        """These states, with what the settings ask for added, and what they no longer do excluded."""
        wanted = self.initial()
        merged = {**wanted, **states}
        for artifact, state in merged.items():
            if artifact not in wanted and state.outcome is Outcome.PENDING:
                merged[artifact] = replace(
                    state, outcome=Outcome.EXCLUDED, reason=REASON_SETTING_FORMATS
                )
            elif artifact in wanted and state.outcome is Outcome.EXCLUDED:
                merged[artifact] = wanted[artifact]
        for artifact, state in wanted.items():
            if state.outcome is Outcome.EXCLUDED and not merged[artifact].settled:
                merged[artifact] = state
        return merged


def to_ask(
    states: Mapping[ArtifactId, ArtifactState],
    expectation: Expectation,
    now: datetime,
    *,
    everything: bool = False,
) -> list[ArtifactId]:
    """What to ask the source for in this attempt, in order: session, probe, its sisters, chat, summary.

    With `everything` the back-off does not count. A transcript format beside the probe, and the
    summary, are named only if their turn may come: whoever asks drops them while the probe has nothing.
    """

    def due(state: ArtifactState) -> bool:
        if state.settled:
            return False
        at = state.next_attempt_at
        # What lies too far ahead was planned by a clock that was wrong.
        return everything or at is None or at <= now or at > now + PLANNED_AHEAD_MAX

    order = list(expectation.initial())
    return [each for each in order if each in states and due(states[each])]


def await_webhooks(
    states: Mapping[ArtifactId, ArtifactState],
    session: Session,
    expectation: Expectation,
    now: datetime,
    told: Collection[str],
) -> dict[ArtifactId, ArtifactState]:
    """The states of a session whose artifacts are told of by webhook: those not in `told` wait for it.

    Not longer than the settings say, and a summary only until it may be asked for.
    """
    waits: dict[str, timedelta] = {
        Kind.TRANSCRIPT: expectation.webhook_wait,
        Kind.CHAT: expectation.webhook_wait,
        Kind.SUMMARY: min(expectation.webhook_wait, expectation.summary_wait),
    }
    waiting = dict(states)
    for artifact, state in states.items():
        wait = waits.get(artifact.kind, timedelta())
        until = session.ended_or_started_at + wait
        if artifact.kind not in told and now < until and not state.settled:
            waiting[artifact] = replace(state, next_attempt_at=until)
    return waiting


def has_transcript(states: Mapping[ArtifactId, ArtifactState]) -> bool:
    """Whether a transcript that says something is archived: what a summary is made of."""
    return any(
        each.outcome is Outcome.ARCHIVED
        for artifact, each in states.items()
        if artifact.kind == Kind.TRANSCRIPT
    )


def may_request_summary(
    session: Session,
    requests: Mapping[int, SummaryRequest],
    expectation: Expectation,
    now: datetime,
) -> int | None:
    """The number of the request that may be recorded and sent now, after a healthy GET said none.

    The second is allowed only where the first provably started nothing, or its fate is unknown and
    patience has run out; never a third.
    """
    if expectation.summaries != "generate" or 2 in requests or now >= session.deadline_at:
        return None
    if (first := requests.get(1)) is None:
        waited = now >= session.ended_or_started_at + expectation.summary_wait
        return 1 if waited else None
    if first.fate is Fate.NOT_STARTED:
        return 2
    if first.fate is Fate.UNKNOWN and now >= first.at + expectation.summary_patience:
        return 2
    return None


def next_attempt(
    state: ArtifactState, session: Session, now: datetime, *, at: datetime | None = None
) -> datetime:
    """When to ask for this artifact again.

    At doubling intervals, or `at` this moment where it is known; in any case a day after the end,
    shortly before the deadline, and at the moment that decides.
    """
    untranscribed = session.transcribed is False and state.artifact != CHAT
    first = INTERVAL_FIRST_UNTRANSCRIBED if untranscribed else INTERVAL_FIRST
    doublings = min(max(state.attempts - 1, 0), 20)
    interval = min(first * (1 << doublings), INTERVAL_LAST)
    moment = now + interval
    if at is not None:
        moment = min(max(at, now + INTERVAL_FIRST), now + INTERVAL_LAST)
    stops = (
        session.ended_or_started_at + SOFT_ALARM,
        session.deadline_at - LAST_LOOK,
        session.final_at,
    )
    return min((stop for stop in stops if now < stop < moment), default=moment)


def after_none(
    before: ArtifactState, after: ArtifactState, session: Session, now: datetime
) -> ArtifactState:
    """The state once the source has said, healthily, that there is no such artifact.

    That it once offered what could not be downloaded is not forgotten; and what it says when it may
    have deleted everything already is no evidence.
    """
    reason = before.reason if before.reason == REASON_DOWNLOAD_FAILED else ""
    in_time = now < session.deadline_at
    return replace(after, reason=reason, none_at=now if in_time else before.none_at)


def decide(
    states: Mapping[ArtifactId, ArtifactState],
    session: Session,
    now: datetime,
    *,
    seen_at: datetime,
    given_up: bool = False,
) -> dict[ArtifactId, ArtifactState]:
    """These states, with an outcome for whatever is still pending when the time is up.

    What was first seen after its deadline is tried once, unless it is `given_up`. `empty` stays empty.
    """
    # What was seen by a clock that ran ahead was seen by now.
    late = min(seen_at, now) > session.deadline_at
    if now < session.final_at and not late:
        return dict(states)
    spoken = has_transcript(states)
    return {
        artifact: _final(state, session, late=late, spoken=spoken, given_up=given_up)
        for artifact, state in states.items()
    }


def undecided(
    states: Mapping[ArtifactId, ArtifactState],
    decided: Mapping[ArtifactId, ArtifactState],
    before: Mapping[ArtifactId, ArtifactState],
    now: datetime,
) -> dict[ArtifactId, ArtifactState]:
    """The states after an attempt by a clock that cannot be trusted: bytes count, moments do not.

    What the source said is no evidence of a time nobody knows. What would be decided now is asked
    for again soon.
    """
    kept = dict(states)
    for artifact, state in states.items():
        if state.settled:
            continue
        none_at = before[artifact].none_at if artifact in before else None
        kept[artifact] = replace(state, none_at=none_at)
        if decided[artifact].settled:
            kept[artifact] = replace(kept[artifact], next_attempt_at=now + INTERVAL_CLOCK_OFF)
    return kept


def _final(
    state: ArtifactState, session: Session, *, late: bool, spoken: bool, given_up: bool
) -> ArtifactState:
    if state.outcome is Outcome.EMPTY:
        return replace(state, next_attempt_at=None)
    unanswered = state.last_status in {"", NO_ANSWER}
    if state.outcome is not Outcome.PENDING or (late and unanswered and not given_up):
        return state
    outcome, reason = _verdict(state, session, late=late, spoken=spoken)
    return replace(state, outcome=outcome, reason=reason, next_attempt_at=None)


def _verdict(
    state: ArtifactState, session: Session, *, late: bool, spoken: bool
) -> tuple[Outcome, str]:
    said_none = state.none_at is not None and (
        state.none_at >= session.deadline_at - EVIDENCE_AGE_MAX
    )
    healthy_none = said_none and not state.reason
    if late:
        return Outcome.LOST, REASON_NOT_SEEN_IN_TIME
    if state.artifact == SUMMARY and not spoken and healthy_none:
        return Outcome.ABSENT, REASON_NO_TRANSCRIPT
    if healthy_none:
        return Outcome.ABSENT, REASON_SOURCE_HAS_NONE
    return Outcome.LOST, state.reason or (REASON_NO_ANSWER if state.attempts else REASON_NOT_ASKED)


def summary_look_again(
    session: Session,
    requests: Mapping[int, SummaryRequest],
    expectation: Expectation,
    now: datetime,
) -> datetime | None:
    """When a summary that is not there yet deserves a look, whatever the doubling intervals say.

    When it may be asked for; after that, at intervals that grow with the time since it was asked for.
    """
    if expectation.summaries != "generate":
        return None
    if not requests:
        asked_at = session.ended_or_started_at + expectation.summary_wait
        return asked_at if asked_at > now else None
    latest = requests[max(requests)]
    return now + max(now - latest.at, INTERVAL_FIRST)


def session_next_attempt(states: Mapping[ArtifactId, ArtifactState]) -> datetime | None:
    """When this session is due again: the earliest of its artifacts, or never."""
    moments = [each.next_attempt_at for each in states.values() if not each.settled]
    return min((each for each in moments if each is not None), default=None)
