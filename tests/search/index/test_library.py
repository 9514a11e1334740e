"""Answers page by page, place by place: what a reader of the index sees while it changes."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from migrations.sqlite import connect
from search.errors import CursorError, IndexDamagedError
from search.index import cursors
from search.index.seam import Position, SearchRequest
from search.query import parse
from tests.search.corpus import APP, OTHER_APP, Made, document, marked, person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.index.seam import Document


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    found = Made.of(tmp_path)
    yield found
    found.close()


def sessions(count: int, start: int = 0) -> list[Document]:
    """Sessions that say "price" once or more often, in two apps."""
    choose = random.Random(start)
    return [
        document(
            f"s{number:03}",
            [("Ana", " ".join(["price"] * choose.randint(1, 5) + ["word"] * choose.randint(0, 9)))],
            app_id=(APP, OTHER_APP)[number % 2],
            hour=number,
        )
        for number in range(start, start + count)
    ]


@pytest.mark.parametrize("sort", ["relevance", "newest", "oldest"])
def test_pages_neither_skip_nor_repeat_while_sessions_arrive(sort: str, made: Made) -> None:
    """Whatever there was at the first page is shown once, in every order."""
    made.put(*sessions(40))
    shown: list[str] = []
    for number, page in enumerate(made.pages("price", sort=sort, limit=7)):
        shown += page
        # They score higher, begin later and earlier, and change what everybody scores.
        made.put(*sessions(5, start=100 + 5 * number))
        made.put(document(f"z{number}", [("Ana", "price price price")], hour=-50 - number))

    old = [each for each in shown if each < "s100"]
    assert len(shown) == len(set(shown))
    assert sorted(old) == [f"s{number:03}" for number in range(40)]


def test_pages_go_on_when_sessions_change_and_go(made: Made) -> None:
    """A session taken in anew is not shown again, one that was removed is left out."""
    made.put(*sessions(20))
    pages = made.pages("price", limit=5)
    shown = next(pages)
    again = next(each for each in sessions(20) if each.session_id == shown[0])
    made.put(again)
    hidden = next(each for each in made.ids("price") if each not in shown)
    assert made.remove(hidden, APP) or made.remove(hidden, OTHER_APP)
    for page in pages:
        shown += page

    assert len(shown) == len(set(shown)) == 19
    assert hidden not in shown


def test_a_cursor_belongs_to_its_question(made: Made) -> None:
    """Another query, another order, other apps, or rubbish: an error, never another answer."""
    made.put(*sessions(9))
    cursor = made.search("price", limit=2).next_cursor
    assert cursor
    for text, more in (
        ("word", {}),
        ("price", {"sort": "newest"}),
        ("price", {"match": "all"}),
        ("price", {"apps": (APP,)}),
    ):
        with pytest.raises(CursorError):
            made.search(text, limit=2, cursor=cursor, **more)
    for rubbish in ("x", cursor[:-3], cursor + "AA", "é", "A" * 5000):
        with pytest.raises(CursorError):
            made.search("price", limit=2, cursor=rubbish)


def test_only_the_apps_that_may_be_seen_are_opened(made: Made) -> None:
    """Neither hits nor totals nor facets know of another app, and its file is not touched."""
    made.put(*sessions(10))
    made.path(OTHER_APP).write_bytes(b"rubbish that would be an error to read")
    result = made.search("price", apps=(APP,), facets=("app", "month", "speaker", "kind"))

    assert result.total_sessions == 5
    assert {each.app_id for each in result.hits} == {APP}
    assert [value for value, _ in result.facets["app"]] == [APP]
    assert made.search("price", apps=()).total_sessions == 0


def test_facets_count_sessions(made: Made) -> None:
    """Each value once a session, of the lines that match."""
    made.put(
        document("a", [("Ana", "price"), ("Ben", "word")], [("Ben", "price")]),
        document("b", [("Ana", "price"), ("Ana", "price again")], hour=24 * 40),
        document("c", [("Ben", "word")]),
    )
    result = made.search("price", facets=("speaker", "kind", "month", "app"))

    assert result.facets_of == 2
    assert result.facets["speaker"] == [("Ana", 2), ("Ben", 1)]
    assert result.facets["kind"] == [("transcript", 2), ("chat", 1)]
    assert result.facets["app"] == [(APP, 2)]
    assert [count for _, count in result.facets["month"]] == [1, 1]


def test_a_session_taken_in_anew_is_what_it_is_now(made: Made) -> None:
    """Nothing of the version before is found, counted or shown."""
    people = [person("Ana", "u1")]
    made.put(document("s", [("Ana", "renewal price")], summary="old words", participants=people))
    made.put(document("s", [("Ben", "renewal only")], version=2))

    assert made.ids("price") == made.ids("words") == made.ids("speaker:ana") == []
    assert made.ids("participant:u1") == []
    assert made.only("renewal").matches == 1
    card = made.library.session("s", apps=None)
    assert card is not None
    assert (card.version, card.speakers) == (2, ("Ben",))
    assert made.library.participants(card) == []


def test_a_phrase_that_another_person_finishes_is_shown_where_it_begins(made: Made) -> None:
    """Found by the session, placed by its lines, in a session of any length, in every script."""
    filler = [("Ben", f"nothing of the kind, renewal {number}") for number in range(3000)]
    made.put(
        document("a", [*filler, ("Ana", "the renewal"), ("Ben", "price then")]),
        document("b", [("Ana", "これは更新"), ("Ben", "価格です")]),
        document("c", [("Ana", "renewal")], [("Ben", "price")]),
    )

    hit = made.only('"renewal price"')
    assert (hit.session_id, hit.matches) == ("a", 1)
    assert marked(hit) == ["the [renewal price] then"]
    assert hit.moments[0].speaker == "Ana"
    assert made.ids('"更新 価格"') == ["b"]


def test_a_long_line_is_cut_around_its_match(made: Made) -> None:
    """The snippet holds the match, an ellipsis on each cut side, and exact ranges."""
    text = "lead " * 200 + "renewal price" + " tail" * 200
    made.put(document("s", [("Ana", text)]))
    (snippet,) = marked(made.only('"renewal price"'))

    assert snippet.startswith("… lead")
    assert snippet.endswith("tail …")
    assert "[renewal price]" in snippet
    assert len(snippet) < 400


def test_nothing_is_told_from_an_index_of_another_release(made: Made) -> None:
    """Its words may mean something else: an answer would be wrong, and nobody would know."""
    made.put(document("one", [("Ana", "price")]))
    with closing(connect(made.path())) as db:
        db.execute("update about set value = 'another' where name = 'analysis'")

    with pytest.raises(IndexDamagedError, match="another release"):
        made.ids("price")


def test_an_answer_says_how_far_its_own_index_was(made: Made) -> None:
    """Of each app that was searched, and of no other; found or not."""
    made.put(*sessions(1), position=Position(epoch="e", seq=7))
    made.put(
        document("x", [("Ana", "other")], app_id=OTHER_APP), position=Position(epoch="e", seq=9)
    )

    both = {APP: ("e", 7), OTHER_APP: ("e", 9)}
    assert made.search("price").positions == both == made.library.positions()
    assert made.search("nowhere").positions == made.search("speaker:Nobody").positions == both
    assert made.search("price", apps=(APP,)).positions == {APP: ("e", 7)}
    assert made.search(f"price -app:{APP}").positions == {OTHER_APP: ("e", 9)}


@pytest.mark.parametrize("rows", [5_000, 100_000, 1_000_000])
def test_a_cursor_remembers_thousands_of_sessions(rows: int) -> None:
    """Each that was shown, however few of all there are; and no more than fits into a URL."""
    few = frozenset(random.Random(rows).sample(range(rows), 2000))
    shown = cursors.Cursor(offset=2000, newest_rows={APP: rows}, shown={APP: few})

    text = cursors.encode(shown, "question")
    assert len(text) <= cursors.LENGTH_MAX
    assert cursors.decode(text, "question") == shown


def test_a_cursor_outlives_an_upgrade() -> None:
    """What belongs to a question is named as earlier releases named it, and told as they told it."""
    request = SearchRequest(query=parse('"réunion" price in:chat'), apps=("app-one",))
    belongs_to = cursors.fingerprint(request, Path("index/7"))
    earlier = "eAEBMgDN_1siMzQwZTk4MTRjOGI3NjlhYyIsMixbWyJhcHAtb25lIiw5XV0sWzJdLG51bGxdCgICVcENlA"

    assert cursors.decode(earlier, belongs_to) == cursors.Cursor(
        offset=2, newest_rows={"app-one": 9}, shown={"app-one": frozenset({1, 9})}
    )


@pytest.mark.parametrize("sort", ["newest", "oldest"])
def test_by_date_nothing_is_scored(sort: str, made: Made) -> None:
    """A score is a fraction all the same: clients read one type."""
    made.put(*sessions(2))

    assert [repr(each.score) for each in made.search("price", sort=sort).hits] == ["0.0", "0.0"]
