"""Which session comes first, and which of its places."""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from search.index.appfile import AppFile
from tests.search.corpus import Made, document, marked

if TYPE_CHECKING:
    from pathlib import Path

    from search.index.seam import Document

#: What sessions talk about besides: every line of it is another.
CHATTER = [
    f"{one} {two} {three}"
    for one in ("yesterday", "somebody", "perhaps", "again")
    for two in ("brought", "noticed", "mentioned", "forgot", "painted")
    for three in ("lunch", "weather", "trains", "music", "gardens")
]


@pytest.fixture(params=["waiting", "folded"])
def folds(request: pytest.FixtureRequest) -> bool:
    """Whether what was taken in is folded in before it is asked for: the order is the same."""
    return bool(request.param == "folded")


def order(
    root: Path, documents: list[Document], query: str, folds: bool, **options: str
) -> list[str]:
    made = Made.of(root, documents)
    if folds:
        with closing(AppFile.open(made.path())) as file:
            file.fold()
    found = made.ids(query, **options)
    made.close()
    return found


def session(session_id: str, *lines: str, hour: int = 0, chatter: int = 30) -> Document:
    """A session in which these lines are said, among others."""
    others = [("Ben", each) for each in CHATTER[:chatter]]
    return document(session_id, [*others, *(("Ana", each) for each in lines)], hour=hour)


def test_with_few_words_those_that_hold_all_come_first(tmp_path: Path, folds: bool) -> None:
    """Two words or three: however often another session says one of them."""
    two = [
        session("one", *["renewal renewal renewal renewal"] * 9),
        session("both", "the renewal", "then a price", chatter=90),
    ]
    assert order(tmp_path / "two", two, "renewal price", folds) == ["both", "one"]
    three = [
        session("two", *["renewal price", "renewal price"] * 9),
        session("all", "renewal", "price", "discount", chatter=90),
    ]
    assert order(tmp_path / "three", three, "renewal price discount", folds) == ["all", "two"]
    assert order(tmp_path / "asked", three, "the renewal of price discount", folds)[0] == "all"


def test_with_more_words_nothing_comes_first_by_holding_all(tmp_path: Path, folds: bool) -> None:
    """A session that is all about most of the words beats one that mentions each in passing."""
    documents = [
        session("about", *["renewal price discount"] * 30, chatter=5),
        session("passing", "renewal", "price", "discount", "budget", chatter=100),
        *(session(f"other{each}", "budget") for each in range(6)),
    ]
    query = "renewal price discount budget"

    assert order(tmp_path / "a", documents, query, folds)[:2] == ["about", "passing"]
    assert order(tmp_path / "b", documents, query, folds, match="all") == ["passing"]


def test_words_side_by_side_rank_higher(tmp_path: Path, folds: bool) -> None:
    """The same words as often, next to each other or apart."""
    documents = [
        session("apart", "price of something", "then the renewal", hour=9),
        session("together", "something of then", "the renewal price"),
        *(session(f"other{each}", "nothing") for each in range(8)),
    ]

    assert order(tmp_path, documents, "renewal price", folds) == ["together", "apart"]


def test_a_common_word_is_ranked_too(tmp_path: Path, folds: bool) -> None:
    """Where everybody says it, whoever says it all the time comes first, and not the newest."""
    documents = [session(f"once{each:02}", "price", hour=each + 1) for each in range(40)]
    documents.insert(7, session("often", *["price"] * 50))

    found = order(tmp_path, documents, "price", folds)
    assert found[0] == "often"
    # Nothing tells the others apart but when they were.
    assert found[1:] == [f"once{each:02}" for each in reversed(range(40))]


def test_summaries_and_chat_do_not_drown_what_was_said(tmp_path: Path, folds: bool) -> None:
    """A mention in a short summary is found, after a transcript that is full of it."""
    chatter = [("Ben", each) for each in CHATTER]
    documents = [
        document("summary", chatter, summary="They mentioned the renewal."),
        document("chat", chatter, [("Ana", "renewal")]),
        document("said", [*chatter, *[("Ana", "the renewal again")] * 25]),
        *(document(f"other{each}", chatter) for each in range(8)),
    ]

    found = order(tmp_path, documents, "renewal", folds)
    assert found[0] == "said"
    assert sorted(found) == ["chat", "said", "summary"]


