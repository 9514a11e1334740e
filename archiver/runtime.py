"""Where the parts are put together: from settings to an archive to read, or a worker to run."""

from __future__ import annotations

import logging
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.archive.archive import Archive, Origin
from archiver.archive.stores import AtRest, open_store, overlap
from archiver.audit import TrailSealer
from archiver.capture import Capture, Commits, Fetching, Maker, Offers, SummaryRequests
from archiver.clock import Clock, SystemClock
from archiver.discovery import Discovery
from archiver.errors import ArchiveMissingError, ArchiverError, SettingsError
from archiver.filesystems import make_private
from archiver.ledger import WHOLE, Ledger, Share
from archiver.realtimekit import Budget, Downloader, RealtimeKit
from archiver.schedule import Expectation
from archiver.sealing import Sealer
from archiver.upkeep import Upkeep
from archiver.verify import Rounds
from archiver.worker import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from archiver.archive.archive import LockFor
    from archiver.archive.stores import Examinable, Store
    from archiver.settings import Settings

log = logging.getLogger("archiver.runtime")

#: A download under way for longer than this was left behind by a process that died.
SPOOL_KEPT_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A worker and everything it works with."""

    settings: Settings
    archive: Archive
    ledger: Ledger
    source: RealtimeKit
    budget: Budget
    worker: Worker
    offers: Offers
    clock: Clock


def expectation_of(settings: Settings) -> Expectation:
    """Which artifacts these settings ask for."""
    return Expectation(
        formats=settings.formats,
        summaries=settings.summaries,
        summary_wait=settings.summary_wait,
        summary_patience=settings.summary_patience,
        peer_reports=settings.peer_reports,
        webhook_wait=settings.webhook_wait,
    )


@asynccontextmanager
async def open_source(
    settings: Settings, *, requests: Counter[tuple[str, str]] | None = None
) -> AsyncIterator[RealtimeKit]:
    """The source alone, for what has nothing to do with the archive.

    `requests` is told of each request sent: its operation and status.
    """
    settings.require_source()
    clock = SystemClock()
    budget = Budget(settings.budget.requests, settings.budget.period_s, clock)
    counts = _Counts() if requests is None else _Counts(requests=requests)
    async with _source(settings, budget, clock, counts) as source:
        yield source


def open_store_of(settings: Settings) -> Examinable:
    """The store these settings name, keeping what is put as they say."""
    if settings.kms_key and not settings.encryption.startswith("aws:kms"):
        raise SettingsError(
            "RTK_ARCHIVE_SSE_KMS_KEY names a key that nothing is encrypted with",
            hint="set RTK_ARCHIVE_SSE=aws:kms as well",
        )
    return open_store(settings.store, at_rest=_at_rest(settings))


def open_other_store(settings: Settings, url: str, profile: str) -> Store:
    """A second store, beside the one that the settings name; a bucket keeps what is put alike.

    Raises SettingsError where one of them lies within the other.
    """
    if not profile and overlap(settings.store, url):
        raise SettingsError(
            "one of the two stores lies within the other", hint="name a folder or prefix beside it"
        )
    at_rest = AtRest() if url.startswith("file:") else _at_rest(settings)
    return open_store(url, at_rest=at_rest, profile=profile)


def _at_rest(settings: Settings) -> AtRest:
    return AtRest(
        encryption=settings.encryption,
        kms_key=settings.kms_key,
        storage_class=settings.storage_class,
    )


def lock_for_of(settings: Settings, clock: Clock) -> LockFor:
    """How what is put is locked, by app, at the moment it is put."""
    return lambda app_id: settings.lock_for(app_id, clock.now())


@asynccontextmanager
async def open_archive(settings: Settings, *, writing: bool = False) -> AsyncIterator[Archive]:
    """The archive these settings name; needs neither token nor account.

    `writing`: records will be put, locked as the settings say.
    """
    store = open_store_of(settings)
    try:
        archive = await Archive.open(store, lock_for=lock_for_of(settings, SystemClock()))
        if writing:
            await archive.claim(sole_worker=settings.sole_worker)
        yield archive
    finally:
        await store.close()


@asynccontextmanager
async def open_views(
    settings: Settings, *, writing: bool = False
) -> AsyncIterator[tuple[Archive, Ledger]]:
    """The archive these settings name, and the ledger that belongs to it."""
    async with (
        open_archive(settings, writing=writing) as archive,
        open_ledger(settings) as ledger,
    ):
        ledger.bind(archive.id)
        yield archive, ledger


@asynccontextmanager
async def open_ledger(settings: Settings, *, read_only: bool = False) -> AsyncIterator[Ledger]:
    """The ledger of these settings."""
    ledger = Ledger.open(settings.ledger_path, read_only=read_only)
    try:
        yield ledger
    finally:
        ledger.close()


@asynccontextmanager
async def open_runtime(
    settings: Settings, *, command: str, clock: Clock | None = None, share: Share = WHOLE
) -> AsyncIterator[Runtime]:
    """Everything a worker needs, checked in the order in which it can be wrong, and closed again."""
    settings.require_source()
    clock = clock or SystemClock()
    maker = Maker.of(command)
    async with AsyncExitStack() as stack:
        prepare_spool(settings.spool)
        ledger = await stack.enter_async_context(open_ledger(settings))
        store = open_store_of(settings)
        stack.push_async_callback(store.close)
        origin = Origin(
            base_url=settings.base_url, account=settings.account_id, simulated=settings.simulated
        )
        counts = _Counts()
        budget = Budget(share.of(settings.budget.requests), settings.budget.period_s, clock)
        source = await stack.enter_async_context(_source(settings, budget, clock, counts))
        archive = await _open_archive(
            store,
            origin,
            source,
            made=maker.made(clock.now()),
            lock_for=lock_for_of(settings, clock),
        )
        ledger.bind(archive.id)
        await archive.claim(sole_worker=settings.sole_worker)
        ledger.expect(expectation_of(settings).fingerprint, clock.now())
        parts = _Parts(settings, archive, ledger, source, maker, clock)
        fetching = Fetching(
            source=source,
            downloader=await stack.enter_async_context(_downloader(settings, clock)),
            base_url=settings.base_url,
            clock=clock,
            offers=Offers(clock),
        )
        yield Runtime(
            settings=settings,
            archive=archive,
            ledger=ledger,
            source=source,
            budget=budget,
            worker=_worker(parts, fetching, budget, counts, share),
            offers=fetching.offers,
            clock=clock,
        )


@dataclass(frozen=True, slots=True)
class _Parts:
    """What everything in a runtime works with."""

    settings: Settings
    archive: Archive
    ledger: Ledger
    source: RealtimeKit
    maker: Maker
    clock: Clock


def _worker(
    parts: _Parts, fetching: Fetching, budget: Budget, counts: _Counts, share: Share
) -> Worker:
    return Worker(
        discovery=Discovery(
            source=parts.source,
            ledger=parts.ledger,
            settings=parts.settings,
            clock=parts.clock,
            malformed=counts.malformed,
        ),
        capture=_capture(parts, fetching),
        archive=parts.archive,
        ledger=parts.ledger,
        budget=budget,
        settings=parts.settings,
        clock=parts.clock,
        share=share,
        requests=counts.requests,
        upkeep=_upkeep(parts, share),
    )


def _capture(parts: _Parts, fetching: Fetching) -> Capture:
    archive, ledger, maker = parts.archive, parts.ledger, parts.maker
    expectation = expectation_of(parts.settings)
    return Capture(
        fetching=fetching,
        summaries=SummaryRequests(source=parts.source, archive=archive, ledger=ledger, maker=maker),
        archive=archive,
        ledger=ledger,
        commits=Commits(archive=archive, expectation=expectation, maker=maker),
        expectation=expectation,
        clock=parts.clock,
    )


def _upkeep(parts: _Parts, share: Share) -> Upkeep:
    settings, archive, ledger, clock = parts.settings, parts.archive, parts.ledger, parts.clock
    # Of several workers that share the sessions, whoever has the first part reads everything back.
    every = settings.verify_every if 1 in share.numbers else timedelta(0)
    return Upkeep(
        archive,
        ledger,
        clock,
        trails=trail_sealer_of(settings, archive, parts.maker, clock),
        sealer=sealer_of(settings, archive, ledger, parts.maker, clock),
        rounds=Rounds(
            archive,
            ledger,
            clock,
            path=settings.data / "rounds.db",
            every=every,
            made=parts.maker.made,
        ),
    )


def sealer_of(
    settings: Settings, archive: Archive, ledger: Ledger, maker: Maker, clock: Clock
) -> Sealer:
    """What seals this archive."""
    return Sealer(archive, ledger, clock, made=maker.made, every=settings.seal_every)


def trail_sealer_of(
    settings: Settings, archive: Archive, maker: Maker, clock: Clock
) -> TrailSealer:
    """What puts the record of reads into this archive."""
    return TrailSealer(
        archive, settings.audit_path, clock, made=maker.made, keep=settings.audit_keep
    )


@dataclass(slots=True)
class _Counts:
    """What the client tells of its requests, until the worker takes it."""

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)  #: operation, status
    malformed: Counter[str] = field(default_factory=Counter)  #: rows, by app

    def request(self, operation: str, status: str) -> None:
        self.requests[operation, status] += 1

    def rows(self, app_id: str, count: int) -> None:
        log.warning("sessions.malformed", extra={"app": app_id, "rows": count})
        self.malformed[app_id] += count


def _connections(settings: Settings) -> int:
    return max(settings.concurrency * 4, 16)


def _source(settings: Settings, budget: Budget, clock: Clock, counts: _Counts) -> RealtimeKit:
    return RealtimeKit(
        base_url=settings.base_url,
        account_id=settings.account_id,
        token=settings.token.reveal(),
        budget=budget,
        clock=clock,
        on_request=counts.request,
        on_malformed=counts.rows,
        connections=_connections(settings),
        trust_env=settings.proxy,
    )


def _downloader(settings: Settings, clock: Clock) -> Downloader:
    return Downloader(
        directory=settings.spool,
        exempt_base_url=settings.base_url,
        max_bytes=settings.download_max_bytes,
        clock=clock,
        allowed_hosts=settings.download_hosts,
        trust_env=settings.proxy,
        connections=_connections(settings),
    )


async def _open_archive(
    store: Store,
    origin: Origin,
    source: RealtimeKit,
    *,
    made: dict[str, str],
    lock_for: LockFor,
) -> Archive:
    """The archive of this source, created only once the source has let us in.

    What it is the archive of is written once and for ever: not for an account that was mistyped.
    """
    try:
        return await Archive.open(store, origin=origin, create=False, lock_for=lock_for)
    except ArchiveMissingError:
        await source.apps()
        return await Archive.open(store, origin=origin, made=made, lock_for=lock_for)


def prepare_spool(spool: Path) -> None:
    """Make the folder of downloads under way, and clear what dead processes left in it."""
    try:
        make_private(spool)
    except OSError as error:
        raise ArchiverError(
            f"{spool} cannot be made: {error.strerror}", hint="check RTK_ARCHIVE_DATA"
        ) from error
    for path in spool.glob("*.part"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > SPOOL_KEPT_S:
                path.unlink()
