"""Text to query: strictness, filters, errors with their positions, limits, and the normal form."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrations.sqlite import TOKENIZE
from search.query import (
    And,
    Best,
    Filters,
    Near,
    Not,
    Or,
    Phrase,
    Query,
    QueryError,
    QueryLimits,
    Word,
    normal_form,
    parse,
    time_range,
)
from tests.search.expressions import expression_of, match_expression

A, B, C, X, Y = (Word((letter,)) for letter in "abcxy")

PIECES = st.sampled_from(
    [
        *"ab()\"-*:/ \n“”„«»+#'\x00\ud800\uffff",
        *(
            " AND ",
            " OR ",
            " NOT ",
            " NEAR ",
            " NEAR/3 ",
            "NEAR/",
            "C++",
            "é",
            "会",
            "会議",
            "मूल्य",
            "😀",
        ),
        *("speaker:", "in:chat ", "-in:chat ", "meeting:", "app:x ", "session:", "on:2026-10 "),
        *("after:2026 ", "before:2026-10-03T10:00:00+02:00 ", "the ", " price ", "renew* ", " -"),
        *("participant:p ", ' "a b"* ', " (a b) ", " -(a -b) ", " (a OR b) ", "speaker:ana "),
    ]
)
TEXTS = st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=30)


@pytest.fixture(scope="module")
def fts5() -> sqlite3.Connection:
    """An FTS5 table like the index's."""
    database = sqlite3.connect(":memory:")
    database.execute(f"create virtual table t using fts5(x, tokenize='{TOKENIZE}')")
    database.execute("insert into t values('a b price 会議 議')")
    return database


def parsed(text: str) -> Query | None:
    """The query, or None where the text is refused."""
    try:
        return parse(text)
    except QueryError:
        return None


@given(TEXTS)
def test_any_text_is_a_query_or_a_helpful_error(text: str) -> None:
    """No text raises anything but a QueryError with its place and a suggestion."""
    if parsed(text) is None:
        with pytest.raises(QueryError) as caught:
            parse(text)
        assert 0 <= caught.value.position <= len(text)
        assert caught.value.message
        assert caught.value.suggestion


@given(TEXTS)
def test_the_normal_form_is_the_same_query(text: str) -> None:
    """What a query's normal form says is that query, and writing it again changes nothing."""
    query = parsed(text)
    if query is not None:
        assert parse(normal_form(query)) == query
        assert normal_form(parse(normal_form(query))) == normal_form(query) == str(query)


@given(TEXTS, st.booleans())
def test_fts5_takes_every_expression(fts5: sqlite3.Connection, text: str, every: bool) -> None:
    """FTS5 accepts the expression of every query, whatever was typed."""
    query = parsed(text)
    if query is not None and query.root is not None:
        expression = match_expression(query, every=every)
        fts5.execute("select count(*) from t where t match ?", [expression]).fetchone()


@given(TEXTS)
def test_nothing_negative_stands_alone(text: str) -> None:
    """A query that excludes says what it wants."""
    query = parsed(text)
    if query is not None and query.excluded and query.root is None:
        assert query.filters


@pytest.mark.parametrize(
    ("text", "root", "strict"),
    [
        ("a", A, False),
        ("a b", Best((A, B)), False),
        ("(a b) c", Best((A, B, C)), False),
        ('a "b c"', Best((A, Phrase(("b", "c")))), False),
        ("speaker:x a b", Best((A, B)), False),
        ("a AND b", And((A, B)), True),
        ("a OR b c", Or((A, And((B, C)))), True),
        ("(a b) OR c", Or((And((A, B)), C)), True),
        ("a NOT b AND c", And((A, C)), True),
        ("a (b NOT c) x", And((A, B, X)), True),
        ("(a OR b) x y", And((Or((A, B)), X, Y)), True),
        ("a NEAR b", Near((A, B), 10), True),
        ("a NEAR/3 b NEAR/3 c", Near((A, B, C), 3), True),
        ("a NEAR/3 b NEAR/5 c", And((Near((A, B), 3), Near((B, C), 5))), True),
        ("a OR (b AND NOT c)", Or((A, And((B, Not(C))))), True),
        ("a and b", Best((A, Word(("and",)), B)), False),
        ("a near/8 b", Best((A, Word(("near", "8")), B)), False),
        ("a NEAR/x b", Best((A, Word(("near", "x")), B)), False),
        ("a a", A, False),
        ("NOT NOT a", A, False),
        ('"AND"', Phrase(("and",)), False),
        ("speaker: a", Best((Word(("speaker",)), A)), False),
        ("a - b", Best((A, B)), False),
        ("a () b", Best((A, B)), False),
        ("f(x) y", Best((Word(("f", "x")), Y)), False),
        ("??? a", A, False),
        ('"a bc"*', Phrase(("a", "bc"), prefix=True), False),
    ],
)
def test_structure(text: str, root: object, strict: bool) -> None:
    """Operators bind as the language says, and only they make a query strict."""
    query = parse(text)

    assert (query.root, query.strict) == (root, strict)


