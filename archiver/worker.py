"""The worker: discover, take what is due, capture, repeat; bounded, and stopped between two steps.

Polling is the authority. A short look at the newest sessions happens often, the whole look-back a few
times a day; windows overlap, and a session is known by its id.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from archiver.errors import (
    ArchiveError,
    ArchiverError,
    DownloadError,
    SourceDeniedError,
    SourceError,
    StoreDeniedError,
    StoreError,
)
from archiver.follow import follow
from archiver.ledger import (
    BUDGET_LEFT,
    BUDGET_PAUSE,
    EVERYTHING,
    LISTED,
    WHOLE,
    WORKER_SEEN,
    Ledger,
    Range,
    Share,
)
from archiver.model import SessionId, to_ms
from archiver.report import Report
from archiver.schedule import OVERDUE

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

    from archiver.archive.archive import Archive
    from archiver.capture import Capture
    from archiver.clock import Clock
    from archiver.discovery import Discovery
    from archiver.realtimekit import Budget
    from archiver.settings import Settings
    from archiver.upkeep import Upkeep

log = logging.getLogger("archiver.worker")

#: After a fault of the store or the source, the session concerned is left alone this long.
FAULT_PAUSE = timedelta(minutes=1)
#: A session whose records in the bucket contradict each other waits for a person this long.
DAMAGE_PAUSE = timedelta(hours=6)
FOLLOW_EVERY = timedelta(minutes=5)
GIVEN_UP_AT_ONCE = 500
IDLE_MAX = timedelta(seconds=30)
CONFIRM_EVERY_S = 15.0
#: How often a worker says that it is alive.
VITALS_EVERY_S = 15.0


async def _nobody() -> None:
    """Nobody wants to be told."""


class Worker:
    """One worker over one archive."""

    def __init__(
        self,
        *,
        discovery: Discovery,
        capture: Capture,
        archive: Archive,
        ledger: Ledger,
        budget: Budget,
        settings: Settings,
        clock: Clock,
        requests: Counter[tuple[str, str]],
        upkeep: Upkeep,
        share: Share = WHOLE,
    ) -> None:
        self.discovery = discovery
        self._capture = capture
        self._archive = archive
        self._ledger = ledger
        self._budget = budget
        self._settings = settings
        self._clock = clock
        self._share = share
        self._upkeep = upkeep
        #: Requests to the source by operation and status, counted by whoever makes them.
        self._requests = requests
        self.total = Report()
        #: Called whenever there is news of how the worker fares; must not fail.
        self.tell: Callable[[], Awaitable[None]] = _nobody

    def _write_counts(self) -> None:
        if self._requests:
            self._ledger.count_requests(self._requests, self._clock.now())
            self._requests.clear()

    # ------------------------------------------------------------------ one pass

    async def sync(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        session_id: str | None = None,
        every_app: bool = True,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Report:
        """One pass: list, then try everything that is not settled, whatever its back-off.

        With `session_id` only that session; `every_app`: no app is left out that a worker would look
        at. Raises SourceDeniedError, StoreError and the like where the pass cannot go on, and
        SourceError at its end where the listing was not whole.
        """
        report, failure = Report(), None
        now = self._clock.now()
        reach = now - self._settings.lookback
        try:
            await self.discovery.discover(since or reach, until, report=report)
            await self.discovery.ask_live()
            if every_app and until is None and (since or reach) <= reach:
                self._note_listed(now)
            await self.discovery.confirm()
        except SourceDeniedError:
            raise
        except SourceError as error:  # what is known already is captured all the same
            failure = error
        of = Range(
            apps=self._settings.apps,
            since_ms=to_ms(since) if since else None,
            until_ms=to_ms(until) if until else None,
        )
        due = self._due(10_000_000, everything=True, of=of)
        if session_id is not None:
            if not self._ledger.find(session_id) and failure is None:
                raise ArchiverError(
                    f"session {session_id} is not listed by the source",
                    hint="check its id, or reach further back with --since",
                )
            due = [each for each in due if each.session_id == session_id]
        await self._attempt_all(due, report, progress)
        if session_id is None:
            await self._compare()
            await self._upkeep.once()
        self._write_counts()
        if failure is not None:
            raise failure
        return report

    async def _attempt_all(
        self, due: list[SessionId], report: Report, progress: Callable[[int, int], None]
    ) -> None:
        waiting = iter(due)
        done = 0

        async def lane() -> None:
            nonlocal done
            for session_id in waiting:
                await self._attempt(session_id, report, everything=True)
                done += 1
                progress(done, len(due))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._settings.concurrency, len(due))):
                group.create_task(lane())

    def _due(
        self, limit: int, *, everything: bool = False, of: Range = EVERYTHING
    ) -> list[SessionId]:
        return self._ledger.due(
            self._clock.now(), limit, everything=everything, of=of, share=self._share
        )

    async def _attempt(
        self, session_id: SessionId, report: Report, *, everything: bool = False
    ) -> None:
        """One attempt; a fault that concerns only this session leaves it for later."""
        listed = self.discovery.listed(session_id)
        try:
            attempt = await self._capture.attempt(session_id, listed=listed, everything=everything)
        except (ArchiveError, SourceError, DownloadError) as error:
            if isinstance(error, SourceDeniedError):
                raise
            self._postpone(session_id, error, report)
            return
        if attempt.settled:
            self.discovery.forget(session_id)
        report.add(attempt)
        log.info(
            "session.attempted",
            extra={
                "session": session_id.session_id,
                "app": session_id.app_id,
                "settled": attempt.settled,
                "version": attempt.committed.inventory.version if attempt.committed else 0,
            },
        )

    def _postpone(self, session_id: SessionId, error: ArchiverError, report: Report) -> None:
        damaged = isinstance(error, ArchiveError) and not error.transient
        pause = DAMAGE_PAUSE if damaged else FAULT_PAUSE
        report.damaged += damaged
        self._ledger.postpone(session_id, self._clock.now() + pause, error.message)
        report.attempted += 1
        report.pending += 1
        report.problems[session_id.session_id] = error.message
        log.warning(
            "session.postponed",
            extra={"session": session_id.session_id, "error": type(error).__name__},
        )

    # ------------------------------------------------------------------ for ever

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; what is under way then is given up where it stands."""
        loops = [
            self._look(),
            self._confirm(),
            self._capture_due(),
            self._follow(),
            self._show_signs_of_life(),
            self._upkeep.run(),
        ]
        tasks = [asyncio.create_task(each) for each in loops]
        stopped = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
        finally:  # also where whoever runs this is given up: nothing goes on without its ledger
            for task in (*tasks, stopped):
                task.cancel()
            await asyncio.gather(*tasks, stopped, return_exceptions=True)
            self._write_counts()
        for task in done - {stopped}:
            task.result()

    async def _look(self) -> None:
        """Look at the newest sessions often, at the whole look-back now and then."""
        whole_at = self._clock.now()
        while True:
            now = self._clock.now()
            whole = now >= whole_at or whole_at - now > self._settings.lookback_every
            since = now - self._settings.lookback if whole else self.discovery.horizon(now)
            try:
                report = await self.discovery.discover(since)
                if whole:
                    await self.discovery.ask_live()
            except SourceDeniedError:
                raise
            except SourceError as error:
                log.warning("discovery.failed", extra={"error": str(error)})
            else:
                if whole:
                    whole_at = now + self._settings.lookback_every
                    self._note_listed(now)
                await self._give_up()
                log.info("discovery.done", extra={"listed": report.listed, "new": report.new})
            await self._clock.sleep(self._settings.look_every.total_seconds())

    def _note_listed(self, began_at: datetime) -> None:
        """A whole look succeeded; by a clock that runs ahead that would be news for days to come."""
        if self.discovery.clock_agrees():
            self._ledger.note(LISTED, began_at.timestamp(), began_at)

    async def _give_up(self) -> None:
        """Decide what has been waiting in vain: the budget never came to it."""
        now = self._clock.now()
        for session_id in self._ledger.overdue(now - OVERDUE, GIVEN_UP_AT_ONCE):
            try:
                self.total.add(await self._capture.give_up(session_id))
            except (ArchiveError, StoreError) as error:
                self._postpone(session_id, error, self.total)

    async def _confirm(self) -> None:
        """Ask for what webhooks told of: at once in this process, soon where another took them."""
        while True:
            self.discovery.told.clear()
            await self.discovery.confirm()
            await self._first_of(self.discovery.told.wait(), self._clock.sleep(CONFIRM_EVERY_S))

    async def _show_signs_of_life(self) -> None:
        """Say in the ledger, again and again, that there is a worker, and what it may ask for."""
        while True:
            now = self._clock.now()
            self._ledger.note(WORKER_SEEN, now.timestamp(), now)
            self._ledger.note(BUDGET_LEFT, self._budget.left(), now)
            self._ledger.note(BUDGET_PAUSE, self._budget.pause_left_s(), now)
            await self.tell()
            await self._clock.sleep(VITALS_EVERY_S)

    async def _follow(self) -> None:
        """Compare with the bucket: every few minutes where other workers may have written to it."""
        alone = self._settings.sole_worker
        every = self._settings.lookback_every if alone else FOLLOW_EVERY
        while True:
            await self._clock.sleep(every.total_seconds())
            await self._compare()

    async def _compare(self) -> None:
        """Take in what other workers archived, and note what the bucket lacks."""
        now = self._clock.now()
        since = now - self._settings.lookback
        try:
            await follow(self._archive, self._ledger, self._ledger.apps(), since=since, now=now)
        except (StoreError, ArchiveError) as error:
            log.warning("follow.failed", extra={"error": error.message})

    async def _capture_due(self) -> None:
        """Keep as many attempts under way as allowed, the nearest deadline first."""
        under_way: dict[SessionId, asyncio.Task[None]] = {}
        try:
            while True:
                self._collect(under_way)
                room = self._settings.concurrency - len(under_way)
                due = self._due(self._settings.concurrency * 2) if room else []
                for session_id in [each for each in due if each not in under_way][:room]:
                    task = asyncio.create_task(self._attempt_patiently(session_id))
                    under_way[session_id] = task
                await self._wait(under_way)
        finally:
            for task in under_way.values():
                task.cancel()
            await asyncio.gather(*under_way.values(), return_exceptions=True)

    @staticmethod
    def _collect(under_way: dict[SessionId, asyncio.Task[None]]) -> None:
        for session_id, task in list(under_way.items()):
            if task.done():
                del under_way[session_id]
                task.result()

    async def _attempt_patiently(self, session_id: SessionId) -> None:
        """An attempt that survives a store out of reach or out of space: the session waits."""
        try:
            await self._attempt(session_id, self.total)
        except StoreDeniedError:
            raise
        except (StoreError, OSError) as error:
            problem = error.message if isinstance(error, StoreError) else f"disk: {error.strerror}"
            self._ledger.postpone(session_id, self._clock.now() + FAULT_PAUSE, problem)
            log.warning("store.failed", extra={"error": problem})

    async def _wait(self, under_way: dict[SessionId, asyncio.Task[None]]) -> None:
        """Until an attempt ends, the next session is due, or a listing brought something."""
        self._write_counts()
        now = self._clock.now()
        next_due = self._ledger.next_due_at(now, self._share) or now + IDLE_MAX
        idle = min(max(next_due - now, timedelta(seconds=0.05)), IDLE_MAX)
        if under_way and len(under_way) >= self._settings.concurrency:
            await asyncio.wait(under_way.values(), return_when=asyncio.FIRST_COMPLETED)
            return
        self.discovery.news.clear()
        idling = self._clock.sleep(idle.total_seconds())
        await self._first_of(self.discovery.news.wait(), idling, others=under_way.values())

    @staticmethod
    async def _first_of(
        *waits: Coroutine[Any, Any, object], others: Iterable[asyncio.Task[None]] = ()
    ) -> None:
        """Wait until one of these is over; the waits are then given up, the others are not."""
        tasks = [asyncio.ensure_future(each) for each in waits]
        try:
            await asyncio.wait([*tasks, *others], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
