"""Making and deleting saved searches: a record at the end of the chain, decided by all before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.alerts import records
from archiver.alerts.records import OWNED_MAX, Search, Searches
from archiver.archive import keys
from archiver.archive.following import append_decided
from archiver.errors import AlertError, SearchGoneError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from archiver.archive.archive import Archive


async def create_search(
    archive: Archive,
    search: Search,
    *,
    made: Mapping[str, str],
    known: Searches | None = None,
) -> None:
    """Save a search; `known`: what was read of the others already.

    Raises AlertError where its key has another of the same name, or too many.
    """

    def decide(known: Searches) -> dict[str, Any]:
        own = known.owned(search.key_id)
        if any(each.name == search.name for each in own):
            raise AlertError(
                "there is a saved search of this name already",
                hint="delete it first, or choose another name",
            )
        if len(own) >= OWNED_MAX:
            raise AlertError(f"there are {OWNED_MAX} saved searches already", hint="delete some")
        return records.created(search)

    await append_decided(archive, keys.SEARCHES, known or Searches(), decide, made)


async def delete_search(
    archive: Archive,
    search_id: str,
    *,
    key_id: str | None,
    now: datetime,
    made: Mapping[str, str],
    known: Searches | None = None,
) -> Search:
    """Delete the search of this id, for good; `key_id`: only if it is that key's, None: whosoever.

    Raises SearchGoneError where there is none.
    """
    found: list[Search] = []

    def decide(known: Searches) -> dict[str, Any]:
        search = known.by_id.get(search_id)
        if search is None or key_id not in {None, search.key_id}:
            raise SearchGoneError("there is no such saved search")
        found.append(search)
        return records.deleted(search, now)

    await append_decided(archive, keys.SEARCHES, known or Searches(), decide, made)
    return found[-1]
