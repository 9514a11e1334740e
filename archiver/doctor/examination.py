"""Everything there is to try, in its order: the store, the account, this machine."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from archiver.archive.archive import Archive
from archiver.archive.stores import Claims
from archiver.checks import Check, failed, not_applicable, ok
from archiver.clock import SystemClock
from archiver.doctor.account import examine_account
from archiver.doctor.machine import examine_machine
from archiver.doctor.report import Report
from archiver.errors import ArchiveError, ArchiveMissingError, StoreError
from archiver.runtime import open_store_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from archiver.archive.stores import Store
    from archiver.clock import Clock
    from archiver.settings import Settings

STORE, ACCOUNT, MACHINE = "store", "account", "machine"


async def examine(
    settings: Settings, *, told: Callable[[Check], None], clock: Clock | None = None
) -> Report:
    """Try everything; `told` is given each check as it is made.

    Raises SettingsError where the settings contradict each other; whatever else goes wrong is in the
    report. No archive is made, and nothing but canaries is put or removed.
    """
    clock = clock or SystemClock()
    started_at, checks = clock.now(), list[Check]()

    def take(area: str, found: Iterable[Check]) -> None:
        for check in found:
            checks.append(replace(check, area=area))
            told(checks[-1])

    store = open_store_of(settings)
    try:
        claims = Claims(lock=settings.lock_for("", started_at), sole_worker=settings.sole_worker)
        async with aclosing(store.examine(claims, clock)) as trials:
            async for check in trials:
                take(STORE, [check])
        archive_id, check = await _archive(store, settings)
        take(STORE, [check])
        url = store.url
    finally:
        await store.close()
    async with aclosing(examine_account(settings)) as trials:
        async for check in trials:
            take(ACCOUNT, [check])
    take(MACHINE, examine_machine(settings, archive_id))
    return Report(
        archive_id=archive_id,
        store=url,
        account=settings.account_id,
        base_url=settings.base_url,
        started_at=started_at,
        checks=tuple(checks),
    )


async def _archive(store: Store, settings: Settings) -> tuple[str, Check]:
    """The archive in the store, if there is one, and whether it is this account's."""
    name = "archive"
    try:
        archive = await Archive.open(store)
    except ArchiveMissingError:
        return "", not_applicable(name, "there is none yet: the first capture makes it")
    except ArchiveError as error:
        return "", failed(name, error.message, error.hint, endangers=True)
    except StoreError as error:
        return "", failed(name, error.message.rpartition(": ")[2], error.hint)
    origin = archive.origin
    given = (settings.base_url, settings.account_id)
    if settings.account_id and given != (origin.base_url, origin.account):
        return archive.id, failed(
            name,
            f"it is of account {origin.account!a} at {origin.base_url}",
            "give every account and source a store of its own in RTK_ARCHIVE_STORE",
        )
    return archive.id, ok(name, f"of account {origin.account!a} at {origin.base_url}")
