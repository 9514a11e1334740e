"""Sessions that were taken in lately: their postings wait in one row each, in memory for whoever reads.

Writing a session's postings where they belong touches two thousand rows. So they are kept aside, and
folded in for many sessions at once (search/index/folding.py).
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from migrations.sqlite import rows_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from migrations.sqlite import Connection
    from search.index.analysis import Analysed

_SEPARATOR = " "
#: So many keys are looked through one by one before they are sorted in among the others.
_UNSORTED_MAX = 2000
#: So many runs become one.
_RUNS = 16


Postings: TypeAlias = tuple[list[str], bytes, "NDArray[np.uint32]"]


def write(db: Connection, row_id: int, keys: Iterable[str], analysed: Analysed) -> None:
    """Keep the postings of a session until they are folded in."""
    db.execute(
        "insert into tail (id, keys, impacts, buckets) values (?, ?, ?, ?)",
        [
            row_id,
            _SEPARATOR.join(keys),
            analysed.impacts.tobytes(),
            analysed.buckets.astype("<u4").tobytes(),
        ],
    )


def read(db: Connection, ids: Sequence[int] | None = None) -> Iterator[tuple[int, Postings]]:
    """What waits of these sessions, or of all: keys, their impacts, and the buckets of pairs."""
    select = "select id, keys, impacts, buckets from tail"
    rows: Iterable[tuple[Any, ...]]
    if ids is None:
        rows = db.execute(f"{select} order by id")
    else:
        rows = rows_in(db, f"{select} where id in", ids)
    for row_id, keys, impacts, buckets in rows:
        names = keys.split(_SEPARATOR) if keys else []
        yield row_id, (names, impacts, np.frombuffer(buckets, "<u4"))


class Tail:
    """What waits, in memory; it only ever grows, so that several snapshots can read it at once.

    Each session that is taken in has a slot; a snapshot (`view.View`) knows which slots are its own.
    """

    def __init__(self) -> None:
        # Most stand for one entry: a list for each would be a hundred thousand objects, which the
        # interpreter's garbage collector goes through while somebody waits for an answer.
        self._entries: dict[str, int | list[int]] = {}
        self._pairs = _Runs()
        self._sorted: list[str] = []
        self._unsorted: list[str] = []
        self._lock = threading.Lock()
        self.rows: list[int] = []  #: the session of each slot

    def add(self, row_id: int, postings: Postings) -> int:
        """Take a session in, and return its slot."""
        names, impacts, buckets = postings
        with self._lock:
            slot = len(self.rows)
            self.rows.append(row_id)
            base = slot << 8
            entries = self._entries
            for name, impact in zip(names, impacts, strict=True):
                known = entries.get(name)
                if known is None:
                    entries[name] = base | impact
                    self._unsorted.append(name)
                elif isinstance(known, int):
                    entries[name] = [known, base | impact]
                else:
                    known.append(base | impact)
            self._pairs.add(buckets, slot)
            return slot

    def find(self, name: str, slots: Mapping[int, int]) -> list[tuple[int, int]]:
        """The sessions of a snapshot that hold this, with their impacts; `slots` by session."""
        rows = self.rows
        found = []
        for entry in _each(self._entries.get(name)):
            row_id = rows[entry >> 8]
            if slots.get(row_id) == entry >> 8:
                found.append((row_id, entry & 255))
        return found

    def find_pair(self, bucket: int, slots: Mapping[int, int]) -> list[int]:
        """The sessions of a snapshot that hold this pair, each as often as it is said there."""
        held = ((slot, self.rows[slot]) for slot in self._pairs.find(bucket))
        return [row_id for slot, row_id in held if slots.get(row_id) == slot]

    def names_from(self, prefix: str) -> list[str]:
        """The keys that begin so."""
        with self._lock:
            if len(self._unsorted) > _UNSORTED_MAX:
                self._sorted += self._unsorted
                self._sorted.sort()
                self._unsorted = []
            first = bisect_left(self._sorted, prefix)
            end = bisect_left(self._sorted, f"{prefix}\U0010ffff")
            fresh = [each for each in self._unsorted if each.startswith(prefix)]
            return self._sorted[first:end] + fresh


class _Runs:
    """Slots by their buckets: a session brings thousands, hardly any of which is ever looked for.

    The buckets of each session ascend; so many sessions together are put in order as one.
    """

    def __init__(self) -> None:
        self._runs: tuple[_Run, ...] = ()  #: never changed, so that others may read it meanwhile

    def add(self, buckets: NDArray[np.uint32], slot: int) -> None:
        """Take in those of one session."""
        slots = np.full(len(buckets), slot, np.uint32)
        runs = [*self._runs, _Run(buckets.astype(np.uint32), slots, 1)]
        while len(runs) >= _RUNS and runs[-_RUNS].sessions == runs[-1].sessions:
            runs[-_RUNS:] = [_Run.of(runs[-_RUNS:])]
        self._runs = tuple(runs)

    def find(self, bucket: int) -> list[int]:
        """Every slot that has this, as often as it does."""
        found: list[int] = []
        for run in self._runs:
            begin = bisect_left(run.keys, bucket)
            if begin < len(run.keys) and run.keys[begin] == bucket:
                found += run.slots[begin : bisect_right(run.keys, bucket, begin)].tolist()
        return found


class _Run:
    """Buckets in order, each with its slot."""

    __slots__ = ("buckets", "keys", "sessions", "slots")

    def __init__(
        self, buckets: NDArray[np.uint32], slots: NDArray[np.uint32], sessions: int
    ) -> None:
        self.buckets, self.slots, self.sessions = buckets, slots, sessions
        self.keys = buckets.data  # numpy is slow with one number at a time

    @classmethod
    def of(cls, runs: Sequence[_Run]) -> _Run:
        """All of these as one."""
        buckets = np.concatenate([each.buckets for each in runs])
        order = buckets.argsort(kind="stable")
        slots = np.concatenate([each.slots for each in runs])[order]
        return cls(buckets[order], slots, sum(each.sessions for each in runs))


def _each(found: int | list[int] | None) -> Iterable[int]:
    if found is None:
        return ()
    return (found,) if isinstance(found, int) else found
