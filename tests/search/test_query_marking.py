"""However texts are looked through, the same of them is marked."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from search.query import Matcher, parse
from search.text import prepare

PIECES = st.sampled_from(
    [
        *(
            "renewal",
            "Renewal",
            "price",
            "prices",
            "réunion",
            "re\u0301union",
            "naïve",
            "ß",
            "STRASSE",
        ),
        *(
            "C++",
            "C#",
            "+",
            "#",
            "会議",
            "会",
            "ราคา",
            "مُحَمَّد",
            "محمد",
            "👍🏽",
            "👨\u200d👩\u200d👧",
            "हिन्दी",
        ),
        *(
            " ",
            " ",
            " ",
            "\n",
            "\t",
            "-",
            "’",
            "“",
            ".",
            "…",
            "\u200d",
            "\u00ad",
            "\ud800",
            "ﬁ",
            "Ǆ",
            "İ",
        ),
    ]
)
TEXTS = st.lists(PIECES, max_size=8).map("".join)
QUERIES = st.sampled_from(
    [
        *("renewal", "re*", "price renewal", '"renewal price"', '"renewal pri"*', "réunion", "C++"),
        *("会", "会議", "ราคา", "محمد", "👍", "हिन्दी", "strasse", "naive*", '"price price"', "fi*"),
    ]
)


@settings(max_examples=400, deadline=None)
@given(query=QUERIES, texts=st.lists(TEXTS, min_size=1, max_size=4))
@example(query='"renewal price"', texts=["renewal", "price"])
@example(query='"price price"', texts=["price price price", "price"])
def test_many_at_once_are_marked_as_one_term_after_the_other_is(
    query: str, texts: list[str]
) -> None:
    """Plain texts are folded and looked through together; nothing reaches from one into the next."""
    matcher = Matcher(parse(query))

    prepared = [f" {prepare(each)} " for each in texts]
    one_by_one = list(map(matcher._among_tokens, texts, prepared))

    found = matcher.marked(texts)
    letters = [each.replace(" ", "") for each in prepared]
    assert found.ranges == one_by_one == list(map(matcher.ranges, texts))
    assert [each.replace(" ", "") for each in found.folded] == letters
    assert found.have_twins(0, len(texts)) == (len({*letters}) < len(letters))
