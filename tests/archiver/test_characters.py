"""What nobody sees is shown, and what scripts need is left alone."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.characters import visible, visible_pieces

NEEDED = [
    "می‌خواهم",  # Persian: a non-joiner within a word
    "ه‍",  # a joiner, for the form a letter has at the beginning
    "क्‍ष",  # Hindi: a half form
    "न्‌",  # a virama that is to be seen
    "ක්‍ර",  # Sinhala
    "👨‍👩‍👧‍👦",
    "👩🏽‍⚕️",
    "❤️‍🔥",
    "🏴‍☠️",
    "1️⃣",
    "©️",
    "葛\U000e0100城",  # which form of an ideograph a name is written with
    "ᠠ᠋",
]
HIDDEN = [
    ("price\u200d", "price\\u200d"),
    ("a\u200cb", "a\\u200cb"),
    ("a\u200d\u200c\u200db", "a\\u200d\\u200c\\u200db"),
    ("می\u200c\u200dخ", "می\\u200c\\u200dخ"),
    ("۱\u200c۲", "۱\\u200c۲"),
    ("🙂\ufe0f\ufe0e\ufe0f", "🙂\ufe0f\\ufe0e\\ufe0f"),
    ("😀\U000e0101", "😀\\U000e0101"),
    ("a\ufe0f", "a\\ufe0f"),
    ("葛\U000e01ef", "葛\\U000e01ef"),
    ("🏴\U000e0067\U000e007f", "🏴\\U000e0067\\U000e007f"),
    ("\ufe0fa", "\\ufe0fa"),
    ("a\u3164b\u115fc\uffa0d", "a\\u3164b\\u115fc\\uffa0d"),
    ("a\u034f\u2060\u180e\u17b4", "a\\u034f\\u2060\\u180e\\u17b4"),
    ("\x1b[31m\x9b\x7f\r\n\t", "\\x1b[31m\\x9b\\x7f\\x0d\\x0a\\x09"),
    ("\u202eabc\u2066\u2069\u200e\u061c", "\\u202eabc\\u2066\\u2069\\u200e\\u061c"),
    ("\ud800", "\\ud800"),
    ("\u2028\u2029", "\\u2028\\u2029"),
]


@pytest.mark.parametrize("text", NEEDED)
def test_what_scripts_and_emoji_need_stays(text: str) -> None:
    """Persian, Hindi, Mongolian, rare ideographs and emoji families are shown as they are written."""
    assert visible(text) == text


@pytest.mark.parametrize(("text", "shown"), HIDDEN)
def test_what_hides_is_shown(text: str, shown: str) -> None:
    """Joiners, selectors and fillers where nothing needs them, tags, controls and bidi are escapes."""
    assert visible(text) == shown


@given(st.text())
def test_nothing_unseen_gets_through(text: str) -> None:
    """No control, bidi control, tag or half a pair is in what is shown, of whatever text."""
    shown = visible(text)

    assert not {unicodedata.category(each) for each in shown} & {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert all(each in "\u200c\u200d" for each in shown if unicodedata.category(each) == "Cf")
    assert len(list(visible_pieces(text))) == len(text)


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"])))
def test_plain_text_stays(text: str) -> None:
    """Letters, numbers, punctuation and spaces are as they were, but for fillers."""
    assert visible(text) == text or any(each in text for each in "\u115f\u1160\u3164\uffa0")
