"""Registrations at the source: what we use and no more, once for each app, never twice."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from archiver.errors import ArchiverError
from archiver.realtimekit import SUBSCRIBED
from archiver.registrations import delete, list_webhooks, receiver, register
from archiver.runtime import open_source
from tests.rig import rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from archiver.realtimekit import RealtimeKit

URL = "https://hooks.example.com/webhooks/realtimekit"


@asynccontextmanager
async def account(folder: Path) -> AsyncIterator[tuple[RealtimeKit, list[str]]]:
    async with rig(folder, meetings=0) as one:
        one.source.add_app("Another")
        async with open_source(one.configured()) as source:
            yield source, [each.app_id for each in one.source.apps]


async def test_registered_once_in_every_app(tmp_path: Path) -> None:
    """For the events we use; a second time changes nothing."""
    async with account(tmp_path) as (source, apps):
        first = await register(source, apps, URL)
        again = await register(source, apps, URL)

        assert [new for _, _, new in first] == [True, True]
        assert [new for _, _, new in again] == [False, False]
        assert [each for _, each, _ in first] == [each for _, each, _ in again]
        registered = await list_webhooks(source, apps)
        assert {app_id for app_id, _ in registered} == set(apps)
        assert {each.events for _, each in registered} == {SUBSCRIBED}


async def test_one_that_asks_for_too_much_is_replaced(tmp_path: Path) -> None:
    """Whoever subscribed the same URL to stream keys is not left subscribed."""
    async with account(tmp_path) as (source, apps):
        events = (*SUBSCRIBED, "livestreaming.statusUpdate")
        await source.create_webhook(apps[0], "by hand", URL, events)
        other = await source.create_webhook(apps[0], "another's", "https://other.example/", events)
        await register(source, apps[:1], URL)

        registered = {each.url: each for _, each in await list_webhooks(source, apps[:1])}
        assert registered[URL].events == SUBSCRIBED
        assert registered[other.url] == other
        assert len(registered) == 2


async def test_removed_by_its_id_in_whichever_app(tmp_path: Path) -> None:
    """And an id that nobody has is an error that says so."""
    async with account(tmp_path) as (source, apps):
        made = await register(source, apps, URL)
        app_id, webhook, _ = made[1]
        assert await delete(source, apps, webhook.id) == app_id
        assert len(await list_webhooks(source, apps)) == 1
        with pytest.raises(ArchiverError, match="no app has"):
            await delete(source, apps, webhook.id)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("https://hooks.example.com", URL),
        ("https://hooks.example.com/", URL),
        (" https://hooks.example.com/a/b/ ", "https://hooks.example.com/a/b"),
        ("http://127.0.0.1:8001", "http://127.0.0.1:8001/webhooks/realtimekit"),
    ],
)
def test_an_address_stands_for_the_route_at_it(given: str, wanted: str) -> None:
    """A path is taken as it is."""
    assert receiver(given) == wanted


@pytest.mark.parametrize(
    "given",
    [
        "",
        "hooks.example.com",
        "http://hooks.example.com",
        "https://a:b@h.example",
        "https://h/?q=1",
    ],
)
def test_what_is_no_place_to_send_events_to(given: str) -> None:
    """Is refused in one line."""
    with pytest.raises(ArchiverError):
        receiver(given)
