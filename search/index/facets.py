"""Facets: how many of the best sessions each speaker, app, kind and month has a part in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from search.index.records import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from search.index.lines import Session

#: Facets are counted among so many of the best sessions.
FACETS_OF = 100
FACETS = ("speaker", "app", "kind", "month")
FACET_VALUES = 50

#: Those of them that only the lines of a session tell.
_OF_LINES = {"speaker", "kind"}


def need_lines(names: tuple[str, ...]) -> bool:
    """Whether any of these facets is told by a session's lines."""
    return bool(_OF_LINES & set(names))


def month_of(started_at_ms: int) -> str:
    """The month, in UTC, as the facet writes it."""
    return f"{datetime.fromtimestamp(started_at_ms / 1000, UTC):%Y-%m}"


def parts_of(
    session: Session, lines: NDArray[np.int64], names: Callable[[int], str]
) -> dict[str, set[str]]:
    """Who said these lines of a session, and of which kinds they are."""
    record = session.record
    speakers = record.speakers
    who = set(record.spoken_by()[lines].tolist())
    found = [each for each in map(record.lines_of, range(len(KINDS))) if each]
    kinds = {
        record.kind_of(each.start)
        for each in found
        if lines.searchsorted(each.start) < lines.searchsorted(each.stop)
    }
    return {
        "speaker": {names(int(speakers[each])) for each in who} - {""},
        "kind": {KINDS[each] for each in kinds},
    }
