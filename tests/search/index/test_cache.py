"""What is kept in memory of sessions is bounded, and never what they were before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from search.index.cache import Cache
from tests.search.corpus import Made, document

if TYPE_CHECKING:
    from pathlib import Path


def test_the_oldest_goes_first() -> None:
    """A cache holds no more than its size, whatever the values' sizes and however often they are put."""
    cache: Cache[str] = Cache(10)
    for number in range(4):
        cache.put((0, number, 0), str(number), 3)
    cache.put((0, 1, 0), "again", 2)
    cache.put((0, 4, 0), "larger", 5)

    held = {number: cache.get((0, number, 0)) for number in range(5)}
    assert held == {0: None, 1: "again", 2: None, 3: "3", 4: "larger"}


def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    """It takes everything else with it, and leaves nothing behind that would count for ever."""
    cache: Cache[str] = Cache(10)
    cache.put((0, 1, 0), "small", 1)
    cache.put((0, 2, 0), "huge", 11)
    cache.put((0, 3, 0), "full", 10)

    assert [cache.get((0, number, 0)) for number in (1, 2, 3)] == [None, None, "full"]


def test_what_grows_makes_others_go() -> None:
    """It counts as what it takes now; of what is not kept nothing is counted."""
    cache: Cache[str] = Cache(10)
    for number in range(3):
        cache.put((0, number, 0), str(number), 3)
    cache.resize((0, 2, 0), 5)
    cache.resize((0, 7, 0), 100)
    cache.put((0, 3, 0), "3", 2)

    assert [cache.get((0, number, 0)) for number in range(4)] == [None, "1", "2", "3"]


@pytest.mark.parametrize("text", ["price", '"new price"', "old NEAR/2 price", "speaker:ana price"])
def test_what_is_kept_of_sessions_counts_as_what_it_is(tmp_path: Path, text: str) -> None:
    """With its text or without, whenever that was read."""
    said = [("Ana", "the old price"), ("Ben", "the new price goes on"), ("Ana", "new price")]
    made = Made.of(tmp_path, [document(f"s{number}", said) for number in range(30)])
    kept = made.library._readers._caches.bodies

    for moments, facets in ((0, ()), (0, ("speaker",)), (3, ()), (3, ("speaker", "kind"))):
        made.search(text, limit=3, moments=moments, facets=facets)
        sizes = {key: (size, body.size_bytes) for key, (body, size) in kept._kept.items()}
        assert all(counted == taken for counted, taken in sizes.values())
        assert kept._size == sum(counted for counted, _ in sizes.values())
    assert {body.record.has_text for body, _ in kept._kept.values()} >= {True}
    made.close()


def test_a_session_that_changed_is_shown_as_it_is(tmp_path: Path) -> None:
    """Its number stays the same, and a reader that showed it before shows what it holds now."""
    made = Made.of(tmp_path, [document("a", [("Ana", "the old price")], title="Before")])
    assert [each.snippet for each in made.search("price").hits[0].moments] == ["the old price"]

    made.put(document("a", [("Ana", "a new price")], title="After"))
    (hit,) = made.search("price").hits
    assert [each.snippet for each in hit.moments] == ["a new price"]
    assert hit.meeting_title == "After"
    made.close()
