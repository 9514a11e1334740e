"""What new sessions hold of the words somebody watches for: told from their own small indexes.

It says what a session may match, at a fraction of the cost of a search; a search decides.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrations.sqlite import rows_in
from search.index import tail
from search.index.analysis import term_key
from search.index.forward import Forward
from search.index.names import Names
from search.index.records import KINDS, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from migrations.sqlite import Connection

_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """One session, as far as it matters to what is watched for."""

    session_id: str
    started_at_ms: int
    meeting_id: str
    title: str
    speakers: tuple[str, ...]
    held: NDArray[np.bool_]  #: of each watched hash, whether a word of it is said


def glimpses(
    db: Connection, session_ids: Sequence[str], hashes: NDArray[np.uint32]
) -> list[Glimpse]:
    """The sessions of these that the app's index holds; `hashes` ascend."""
    names = Names(db)
    rows = rows_in(
        db,
        "select session_id, started_at_ms, meeting_id, title, meta, forward"
        " from session join body on body.id = session.id where session_id in",
        session_ids,
    )
    return [
        Glimpse(
            session_id=session_id,
            started_at_ms=started_at_ms,
            meeting_id=meeting_id,
            title=title,
            speakers=tuple(map(names.of, Record(meta).speakers.tolist())),
            held=Forward(forward).holds(hashes),
        )
        for session_id, started_at_ms, meeting_id, title, meta, forward in rows
    ]


def beginnings(
    db: Connection, session_ids: Sequence[str], prefixes: Iterable[str]
) -> dict[str, set[str]]:
    """The words that begin so, of each prefix: all that these sessions hold, and others of the app.

    What came in lately has its words at hand, until they are folded in among all others.
    """
    waiting: set[str] = set()
    rows = rows_in(db, "select id from session where session_id in", session_ids)
    for _, (keys, _, _) in tail.read(db, [row[0] for row in rows]):
        waiting.update(key[1:] for key in keys)
    ordered, found = sorted(waiting), dict[str, set[str]]()
    for prefix in prefixes:
        first = bisect_left(ordered, prefix)
        words = set(ordered[first : bisect_left(ordered, prefix + _LAST)])
        for kind in range(len(KINDS)):
            begin = term_key(kind, prefix)
            begun = db.execute(
                "select distinct key from post where key >= ? and key < ?", [begin, begin + _LAST]
            )
            words.update(key[0][1:] for key in begun)
        found[prefix] = words
    return found
