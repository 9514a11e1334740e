"""What a word is: folding, terms and their places."""

from __future__ import annotations

import sqlite3
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrations.sqlite import TOKENIZE
from search.stopwords import is_function_word
from search.text import phrase_terms, prepare, prepare_all, tokens

SCRIPTS = (
    "abcXYZ019 -'_+#\n\t\"*()éÖßİıøÆœﬁＡ１²½…e\u0301x\u0302ΑΆσςЁйё"
    "אָבּגمُحَمَّدـأئ٣हिन्दीक्षक़\u0958காொ\u0b95\u0bc6\u0bbe ที่นี่ไทยກຂមនျမ"
    "会議室漢字かがか\u3099ｶﾞーハ゜ﾊﾟ한글\u1112\u1161\u11ab\u1100\u1161ㅋㅏ々〇㍿"
    "😀👍🏽👩\u200d💻🇩🇪❤\ufe0f©\u00ad\u200b\u200d\u202e\ufeff\x00\ud800\uffff\U0001fae8"
)
TEXTS = st.text(st.sampled_from(SCRIPTS) | st.characters(), max_size=40)


@pytest.fixture(scope="module")
def vocabulary() -> sqlite3.Connection:
    """An FTS5 table as the index makes it, and what FTS5 says it holds."""
    database = sqlite3.connect(":memory:")
    database.execute(f"create virtual table t using fts5(x, tokenize='{TOKENIZE}')")
    database.execute("create virtual table v using fts5vocab(t, instance)")
    return database


def fts5_terms(database: sqlite3.Connection, prepared: list[str]) -> list[list[str]]:
    """The terms FTS5 makes of each prepared text, by position."""
    database.execute("delete from t")
    database.executemany("insert into t(rowid, x) values(?, ?)", enumerate(prepared))
    found: list[dict[int, str]] = [{} for _ in prepared]
    for term, document, offset in database.execute("select term, doc, offset from v"):
        found[document][offset] = term
    assert all(sorted(each) == list(range(len(each))) for each in found)
    return [[each[offset] for offset in sorted(each)] for each in found]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Renewal PRICE, please!", "renewal price please"),
        ("it's l’année", "it s l annee"),
        ("snake_case a.b@c.de INV-2026-041", "snake case a b c de inv 2026 041"),
        ("C++17 and C# but not a+b #topic i#1", "c ++ 17 and c # but not a b topic i 1"),
        ("Straße ÖL İstanbul Łódź Ærø", "strasse ol istanbul lodz aero"),
        ("cafe\u0301 café", "cafe cafe"),
        ("ＲＴＫ １２ ﬁnd x²", "rtk 12 find x2"),
        ("Ἀθῆναι ΟΔΟΣ Ёлка", "αθηναι οδοσ елка"),
        ("مُحَمَّد كـــتاب أحمد", "محمد كتاب احمد"),
        ("שָׁלוֹם", "שלום"),
        ("हिन्दी में क़ानून", "हिन्दी में क\u093cानून"),
        ("soft\u00adhyphen zero\u200bwidth \u202emark\u202c", "softhyphen zerowidth mark"),
        ("会議", "会議 議"),
        ("会", "会"),
        ("RTK会議で", "rtk 会議 議で で"),
        ("ﾊﾟｰﾃｨｰ", "パー ーテ ティ ィー ー"),
        ("か\u3099 が", "が が"),
        ("회의실", "회의 의실 실"),
        ("\u1112\u1161\u11ab", "한"),
        ("ราคา", "รา าค คา า"),
        ("ok😀👍🏽❤\ufe0f", "ok 😀 👍 ❤"),
        ("👩\u200d💻", "👩 💻"),
        ("© 2026 → \x00 \ud800 \uffff", "2026"),
        ("", ""),
    ],
)
def test_terms(text: str, terms: str) -> None:
    """Folding and cutting do what they say, in every script."""
    assert prepare(text).split() == terms.split()


