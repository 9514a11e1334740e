"""Delivering alerts: at least once, each search's in order, and no target held up by another."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import anyio.to_thread
from tenacity import AsyncRetrying, RetryCallState, wait_exponential, wait_random

from archiver.alerts.records import COMMAND, Target
from archiver.alerts.signing import message_id
from archiver.errors import AlertError, AuditError, UndeliveredError, explain
from archiver.model import from_ms
from search.alerts.deciding import search_in
from search.alerts.telling import MOMENTS, told
from search.errors import SearchError
from search.web.problems import encode_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from archiver.alerts.programs import Programs
    from archiver.alerts.queue import Alert, Queue
    from archiver.alerts.webhooks import Webhooks
    from archiver.audit import Trail
    from archiver.clock import Clock
    from search.alerts.owners import Watched
    from search.index.library import Library

log = logging.getLogger("search.alerts")

#: From seconds to an hour, each time about twice as long.
BACK_OFF = wait_exponential(multiplier=5, max=3600) + wait_random(0, 5)
#: An alert that cannot be delivered for this long is given up.
TRIED_FOR = timedelta(hours=24)
#: What is not the receiver's fault is tried again after this long.
OWN_FAULT = timedelta(seconds=30)
#: Targets that are called at the same time, and how often one of them.
CALLS_MAX, CALLS_OF_ONE_MAX = 32, 4


def back_off(attempts: int) -> timedelta:
    """How long to wait after so many attempts that failed."""
    state = RetryCallState(AsyncRetrying(), None, (), {})
    state.attempt_number = attempts
    return timedelta(seconds=BACK_OFF(state))


class Delivery:
    """Tells whoever wants to know what waits in the queue."""

    def __init__(
        self,
        *,
        queue: Queue,
        library: Library,
        trail: Trail,
        clock: Clock,
        webhooks: Webhooks,
        programs: Programs,
        public_url: str,
        is_current: Callable[[str], bool],
    ) -> None:
        self._queue = queue
        self._library = library
        self._trail = trail
        self._clock = clock
        self._webhooks = webhooks
        self._programs = programs
        self._public_url = public_url
        self._is_current = is_current
        self._calls: Counter[Target] = Counter()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._watched: Mapping[str, Watched] = {}

    def begin(self, watched: Mapping[str, Watched]) -> None:
        """Begin to tell what is due, and go on with what follows; only for these searches."""
        self._watched = watched
        self._go_on()

    def _go_on(self) -> None:
        """As many calls at once as there may be."""
        watched = self._watched
        if len(self._under_way) >= CALLS_MAX:
            return
        for alert in self._queue.due(self._clock.now()):
            each = watched.get(alert.search_id)
            if each is None or alert.search_id in self._under_way:
                continue
            called = _called(each)
            if self._calls[called] < CALLS_OF_ONE_MAX:
                self._calls[called] += 1
                task = asyncio.create_task(self._tell(alert, each))
                self._under_way[alert.search_id] = task
                task.add_done_callback(partial(self._ended, alert, called))
            if len(self._under_way) >= CALLS_MAX:
                return

    def _ended(self, alert: Alert, called: Target, task: asyncio.Task[None]) -> None:
        del self._under_way[alert.search_id]
        self._calls[called] -= 1
        if task.cancelled():
            return
        error = task.exception()
        try:
            if error is None:
                self._go_on()
        except AlertError as fault:
            error = fault
        if error is not None:  # it stays queued
            about = {"search": alert.search_id, "error": explain(error)}
            log.error("alerts.failed", extra=about)

    async def settle(self) -> None:
        """Wait for the calls that are under way."""
        while self._under_way:
            await asyncio.wait(list(self._under_way.values()))

    async def stop(self) -> None:
        """Give up the calls under way: they are made again."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self, alert: Alert, each: Watched) -> None:
        """Tell of one session, or note why it could not be told."""
        now = self._clock.now()
        try:
            body = await anyio.to_thread.run_sync(self._message, alert, each)
        except SearchError as error:
            self._queue.put_off(alert, now + OWN_FAULT, error.message, tried=False)
            return
        if body is None:
            if await anyio.to_thread.run_sync(self._is_current, alert.app_id):
                self._queue.withdraw(alert)
            else:  # the index is being made again
                self._queue.put_off(alert, now + OWN_FAULT, "it is not indexed", tried=False)
            return
        try:
            self._record(alert, each)
        except AuditError as error:
            log.warning("audit.unwritten", extra={"error": error.message})
            told_of = "the record of reads cannot be written"
            self._queue.put_off(alert, now + OWN_FAULT, told_of, tried=False)
            return
        await self._call(alert, each, body)

    def _message(self, alert: Alert, each: Watched) -> bytes | None:
        """The message; None where there is nothing to tell any more. Blocks."""
        if not each.sees(alert.app_id):
            return None
        ids = [alert.session_id]
        result = search_in(self._library, each.parsed, alert.app_id, ids, moments=MOMENTS)
        card = self._library.session(alert.session_id, apps=(alert.app_id,))
        if card is None or not result.hits:
            return None
        now = self._clock.now()
        message = told(each.parsed.search, card, result.hits[0], self._public_url, now)
        return encode_json(message)

    def _record(self, alert: Alert, each: Watched) -> None:
        """Note the read before it leaves; raises AuditError."""
        search = each.parsed.search
        asked = {"search": search.id, "to": search.target.shown}
        self._trail.record(each.reader, "alert", asked=asked, hits=1, sessions=[alert.session_id])

    async def _call(self, alert: Alert, each: Watched, body: bytes) -> None:
        search, now = each.parsed.search, self._clock.now()
        message = message_id(search.id, alert.app_id, alert.session_id)
        try:
            if search.target.kind == COMMAND:
                await self._programs.run(search.target.to, message, body)
            else:
                await self._webhooks.send(search, message, int(now.timestamp()), body)
        except UndeliveredError as error:
            self._not_taken(alert, error)
            return
        self._queue.delivered(alert, self._clock.now())
        log.info("alerts.delivered", extra={"search": search.id, "session": alert.session_id})

    def _not_taken(self, alert: Alert, error: UndeliveredError) -> None:
        now = self._clock.now()
        about = {"search": alert.search_id, "session": alert.session_id, "error": error.message}
        if error.is_gone:
            self._queue.put_off(alert, now, error.message)
            self._queue.rest(alert.search_id, now)
            log.warning("alerts.resting", extra=about)
        elif _age(now, alert) > TRIED_FOR:
            self._queue.give_up(alert, error.message, now)
            log.error("alerts.given_up", extra=about)
        else:
            self._queue.put_off(alert, now + back_off(alert.attempts + 1), error.message)
            log.warning("alerts.undelivered", extra=about)


def _age(now: datetime, alert: Alert) -> timedelta:
    """How long ago a session was found."""
    return now - from_ms(alert.found_at_ms)


def _called(each: Watched) -> Target:
    """What is called, as far as it may be busy: a command, or a host."""
    target = each.parsed.search.target
    return Target(kind=target.kind, to=target.shown)
