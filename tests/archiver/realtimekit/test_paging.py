from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from archiver.realtimekit.paging import Page, Walk


def page(*ids: int, total: int | None = None, end: int | None = None) -> Page:
    """A page of these rows."""
    return Page(count=len(ids), total_count=total, end_offset=end, ids=frozenset(map(str, ids)))


def test_an_empty_page_ends() -> None:
    """Nothing follows an empty page, whatever paging claims."""
    assert Walk().ends_with(page(total=100, end=0))


def test_the_last_offset_ends() -> None:
    """The page whose end offset reaches the total is the last; the published one of 123 is not."""
    assert Walk().ends_with(page(1, 2, total=2, end=2))
    assert not Walk().ends_with(page(1, 2, total=123, end=2))


def test_without_paging_the_first_repeated_page_ends() -> None:
    """Without paging the walk goes on until a page brings nothing new."""
    walk = Walk()

    assert [walk.ends_with(p) for p in (page(1, 2), page(2, 3), page(2, 3))] == [False, False, True]


def test_a_total_that_cannot_be_is_no_paging() -> None:
    """A total of zero beside rows is not believed."""
    assert not Walk().ends_with(page(1, 2, total=0, end=0))


def test_a_source_that_ignores_the_page_number_is_left() -> None:
    """The same page again with the same offsets ends the walk."""
    walk = Walk()

    assert not walk.ends_with(page(1, 2, total=9, end=2))
    assert walk.ends_with(page(1, 2, total=9, end=2))


def test_a_page_of_repeats_that_advances_goes_on() -> None:
    """A whole page pushed back by new rows is no end while the offsets advance."""
    walk = Walk()

    assert not walk.ends_with(page(1, 2, total=6, end=2))
    assert not walk.ends_with(page(1, 2, total=8, end=4))


def test_a_total_without_offset() -> None:
    """Without an end offset the rows seen are counted."""
    walk = Walk()

    assert not walk.ends_with(page(1, 2, total=3))
    assert walk.ends_with(page(3, total=3))


@given(
    rows=st.integers(0, 40),
    per_page=st.integers(1, 7),
    grows=st.lists(st.integers(0, 6), max_size=12),
    says=st.booleans(),
)
def test_a_walk_over_a_growing_list_skips_nothing(
    rows: int, per_page: int, grows: list[int], says: bool
) -> None:
    """Whatever is inserted in front while walking, every row there at the start is seen."""
    listed, walk, seen = list(range(rows, 0, -1)), Walk(stale_pages_max=2), set[str]()
    before = 0
    for number in range(200):
        start = number * per_page
        part = listed[start : start + per_page]
        total, end = (len(listed), start + len(part)) if says else (None, None)
        current = page(*part, total=total, end=end)
        seen |= current.ids
        if walk.ends_with(current):
            break
        growth = grows[number] if number < len(grows) else 0
        if not says:
            # Without paging growth by a page, twice in a row, looks like the end of the list.
            growth = min(growth, per_page - 1 if before == per_page else per_page)
        before = growth
        listed = [
            *range(listed[0] + growth if listed else growth, listed[0] if listed else 0, -1),
            *listed,
        ]

    assert {str(number) for number in range(1, rows + 1)} <= seen