@given(TEXTS)
def test_tokens_are_the_prepared_terms(text: str) -> None:
    """Tokens come in the order and number of the prepared text, with ordered places inside it."""
    found = tokens(text)

    assert [token.term for token in found] == prepare(text).split()
    assert all(0 <= token.start < token.end <= len(text) for token in found)
    assert [token.start for token in found] == sorted(token.start for token in found)


@given(TEXTS)
def test_a_token_is_found_where_it_says(text: str) -> None:
    """The stretch of text behind a word gives that word again."""
    for token in tokens(text):
        if len(token.term) > 2:
            assert token.term in prepare(text[token.start : token.end]).split()


@given(st.lists(TEXTS, max_size=8))
def test_fts5_agrees(vocabulary: sqlite3.Connection, texts: list[str]) -> None:
    """FTS5 cuts prepared text into the same terms at the same positions."""
    prepared = [prepare(text) for text in texts]

    assert fts5_terms(vocabulary, prepared) == [each.split() for each in prepared]


def test_fts5_agrees_on_every_character(vocabulary: sqlite3.Connection) -> None:
    """No character of Unicode is lost, split or folded further by FTS5."""
    texts = [
        "".join(f"a{chr(code)}b " for code in range(start, start + 0x400))
        for start in range(0, 0x20000, 0x400)
    ]
    prepared = [prepare(text) for text in texts]

    assert fts5_terms(vocabulary, prepared) == [each.split() for each in prepared]


def test_every_composing_character_is_known() -> None:
    """A decomposed letter folds as the composed one does, for every letter there is."""
    letters = (chr(code) for code in range(sys.maxunicode + 1))
    different = [
        letter
        for letter in letters
        if unicodedata.decomposition(letter)
        and prepare(unicodedata.normalize("NFD", letter)).split() != prepare(letter).split()
    ]

    assert different == []


@given(TEXTS, TEXTS, TEXTS)
def test_a_piece_between_spaces_is_found(before: str, text: str, after: str) -> None:
    """The terms of a phrase stand in every text that holds it between other words."""
    wanted, prefix = phrase_terms(text)
    terms = prepare(f"{before} {text} {after}").split()
    windows = (terms[i : i + len(wanted)] for i in range(len(terms) - len(wanted) + 1))

    assert any(
        list(wanted[:-1]) == window[:-1]
        and (window[-1].startswith(wanted[-1]) if prefix else window[-1] == wanted[-1])
        for window in windows
        if window
    ) or not (wanted)


@given(st.text("会議室かがー한글ราคา", min_size=1, max_size=8), st.data())
def test_every_run_of_an_unspaced_script_is_found(text: str, data: st.DataObject) -> None:
    """Any run of one or more characters, wherever it is cut out, is a phrase or prefix of the whole."""
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    wanted, prefix = phrase_terms(text[start:end])
    terms = prepare(text).split()

    assert tuple(terms[start : start + len(wanted) - prefix]) == wanted[: len(wanted) - prefix]
    assert terms[start].startswith(wanted[0])


def test_bounded_work_on_endless_marks() -> None:
    """A text of nothing but marks out of order takes linear time."""
    text = "か" + "\u3099\u093c\u0e48" * 100_000

    assert len(tokens(text)) == len(prepare(text).split())


@pytest.mark.parametrize("term", ["the", "what", "und", "les", "para", "della", "een", "nao"])
def test_function_words(term: str) -> None:
    """Words without a topic are known in several languages, folded."""
    assert is_function_word(term)


@pytest.mark.parametrize(
    "term", ["price", "die", "war", "pour", "son", "will", "ai", "door", "価格"]
)
def test_topics_are_no_function_words(term: str) -> None:
    """A word that is a topic in any of the languages keeps its weight."""
    assert not is_function_word(term)


@given(st.lists(st.text() | st.text("ab C,.\n+#", max_size=9)))
def test_many_texts_are_prepared_as_each_is(texts: list[str]) -> None:
    """Folded in one go or one by one, and however many lines they have."""
    assert [prepare(each) for each in texts] == prepare_all(texts)
