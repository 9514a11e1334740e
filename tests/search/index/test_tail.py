"""What waits in memory of sessions that came lately: every word and pair of each is found."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from search.index.tail import Tail

_BUCKETS = st.lists(st.integers(0, 30) | st.integers(2**32 - 3, 2**32 - 1), max_size=12)
_NAMES = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 255), max_size=6)


@settings(max_examples=100, deadline=None)
@given(sessions=st.lists(st.tuples(_NAMES, _BUCKETS), max_size=300))
@example(sessions=[({"a": 1}, [7, 7, number]) for number in range(273)])
@example(sessions=[({}, [])] * 40)
def test_all_of_every_session_is_found(sessions: list[tuple[dict[str, int], list[int]]]) -> None:
    """However many sessions wait; and nothing of those that a snapshot does not know."""
    tail = Tail()
    slots = {}
    for row_id, (names, buckets) in enumerate(sessions, 100):
        postings = [*names], bytes(names.values()), np.array(sorted(buckets), "<u4")
        slots[row_id] = tail.add(row_id, postings)
    known = {row_id: slot for row_id, slot in slots.items() if row_id % 3}

    for name in "abcdefg":
        held = {row: names[name] for row, (names, _) in enumerate(sessions, 100) if name in names}
        assert dict(tail.find(name, known)) == {row: held[row] for row in held if row in known}
    for bucket in (*range(32), 2**32 - 2, 2**32 - 1):
        said = {row: buckets.count(bucket) for row, (_, buckets) in enumerate(sessions, 100)}
        expected = {row: count for row, count in said.items() if count and row in known}
        assert Counter(tail.find_pair(bucket, known)) == expected
