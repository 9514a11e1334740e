"""What came from a meeting as HTML."""

from __future__ import annotations

import sys
import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from search.web.pages.words import (
    UNTITLED,
    counted,
    direction,
    finalize,
    html_of,
    htmls_of,
    name_of,
    shown,
    title_of,
)

if TYPE_CHECKING:
    from search.query.matching import Range

_TEXTS = st.text(st.sampled_from('a<&"b😀ש\u202e\x01\x02\n'), max_size=12)


def _with_ranges(text: str) -> st.SearchStrategy[tuple[str, list[Range]]]:
    """The text, and some of it that is marked: ranges in order and apart."""
    borders = st.sets(st.integers(0, len(text))).map(sorted)
    return borders.map(lambda each: (text, list(zip(each[::2], each[1::2], strict=False))))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a < b & c", "a &lt; b &amp; c"),
        ("\"'", "&quot;&#x27;"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("a\u200bb", "a\\u200bb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("one\r\ntwo\tthree", "one\ntwo three"),
        ("55\u200f% \u061c", "55\u200f% \u061c"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
    ],
)
def test_a_text_is_only_text(text: str, html: str) -> None:
    """Markup is escaped, what cannot be seen is shown, and what a script needs stays."""
    assert str(shown(text)) == html


def test_matches_are_marked_by_code_points() -> None:
    """Ranges count code points of the text as it was said, also behind what is escaped."""
    assert str(shown("😀<b> price\u202e!", [(0, 1), (5, 10)])) == (
        "<mark>😀</mark>&lt;b&gt; <mark>price</mark>\\u202e!"
    )


@given(st.lists(_TEXTS.flatmap(_with_ranges)))
def test_many_texts_at_once_are_as_each_alone(marked: list[tuple[str, list[Range]]]) -> None:
    """Whatever they hold, what stands for a mark inside included."""
    texts, ranges = [text for text, _ in marked], [some for _, some in marked]

    assert htmls_of(texts, ranges) == [html_of(text, some) for text, some in marked]


def test_whatever_runs_from_right_to_left_has_a_direction() -> None:
    """Every character that Unicode calls strong in that direction; no letter of the other."""
    for each in map(chr, range(sys.maxunicode + 1)):
        strong = unicodedata.bidirectional(each)
        if strong in {"R", "AL", "L"}:
            assert bool(direction(f"a {each}")) == (strong != "L"), hex(ord(each))


def test_what_a_template_writes_is_seen() -> None:
    """HTML of ours stays, everything else becomes text in which nothing hides."""
    assert finalize(Markup("<b>")) == "<b>"
    assert (finalize("a\u202eb"), finalize(7)) == ("a\\u202eb", "7")


def test_titles_and_names_have_an_end() -> None:
    """They are one line of bounded length, and a title is never empty."""
    assert title_of(" a\n b ") == "a b"
    assert title_of("") == UNTITLED
    assert len(title_of("x" * 10_000)) == 160
    assert len(name_of("y" * 10_000)) == 60


def test_a_noun_has_its_number() -> None:
    """One of a thing, and many of them."""
    assert [counted(1, "session"), counted(1200, "session"), counted(2, "match", "matches")] == [
        "1 session",
        "1,200 sessions",
        "2 matches",
    ]
