"""Highlights and ranking terms: what a query's words do with a text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.query import Matcher, QueryError, Word, parse, ranking_terms
from tests.search.expressions import matched

ALPHABET = "ab AB.,-'+#ée\u0301ß会議室か\u3099ｶﾞราคา한\u1112\u1161मूल्य😀👍🏽\u200d\u00ad"
QUERIES = st.sampled_from(
    ["a", "b", "ab*", '"a b"', "a b", '"a b a"', "会", "会議", '"a 会"', "が", "ガ", "รา", "한", "मूल्य", "😀", "👍", "é", "C++ a", "a OR 会 AND b"]
)  # fmt: skip


def marked(query: str, text: str) -> str:
    """The text with its highlights in brackets."""
    parts: list[str] = []
    end = 0
    for start, stop in Matcher(parse(query)).ranges(text):
        parts += [text[end:start], "[", text[start:stop], "]"]
        end = stop
    return "".join(parts) + text[end:]


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("renewal price", "The [renewal]: [price], pricey; [RENEWAL]."),
        ('"renewal price"', "A price. The [renewal: price] of renewal"),
        ("renew*", "[renewal] and [Renewed], not prerenew"),
        ('"renewal pri"*', "[renewal price] renewal"),
        ("it's", "[It's] hers; it is"),
        ('"a b a"', "x [a b a b a] b"),
        ("price -renewal", "renewal [price]"),
        ("price NEAR/3 cut", "[price] was [cut]"),
        ("the price", "the [price]"),
        ("the", "[the] price"),
        ("C++", "C, [C++], C# and [c++]17"),
        ("C#", "[C#] is not C"),
        ("cafe", "[café], [CAFE\u0301] and cafés"),
        ("x", "[x\u0302] y"),
        ("strasse", "[Straße] 5"),
        ("office", "the [o\ufb03ce]"),
        ("मूल्य", "नया [मूल्य], मूल नहीं"),
        ("नवी*", "[नवीनीकरण] मूल्य"),
        ("محمد", "قال [مُحَمَّد] نعم"),
        ("会議", "国[会議]室で[会議]"),
        ("会", "国[会]議室、[会]"),
        ("室", "会議[室]"),
        ("会議室", "国[会議室]で"),
        ("RTK会議", "新[RTK会議]室、RTKの会議"),
        ('"RTK 会"', "[RTK 会]議"),
        ("が", "か[か\u3099][が]"),
        ("ガス", "[ｶﾞｽ]"),
        ("한", "[\u1112\u1161\u11ab]국"),
        ("가격", "갱신[가격]을"),
        ("ราคา", "เรื่อง[ราคา]ต่อ"),
        ("ท", "[ที่]นี่"),
        ("😀", "ok[😀] x"),
        ("👍", "ok [👍🏽]!"),
        ("👩", "[👩\u200d]💻"),
        ("سعر", "(\u2067[سعر]\u2069)"),
        ("株式", "[㍿]"),
    ],
)
def test_highlights(query: str, result: str) -> None:
    """Highlights are exact in every script, whole characters with all that belongs to them."""
    text = result.replace("[", "").replace("]", "")

    assert marked(query, text) == result


@given(QUERIES, st.text(ALPHABET, max_size=30))
def test_ranges_are_ordered_apart_and_inside(query: str, text: str) -> None:
    """Ranges ascend, do not overlap, and stay inside the text."""
    ranges = Matcher(parse(query)).ranges(text)

    assert all(0 <= start < end <= len(text) for start, end in ranges)
    assert all(a[1] <= b[0] for a, b in pairwise(ranges))


@given(QUERIES, st.text(ALPHABET, max_size=30))
def test_a_text_has_ranges_where_it_matches(query: str, text: str) -> None:
    """Whatever matches has a highlight, and nothing else has one."""
    matcher = Matcher(parse(query))

    assert bool(matcher.ranges(text)) == bool(matched(matcher, text))


@given(QUERIES, st.text("ab AB.,-'\n", max_size=30))
def test_the_ascii_way_is_the_general_way(query: str, text: str) -> None:
    """ASCII is matched by a faster way that gives the same ranges."""
    matcher = Matcher(parse(query))

    assert matcher.ranges(text) == matcher.ranges(f"{text} ö")


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_against_any_query(query: str, text: str) -> None:
    """No query and no text makes matching fail."""
    try:
        matcher = Matcher(parse(query))
    except QueryError:
        return

    assert matched(matcher, text) <= frozenset(range(len(matcher.items)))
    assert all(0 <= start < end <= len(text) for start, end in matcher.ranges(text))


def test_matched_counts_distinct_items() -> None:
    """A text says which of the query's items it holds."""
    matcher = Matcher(parse('renewal "price cut" 会議'))

    assert matched(matcher, "Renewal, renewal of the 会議室") == {0, 2}
    assert matched(matcher, "a price, cut") == {1}
    assert matched(matcher, "cut price") == frozenset()


@pytest.mark.parametrize(
    ("text", "words", "pairs"),
    [
        ("what is the renewal price", ["renewal", "price"], [("renewal", "price")]),
        ("price of renewal", ["price", "renewal"], [("price", "renewal")]),
        ("what is this", ["what", "is", "this"], []),
        ('"the who" tour', ["the who", "tour"], []),
        ("renewal pri* list", ["renewal", "pri*", "list"], []),
        ("a1 OR b1 c1", ["a1", "b1", "c1"], [("b1", "c1")]),
        ("a1 AND b1 AND (c1 OR d1) AND e1", ["a1", "b1", "c1", "d1", "e1"], [("a1", "b1")]),
        ("a1 NEAR b1", ["a1", "b1"], []),
        ("x1 -y1", ["x1"], []),
        ("INV-2026 paid", ["INV-2026", "paid"], [("inv", "2026"), ("2026", "paid")]),
        ("续约价格", ["续约价格"], [("续约", "约价"), ("约价", "价格")]),
        ("", [], []),
    ],
)
def test_ranking_terms(text: str, words: list[str], pairs: list[tuple[str, str]]) -> None:
    """Function words do not rank unless they are all there is; neighbours rank as pairs."""
    ranking = ranking_terms(parse(text))

    assert [item.text for item in ranking.words] == words
    assert list(ranking.pairs) == pairs


def test_a_prefix_is_never_a_function_word() -> None:
    """What was cut short on purpose keeps its weight."""
    assert ranking_terms(parse("the* price")).words == (
        Word(("the",), prefix=True),
        Word(("price",)),
    )
