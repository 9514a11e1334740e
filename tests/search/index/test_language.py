"""Every row of the query language, on the real index, against a scan of every word."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.query import QueryError, parse
from tests.search.corpus import Made
from tests.search.index.oracle import Verdict, judge
from tests.search.invented import WORDS, invented

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.index.seam import Document
    from search.results import SearchResult


def corpus(seed: int, count: int = 60) -> list[Document]:
    """Sessions of few words, so that they meet by chance; in two apps."""
    choose = random.Random(seed)
    return [invented(choose, number) for number in range(count)]


SEEDS = (3, 38)  # chosen so that every form asked for below finds something
CORPORA = {seed: corpus(seed) for seed in SEEDS}


@pytest.fixture(scope="module", params=SEEDS)
def indexed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Made, list[Document]]]:
    documents = CORPORA[request.param]
    made = Made.of(tmp_path_factory.mktemp("index"), documents)
    yield made, documents
    made.close()


Indexed = tuple[Made, "list[Document]"]


def expected(text: str, documents: list[Document], match: str) -> dict[str, Verdict]:
    query = parse(text)
    verdicts = {each.session_id: judge(query, each, match) for each in documents}
    return {key: verdict for key, verdict in verdicts.items() if verdict is not None}


def check(indexed: Indexed, text: str, *, match: str = "best", sort: str = "relevance") -> int:
    """Compare everything an answer says with what a scan of every word says."""
    made, documents = indexed
    truth = expected(text, documents, match)
    result = made.search(text, match=match, sort=sort, limit=1000, moments=50)

    assert sorted(truth) == sorted(each.session_id for each in result.hits)
    assert len(truth) == result.total_sessions
    assert sum(each.holds_all for each in truth.values()) == result.total_all_words
    for hit in result.hits:
        # Nothing but a phrase across two lines is found in a session and in none of its lines.
        lines = truth[hit.session_id].lines
        assert hit.matches == lines or (lines == 0 and hit.matches <= 1)
    _check_order(result, sort)
    _check_moments(result, documents)
    return len(truth)


def _check_order(result: SearchResult, sort: str) -> None:
    places = [(each.started_at_ms, each.session_id) for each in result.hits]
    if sort != "relevance":
        assert sorted(places, reverse=sort == "newest") == places


def _check_moments(result: SearchResult, documents: list[Document]) -> None:
    """Every moment is a line that was said, at its time, by whom it says."""
    by_id = {each.session_id: each for each in documents}
    for hit in result.hits:
        found = by_id[hit.session_id]
        said = found.transcript.utterances if found.transcript else ()
        places: set[tuple[str, str, int | None]] = {
            ("transcript", each.speaker, each.start_ms) for each in said
        }
        typed = found.chat.messages if found.chat else ()
        places |= {("chat", each.speaker, each.at_ms) for each in typed}
        places.add(("summary", "", None))
        for moment in hit.moments:
            assert (moment.kind, moment.speaker, moment.start_ms) in places
            assert all(0 <= a < b <= len(moment.snippet) for a, b in moment.highlights)


# ------------------------------------------------------------------------ each row, in each script

ROWS = [
    "{a} {b}",
    "{a} {b} {c}",
    "{a} {b} {c} {d}",
    '"{a} {b}"',
    '"{a} {b}" {c}',
    "{a} NEAR/2 {b}",
    '{a} NEAR/8 "{b} {c}"',
    "{a} AND {b}",
    "{a} OR {b}",
    "{a} AND NOT {b}",
    "{a} NOT {b}",
    "{a} -{b}",
    "{a} {b} -{c} -{d}",
    "({a} OR {b}) AND ({c} OR {d})",
    "({a} {b}) -({c} {d})",
    "{a} OR ({b} NOT {c})",
    "speaker:ana {a}",
    "speaker:ana {a} {b}",
    "speaker:ana {a} AND {b}",
    "speaker:ana ({a} OR {b})",
    'speaker:ana "{a} {b}"',
    "speaker:ana {a} NEAR/3 {b}",
    "speaker:ana {a} -{b}",
    "speaker:ana speaker:ben {a}",
    'speaker:"ana souza"',
    "speaker:王芳 {a}",
    "speaker:สมชาย ({a} OR {b})",
    "speaker:आशा in:chat {a}",
    "-speaker:ana {a}",
    "-speaker:ana {a} {b} -{c}",
    "in:chat -speaker:ana",
    "in:chat {a}",
    "in:summary in:chat {a} {b}",
    "-in:transcript {a}",
    "in:summary {a} -{b}",
    "in:summary",
    "meeting:weekly {a}",
    'meeting:"weekly sync" {a} {b}',
    "meeting:会議 {a}",
    "meeting:बैठक {a}",
    "meeting:m1 {a}",
    "-meeting:m1 {a}",
    "-meeting:weekly {a}",
    "app:app-two {a}",
    "-app:app-two {a}",
    "app:nowhere {a}",
    "session:s01 session:s02 {a}",
    "-session:s01 {a}",
    "session:s01",
    "participant:u1 {a}",
    "participant:u1",
    "participant:c2 ({a} OR {b})",
    "participant:u-other {a}",
    "participant:u1 speaker:ana {a}",
    "-participant:u1 {a}",
    "after:{day1} {a}",
    "before:{day2} {a}",
    "on:{day1} {a} {b}",
    "after:{day1} before:{day2}",
    "after:{day1} -{a}",
    "after:{day1} in:chat -{a}",
    "after:{day1} -speaker:ana -{a}",
]
SPECIAL = {
    "latin": ["PRIX", "reunion", "CAFE", "strasse", "ren*", "ré*", "c++", '"inv 2026"', "the"],
    "devanagari": ["मूल्य", "नवी*", "बैठ*", "समय", "अनुबंध"],
    "arabic": ["سعر", "محمد", "تجد*", "العقد", "غدا"],
    "han": ["会", "議", "議室", "価格", "更新契約", "価"],
    "hangul": ["회", "회의", "가격", "의실"],
    "thai": ["ท", "ราคา", "ประชุม", "อายุ"],
}


@pytest.mark.parametrize("script", SPECIAL)
@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_the_language(indexed: Indexed, script: str, row: str) -> None:
    """What a query finds, how much, and in which lines: as a scan of every word says."""
    choose = random.Random(f"{script} {row}")
    for match in ("best", "all"):
        a, b, c, d = choose.sample(SPECIAL[script], 4)
        text = _filled(row, a, b, c, d)
        check(indexed, text, match=match, sort=choose.choice(["relevance", "newest", "oldest"]))


def _filled(row: str, a: str, b: str, c: str, d: str) -> str:
    quoted = row.replace('"{a} {b}"', '"{A} {B}"').replace('"{b} {c}"', '"{B} {C}"')
    plain = {"A": a, "B": b, "C": c}
    bare = {key: value.strip('"').rstrip("*") for key, value in plain.items()}
    return quoted.format(a=a, b=b, c=c, d=d, **bare, day1="2026-09-22", day2="2026-09-23")


@pytest.mark.parametrize(
    "text",
    [
        "renewal prix",
        '"réunion café"',
        "ren*",
        "prix NEAR/8 renewal",
        "prix AND NOT renewal",
        "speaker:ana prix",
        "会",
        "会議室",
        "मूल्य समय",
        "محمد",
        "ราคา",
        "회의",
        "in:chat prix",
        "participant:u1",
    ],
)
def test_the_corpus_is_worth_asking(indexed: Indexed, text: str) -> None:
    """The corpora of these tests answer the commonest forms with something, and not with everything."""
    assert 0 < check(indexed, text) < 60


# ------------------------------------------------------------------------------- any query at all

_ASKED = [word for words in SPECIAL.values() for word in words]
_TERMS = st.sampled_from([*_ASKED, *WORDS]) | st.lists(
    st.sampled_from(WORDS), min_size=2, max_size=3
).map(lambda words: '"' + " ".join(words) + '"')
_FILTERS = st.sampled_from(
    [
        "speaker:ana",
        "speaker:ben",
        "-speaker:ana",
        "-speaker:예린",
        "in:chat",
        "in:transcript",
        "-in:summary",
        "meeting:weekly",
        "-meeting:m2",
        "participant:u0",
        "-participant:u2",
        "app:app-one",
        "-app:app-one",
        "after:2026-09-22",
        "before:2026-09-23",
        "session:s03",
    ]
)
_NODES = st.recursive(
    _TERMS | st.tuples(_TERMS, _TERMS).map(" NEAR/3 ".join),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda each: f"({' AND '.join(each)})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda each: f"({' OR '.join(each)})"),
        st.tuples(inner, inner).map(lambda each: f"({each[0]} NOT {each[1]})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda each: f"({' '.join(each)})"),
    ),
    max_leaves=5,
)
_QUERIES = st.tuples(
    st.lists(_NODES, max_size=4), st.lists(_NODES.map("-{}".format), max_size=1), st.lists(_FILTERS)
).map(lambda parts: " ".join(each for part in parts for each in part))


@settings(max_examples=250, deadline=None)
@given(text=_QUERIES, match=st.sampled_from(["best", "all"]), seed=st.sampled_from(SEEDS))
def test_any_query(both: dict[int, Made], text: str, match: str, seed: int) -> None:
    """However a query is put together, the index finds what a scan of every word finds."""
    try:
        parse(text)
    except QueryError:
        return
    check((both[seed], CORPORA[seed]), text, match=match)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Made]]:
    made = {
        seed: Made.of(tmp_path_factory.mktemp("both"), documents)
        for seed, documents in CORPORA.items()
    }
    yield made
    for each in made.values():
        each.close()
