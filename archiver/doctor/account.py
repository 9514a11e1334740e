"""What the account at the source really allows: few requests, and nothing that starts anything."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from contextlib import aclosing
from typing import TYPE_CHECKING

from archiver.checks import Check, failed, not_applicable, ok, unknown, weak
from archiver.clock import SystemClock
from archiver.errors import (
    ArchiverError,
    RateLimitedError,
    SettingsError,
    SourceDeniedError,
    SourceError,
    SourceUnavailableError,
)
from archiver.realtimekit import SUBSCRIBED
from archiver.realtimekit.signatures import SigningKey
from archiver.realtimekit.timekeeping import OFF_MAX
from archiver.registrations import PATH, list_webhooks
from archiver.runtime import open_source

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from archiver.realtimekit import RealtimeKit
    from archiver.settings import Settings

#: An answer that takes longer is none: a rate limit alone may last five minutes.
PATIENCE_S = 60.0
#: The webhooks of so many apps are looked at; the budget is the customer's own product's as well.
APPS_ASKED_MAX = 3
_TOKEN = "make a token with the permission group Realtime, and set CLOUDFLARE_API_TOKEN"  # noqa: S105 — advice

#: The source tells whole seconds.
TOLD_TO_S = 2


async def examine_account(settings: Settings) -> AsyncGenerator[Check]:
    """Every trial of the account; without a token those that need none."""
    requests: Counter[tuple[str, str]] = Counter()
    if not settings.token and not settings.account_id:
        yield not_applicable("token", "none is set: nothing is captured here", _TOKEN)
    else:
        try:
            async with open_source(settings, requests=requests) as source:
                async for check in _with_token(settings, source):
                    yield check
        except SettingsError as error:
            yield failed("token", error.message, error.hint)
    yield await _tried("webhook key", lambda: _webhook_key(settings))
    if requests:
        yield ok("requests", f"{requests.total()} of the account's budget were used for this")


async def _with_token(settings: Settings, source: RealtimeKit) -> AsyncGenerator[Check]:
    found: list[str] = []

    async def token() -> Check:
        found.extend(each.id for each in await source.apps())
        return ok("token", "accepted")

    accepted = await _tried("token", token)
    yield accepted
    if accepted.advice:
        return
    yield _apps(settings, found)
    apps = [each for each in settings.apps or found if each in found]
    if apps:
        yield await _tried("sessions", lambda: _sessions(source, apps[0]))
        yield await _tried("summaries", lambda: _summaries(settings, source, apps[0]))
        yield await _tried("webhooks", lambda: _webhooks(settings, source, apps))
    yield _clock(source)


async def _tried(name: str, trial: Callable[[], Awaitable[Check]]) -> Check:
    """The trial's check, or one that says what the source has against it."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await trial()
    except SourceDeniedError as error:
        return failed(name, f"refused ({error.status})", error.hint or _TOKEN)
    except (TimeoutError, RateLimitedError):
        observed = "no answer in a minute: the account's rate limit may be used up"
        return unknown(name, observed, "run it again in five minutes")
    except SourceUnavailableError as error:
        return unknown(name, error.message, error.hint or "run it again")
    except (SourceError, ArchiverError) as error:
        return failed(name, error.message, error.hint or "check CLOUDFLARE_ACCOUNT_ID")


def _apps(settings: Settings, found: list[str]) -> Check:
    missing = [each for each in settings.apps if each not in found]
    if missing:
        return failed(
            "apps", f"not in this account: {', '.join(missing)}", "correct RTK_ARCHIVE_APPS"
        )
    if not found:
        return failed(
            "apps", "the account has none", "create one, or correct CLOUDFLARE_ACCOUNT_ID"
        )
    chosen = len(settings.apps) or len(found)
    return ok("apps", f"{chosen} of {len(found)} are captured")


async def _sessions(source: RealtimeKit, app_id: str) -> Check:
    async with aclosing(source.sessions(app_id, per_page=10)) as sessions:
        async for _ in sessions:
            return ok("sessions", f"those of app {app_id} can be listed")
    return ok("sessions", f"those of app {app_id} can be listed: there are none yet")


async def _summaries(settings: Settings, source: RealtimeKit, app_id: str) -> Check:
    """Whether summaries may be asked for: of a session that nobody has, so that none is made."""
    if settings.summaries != "generate":
        return not_applicable(
            "summaries", f"RTK_ARCHIVE_SUMMARIES={settings.summaries} asks for none"
        )
    try:
        await source.request_summary(app_id, str(uuid.uuid4()))
    except SourceDeniedError as error:
        return failed(
            "summaries",
            f"asking for one is refused ({error.status}), though reading is not",
            "give the token Realtime Admin, or set RTK_ARCHIVE_SUMMARIES=collect",
        )
    except (SourceUnavailableError, RateLimitedError):
        raise
    except SourceError as error:
        observed = (
            f"may be asked for: for a session that does not exist the answer is {error.status}"
        )
        return ok("summaries", observed)
    return unknown("summaries", "the source said yes for a session that does not exist")


async def _webhooks(settings: Settings, source: RealtimeKit, apps: list[str]) -> Check:
    asked = apps[:APPS_ASKED_MAX]
    registered = await list_webhooks(source, asked)
    ours = [(app, each) for app, each in registered if each.url.endswith(PATH)]
    whole = {app for app, each in ours if each.enabled and set(SUBSCRIBED) <= set(each.events)}
    of = f"{len(asked)} apps" + f" (of {len(apps)})" * (len(apps) > len(asked))
    if len(whole) == len(asked):
        return ok("webhooks", f"registered in {of}, for all the events that are used")
    advice = "`rtk-archive webhooks register URL`"
    if ours:
        return weak("webhooks", f"whole and enabled in {len(whole)} of {of}", advice)
    if settings.webhook_listen is not None:
        return weak(
            "webhooks", f"RTK_ARCHIVE_WEBHOOK_LISTEN is set, and none of {of} has one", advice
        )
    return not_applicable(
        "webhooks", f"none of {of} has one: sessions are found by listing", advice
    )


async def _webhook_key(settings: Settings) -> Check:
    key = SigningKey(settings.webhook_key_url, SystemClock(), trust_env=settings.proxy)
    try:
        bits = await key.published_bits()
    except SourceUnavailableError as error:
        advice = "check RTK_ARCHIVE_WEBHOOK_KEY_URL and the network"
        if settings.webhook_listen is not None:
            return failed("webhook key", f"{error.message}: no webhook can be let in", advice)
        return weak("webhook key", error.message, advice)
    return ok("webhook key", f"published, and can be read: RSA, {bits} bits")


def _clock(source: RealtimeKit) -> Check:
    if source.clock_offset is None:
        return unknown(
            "clock", "the source does not tell the time", "keep this machine's clock set"
        )
    off_s = source.clock_offset.total_seconds()
    if abs(off_s) <= TOLD_TO_S + source.clock_doubt.total_seconds():
        return ok("clock", "the source's and ours agree, as far as whole seconds tell")
    observed = f"the source's is {abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} ours"
    if abs(source.clock_offset) > OFF_MAX:
        return failed("clock", observed, "set this machine's clock: until then nothing is final")
    return ok("clock", observed)
