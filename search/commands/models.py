"""The command `mcp`: what models may ask, for a client on this machine, over standard input and output."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from archiver.cli import stop_event
from archiver.clock import SystemClock
from archiver.commands import Command
from archiver.errors import SettingsError
from archiver.exits import DONE
from archiver.settings import variable_of
from search.commands import open_library
from search.mcp import needing_sdk

if TYPE_CHECKING:
    import argparse

    from archiver.settings import Settings
    from search.web import Services


async def mcp(_args: argparse.Namespace, settings: Settings) -> int:
    """Answer a client until it closes our standard input, or a signal comes."""
    from archiver.runtime import open_views
    from search.endpoint import following_keys, recording
    from search.web import Services

    if not settings.mcp:
        raise SettingsError(
            f"{variable_of('mcp')} is off", hint="set it to `on` to let models search and read"
        )
    with needing_sdk():
        from search.mcp import server  # noqa: F401 — before anything is opened
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        archive, ledger = await stack.enter_async_context(open_views(settings))
        library = open_library(settings)
        stack.callback(library.close)
        keyring = None
        if settings.mcp_key:
            keyring = await stack.enter_async_context(following_keys(settings, archive, clock))
        trail = await stack.enter_async_context(recording(settings, archive, clock, command="mcp"))
        services = Services(
            index=library,
            archive=archive,
            ledger=ledger,
            settings=settings,
            clock=clock,
            trail=trail,
            keyring=keyring,
        )
        await _answer(services)
    return DONE


async def _answer(services: Services) -> None:
    from search.mcp.server import over_stdio
    from search.mcp.stdio import Client, Lines
    from search.web.services import Threads

    settings = services.settings
    client = Client(
        services=services,
        threads=Threads(wait_s=settings.query_timeout.total_seconds()),
        secret=settings.mcp_key.reveal(),
    )
    # The SDK takes the descriptor away from whoever else might read it.
    lines = Lines(os.dup(sys.stdin.fileno()))
    stopping = asyncio.create_task(stop_event().wait())
    answering = asyncio.create_task(over_stdio(lines, client.answer))
    try:
        await asyncio.wait({answering, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        answering.cancel()
        (ended,) = await asyncio.gather(answering, return_exceptions=True)
    if isinstance(ended, Exception):
        raise ended


COMMANDS = (
    Command(
        "mcp", "let a model search and read, over standard input and output", lambda _: None, mcp
    ),
)
