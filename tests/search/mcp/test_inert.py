"""Text of a meeting, made so that it hides nothing, leads nowhere and stays within its quotes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.mcp.inert import CUT, inert, quoted
from tests.search.mcp.asked import assert_inert
from tests.search.mcp.attacks import ATTACKS, INNOCENT, NAME

LONGEST = 10_000
FRAGMENTS = [
    "](",
    "][",
    "]:",
    "://",
    "www.",
    "javascript:",
    "<",
    "!",
    '"',
    "\\",
    "\n",
    "a@b.c",
    "\u200d",
]
texts = st.text() | st.lists(st.sampled_from([*ATTACKS, *FRAGMENTS, "x"])).map("".join)


@given(texts)
def test_no_text_is_anything_but_text(text: str) -> None:
    """No link, image, HTML or hidden character is left, however the pieces are put together."""
    assert_inert(inert(text, LONGEST))
    assert_inert(quoted(text, LONGEST))


@given(texts, st.integers(0, 40))
def test_no_text_leaves_its_quotes(text: str, longest: int) -> None:
    """It is on one line, and no quotation mark within stands unescaped, wherever it is cut."""
    found = quoted(text, longest)

    assert re.fullmatch(r'"(?:[^"\\\n]|\\.)*"', found)


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_innocent_stays(text: str) -> None:
    """Persian, Hindi, ideographs and emoji families are as they were written."""
    assert inert(text, LONGEST) == text
    assert quoted(text, LONGEST) == f'"{text}"'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("see https://a.example/x?y=z", "see https[:]//a.example/x?y=z"),
        ("![p](https://a.example/p.png)", "![p\\x5d(https[:]//a.example/p.png)"),
        ("[a][b]\n[b]: /x", "[a\\x5d[b]\n[b\\x5d: /x"),
        ("WWW.a.example", "WWW[.]a.example"),
        ("<b>bold</b> a < b <3", "\\x3cb>bold\\x3c/b> a < b <3"),
        ("JavaScript:alert(1)", "JavaScript[:]alert(1)"),
        ("the data: three of them", "the data: three of them"),
        ("ana@example.com", "ana[@]example.com"),
        ('a "b" \\ c', 'a "b" \\ c'),
        ("a\r\nb\tc", "a\\x0d\nb\tc"),
    ],
)
def test_links_are_spelled_so_that_they_lead_nowhere(text: str, told: str) -> None:
    """A person still reads where they would have led."""
    assert inert(text, LONGEST) == told


def test_a_quote_has_one_meaning() -> None:
    """What is escaped cannot be taken for what was written so."""
    assert quoted('a "b" \u202e', LONGEST) == '"a \\"b\\" \\u202e"'
    assert quoted("a \\u202e", LONGEST) == '"a \\\\u202e"'
    assert quoted("a\nb", LONGEST) == '"a\\x0ab"'


def test_a_long_text_is_cut() -> None:
    """Between two characters, and no escape in part."""
    assert inert("abcdef", 3) == f"abc{CUT}"
    assert inert("ab\u202ec", 5) == f"ab{CUT}"
    assert len(quoted(NAME * 1000, 100)) < 300
