"""Saved searches as whoever makes them says them, and as they are shown; without a web framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.alerts import Search
from archiver.alerts.queue import Tally
from archiver.alerts.records import new_id
from archiver.alerts.standing import rests_because
from archiver.errors import AlertError
from archiver.model import format_time, from_ms
from search.query import parse

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.access import ApiKey, Keys, Reader
    from archiver.alerts import Target
    from search.web import alert_shapes


def new_search(
    name: str,
    text: str,
    *,
    match: str,
    key: ApiKey | Reader | None,
    target: Target,
    now: datetime,
) -> Search:
    """The search to be saved; raises QueryError, or AlertError where it would find everything."""
    query = parse(text)
    if query.root is None and not query.filters:
        raise AlertError(
            "the query asks for nothing", hint="write a word, a phrase or a filter to search for"
        )
    return Search(
        id=new_id(),
        name=name,
        query=str(query),
        match=match,
        key_id="" if key is None else key.id,
        key_name="" if key is None else key.name,
        target=target,
        created_at=now,
    )


def shown(
    search: Search,
    keys: Keys,
    tally: Tally | None,
    now: datetime,
    *,
    with_content: bool = True,
) -> alert_shapes.SavedSearch:
    """A search and how its alerts stand; without content neither its query nor its URL."""
    tally = tally or Tally()
    last, because = tally.last_delivered_at_ms, rests_because(search, keys, tally, now)
    target = search.target
    return {
        "id": search.id,
        "name": search.name,
        "query": search.query if with_content else None,
        "match": search.match,
        "key": {"id": search.key_id, "name": search.key_name} if search.key_id else None,
        "target": {"kind": target.kind, "to": target.to if with_content else target.shown},
        "created_at": format_time(search.created_at),
        "rests_because": because or None,
        "delivered": tally.delivered,
        "pending": tally.pending,
        "failed": tally.failed,
        "last_delivered_at": None if last is None else format_time(from_ms(last)),
        "last_problem": tally.last_problem or None,
    }
