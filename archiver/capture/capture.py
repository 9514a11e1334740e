"""One session, one attempt: ask, download, digest, store, record.

The bytes are stored before the inventory that names them, and the inventory before the ledger's line:
killed anywhere, the next attempt finds what is there and goes on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.emptiness import HEAD_BYTES, is_empty
from archiver.errors import (
    DownloadError,
    PayloadError,
    SourceDeniedError,
    SourceError,
    SourceUnavailableError,
    TurnMissedError,
)
from archiver.model import (
    DEADLINE_MARGIN,
    PEER_REPORTS,
    SESSION_RECORD,
    SUMMARY,
    ArtifactId,
    Fetched,
    Kind,
    Outcome,
    Session,
    SessionId,
)
from archiver.realtimekit import in_turn
from archiver.records import adopt_entries, states_of, stored_entry
from archiver.schedule import (
    HEALTHY,
    MALFORMED,
    NO_ANSWER,
    REASON_DOWNLOAD_FAILED,
    SOFT_ALARM,
    ArtifactState,
    Expectation,
    SummaryRequest,
    after_none,
    await_webhooks,
    decide,
    has_transcript,
    may_request_summary,
    next_attempt,
    session_next_attempt,
    summary_look_again,
    to_ask,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from datetime import datetime

    from archiver.archive.archive import Archive
    from archiver.archive.chains import Committed
    from archiver.archive.inventory import Entry
    from archiver.capture.commits import Commits
    from archiver.capture.fetching import Answered, Fetching
    from archiver.capture.summaries import SummaryRequests
    from archiver.clock import Clock
    from archiver.ledger import Ledger, SessionState

#: A session that ended this long ago and is new here may be known elsewhere: the bucket is asked first.
NEW_HERE_MAX = timedelta(hours=1)
#: While the probe has nothing its sisters are asked at every so many tries: it may be the odd one out.
SISTERS_EVERY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of an attempt at a session."""

    session_id: SessionId
    before: Mapping[ArtifactId, ArtifactState]  #: where they stood when it began
    states: dict[ArtifactId, ArtifactState]
    committed: Committed | None
    settled: bool


@dataclass(slots=True)
class _Work:
    """One attempt under way."""

    known: SessionState
    now: datetime
    states: dict[ArtifactId, ArtifactState]
    everything: bool = False
    listed: str = ""
    entries: dict[ArtifactId, Entry] = field(default_factory=dict)
    asked: frozenset[int] = frozenset()  #: numbers of the recorded requests for a summary

    @property
    def session(self) -> Session:
        return self.known.session