@pytest.mark.parametrize(
    ("text", "excluded"),
    [
        ("a -b", (B,)),
        ("a NOT b", (B,)),
        ("a -b -c", (B, C)),
        ("a x -(b c)", (B, C)),
        ("a AND NOT (b c)", (And((B, C)),)),
        ("a NOT (b OR c)", (B, C)),
        ("a x -(b -c)", (And((B, Not(C))),)),
        ('a -"b c"', (Phrase(("b", "c")),)),
        ("a x-b", ()),
        ("a --b", ()),
        ("a -AND", (Word(("and",)),)),
        ("speaker:ana -b", (B,)),
    ],
)
def test_exclusions(text: str, excluded: object) -> None:
    """What a dash or NOT stands before is set apart."""
    assert parse(text).excluded == excluded


def ms(*args: int) -> int:
    return int(datetime(*args, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]  # a date in full


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        ("speaker:ana", Filters(speakers=("ana",))),
        ("Speaker:Ana", Filters(speakers=("Ana",))),
        ('speaker:"ana souza" x', Filters(speakers=("ana souza",))),
        ("speaker:“अना सूज़ा” x", Filters(speakers=("अना सूज़ा",))),
        ("speaker:王芳 x", Filters(speakers=("王芳",))),
        ("speaker:a speaker:b speaker:a", Filters(speakers=("a", "b"))),
        ("(speaker:a OR speaker:b) x", Filters(speakers=("a", "b"))),
        ("speaker:a AND in:chat AND x", Filters(speakers=("a",), kinds=("chat",))),
        ("in:chat in:Summary", Filters(kinds=("chat", "summary"))),
        ('meeting:"weekly sync"', Filters(meetings=("weekly sync",))),
        ("app:a1 session:s-1 participant:p.1", Filters(apps=("a1",), sessions=("s-1",), participants=("p.1",))),
        ("x -speaker:b", Filters(excluded_speakers=("b",))),
        ("x NOT (in:chat OR in:summary)", Filters(excluded_kinds=("chat", "summary"))),
        ("x -meeting:m -app:a -session:s -participant:p", Filters(excluded_meetings=("m",), excluded_apps=("a",), excluded_sessions=("s",), excluded_participants=("p",))),
        ("after:2026-10-01", Filters(after_ms=ms(2026, 10, 1))),
        ("before:2026-11", Filters(before_ms=ms(2026, 11, 1))),
        ("before:2026", Filters(before_ms=ms(2026, 1, 1))),
        ("on:2026-10-03", Filters(after_ms=ms(2026, 10, 3), before_ms=ms(2026, 10, 4))),
        ("on:2026-12", Filters(after_ms=ms(2026, 12, 1), before_ms=ms(2027, 1, 1))),
        ("on:2024-02", Filters(after_ms=ms(2024, 2, 1), before_ms=ms(2024, 3, 1))),
        ("on:2026", Filters(after_ms=ms(2026, 1, 1), before_ms=ms(2027, 1, 1))),
        ("after:2026-10-01 after:2026-12-01", Filters(after_ms=ms(2026, 12, 1))),
        ("after:2026-10-03T10:00:00+02:00", Filters(after_ms=ms(2026, 10, 3, 8))),
        ("before:2026-10-03T10:00:00.250Z", Filters(before_ms=ms(2026, 10, 3, 10) + 250)),
        ("after:2026-10-03T10:00", Filters(after_ms=ms(2026, 10, 3, 10))),
    ],
)  # fmt: skip
def test_filters(text: str, filters: Filters) -> None:
    """Filters are read, repeated ones are alternatives, dates are half-open and in UTC."""
    assert parse(text).filters == filters


