"""Which sessions an export is of, and what it does not cover; decided before anything is written.

The bucket says which sessions there are, by listing. The index answers the query, the ledger says
what is not there yet: what either cannot say is written down as not known.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from archiver.archive import keys
from archiver.coverage import certainty
from archiver.errors import InventoryError, StoreError
from archiver.ledger import Range
from archiver.model import SessionId, format_time, to_ms
from search.errors import ExportError
from search.export.folders import Folder, folders_of
from search.index.seam import SearchRequest
from search.query import parse

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.archive.archive import Archive
    from archiver.ledger import Ledger
    from search.index.library import Library

_PAGE = 100
#: The most sessions, or artifacts, that are named one by one as not covered by the ledger's account.
NAMED_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which sessions, as asked for: those that meet all of it."""

    sessions: tuple[str, ...] = ()
    query: str = ""
    apps: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def document(self) -> dict[str, Any]:
        """As the manifest has it."""
        return {
            "sessions": list(self.sessions),
            "query": self.query or None,
            "apps": list(self.apps),
            "since": format_time(self.since) if self.since else None,
            "until": format_time(self.until) if self.until else None,
        }

    @property
    def range(self) -> Range:
        return Range(
            apps=self.apps,
            since_ms=to_ms(self.since) if self.since else None,
            until_ms=to_ms(self.until) if self.until else None,
        )

    def days(self) -> tuple[str, str]:
        """The first day, and the first day after the last, as folders write them; "" for no bound."""
        last = self.until + timedelta(days=1) if self.until else None
        return _day(self.since) if self.since else "", _day(last) if last else ""

    def begins_in(self, moment: datetime) -> bool:
        """Whether a session that began then lies in the range."""
        return (self.since is None or self.since <= moment) and (
            self.until is None or moment < self.until
        )

    def is_edge(self, day: str) -> bool:
        """Whether only some of the sessions of this day can lie in the range."""
        return any(each is not None and _day(each) == day for each in (self.since, self.until))


def _day(moment: datetime) -> str:
    return keys.day_prefix("x", moment)[2:-1]


@dataclass(slots=True)
class Resolved:
    """The selected sessions, by folder, and what is known not to be among them."""

    folders: list[str] = field(default_factory=list)
    uncommitted: list[str] = field(default_factory=list)  #: folders without an inventory
    #: Sessions the ledger knows of which something is still to come; None where there is no ledger.
    pending: list[dict[str, str]] | None = None
    live: list[dict[str, str]] | None = None  #: not ended yet
    certainty: dict[str, Any] | None = None  #: how far the source's list was seen whole
    #: Folders the query could not see, or not in their newest version; None where there is no query.
    not_indexed: list[str] | None = None
    unread: int | None = None  #: archived artifacts in the index's scope that it could not read

    def document(self) -> dict[str, Any]:
        """As the manifest has it."""
        return {
            "pending": self.pending,
            "live": self.live,
            "uncommitted": self.uncommitted,
            "ledger": self.certainty,
            "query": None
            if self.not_indexed is None
            else {"not_indexed": self.not_indexed, "unread": self.unread},
        }

    @property
    def outstanding(self) -> bool:
        return bool(self.pending or self.uncommitted or self.not_indexed)


async def resolve(
    selection: Selection,
    archive: Archive,
    *,
    ledger: Ledger | None,
    library: Library,
    now: datetime,
) -> Resolved:
    """The folders of the selected sessions, in the order of their keys.

    Raises ExportError where nothing is selected or a session is not there, QueryError where the query
    means nothing, IndexMissingError where there is a query and no index.
    """
    resolved = Resolved()
    hits, versions = None, dict[SessionId, int]()
    if selection.query:
        hits, versions = _search(selection, library)
        resolved.not_indexed, resolved.unread = [], library.unread(0)[1]
    found = set[str]()
    async for folder in folders_of(archive.store, selection.apps, selection.days()):
        session_id = folder.session_id
        if selection.sessions and session_id.session_id not in selection.sessions:
            continue
        found.add(session_id.session_id)
        if not folder.version:
            resolved.uncommitted.append(folder.name)
            continue
        if not await _is_in_range(archive, selection, folder):
            continue
        if resolved.not_indexed is not None and folder.version > versions.get(session_id, 0):
            resolved.not_indexed.append(folder.name)
        if hits is None or session_id in hits:
            resolved.folders.append(folder.name)
    _add_ledger(resolved, selection, ledger, now)
    _check(resolved, selection, found, archive)
    return resolved


def _check(resolved: Resolved, selection: Selection, found: set[str], archive: Archive) -> None:
    known = found | {each["session"] for each in (resolved.pending or [])}
    if missing := [each for each in selection.sessions if each not in known]:
        raise ExportError(
            f"session {missing[0]} is not in {archive.store.url}",
            hint="`rtk-archive status` tells what is known",
        )
    if not resolved.folders:
        waiting = len(resolved.pending or []) + len(resolved.uncommitted)
        lag = len(resolved.not_indexed or [])
        raise ExportError(
            "nothing is selected: no archived session is meant"
            + f"; {waiting} are still pending" * bool(waiting)
            + f"; {lag} are not indexed yet" * bool(lag),
            hint="widen the selection, or run `rtk-archive sync` first",
        )


# ---------------------------------------------------------------------- the query


def _search(selection: Selection, library: Library) -> tuple[set[SessionId], dict[SessionId, int]]:
    """The sessions that hold all words of the query, and the version of each session in the index."""
    query, of = parse(selection.query), selection.range
    filters = query.filters.narrowed(after_ms=of.since_ms, before_ms=of.until_ms)
    request = SearchRequest(
        query=dataclasses.replace(query, filters=filters),
        apps=of.apps or None,
        sort="oldest",
        match="all",
        limit=_PAGE,
        moments=0,
    )
    # Before the search: what is indexed meanwhile is then named as not seen, and not passed over.
    versions = library.versions()
    hits = set[SessionId]()
    cursor: str | None = ""
    while cursor is not None:
        result = library.search(dataclasses.replace(request, cursor=cursor))
        hits.update(SessionId(each.app_id, each.session_id) for each in result.hits)
        cursor = result.next_cursor
    return hits, versions


async def _is_in_range(archive: Archive, selection: Selection, folder: Folder) -> bool:
    """Whether a session began in the range; its folder tells only the day.

    What cannot be read is in it: better too much than too little.
    """
    if not selection.is_edge("/".join(folder.name.split("/")[1:4])):
        return True
    try:
        first = await archive.read(folder.name + keys.inventory_name(1))
    except (InventoryError, StoreError) as error:
        if error.transient:
            raise
        return True
    return selection.begins_in(first.inventory.session.started_at)


# ---------------------------------------------------------------------- the ledger


def _add_ledger(
    resolved: Resolved, selection: Selection, ledger: Ledger | None, now: datetime
) -> None:
    """What the ledger knows of the selection that the bucket does not."""
    if ledger is None:
        return
    of = selection.range
    wanted = frozenset(selection.sessions)
    resolved.pending = [
        {"app": each.app_id, "session": each.session_id, "deadline_at": format_time(deadline_at)}
        for each, deadline_at, _ in ledger.nearest_deadlines(of, NAMED_MAX)
        if not wanted or each.session_id in wanted
    ]
    resolved.live = [
        {"app": each.app_id, "session": each.session_id}
        for each in ledger.live_before(now)
        if (not selection.apps or each.app_id in selection.apps)
        and (not wanted or each.session_id in wanted)
        and selection.begins_in(each.started_at)
    ]
    resolved.certainty = certainty(ledger, of, now)
