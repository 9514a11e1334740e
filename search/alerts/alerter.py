"""Following the index for the sake of saved searches, and having told what they find.

It reads what the indexer has written, and waits for nobody: the indexer does not know of it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import anyio.to_thread

from archiver.access import KeyRing
from archiver.alerts import Shelf
from archiver.alerts.programs import Programs
from archiver.alerts.queue import FILE, Place, Queue
from archiver.alerts.webhooks import Webhooks
from archiver.audit import open_trail
from archiver.errors import ArchiverError, InventoryError, ObjectMissingError, explain
from archiver.filesystems import held
from archiver.model import parse_time, to_ms
from search.alerts.deciding import decide
from search.alerts.delivering import Delivery
from search.alerts.owners import Owners
from search.alerts.trace import Trace
from search.alerts.watch import Watch
from search.errors import IndexMissingError
from search.index.library import Library

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from datetime import datetime

    from archiver.access import Keys
    from archiver.alerts import Searches
    from archiver.archive.archive import Archive
    from archiver.clock import Clock
    from archiver.ledger import InventoryLine, Ledger
    from archiver.settings import Settings
    from search.alerts.owners import Watched

log = logging.getLogger("search.alerts")

POLL_S = 2.0
FAULT_PAUSE_S = 30.0
#: Sessions that are looked at together: the fewer times, the less each costs.
BATCH_LINES = 2000
#: While the index is behind, so long is waited for a whole batch.
GATHERED_FOR = timedelta(minutes=5)
#: By how much the clock that an inventory was made by may differ from that of a search.
SKEW_MS = 60_000
#: How long what was read of the bucket holds while it cannot be read: nothing is lost meanwhile.
PATIENCE = timedelta(minutes=15)
#: Within this time a key that expires is told nothing more.
NOTED_FOR = timedelta(seconds=20)
LOCK = "alerts.lock"


class Alerter:
    """Finds what is new for each saved search."""

    def __init__(
        self,
        *,
        archive: Archive,
        ledger: Ledger,
        library: Library,
        shelf: Shelf,
        keyring: KeyRing,
        queue: Queue,
        clock: Clock,
        delivery: Delivery,
    ) -> None:
        self._archive = archive
        self._ledger = ledger
        self._library = library
        self._shelf = shelf
        self._keyring = keyring
        self._queue = queue
        self._clock = clock
        self._delivery = delivery
        self._owners = Owners()
        self._watched: Mapping[str, Watched] = {}
        self._watch = Watch({})
        self._noted: tuple[Searches, Keys, datetime] | None = None
        self._known = queue.known()
        self._traces: dict[str, Trace] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Look and tell until told to stop."""
        async with asyncio.TaskGroup() as group:
            refreshing = [group.create_task(each.run()) for each in (self._shelf, self._keyring)]
            while not stop.is_set():
                pause_s = POLL_S
                try:
                    await self.look()
                    self._delivery.begin(self._watched)
                except ArchiverError as error:
                    # Capture and search go on meanwhile; what is not looked at now is later.
                    log.warning("alerts.waiting", extra={"error": error.message})
                    pause_s = FAULT_PAUSE_S
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause_s)
            for task in refreshing:
                task.cancel()
        await self._delivery.stop()

    async def once(self) -> None:
        """Look, and tell all that is due."""
        await self.look()
        self._delivery.begin(self._watched)
        await self._delivery.settle()

    # ------------------------------------------------------------------ looking

    async def look(self) -> int:
        """Queue what came in since the last look; returns how much it is.

        Raises KeysStaleError, SearchesStaleError, AlertError, LedgerError, StoreError or SearchError.
        """
        now = self._clock.now()  # before the index is asked where it stands
        searches = self._shelf.known.by_id
        self._take_note(now)
        try:
            positions = await anyio.to_thread.run_sync(self._library.positions)
        except IndexMissingError:  # nothing was indexed yet, or it is being made again
            return 0
        epoch, places = self._ledger.epoch, self._queue.places()
        late = self._late()
        count, everywhere = 0, True
        for app_id, place in places.items():
            known_epoch, seq = positions.get(app_id, ("", 0))
            if place.epoch == epoch and (known_epoch != epoch or seq < place.seq):
                everywhere = False  # the index is being made again
                positions.pop(app_id, None)
        for app_id, (known_epoch, seq) in positions.items():
            if known_epoch != epoch:
                continue
            before = places.get(app_id)
            if before is not None and before.epoch != epoch:
                before = None
            self._trace(app_id, before).saw(seq, to_ms(now))
            if late and before is not None:
                count += await self._look_back(app_id, before, late)
            count += await self._look_on(app_id, before, seq, now)
        if everywhere:
            fresh = searches.keys() - self._known
            if done := {each for each in fresh if not self._waits_for_its_key(each)}:
                self._queue.now_known(done)
                self._known |= done
        return count

    def _take_note(self, now: datetime) -> None:
        """Which searches are answered at the moment; looked at anew where a record, or a key's time, asks."""
        known, keys = self._shelf.known, self._keyring.known
        if self._noted is not None:
            before, keys_before, at = self._noted
            if before is known and keys_before is keys and timedelta(0) <= now - at < NOTED_FOR:
                return
        self._noted = known, keys, now
        searches = known.by_id
        if not self._known <= searches.keys():
            self._queue.keep_only(searches.keys())
            self._known &= searches.keys()
        self._watched = self._owners.watched(searches.values(), keys, now)
        if self._watch.ids != tuple(self._watched):
            self._watch = _watch(self._watched.values())
            # Thousands of parsed queries stay: looking for cycles among them, again and again, costs
            # the indexer beside us more than all that is looked for.
            gc.freeze()

    def _late(self) -> dict[str, Watched]:
        """Searches that were made before we knew of them: what came in meanwhile was not for them yet."""
        return {name: each for name, each in self._watched.items() if name not in self._known}

    def _waits_for_its_key(self, search_id: str) -> bool:
        """Whether a search was read sooner than the key it belongs to."""
        key_id = self._shelf.known.by_id[search_id].key_id
        return bool(key_id) and key_id not in self._keyring.known.by_id

    def _trace(self, app_id: str, place: Place | None) -> Trace:
        trace, epoch = self._traces.get(app_id), self._ledger.epoch
        if trace is None or trace.epoch != epoch:
            trace = self._traces[app_id] = Trace(epoch)
            if place is not None and place.seen_at_ms:
                trace.saw(place.seq, place.seen_at_ms)
        return trace

    async def _look_on(self, app_id: str, place: Place | None, end: int, now: datetime) -> int:
        """Look at what the index has taken in since; up to where it stands."""
        if place is None:
            # A new file, or a new ledger: from when the first search was made on.
            first = min((to_ms(each.made_at) for each in self._watched.values()), default=None)
            seq = end if first is None else self._since(app_id, first, end)
            place = Place(self._ledger.epoch, seq, 0, self._ledger.newest_seq(app_id))
            self._queue.take(app_id, place, (), now)
        if self._gathers(app_id, place, end, now):
            return 0
        count, trace = 0, self._traces[app_id]
        while lines := self._lines(app_id, place.seq, end):
            found = await self._found(app_id, place, lines, self._watch, self._watched)
            seq = lines[-1].seq
            place = place._replace(seq=seq, seen_at_ms=trace.seen_at(seq))
            count += self._queue.take(app_id, place, found, now)
        return count

    def _gathers(self, app_id: str, place: Place, end: int, now: datetime) -> bool:
        """Whether to wait for more: while the index is behind, many are looked at together."""
        is_behind = self._ledger.newest_seq(app_id) > end
        waited = to_ms(now) - place.seen_at_ms
        is_soon = 0 <= waited < GATHERED_FOR / timedelta(milliseconds=1)
        return is_behind and is_soon and end - place.seq < BATCH_LINES

    async def _look_back(self, app_id: str, place: Place, late: Mapping[str, Watched]) -> int:
        """Look again at what came in since these searches were made."""
        trace, starts = self._traces[app_id], list[int]()
        for each in late.values():
            stood = trace.stood_at(to_ms(each.made_at))
            since = self._since(app_id, to_ms(each.made_at), place.seq) if stood is None else stood
            starts.append(since)
        seq, count, watch = min(starts), 0, _watch(late.values())
        while lines := self._lines(app_id, seq, place.seq):
            found = await self._found(app_id, place, lines, watch, late)
            count += self._queue.take(app_id, None, found, self._clock.now())
            seq = lines[-1].seq
        return count

    def _lines(self, app_id: str, seq: int, end: int) -> list[InventoryLine]:
        lines = self._ledger.inventories_after(app_id, seq, BATCH_LINES)
        return [each for each in lines if each.seq <= end]

    def _since(self, app_id: str, moment_ms: int, end: int) -> int:
        """A place in an app's list before which nothing was committed as late as then."""
        low, high = 0, end
        while low < high:
            middle = (low + high) // 2
            lines = self._ledger.inventories_after(app_id, middle, 1)
            if lines and lines[0].committed_at_ms < moment_ms:
                low = min(lines[0].seq, high)
            else:
                high = middle
        return low

    async def _found(
        self,
        app_id: str,
        place: Place,
        lines: Sequence[InventoryLine],
        watch: Watch,
        watched: Mapping[str, Watched],
    ) -> list[tuple[str, str]]:
        """Which of these searches find which of these sessions that are news to them."""
        if not watched:
            return []
        newest = {each.session_id.session_id: each for each in lines}
        trace = self._traces[app_id]

        def is_news(each: Watched, session_id: str) -> bool:
            line = newest[session_id]
            return trace.is_news(line.seq, line.committed_at_ms, to_ms(each.made_at))

        def read() -> list[tuple[str, str]]:
            return decide(self._library, app_id, [*newest], watch, watched, is_news)

        found = await anyio.to_thread.run_sync(read)
        unsure = {each.session_id.session_id for each in lines if each.seq <= place.unsure_seq}
        if not unsure.intersection(session for _, session in found):
            return found
        return [
            (search, session)
            for search, session in found
            if session not in unsure
            or await self._is_later(newest[session], watched[search].made_at)
        ]

    async def _is_later(self, line: InventoryLine, made_at: datetime) -> bool:
        """Whether an inventory itself says that it was made since."""
        try:
            made = (await self._archive.read(line.key)).inventory.made
            return to_ms(parse_time(made["at"])) >= to_ms(made_at) - SKEW_MS
        except (InventoryError, ObjectMissingError, KeyError, ValueError):
            return True  # rather told once more than never