def test_what_is_said_typed_and_summed_up_adds_up(tmp_path: Path, folds: bool) -> None:
    """Of two sessions that say it as often, the one whose summary names it too comes first."""
    chatter = [("Ben", each) for each in CHATTER[:20]]
    said = [*chatter, ("Ana", "renewal")]
    documents = [
        document("said", said, summary="nothing", hour=5),
        document("summed", said, summary="renewal"),
        *(document(f"other{each}", chatter) for each in range(5)),
    ]

    assert order(tmp_path, documents, "renewal", folds) == ["summed", "said"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("the", ["a"]),
        ("who is the", ["a"]),
        ("what is the renewal", ["b"]),
        ("der die das", ["c"]),
        ("que es", ["c"]),
        ('"to be"', ["a"]),
        ("the OR nowhere", ["a"]),
        ("the AND renewal", []),
    ],
)
def test_function_words_weigh_nothing_and_empty_nothing(
    tmp_path: Path, query: str, found: list[str]
) -> None:
    """Beside other words they do not count; alone, or where they were asked for strictly, they do."""
    documents = [
        document("a", [("Ana", "who is the one to be")]),
        document("b", [("Ana", "renewal")]),
        document("c", [("Ana", "der Mann, que es, das"), ("Ben", "die")]),
    ]
    if query == "the AND renewal":
        documents[1] = document("b", [("Ana", "renewal then")])

    assert order(tmp_path, documents, query, folds=False) == found


# ---------------------------------------------------------------------------------------- moments


def shown(root: Path, lines: list[str], query: str, moments: int = 3) -> list[str]:
    made = Made.of(root, [document("s", [("Ana", each) for each in lines])])
    found = marked(made.only(query, moments=moments))
    made.close()
    return found


def test_the_place_where_most_words_meet_comes_first(tmp_path: Path) -> None:
    """Then those around which the others are said, then those of a single word."""
    lines = list(CHATTER)
    lines[5] = "the price alone"
    lines[30] = "a discount"
    lines[32] = "the renewal soon"
    lines[60] = "renewal price and discount"
    lines[90] = "renewal alone"

    found = shown(tmp_path, lines, "renewal price discount", moments=4)
    assert found[0] == "[renewal] [price] and [discount]"
    assert found[1] in {"a [discount]", "the [renewal] soon"}
    assert set(found[2:]) == {"the [price] alone", "[renewal] alone"}


def test_a_rarer_word_weighs_more(tmp_path: Path) -> None:
    """Of two lines with one word each, the one whose word tells more comes first."""
    made = Made.of(
        tmp_path,
        [
            document("s", [("Ana", each) for each in ("price", *CHATTER[:20], "escrow")]),
            *(document(f"p{each}", [("Ana", "price")]) for each in range(9)),
        ],
    )
    hit = next(each for each in made.search("price escrow").hits if each.session_id == "s")

    assert marked(hit) == ["[escrow]", "[price]"]
    made.close()


def test_moments_stand_more_than_five_lines_apart(tmp_path: Path) -> None:
    """One place is shown once, however many of its lines match."""
    lines = [f"price {each}" for each in range(60)]
    found = shown(tmp_path / "all", lines, "price", moments=10)
    numbers = sorted(int(each.rpartition(" ")[2]) for each in found)

    assert len(found) == 10
    assert all(after - before > 5 for before, after in pairwise(numbers))
    near = [*CHATTER[:9], "price one", "nothing", "price two", *CHATTER[9:30], "price three"]
    assert shown(tmp_path / "near", near, "price") == ["[price] one", "[price] three"]


def test_what_is_said_again_and_again_is_shown_once(tmp_path: Path) -> None:
    """Lines that say the same, but for case and punctuation, are one moment; others take their place."""
    lines = [*CHATTER * 2]
    for at in (0, 20, 40, 60, 80):
        lines[at] = "Price, please!" if at % 40 else "price please"
    lines[120] = "another price altogether"

    found = shown(tmp_path, lines, "price", moments=3)
    assert len({each.lower().strip("!").replace(",", "") for each in found}) == len(found) == 2
    assert "another [price] altogether" in found


@pytest.mark.parametrize("query", ["price", "pri*", '"the price"', "price speaker:Ana"])
def test_of_lines_that_tell_alike_the_earliest_are_shown(tmp_path: Path, query: str) -> None:
    """However many a session has of them; none is worth more than another where one thing is asked."""
    lines = [f"the price {each}" for each in range(400)]

    assert [each.rpartition(" ")[2] for each in shown(tmp_path, lines, query)] == ["0", "6", "12"]


@pytest.mark.parametrize(
    "query", ["price renewal", "price OR renewal OR nothing", "price NEAR renewal"]
)
def test_of_many_lines_the_best_is_found_wherever_it_is(tmp_path: Path, query: str) -> None:
    """Among hundreds that hold one of the words, the one that holds both comes first."""
    lines = [f"a price {each}" if each % 2 else f"the renewal {each}" for each in range(600)]
    lines[520:540] = ["something else"] * 20
    lines[530] = "renewal price"

    assert shown(tmp_path, lines, query)[0] == "[renewal] [price]"
