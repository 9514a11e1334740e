"""What of an answer's apps and dates is still pending or lost, and how far the index has come."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from archiver.ledger import Ledger, Range
from archiver.model import format_time
from search.lag import indexed_through

if TYPE_CHECKING:
    from collections.abc import Iterable

    from search.web.answers import Document
    from search.web.services import Services


def open_ledger(services: Services) -> Ledger | None:
    """The ledger, for one reader, which closes it; None where there is none: it may be deleted any time.

    A connection of its own never sees half of what the worker is writing, nor a file that is gone.
    """
    if services.ledger is None or not services.ledger.path.exists():
        return None
    return Ledger.open(services.ledger.path, read_only=True)


def coverage_of(
    services: Services,
    *,
    apps: tuple[str, ...] | None,
    excluded: Iterable[str] = (),
    after_ms: int | None,
    before_ms: int | None,
) -> Document | None:
    """Sessions pending and lost among these apps (None: all) and dates; None without a ledger.

    Everything committed to the archive before `indexed_through` is in the index. Blocks.
    """
    ledger = open_ledger(services)
    if ledger is None:
        return None
    with closing(ledger):
        left_out = frozenset(excluded)
        names = ledger.apps() if apps is None else apps
        names = tuple(each for each in names if each not in left_out)
        counts = {"pending": 0, "lost": 0}
        if names:  # to the ledger, no apps would mean all of them
            counts = ledger.outstanding(Range(apps=names, since_ms=after_ms, until_ms=before_ms))
        return {
            "pending": counts["pending"],
            "lost": counts["lost"],
            "indexed_through": format_time(
                indexed_through(services.index.positions(), ledger, names, services.clock.now())
            ),
        }
