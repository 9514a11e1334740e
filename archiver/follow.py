"""The bucket compared with this ledger: what others archived is taken in, what is gone is noted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.records import states_of
from archiver.schedule import session_next_attempt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archiver.archive.archive import Archive
    from archiver.ledger import Ledger


async def follow(
    archive: Archive, ledger: Ledger, apps: Iterable[str], *, since: datetime, now: datetime
) -> int:
    """Compare with the bucket, and adopt every inventory newer than the ledger's, of sessions since then.

    Costs a listing per app and day, and a read for each session that moved on; returns how many did.
    """
    adopted = 0
    for app_id in apps:
        day = since
        while day <= now + timedelta(days=1):
            adopted += await _follow_day(archive, ledger, app_id, day, now)
            day += timedelta(days=1)
    return adopted


async def _follow_day(
    archive: Archive, ledger: Ledger, app_id: str, day: datetime, now: datetime
) -> int:
    """Compare a day of the bucket with the ledger, both ways."""
    recorded = ledger.coverage.recorded(app_id, day)
    newest: dict[str, keys.SessionKey] = {}
    async for info in archive.store.list(keys.day_prefix(app_id, day)):
        parsed = keys.parse_key(info.key)
        if parsed is not None and parsed.version:
            newest[parsed.folder] = max(
                parsed, newest.get(parsed.folder, parsed), key=lambda each: each.version
            )
    adopted = 0
    for parsed in newest.values():
        if ledger.inventory_version(parsed.session_id) >= parsed.version:
            continue
        chain = await archive.chain(parsed.folder)
        if chain is not None and chain.newest is not None:
            states = states_of(chain.newest.inventory, now)
            again = session_next_attempt(states)
            adopted += ledger.adopt(chain.newest, states, next_attempt_at=again, now=now)
    found = {each.session_id.session_id: each.version for each in newest.values()}
    # What was recorded while this was listed is not looked for in the list.
    missing = sum(found.get(name, 0) < version for name, version in recorded.items())
    if newest or recorded:
        ledger.coverage.note_bucket_day(
            app_id, f"{day:%Y-%m-%d}", sessions=len(newest), missing=missing, now=now
        )
    return adopted
