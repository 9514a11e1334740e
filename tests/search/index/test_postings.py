"""Postings: which sessions hold a term, in whatever form they are kept."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.index import postings
from search.index.analysis import Analyser, buckets_of, stem_of
from search.index.postings import BLOCK
from search.index.records import LineRow


def entries(held: dict[int, int]) -> bytes:
    return b"".join(place.to_bytes(2, "little") + bytes([held[place]]) for place in held)


def decoded(blob: bytes) -> dict[int, int]:
    dense = postings.dense_of(blob)
    if dense is not None:
        return {int(place): int(dense[place]) for place in np.flatnonzero(dense)}
    places, impacts = postings.entries_of(blob, 1)
    return dict(zip(places.tolist(), impacts.tolist(), strict=True))


_HELD = st.one_of(
    st.dictionaries(st.integers(0, BLOCK - 1), st.integers(1, 255), min_size=1, max_size=60),
    # Close together, so that they are kept densely.
    st.builds(
        lambda seed, count: {
            place: random.Random(seed).randint(1, 255) for place in range(seed % 50, count)
        },
        st.integers(0, 999),
        st.integers(90, 400),
    ),
)


@settings(max_examples=60, deadline=None)
@given(first=_HELD, second=_HELD, data=st.data())
def test_sessions_come_and_go_in_either_form(
    first: dict[int, int], second: dict[int, int], data: st.DataObject
) -> None:
    """Written, added to and taken out of one by one: what is left is what is held."""
    added = {place: impact for place, impact in second.items() if place not in first}
    blob = postings.encode(entries(first))
    assert first == decoded(blob)
    if added:
        blob = postings.extended(blob, entries(added))
    held = first | added
    assert held == decoded(blob)
    assert postings.count(blob) == len(held)

    for place in data.draw(st.permutations(sorted(held)[:40])):
        left = postings.without(blob, place)
        del held[place]
        if left is None:
            assert not held
            return
        blob = left
        assert postings.count(blob) == len(held)
    assert held == decoded(blob)


@settings(max_examples=50, deadline=None)
@given(held=_HELD, at_once=st.integers(1, 9), width=st.sampled_from([2, 3]))
def test_many_go_in_as_they_would_one_by_one(
    held: dict[int, int], at_once: int, width: int
) -> None:
    """What was gathered in any order comes out as the entries of each number, however it is cut."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(postings, "_TAKEN_AT_ONCE", at_once)
        patched.setattr(postings, "_ROOM", 4)
        gathered = postings.Gathered()
        for place, impact in held.items():
            numbers = np.array([7, 2**30 + place % 3], np.int64)
            gathered.add(numbers, place, np.full(2, impact, np.uint8))
        assert gathered.size == 2 * len(held)
        found = list(gathered.take(width))
    assert gathered.size == 0
    assert [*gathered.take(width)] == []

    assert [name for name, _ in found] == sorted({7, *(2**30 + place % 3 for place in held)})
    for name, data in found:
        mine = {p: i for p, i in held.items() if name in {7, 2**30 + p % 3}}
        if width == 3:
            assert mine == decoded(b"\0" + data)
        else:
            assert sorted(mine) == sorted(postings.places_of(data).tolist())


def test_a_pair_stands_as_often_as_it_is_said() -> None:
    """Its places are put one behind the other, and taken out together."""
    data = np.array([4, 9, 4, 16_383, 4], "<u2").tobytes()

    assert postings.places_of(data).tolist() == [4, 9, 4, 16_383, 4]
    assert postings.places_of(postings.places_without(data, 4)).tolist() == [9, 16_383]
    assert postings.places_without(postings.places_without(data[2:4], 9), 4) == b""


def test_an_impact_tells_more_often_from_less_often() -> None:
    """It is 1 at least, grows with how often a word is said, and shrinks with how much else is."""
    rising = postings.impacts(np.array([0, 1, 2, 10, 10_000]), 5000, 0).tolist()

    assert rising == sorted(set(rising) | {1})[: len(rising)]
    assert rising[0] == 1
    assert 250 <= rising[-1] <= 255
    assert postings.impacts(np.array([5]), 100, 0) > postings.impacts(np.array([5]), 9000, 0)


def test_words_side_by_side_share_a_bucket_without_plurals_and_function_words() -> None:
    """`price of renewals` holds the pair that `prices renewal` asks for, in its own kind only."""
    rows = [LineRow(0, 0, 0, 0, "the price of"), LineRow(0, 0, 0, 0, "renewals stands")]
    buckets = Analyser().analyse(rows).buckets.tolist()

    (said,), (turned,) = buckets_of([0], "prices", "renewal"), buckets_of([0], "renewal", "price")
    (typed,) = buckets_of([1], "price", "renewal")
    assert said in buckets
    assert turned not in buckets
    assert typed not in buckets
    assert [stem_of(each) for each in ("prices", "glass", "parties", "as", "bus")] == [
        *("price", "glass", "party", "as", "bus")
    ]


def test_a_full_vocabulary_is_forgotten_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of a session does not depend on what was met before it."""
    monkeypatch.setattr("search.index.analysis._TERMS_KEPT", 10)
    analyser = Analyser()
    fulls = 0
    for number in range(30):
        rows = [LineRow(0, 3, 0, 0, f"price {number} renewal word{number}")]
        fresh = Analyser()
        kept, expected = analyser.analyse(rows), fresh.analyse(rows)
        assert sorted(analyser.keys(kept.numbers.tolist())) == sorted(
            fresh.keys(expected.numbers.tolist())
        )
        assert len(kept.forward) == len(expected.forward)
        assert kept.buckets.tolist() == expected.buckets.tolist()
        if analyser.is_full:
            fulls += 1
            analyser.forget()
            assert not analyser.is_full
    assert 3 < fulls < 30
