"""Discovery: which sessions there are, as the source lists them; windows overlap, ids tell them apart."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import zlib
from collections import Counter, OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.errors import (
    SourceDeniedError,
    SourceError,
    SourceNotFoundError,
    SourceRefusedError,
)
from archiver.model import from_ms, to_ms
from archiver.realtimekit import Budget
from archiver.realtimekit.lenient import decode, encode
from archiver.report import Report

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from archiver.clock import Clock
    from archiver.ledger import Ledger, Told
    from archiver.model import SessionId
    from archiver.realtimekit import RealtimeKit, SessionPayload
    from archiver.settings import Settings

log = logging.getLogger("archiver.discovery")

#: A short look reaches at least this far back, and as far as the oldest session that is still live.
LOOK_MIN = timedelta(hours=2)
LOOK_MAX = timedelta(hours=48)
#: What webhooks that name no app may take of the budget: one request in so many.
UNNAMED_PART = 20
CONFIRMED_AT_ONCE = 50
LISTED_MAX = 20_000
LISTED_AT_ONCE = 200
#: A session that is still live after so long may have ended beyond what is listed: it is asked for.
LIVE_MAX = timedelta(hours=24)


class Discovery:
    """Finds sessions and takes note of them in the ledger."""

    def __init__(
        self,
        *,
        source: RealtimeKit,
        ledger: Ledger,
        settings: Settings,
        clock: Clock,
        malformed: Counter[str],
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._settings = settings
        self._clock = clock
        #: Rows of the source's lists that could not be read, by app, counted by whoever reads them.
        self._malformed = malformed
        #: The text of ended sessions as they were listed, packed: thousands may wait for their turn.
        self._listed: OrderedDict[SessionId, bytes] = OrderedDict()
        #: What may be asked about sessions of which nobody says whose they are.
        self._unnamed = Budget(
            max(settings.budget.requests // UNNAMED_PART, 1), settings.budget.period_s, clock
        )
        #: Set when a webhook told of a session, and when one was found; cleared by whoever waits.
        self.told, self.news = asyncio.Event(), asyncio.Event()

    def clock_agrees(self) -> bool:
        """Whether our clock was found just now to agree with the source's."""
        return self._source.clock_agrees(self._clock.now())

    def listed(self, session_id: SessionId) -> str:
        """A session's text as a listing showed it after its end; "" where none did."""
        packed = self._listed.get(session_id)
        return decode(zlib.decompress(packed)) if packed else ""

    def forget(self, session_id: SessionId) -> None:
        """A session's text is not needed any more."""
        self._listed.pop(session_id, None)

    async def discover(
        self, since: datetime, until: datetime | None = None, report: Report | None = None
    ) -> Report:
        """List every app's sessions created since then and take note of them."""
        report = report or Report()
        failure: SourceError | None = None
        app_ids = await self._apps()
        self._ledger.note_apps(app_ids, self._clock.now())
        for app_id in app_ids:
            report.apps += 1
            try:
                await self._discover_app(app_id, since, until, report)
            except SourceDeniedError:
                raise
            except SourceError as error:  # the other apps are listed all the same
                error.message = f"app {app_id}: {error.message}"
                if isinstance(error, SourceNotFoundError):
                    error.hint = "check RTK_ARCHIVE_APPS or --app"
                failure = failure or error
        report.malformed += self._malformed.total()
        self._malformed.clear()
        if failure is not None:
            raise failure
        return report

    async def _apps(self) -> list[str]:
        return list(self._settings.apps) or [app.id for app in await self._source.apps()]

    async def _discover_app(
        self, app_id: str, since: datetime, until: datetime | None, report: Report
    ) -> None:
        batch: list[SessionPayload] = []
        began_at, malformed = self._clock.now(), self._malformed[app_id]
        days = dict.fromkeys(_days_in(since, until or began_at), 0)
        try:
            async for payload in self._newest_first(app_id, since):
                day = f"{payload.session.started_at:%Y-%m-%d}"
                if day in days:
                    days[day] += 1
                if until is not None and payload.session.started_at >= until:
                    continue
                batch.append(payload)
                if len(batch) >= LISTED_AT_ONCE:
                    self._take(batch, report, listed=True)
                    batch = []
        finally:  # what was listed counts, though the next page cannot be had
            self._take(batch, report, listed=True)
        # A row nobody can read is a session nobody sees; and what time it is, a wrong clock cannot say.
        if self._malformed[app_id] == malformed and self.clock_agrees():
            ended_at = min(until or began_at, began_at)
            self._ledger.coverage.note_listed(app_id, since, ended_at, days, began_at)

    async def _newest_first(self, app_id: str, since: datetime) -> AsyncIterator[SessionPayload]:
        """Sessions of an app from the newest back to those created before `since`.

        What `start_time` compares with is unknown, so a day is added and the end is found here.
        """
        slack = timedelta(days=1)
        async for payload in self._source.sessions(app_id, start_time=since - slack):
            if payload.session.created_at < since - slack:
                return
            if max(payload.session.created_at, payload.session.started_at) >= since:
                yield payload

    def _take(self, batch: list[SessionPayload], report: Report, *, listed: bool = False) -> None:
        report.listed += len(batch)
        sessions = [each.session for each in batch]
        report.new += self._ledger.see(sessions, self._clock.now(), listed=listed)
        for payload in batch:
            if payload.session.ended:
                self._listed[payload.session.id] = zlib.compress(encode(payload.raw), 1)
        while len(self._listed) > LISTED_MAX:
            self._listed.popitem(last=False)
        self.news.set()

    async def confirm(self) -> None:
        """Ask for the sessions that webhooks told of: whether they are ours, and have ended.

        Anybody's webhooks are signed by the source, so those that name no app may only take a small
        part of the budget.
        """
        apps: list[str] = []
        for told in self._ledger.events.unconfirmed(self._clock.now(), CONFIRMED_AT_ONCE):
            if not told.app_id and not apps:
                apps = list(self._settings.apps) or self._ledger.known_apps()
            asked = [told.app_id] if told.app_id else apps
            if not told.app_id and self._unnamed.left() < len(asked):
                continue
            try:
                payload = await self._find(told, asked)
            except SourceDeniedError:
                raise
            except SourceError as error:
                log.warning("confirmation.failed", extra={"error": type(error).__name__})
                self._ledger.events.check_again(told, self._clock.now(), asked=False)
                continue
            if payload is not None and payload.session.ended:
                self._take([payload], Report())
                self._ledger.events.confirm(payload.session.id, self._clock.now())
            else:
                self._ledger.events.check_again(told, self._clock.now(), asked=True)

    async def _find(self, told: Told, app_ids: Sequence[str]) -> SessionPayload | None:
        """The session, in whichever of these apps it is."""
        for app_id in app_ids:
            if not told.app_id:
                await self._unnamed.acquire()
            try:
                return await self._source.session(app_id, told.session_id)
            except (SourceNotFoundError, SourceRefusedError):
                continue
        return None

    async def ask_live(self) -> None:
        """Ask for sessions that have been live suspiciously long: they may have ended unseen."""
        now = self._clock.now()
        for session in self._ledger.live_before(now - LIVE_MAX):
            try:
                payload = await self._source.session(session.app_id, session.session_id)
            except SourceNotFoundError:
                # It is gone: what became of its artifacts is decided as of any that has ended.
                self._ledger.see([dataclasses.replace(session, ended=True)], now)
                continue
            if payload.session.ended:
                self._take([payload], Report())

    def horizon(self, now: datetime) -> datetime:
        """How far back a short look reaches: to the oldest session that is still live, within reason."""
        live = [self._ledger.oldest_live_ms(app_id) for app_id in self._ledger.apps()]
        oldest = min((each for each in live if each is not None), default=to_ms(now))
        reach = min(now - LOOK_MIN, from_ms(oldest) - timedelta(minutes=1))
        return max(reach, now - LOOK_MAX)


def _days_in(since: datetime, until: datetime) -> list[str]:
    """The days, UTC, of which every moment up to `until` lies behind `since`."""
    first = since.replace(hour=0, minute=0, second=0, microsecond=0)
    days = (first + timedelta(days=number) for number in range((until - first).days + 1))
    return [f"{day:%Y-%m-%d}" for day in days if day >= since]