def _watch(searches: Iterable[Watched]) -> Watch:
    return Watch({each.parsed.search.id: each.parsed.condition for each in searches})


# ---------------------------------------------------------------------- put together


@asynccontextmanager
async def open_alerter(
    settings: Settings,
    archive: Archive,
    ledger: Ledger,
    clock: Clock,
    *,
    library: Library | None = None,
    exempt_base_url: str = "",
) -> AsyncIterator[Alerter | None]:
    """What finds and tells in this data folder; None where nothing is set up, or another process does.

    `library`: the index, if it is open; `exempt_base_url`: as for `Webhooks`. Raises AlertError or ArchiverError where it cannot.
    """
    async with AsyncExitStack() as stack:
        if not settings.alerts or not stack.enter_context(held(settings.data / LOCK)):
            yield None
            return
        if library is None:
            timeout_s = settings.query_timeout.total_seconds()
            library = stack.enter_context(
                closing(Library(settings.index_path, timeout_s=timeout_s))
            )
        queue = Queue.open(settings.data / FILE)
        stack.callback(queue.close)
        queue.bind(archive.id)
        shelf = Shelf(archive, settings.data, clock, patience=PATIENCE)
        keyring = KeyRing(archive, settings.data, clock, patience=settings.keys_patience)
        await shelf.start()
        await keyring.start()
        webhooks = Webhooks(settings, exempt_base_url=exempt_base_url)

        def is_current(app_id: str) -> bool:
            place = queue.places().get(app_id)
            epoch, seq = library.positions(apps=(app_id,)).get(app_id, ("", 0))
            return place is not None and place.epoch == epoch and seq >= place.seq

        delivery = Delivery(
            queue=queue,
            library=library,
            trail=stack.enter_context(open_trail(settings, clock)),
            clock=clock,
            webhooks=await stack.enter_async_context(webhooks),
            programs=Programs({each.name: each.argv for each in settings.alert_commands}),
            public_url=settings.public_url,
            is_current=is_current,
        )
        stack.push_async_callback(delivery.stop)
        yield Alerter(
            archive=archive,
            ledger=ledger,
            library=library,
            shelf=shelf,
            keyring=keyring,
            queue=queue,
            clock=clock,
            delivery=delivery,
        )


async def run_alerts(
    settings: Settings,
    archive: Archive,
    ledger: Ledger,
    clock: Clock,
    stop: asyncio.Event,
    library: Library | None = None,
) -> None:
    """Find and tell until told to stop; where another process does, wait to take its place."""
    while settings.alerts and not stop.is_set():
        try:
            async with open_alerter(settings, archive, ledger, clock, library=library) as alerter:
                if alerter is not None:
                    await alerter.run(stop)
        except (ArchiverError, OSError) as error:
            log.warning("alerts.waiting", extra={"error": explain(error)})
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), FAULT_PAUSE_S)