class Capture:
    """Captures sessions, one attempt at a time; any number of attempts may run side by side."""

    def __init__(
        self,
        *,
        fetching: Fetching,
        summaries: SummaryRequests,
        archive: Archive,
        ledger: Ledger,
        commits: Commits,
        expectation: Expectation,
        clock: Clock,
    ) -> None:
        self._fetching = fetching
        self._summaries = summaries
        self._archive = archive
        self._ledger = ledger
        self._commits = commits
        self._expectation = expectation
        self._clock = clock

    async def attempt(
        self,
        session_id: SessionId,
        *,
        listed: str = "",
        everything: bool = False,
    ) -> Attempt:
        """Try what is due of a session; with `everything`, whatever is not settled.

        `listed` is the session's text as a listing showed it, which saves asking for it. Raises
        SourceDeniedError, StoreError, ArchiveError or LedgerError, which are about more than this
        session; what goes wrong with an artifact is recorded in its state.
        """
        now = self._clock.now()
        known = await self._known(session_id, now)
        states = self._expectation.reconcile(known.states)
        if not known.states and not everything:
            heard = self._ledger.events.heard(session_id, now)
            if heard.lately:
                states = await_webhooks(states, known.session, self._expectation, now, heard.kinds)
        work = _Work(
            known=known,
            now=now,
            everything=everything,
            states=states,
            listed=listed,
            asked=frozenset(known.requests),
        )
        denied: SourceDeniedError | None = None
        try:
            with in_turn(known.session.deadline_at + DEADLINE_MARGIN, now):
                await self._ask_all(work)
        except SourceUnavailableError:
            pass  # there is no way to the source: what was not asked for yet is asked for next time
        except SourceDeniedError as error:
            denied = error
        attempt = await self._conclude(work)
        if denied is not None:
            raise denied
        return attempt

    async def give_up(self, session_id: SessionId) -> Attempt:
        """Decide what is still pending long after its time without asking for it any more."""
        known = self._ledger.state(session_id)
        states = self._expectation.reconcile(known.states)
        work = _Work(
            known=known, now=self._clock.now(), states=states, asked=frozenset(known.requests)
        )
        return await self._conclude(work, given_up=True)

    async def _known(self, session_id: SessionId, now: datetime) -> SessionState:
        """What is known of a session; of one that is new here and not of today, what the bucket says."""
        known = self._ledger.state(session_id)
        is_new = now < known.session.ended_or_started_at + NEW_HERE_MAX
        if known.states or is_new or self._archive.is_new:
            return known
        committed = await self._archive.newest(known.session)
        if committed is None:
            return known
        states = states_of(committed.inventory, now)
        again = session_next_attempt(states)
        self._ledger.adopt(committed, states, next_attempt_at=again, now=now)
        for number, at in (await self._archive.summary_requests(known.session)).items():
            self._ledger.record_request(session_id, SummaryRequest(number=number, at=at))
        return self._ledger.state(session_id)

    # ------------------------------------------------------------------ asking

    async def _ask_all(self, work: _Work) -> None:
        """Ask for what is due: side by side, but for what depends on an answer before it."""
        asked = to_ask(work.states, self._expectation, work.now, everything=work.everything)
        first = {SESSION_RECORD, self._expectation.probe}
        last = {SUMMARY, PEER_REPORTS}
        for group in (
            [each for each in asked if each in first],
            [each for each in asked if each not in first | last],
            [each for each in asked if each in last],
        ):
            # All of them end before one's failure ends the attempt: what was had is recorded.
            ended = await asyncio.gather(
                *(self._ask(work, each) for each in group), return_exceptions=True
            )
            # That the source is out of reach ends this attempt; anything else is about more than that.
            errors = sorted(filter(None, ended), key=_is_out_of_reach)
            if errors:
                raise errors[0]

    async def _ask(self, work: _Work, artifact: ArtifactId) -> None:
        if artifact == SUMMARY:
            await self._capture_summary(work)
        elif self._is_sister(artifact) and not self._sisters_turn(work, artifact):
            self._follow_probe(work, artifact)
        else:
            await self._try(work, artifact)

    def _fetch(self, work: _Work, artifact: ArtifactId) -> Awaitable[Answered]:
        session_id = work.session.id
        if artifact == SESSION_RECORD:
            return self._fetching.session_record(session_id, work.listed)
        if artifact == PEER_REPORTS:
            return self._fetching.peer_reports(session_id)
        return self._fetching.artifact(session_id, artifact)

    def _is_sister(self, artifact: ArtifactId) -> bool:
        return artifact.kind == Kind.TRANSCRIPT and artifact != self._expectation.probe

    def _sisters_turn(self, work: _Work, artifact: ArtifactId) -> bool:
        if self._fetching.offers.holds(work.session.id, artifact):
            return True
        probe = work.states[self._expectation.probe]
        found = probe.outcome in {Outcome.ARCHIVED, Outcome.EMPTY}
        refused = probe.last_status not in HEALTHY
        return found or refused or probe.attempts % SISTERS_EVERY == 0

    def _follow_probe(self, work: _Work, artifact: ArtifactId) -> None:
        """What the probe was told holds for its sisters, and for the summary that is made of it."""
        probe = work.states[self._expectation.probe]
        work.states[artifact] = replace(
            work.states[artifact],
            last_status=probe.last_status,
            none_at=probe.none_at,
            next_attempt_at=probe.next_attempt_at,
        )

    async def _capture_summary(self, work: _Work) -> None:
        offered = self._fetching.offers.holds(work.session.id, SUMMARY)
        if not has_transcript(work.states) and not offered:
            # A summary is made of a transcript; without one there is nothing to ask for.
            self._follow_probe(work, SUMMARY)
            return
        await self._try(work, SUMMARY)
        state = work.states[SUMMARY]
        if state.outcome is Outcome.PENDING and state.none_at == work.now:
            await self._request_summary(work)

    async def _request_summary(self, work: _Work) -> None:
        session, requests = work.session, dict(work.known.requests)
        if not self._fetching.clock_agrees():
            return  # how long ago the last request was is not known
        number = may_request_summary(session, requests, self._expectation, work.now)
        if number is not None:
            requests |= await self._summaries.ask(session, number, work.now)
            work.asked = frozenset(requests)
        at = summary_look_again(session, requests, self._expectation, work.now)
        state = work.states[SUMMARY]
        work.states[SUMMARY] = replace(
            state, next_attempt_at=next_attempt(state, session, work.now, at=at)
        )

    # ------------------------------------------------------------------ one artifact

    async def _try(self, work: _Work, artifact: ArtifactId) -> None:
        """Fetch and store one artifact; whatever comes of it is in its state afterwards."""
        before = work.states[artifact]
        state = replace(
            before,
            attempts=before.attempts + 1,
            first_attempt_at=before.first_attempt_at or work.now,
            last_attempt_at=work.now,
            reason="",
        )
        fetched: Fetched | None = None
        try:
            status, fetched = await self._fetch(work, artifact)
            state = replace(state, last_status=status)
            if fetched is not None:
                state = await self._store(work, state, fetched)
            else:
                state = after_none(before, state, work.session, work.now)
        except SourceDeniedError:
            raise
        except TurnMissedError:
            state = before  # it was not asked for
            raise
        except SourceError as error:
            malformed = isinstance(error, PayloadError)
            status = MALFORMED if malformed else str(error.status or NO_ANSWER)
            failed = before.reason == REASON_DOWNLOAD_FAILED
            state = replace(state, last_status=status, reason=before.reason if failed else "")
            if isinstance(error, SourceUnavailableError) and not error.sent:
                raise
        except DownloadError as error:
            # What is stored is not worse for a second look that failed.
            reason = REASON_DOWNLOAD_FAILED if state.outcome is Outcome.PENDING else ""
            state = replace(state, last_status=str(error.status or "broken"), reason=reason)
        finally:
            if fetched is not None:
                fetched.discard()
            if not state.settled:
                again = next_attempt(state, work.session, work.now)
                state = replace(state, next_attempt_at=again)
            work.states[artifact] = state

    async def _store(self, work: _Work, state: ArtifactState, fetched: Fetched) -> ArtifactState:
        empty = fetched.size_bytes <= HEAD_BYTES and is_empty(fetched.content(), fetched.size_bytes)
        state = replace(
            state,
            outcome=Outcome.EMPTY if empty else Outcome.ARCHIVED,
            digest=fetched.digest,
            size_bytes=fetched.size_bytes,
            # What is empty today may be written tomorrow: it is looked at until its time is up.
            next_attempt_at=work.now if empty else None,
        )
        name, stored = await self._archive.put_artifact(work.session, state.artifact, fetched)
        work.entries[state.artifact] = stored_entry(state, fetched, name, stored)
        return state

    # ------------------------------------------------------------------ concluding

    async def _conclude(self, work: _Work, *, given_up: bool = False) -> Attempt:
        now = self._clock.now()
        decided = decide(
            work.states, work.session, now, seen_at=work.known.seen_at, given_up=given_up
        )
        if self._fetching.clock_agrees():
            work.states = decided
        else:
            work.states = undecided(work.states, decided, work.known.states, now)
        committed = None
        if self._news(work, now):
            known = bool(work.known.inventory_version)
            committed = await self._commits.commit(
                work.session, work.states, work.entries, now, known=known, asked=work.asked
            )
        if committed is not None:
            work.states = adopt_entries(work.states, committed.inventory, now)
        next_attempt_at = session_next_attempt(work.states)
        newer = committed is not None and committed.digest != work.known.inventory_digest
        self._ledger.record(
            work.session.id,
            work.states,
            next_attempt_at=next_attempt_at,
            now=now,
            committed=committed if newer else None,
        )
        self._ledger.events.reconsider(work.session.id, work.now, now)
        return Attempt(
            session_id=work.session.id,
            before=work.known.states,
            states=work.states,
            committed=committed if newer else None,
            settled=next_attempt_at is None,
        )

    def _news(self, work: _Work, now: datetime) -> bool:
        """Whether this attempt has something to record in an inventory."""
        before = {each: (state.outcome, state.digest) for each, state in work.known.states.items()}
        if not work.known.inventory_version:
            stored = bool(work.entries)
            asked = (each for each in work.states.values() if each.outcome is not Outcome.EXCLUDED)
            decided = any(each.settled for each in asked)
            alarm = now >= work.session.ended_or_started_at + SOFT_ALARM
            return stored or decided or alarm
        return any(
            before.get(artifact, (Outcome.PENDING, "")) != (state.outcome, state.digest)
            for artifact, state in work.states.items()
        )


def _is_out_of_reach(error: BaseException) -> bool:
    return isinstance(error, SourceUnavailableError)
