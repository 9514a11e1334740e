"""The endpoint put together: what it answers from, and the one or two addresses it answers at."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from archiver.realtimekit.signatures import SigningKey
from archiver.registrations import PATH
from archiver.terminal import say
from search.web import Services, Webhooks, create_app, create_webhook_app, serve

if TYPE_CHECKING:
    from archiver.archive.archive import Archive
    from archiver.clock import Clock
    from archiver.intake import Intake
    from archiver.ledger import Ledger
    from archiver.settings import Address, Settings
    from search.index.library import Library


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
    services = Services(
        index=library,
        archive=archive,
        ledger=ledger,
        settings=settings,
        clock=clock,
        webhooks=Webhooks(intake=intake, key=key),
    )
    async with asyncio.TaskGroup() as group:
        app = create_app(services)
        group.create_task(serve(app, settings.listen, stop, listening=_say_where))
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


def _say_where(address: Address) -> None:
    say(f"searching at http://{address}/; stop with Ctrl-C")


def _say_where_webhooks(address: Address) -> None:
    say(f"taking webhooks at http://{address}{PATH}")
