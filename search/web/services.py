"""What every handler is given: the services of the process, and threads for what blocks."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypedDict, TypeVar

from starlette.requests import Request

from search.errors import BusyError
from search.web.ledgers import Ledgers

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from starlette.types import ASGIApp

    from archiver.access import KeyRing, Reader
    from archiver.access.assertions import Assertions
    from archiver.alerts import Shelf
    from archiver.archive.archive import Archive
    from archiver.audit import Trail
    from archiver.clock import Clock
    from archiver.intake import Intake
    from archiver.ledger import Ledger
    from archiver.realtimekit.signatures import SigningKey
    from archiver.settings import Settings
    from search.index.seam import IndexReader
    from search.web.access import Door
    from search.web.ledgers import LedgerNow
    from search.web.permission import Buckets
    from search.web.recording import Reading
    from search.web.rules import Match
    from search.web.signed_in import SignedIn

T = TypeVar("T")

#: What runs beside the endpoint and answers models.
ModelsServed: TypeAlias = "Callable[[], AbstractAsyncContextManager[ASGIApp]]"

#: Blocking calls at the same time, slow ones included, and how many begin so.
THREADS = 8
AT_ONCE = 1
#: What takes longer than this is slow.
SLOW_S = 0.05
#: Calls that wait for one of these; whoever comes after them is told to come again.
WAITING_MAX = 512


@dataclass(slots=True)
class Webhooks:
    """What takes events in, the key that proves their sender, and how often it did not."""

    intake: Intake
    key: SigningKey
    refused: Counter[str] = field(default_factory=Counter)  #: by reason; since the process began
    under_way: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the endpoint answers from."""

    index: IndexReader
    archive: Archive | None  #: None: original artifacts cannot be had
    ledger: Ledger | None  #: says where the file is; readers open it anew, apart from the worker
    settings: Settings
    clock: Clock
    webhooks: Webhooks | None = None  #: None: no webhook is taken here
    trail: Trail | None = None  #: None: nothing is recorded, as in the demo
    shelf: Shelf | None = None  #: of saved searches; None: there are none, and none can be made
    keyring: KeyRing | None = None  #: None: there are no keys, and this machine alone is answered
    signed_in: SignedIn | None = None  #: None: nobody can sign in
    assertions: Assertions | None = None  #: None: nobody comes through Cloudflare Access
    #: What answers models at /mcp while the endpoint runs; None: nothing does.
    mcp: ModelsServed | None = None
    ledgers: Ledgers = field(default_factory=Ledgers)

    def reading_ledger(self) -> AbstractContextManager[LedgerNow | None]:
        """The ledger, for one reader; None where there is none. Raises LedgerError."""
        return self.ledgers.reading(None if self.ledger is None else self.ledger.path)


def _too_many() -> BusyError:
    return BusyError("too many requests are being answered", hint="try again in a moment")


class Threads:
    """Where blocking calls run, so that none of them holds up the event loop, nor a slow one others.

    One runs at a time, since threads of Python mostly pass its lock around, and each reads through
    a cache of its own; several processes use several cores. A call that takes long gives its turn
    away, and goes on beside the next.
    """

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s  #: how long a call may wait for its turn
        self._waiting = 0
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._slow = 0  #: calls that gave their turn away
        # anyio's threads cost each call twice as much. There is room for calls that were given up:
        # they end by themselves when their time is up.
        self._pool = ThreadPoolExecutor(2 * THREADS, thread_name_prefix="worker")

    async def run(self, call: Callable[[], T]) -> T:
        """Call in a thread; raises BusyError where too many wait, or its turn does not come in time."""
        if self._turns.locked():
            await self._turn()
        else:
            await self._turns.acquire()
        loop, has_turn = asyncio.get_running_loop(), True

        def give_away() -> None:
            nonlocal has_turn
            if self._slow < THREADS - AT_ONCE:
                has_turn = False
                self._slow += 1
                self._turns.release()

        timer = loop.call_later(SLOW_S, give_away)
        try:
            # A reader may be left behind when the endpoint stops: it writes nothing.
            return await loop.run_in_executor(self._pool, call)
        finally:
            timer.cancel()
            if has_turn:
                self._turns.release()
            else:
                self._slow -= 1

    async def _turn(self) -> None:
        if self._waiting >= WAITING_MAX:
            raise _too_many()
        self._waiting += 1
        try:
            await asyncio.wait_for(self._turns.acquire(), self._wait_s)
        except TimeoutError:
            raise _too_many() from None
        finally:
            self._waiting -= 1


class Asking(TypedDict):
    """Whoever asks, and what they are answered from, over whichever protocol."""

    services: Services
    threads: Threads
    #: Set by `access`, for each request.
    reader: Reader | None  #: None: nobody in particular, at a route that is open
    #: What may be opened and searched; None: every app. The reader's, set with it.
    apps: tuple[str, ...] | None
    #: What is recorded of the answer; handlers add what they found. Set by `recording`.
    reading: Reading


class State(Asking):
    """What a request's state holds."""

    match: Match | None  #: the row of the rules for what is asked. Set by `access`.
    door: Door
    attempts: Buckets  #: to sign in
    mcp: ASGIApp | None  #: what answers models; None: nothing does


AppRequest: TypeAlias = Request[State]


def owner_of(asking: Asking) -> str:
    """What the cursors of whoever asks are bound to."""
    reader = asking["reader"]
    return "" if reader is None else reader.owner
