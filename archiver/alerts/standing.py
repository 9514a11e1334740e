"""For whom a search is answered now, or why it rests; pure but for who runs this process."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from archiver.access import Reader, Role, os_user

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.access import Keys
    from archiver.alerts.queue import Tally
    from archiver.alerts.records import Search

GONE = "its receiver answered 410: it wants nothing more"


def standing(search: Search, keys: Keys, now: datetime) -> Reader | str:
    """Whoever the search belongs to, with the apps they may see now; or why it is not answered."""
    if not search.key_id:
        return _own()
    key = keys.by_id.get(search.key_id)
    if key is None:
        return "its key is unknown"
    if not key.is_usable(now):
        return f"its key is {key.state(now)}"
    if key.role is not Role.READER:
        return "its key may see no content"
    return key.reader


_own = cache(os_user)


def rests_because(search: Search, keys: Keys, tally: Tally, now: datetime) -> str:
    """Why a search rests, as whoever looks after it is told; "" where it does not."""
    if tally.is_gone:
        return GONE
    found = standing(search, keys, now)
    return found if isinstance(found, str) else ""
