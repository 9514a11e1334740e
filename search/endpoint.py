"""The endpoint put together: what it answers from, and the one or two addresses it answers at."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from archiver.access import KeyRing, os_user
from archiver.access.assertions import Assertions
from archiver.access.certificates import TeamKeys
from archiver.alerts import Shelf
from archiver.audit import Keeper, open_trail
from archiver.capture import Maker
from archiver.errors import AuditError, KeysStaleError
from archiver.realtimekit.signatures import SigningKey
from archiver.registrations import PATH
from archiver.runtime import trail_sealer_of
from archiver.terminal import say
from search.mcp import needing_sdk
from search.web import Services, Webhooks, create_app, create_webhook_app, serve
from search.web.signed_in import SignedIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from archiver.archive.archive import Archive
    from archiver.audit import Trail
    from archiver.clock import Clock
    from archiver.intake import Intake
    from archiver.ledger import Ledger
    from archiver.settings import Address, Settings
    from search.index.library import Library
    from search.web.services import ModelsServed


async def answer_requests(
    settings: Settings,
    *,
    library: Library,
    archive: Archive,
    ledger: Ledger,
    intake: Intake,
    clock: Clock,
    stop: asyncio.Event,
) -> None:
    """Answer until `stop` is set: everything at RTK_ARCHIVE_LISTEN, webhooks at a second address."""
    key = SigningKey(settings.webhook_key_url, clock, trust_env=settings.proxy)
    async with (
        recording(settings, archive, clock) as trail,
        following_keys(settings, archive, clock) as keyring,
        _shelf(settings, archive, clock) as shelf,
    ):
        services = Services(
            index=library,
            archive=archive,
            ledger=ledger,
            settings=settings,
            clock=clock,
            webhooks=Webhooks(intake=intake, key=key),
            trail=trail,
            keyring=keyring,
            shelf=shelf,
            signed_in=SignedIn(keyring, settings.sign_in, clock),
            assertions=_assertions(settings, clock),
            mcp=_mcp(settings),
        )
        await _answer(services, keyring, stop)


@asynccontextmanager
async def recording(
    settings: Settings, archive: Archive, clock: Clock, *, command: str = "serve"
) -> AsyncIterator[Trail]:
    """The record of reads, put into the bucket every quarter of an hour and in the end."""
    sealer = trail_sealer_of(settings, archive, Maker.of(command), clock)
    where = {"listen": str(settings.listen)} if command == "serve" else {"command": command}
    with open_trail(settings, clock) as trail:
        try:
            trail.record(os_user(), "serving began", asked=where)
        except AuditError as error:  # a worker goes on; reads are answered 503 until it can be
            say(str(error))
        keeper = Keeper(trail, sealer, clock)
        keeping = asyncio.create_task(keeper.run())
        try:
            yield trail
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
            with suppress(AuditError):  # the disk is full: what was answered is recorded
                trail.record(os_user(), "serving ended", asked={})
            await keeper.stop()


@asynccontextmanager
async def following_keys(
    settings: Settings, archive: Archive, clock: Clock
) -> AsyncIterator[KeyRing]:
    """The keys, read again every few seconds."""
    keyring = KeyRing(archive, settings.data, clock, patience=settings.keys_patience)
    try:
        async with _followed(keyring):
            yield keyring
    finally:
        keyring.usage.flush(at_once=True)


@asynccontextmanager
async def _shelf(settings: Settings, archive: Archive, clock: Clock) -> AsyncIterator[Shelf]:
    """The saved searches, likewise."""
    shelf = Shelf(archive, settings.data, clock, patience=settings.keys_patience)
    async with _followed(shelf):
        yield shelf


@asynccontextmanager
async def _followed(followed: KeyRing | Shelf) -> AsyncIterator[None]:
    await followed.start()
    following = asyncio.create_task(followed.run())
    try:
        yield
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


async def _answer(services: Services, keyring: KeyRing, stop: asyncio.Event) -> None:
    settings = services.settings
    async with asyncio.TaskGroup() as group:
        main = serve(
            create_app(services),
            settings.listen,
            stop,
            listening=_say_where,
            beyond_loopback=services.assertions is not None or _may_be_reached(keyring),
        )
        group.create_task(main)
        if settings.webhook_listen is not None:
            app = create_webhook_app(services)
            group.create_task(
                serve(
                    app,
                    settings.webhook_listen,
                    stop,
                    listening=_say_where_webhooks,
                    setting="RTK_ARCHIVE_WEBHOOK_LISTEN",
                    beyond_loopback=True,
                )
            )


def _assertions(settings: Settings, clock: Clock) -> Assertions | None:
    """What tells who comes through Cloudflare Access; raises SettingsError where it is half set."""
    settings.require_whole_access()
    if not settings.access_team:
        return None
    return Assertions(
        keys=TeamKeys(settings.access_team, clock, trust_env=settings.proxy),
        audiences=settings.access_audiences,
        grants=settings.access_grants,
        clock=clock,
    )


def _mcp(settings: Settings) -> ModelsServed | None:
    """What answers models at /mcp; None unless the settings say so."""
    if not settings.mcp:
        return None
    with needing_sdk():
        from search.mcp.server import over_http
    return over_http


def _may_be_reached(keyring: KeyRing) -> bool:
    """Whether others may reach the endpoint; where keys cannot be read, nobody is let in anyway."""
    try:
        return keyring.any_usable()
    except KeysStaleError:
        return True


def _say_where(address: Address) -> None:
    say(f"searching at http://{address}/; stop with Ctrl-C")


def _say_where_webhooks(address: Address) -> None:
    say(f"taking webhooks at http://{address}{PATH}")