@pytest.mark.parametrize(
    ("text", "position", "suggestion"),
    [
        ("a AND", 2, '"AND"'),
        ("AND a", 0, '"AND"'),
        ("a OR OR b", 2, '"OR"'),
        ("会議 OR", 3, '"OR"'),
        ("NOT", 0, '"NOT"'),
        ("a NEAR/8", 2, '"NEAR/8"'),
        ("(a", 0, "close it"),
        ("a (b (c)", 2, "close it"),
        (")", 0, "leave it out"),
        ("मूल्य)", 5, "leave it out"),
        ("-c", 0, "renewal -price"),
        ("NOT c", 0, "renewal -price"),
        ("-speaker:bob", 0, "renewal -price"),
        ("a OR NOT b", 5, "renewal -price"),
        ("a -(-b -c)", 4, "renewal -price"),
        ("a*", 0, "one more letter"),
        ("price it's*", 6, "one more letter"),
        ("before:yesterdayish", 0, "before:2026-10-03"),
        ("after:2026-02-30", 0, "after:2026-10-03"),
        ("after:2026-1-1", 0, "after:2026-10-03"),
        ("before:9999", 0, "before:2026-10-03"),
        ("x on:2026-10-03T10:00Z", 2, "on:2026-10-03"),
        ("-after:2026 x", 1, "before:2026-11-01"),
        ("in:foo", 0, "in:transcript"),
        ("in:chta", 0, "in:chat"),
        ('speaker:"?!" x', 0, "value"),
        ("a OR speaker:bob", 5, "outside of OR"),
        ("a -(b speaker:bob)", 6, "outside of OR"),
        ("speaker:a OR in:chat", 0, "outside of OR"),
        ("after:2026 OR before:2025", 0, "outside of OR"),
        ("speaker:a AND speaker:b", 14, "speaker:a speaker:b"),
        ("(speaker:a x) AND (speaker:b y)", 19, "speaker:a speaker:b"),
        ("(a OR b) NEAR c", 9, "(a NEAR c)"),
        ("a NEAR speaker:b", 2, "(a NEAR c)"),
        ("a NEAR/1001 b", 2, "NEAR/1000"),
        ("a NEAR/99999999999999999999 b", 2, "NEAR/1000"),
        ("(" * 21 + "a" + ")" * 21, 20, "parentheses"),
        ("a" * 2001, 2000, "fewer words"),
        ("会議" * 300, 0, "matter most"),
        (" ".join(f"w{n}" for n in range(65)), 246, "matter most"),
    ],
)
def test_errors(text: str, position: int, suggestion: str) -> None:
    """What cannot mean anything is refused, with its place and what to write instead."""
    with pytest.raises(QueryError) as caught:
        parse(text)

    assert caught.value.position == position
    assert suggestion in caught.value.suggestion


def test_limits_can_be_set() -> None:
    """A caller may take less than the default."""
    with pytest.raises(QueryError, match="more than 2 words"):
        parse("a b c", limits=QueryLimits(terms=2))


def test_a_long_unspaced_sentence_is_a_word() -> None:
    """A pasted sentence without spaces stays within the limit of words."""
    query = parse("我们讨论续约价格" * 50)

    assert isinstance(query.root, Word)
    assert len(query.root.terms) == 399


@pytest.mark.parametrize("text", ["???", "- & !", '""', "()", "«»", "\x00"])
def test_nothing_to_search_for(text: str) -> None:
    """Punctuation alone is a query that searches for nothing, and says so."""
    query = parse(text)

    assert query.root is None
    assert query.warnings
    assert match_expression(query) == ""


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_query(text: str) -> None:
    """Nothing typed is nothing to warn about."""
    assert parse(text) == Query()
    assert parse(text).warnings == ()


def test_empty_dates_warn() -> None:
    """Dates that leave no moment are answered with a warning."""
    assert parse("x after:2026-10 before:2026-09").warnings
    assert parse("x on:2026-10-01 on:2026-10-02").warnings
    assert parse("x after:2026-09 before:2026-10").warnings == ()


def test_words_are_what_was_typed() -> None:
    """A query lists what it looks for, without what it excludes and filters by."""
    query = parse('"Renewal  price" INV-2026-041 renew* -x speaker:ana')

    assert query.words == ("Renewal price", "INV-2026-041", "renew*")


def test_every_word_may_be_asked_for() -> None:
    """The same query matches any of its words, or all of them."""
    query = parse("a b -c")

    assert match_expression(query) == '("a" OR "b") NOT ("c")'
    assert match_expression(query, every=True) == '("a" AND "b") NOT ("c")'


def test_an_exclusion_alone_has_no_expression() -> None:
    """FTS5 cannot look for what is not there."""
    with pytest.raises(ValueError, match="beside"):
        expression_of(Not(A))


@pytest.mark.parametrize("text", ["", "2026-13", "26", "2026-10-03T25:00Z", "0001", "٢٠٢٦", "2026-10-03T10:00:00+99:00"])  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    """Anything but a year, month, day or moment is no range of time."""
    with pytest.raises(ValueError, match=r".+"):
        time_range(text)
