"""How far the index has followed the ledger's list of committed inventories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.metrics import IndexFacts
from archiver.model import from_ms
from search.errors import IndexDamagedError, IndexMissingError, SearchTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from archiver.ledger import Ledger
    from search.index.seam import IndexReader

#: Of each app: the epoch of the ledger that was followed, and the place in its list.
Positions = dict[str, tuple[str, int]]


def positions_of(index: IndexReader, apps: tuple[str, ...] | None = None) -> Positions | None:
    """Where the index of these apps (None: of all) stands; None where it cannot be used."""
    try:
        return index.positions(apps=apps)
    except IndexMissingError:  # nothing was indexed yet, or it was deleted
        return {}
    except (IndexDamagedError, SearchTimeoutError):
        return None


def behind(positions: Positions, ledger: Ledger) -> int:
    """How many committed inventories an index that stands there has not seen yet."""
    places = _places(positions, ledger, ledger.apps())
    return sum(ledger.count_inventories_after(*each) for each in places)


def indexed_through(
    positions: Positions, ledger: Ledger, apps: Iterable[str], now: datetime
) -> datetime:
    """When the first inventory was committed that is not indexed yet; now, where every one is."""
    return min(now, first_unindexed(positions, ledger, apps) or now)


def first_unindexed(positions: Positions, ledger: Ledger, apps: Iterable[str]) -> datetime | None:
    """The same; None where every one is."""
    waiting = [
        line.committed_at_ms
        for app_id, seq in _places(positions, ledger, apps)
        for line in ledger.inventories_after(app_id, seq, 1)
    ]
    return from_ms(min(waiting)) if waiting else None


def _places(positions: Positions, ledger: Ledger, apps: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Where the index stands in the list of each of these apps."""
    epoch = ledger.epoch
    for app_id in apps:
        known_epoch, seq = positions.get(app_id, ("", 0))
        # A ledger that was made again counts anew, and says nothing about another's positions.
        yield app_id, seq if known_epoch == epoch else 0


def index_facts(index: IndexReader, ledger: Ledger, now: datetime) -> IndexFacts | None:
    """How far the index has come, for whoever watches; None where it cannot be used."""
    try:
        positions, sessions, unread = index.positions(), index.count(), index.unread(0)[1]
    except IndexMissingError:  # nothing was indexed yet, or it was deleted
        positions, sessions, unread = {}, 0, 0
    except (IndexDamagedError, SearchTimeoutError):
        return None
    through = indexed_through(positions, ledger, ledger.apps(), now)
    return IndexFacts(
        sessions=sessions,
        lag_inventories=behind(positions, ledger),
        lag_s=(now - through).total_seconds(),
        unread=unread,
    )
