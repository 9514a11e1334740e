"""What is kept of a session comes back as it was: its lines, and which of them hold a term."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from search.index import forward, records
from search.index.analysis import Analyser
from search.index.beginnings import beginning_of
from search.index.forward import Forward, Hashes, hash_of
from search.index.records import CHUNK_BYTES, LineRow, Record
from search.text import tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

_MS = st.none() | st.integers(-(2**40), 2**40)
_TEXTS = st.one_of(
    st.text(st.characters(codec=None), max_size=20),  # half surrogate pairs too
    st.integers(CHUNK_BYTES - 2, 3 * CHUNK_BYTES).map("x".__mul__),
)
_LINES = st.lists(
    st.builds(LineRow, st.integers(0, 2), st.sampled_from([0, 1, 7, 2**32 - 1]), _MS, _MS, _TEXTS),
    max_size=30,
).map(lambda rows: sorted(rows, key=lambda each: each.kind))


def line(text: str, kind: int = 0, speaker: int = 1) -> LineRow:
    return LineRow(kind, speaker, 0, 1, text)


@settings(max_examples=80, deadline=None)
@given(rows=_LINES)
@example(rows=[line("x" * CHUNK_BYTES), line(""), line("")])
@example(rows=[line(""), line("y" * 5 * CHUNK_BYTES), line("", 1), line("z", 2)])
@example(rows=[LineRow(1, 3, -5, -5, "typed before it began"), LineRow(2, 0, None, None, "sum")])
def test_lines_come_back_as_they_were(rows: list[LineRow]) -> None:
    """Speakers, times that are missing or before the beginning, and any text; one by one or in a row."""
    record = Record(*records.pack(rows))

    assert rows == record.lines()
    assert rows == [record.line(each) for each in reversed(range(len(rows)))][::-1]
    assert [row.kind for row in rows] == [record.kind_of(each) for each in range(len(rows))]
    for kind in range(3):
        assert [at for at, row in enumerate(rows) if row.kind == kind] == [*record.lines_of(kind)]
    said_by = record.speakers[record.spoken_by()].tolist() if rows else []
    assert [row.speaker for row in rows] == said_by


def test_a_session_of_seventy_thousand_lines_comes_back() -> None:
    """More lines than two bytes count, with and without text."""
    rows = [
        LineRow(0, each % 300, each * 1000, each * 1000 + each % 7, f"line {each}" * (each % 3))
        for each in range(70_000)
    ]
    record = Record(*records.pack(rows))

    assert rows == record.lines()
    assert rows[69_999] == record.line(69_999)


def test_who_and_when_are_told_without_the_text() -> None:
    """The text may come later."""
    meta, text = records.pack([line("a"), line("b", 1, speaker=4)])

    record = Record(meta)

    assert record.speakers.tolist() == [1, 4]
    assert record.text_bytes == 2
    assert not record.has_text
    record.fill(text)
    assert record.text(1) == "b"


# ---------------------------------------------------------------------------------- which lines hold


def packed(lines_of: dict[str, list[int]]) -> Forward:
    hashes = np.array([hash_of(each) for each in lines_of], np.uint32)
    sizes = np.array([len(each) for each in lines_of.values()], np.int64)
    lines = np.array([line for each in lines_of.values() for line in each], np.int64)
    return Forward(forward.pack(hashes, sizes, lines))


def asked(found: Forward, terms: Iterable[str]) -> list[int]:
    return found.lines_of(Hashes(np.unique(np.array([hash_of(each) for each in terms], np.uint32))))


def lines_with(found: Forward, term: str) -> list[int]:
    lines = list(found.lines(hash_of(term)))
    assert lines == asked(found, [term])
    return lines


@settings(max_examples=60, deadline=None)
@given(
    lines_of=st.dictionaries(
        st.text(min_size=1, max_size=4),
        st.sets(
            st.integers(0, 300) | st.integers(253, 257) | st.integers(65_530, 70_000), min_size=1
        ).map(sorted),
        max_size=30,
    )
)
@example(lines_of={"a": [0], "b": [254], "c": [255], "d": [256], "e": [509, 510, 765, 766]})
@example(lines_of={"every": [*range(66_000)], "last": [69_999]})
def test_every_term_is_found_on_its_lines(lines_of: dict[str, list[int]]) -> None:
    """However far apart they are, and however many; and a term that is not there on none."""
    found = packed(lines_of)

    for term, lines in lines_of.items():
        assert lines == lines_with(found, term)
    assert lines_with(found, "nowhere at all") == []
    everything = {each for lines in lines_of.values() for each in lines}
    assert sorted(everything) == asked(found, [*lines_of, "nowhere at all"])


_WORDS = st.sampled_from(["price", "prix", "价格", "ราคา", "C++", "👍", "the", "a.b@c.de", "", "!"])


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.builds(line, st.lists(_WORDS, max_size=6).map(" ".join), st.integers(0, 2)), max_size=40
    ).map(lambda rows: sorted(rows, key=lambda each: each.kind))
)
def test_an_analysed_session_tells_the_lines_of_each_term(rows: list[LineRow]) -> None:
    """What the analysis keeps of lines is what the tokens of each of them say."""
    analyser = Analyser()
    analysed = analyser.analyse(rows)
    found = Forward(analysed.forward)
    terms = [{each.term for each in tokens(row.text)} for row in rows]

    for term in set().union(*terms):
        assert [at for at, each in enumerate(terms) if term in each] == lines_with(found, term)
    keys = {"tcs"[row.kind] + each for row, held in zip(rows, terms, strict=True) for each in held}
    kept = analyser.keys(analysed.numbers.tolist())
    begun = {each[0] + beginning_of(each[1:]) for each in keys if beginning_of(each[1:])}
    assert keys | begun == {each for each in kept if each[1] != "@"}
    assert len(kept) == len(set(kept)) == len(analysed.impacts)
    assert {"tcs"[row.kind] for row in rows} == {each[0] for each in kept if each[1] == "@"}
    assert analysed.words == sum(len(tokens(row.text)) for row in rows)
