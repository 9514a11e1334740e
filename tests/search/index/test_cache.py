"""What is kept in memory of sessions is bounded, and never what they were before."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def test_a_session_that_changed_is_shown_as_it_is(tmp_path: Path) -> None:
    """Its number stays the same, and a reader that showed it before shows what it holds now."""
    made = Made.of(tmp_path, [document("a", [("Ana", "the old price")], title="Before")])
    assert [each.snippet for each in made.search("price").hits[0].moments] == ["the old price"]

    made.put(document("a", [("Ana", "a new price")], title="After"))
    (hit,) = made.search("price").hits
    assert [each.snippet for each in hit.moments] == ["a new price"]
    assert hit.meeting_title == "After"
    made.close()
