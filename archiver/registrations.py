"""Webhook registrations at the source: listed, made and removed, in every app that is ours."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from archiver.errors import ArchiverError, SourceNotFoundError
from archiver.realtimekit import SUBSCRIBED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archiver.realtimekit import RealtimeKit, Webhook

#: Where the endpoint takes webhooks.
PATH = "/webhooks/realtimekit"
NAME = "realtimekit-archive"


def receiver(url: str) -> str:
    """The URL events are to be sent to; an address without a path stands for our route at it.

    Raises ArchiverError for what no webhook could be delivered to safely.
    """
    parts = urlsplit(url.strip())
    local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not parts.hostname or parts.scheme not in ({"http", "https"} if local else {"https"}):
        raise ArchiverError(
            "a webhook's URL begins with https://", hint="give the tunnel's address"
        )
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ArchiverError("a webhook's URL has no password, query or fragment")
    path = parts.path.rstrip("/") or PATH
    return f"{parts.scheme}://{parts.netloc}{path}"


async def list_webhooks(source: RealtimeKit, app_ids: Sequence[str]) -> list[tuple[str, Webhook]]:
    """Every registration, with the app it is of."""
    return [(app_id, each) for app_id in app_ids for each in await source.webhooks(app_id)]


async def register(
    source: RealtimeKit, app_ids: Sequence[str], url: str
) -> list[tuple[str, Webhook, bool]]:
    """One enabled registration of this URL in each app, for the events we use and no others.

    Returns each with its app and whether it was made just now. One of the same URL that asks for
    other events is replaced: the new one is made before the old one goes.
    """
    done = []
    for app_id in app_ids:
        same = [each for each in await source.webhooks(app_id) if each.url == url]
        fitting = [each for each in same if each.enabled and set(each.events) == set(SUBSCRIBED)]
        kept = fitting[0] if fitting else None
        made = kept or await source.create_webhook(app_id, NAME, url, SUBSCRIBED)
        for each in same:
            if each.id != made.id:
                await source.delete_webhook(app_id, each.id)
        done.append((app_id, made, kept is None))
    return done


async def delete(source: RealtimeKit, app_ids: Sequence[str], webhook_id: str) -> str:
    """Remove a registration by its id, in whichever app it is; raises ArchiverError where in none."""
    for app_id, webhook in await list_webhooks(source, app_ids):
        if webhook.id == webhook_id:
            try:
                await source.delete_webhook(app_id, webhook_id)
            except SourceNotFoundError:
                continue
            return app_id
    raise ArchiverError(
        f"no app has a webhook {webhook_id}", hint="`rtk-archive webhooks list` shows them"
    )
