"""How answers are cut: so that they fit, and so that going on misses and repeats nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search import render
from search.index.seam import Line
from search.mcp import telling
from search.mcp.telling import ANSWER_CHARS_MAX, Part
from search.web.problems import encode_json
from tests.search.mcp.attacks import ATTACKS
from tests.search.web.world import card, said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.mcp.telling import Told

TEXTS = ["short", "ü" * 3000, "](" * 9000, "\U000e0041" * 4000, '"\\' * 5000, "\n" * 9000]


def assert_fits(told: Told) -> None:
    assert len(told.text) <= ANSWER_CHARS_MAX
    assert len(encode_json(told.content).decode()) <= ANSWER_CHARS_MAX


def read(lines: Sequence[Line], from_ms: int | None, to_ms: int | None) -> list[dict[str, Any]]:
    """Every line of a range, however often it takes going on."""
    found, skip, start_ms = list[dict[str, Any]](), 0, from_ms

    def between(at_ms: int | None) -> Sequence[Line]:
        return render.between(lines, at_ms, to_ms)

    while True:
        part = Part(lines=between(start_ms), from_ms=start_ms, skip=skip)
        told = telling.transcript_told(card(), part, between)
        assert_fits(told)
        found += told.content["utterances"]
        if told.content["next_skip"] is None:
            return found
        assert told.content["utterances"]
        start_ms, skip = told.content["next_from_ms"], told.content["next_skip"]
        assert f"skip {skip}" in told.text


some_lines = st.lists(
    st.builds(
        lambda at, text, length: Line(
            kind="transcript",
            speaker="Ana",
            start_ms=at,
            end_ms=None if at is None else at + length,
            text=text,
        ),
        st.none() | st.integers(0, 5),
        st.sampled_from(["short", "long" * 60, "ü" * 300, '"' * 300]),
        st.integers(0, 9),
    ),
    max_size=12,
)


@given(some_lines, st.none() | st.integers(0, 6), st.none() | st.integers(0, 6))
def test_going_on_reads_every_line_once(
    lines: list[Line], from_ms: int | None, to_ms: int | None
) -> None:
    """Whatever overlaps, begins at once or has no time: in order, none twice, none left out."""
    expected = render.between(lines, from_ms, to_ms)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(telling, "ANSWER_CHARS_MAX", 3000)
        found = read(lines, from_ms, to_ms)

    assert [(each["start_ms"], each["text"]) for each in found] == [
        (each.start_ms, each.text) for each in expected
    ]


def test_a_long_transcript_is_cut_at_a_line() -> None:
    """An answer holds whole lines, and says where the next begins."""
    lines = [said(f"line {at} " + "x" * 200, at_ms=1000 * at) for at in range(1000)]
    told = telling.transcript_told(
        card(), Part(lines=lines, from_ms=None, skip=0), lambda at: render.between(lines, at, None)
    )
    shown = len(told.content["utterances"])

    assert 50 < shown < 150
    assert told.content["next_from_ms"] == 1000 * shown
    assert f"{shown} of 1000 lines." in told.text
    assert f"line {shown - 1} " in told.text
    assert f"line {shown} " not in told.text


def page(text: str, hits: int = 20, moments: int = 5) -> Any:
    moment = {
        "kind": "transcript", "speaker": text, "start_ms": 0, "end_ms": 1, "at": None,
        "snippet": text, "highlights": [[0, 1]], "url": "/sessions/x#t=0",
    }  # fmt: skip
    hit = {
        "session_id": "05e57591-0000-4000-8000-000000000001", "app_id": "a" * 36,
        "meeting_id": "m" * 36, "meeting_title": text, "started_at": None, "ended_at": None,
        "score": 1.0, "matches": 1, "url": "/sessions/x", "moments": [moment] * moments,
    }  # fmt: skip
    return {
        "query": {"text": "needle", "words": ["needle"], "warnings": [], "suggestion": None},
        "total": {"sessions": hits, "all_words": hits},
        "coverage": None,
        "hits": [hit] * hits,
        "facets": {"speaker": [(text, 1)] * 10},
        "facets_of": hits,
        "next": None,
    }


@pytest.mark.parametrize("text", [*TEXTS, *ATTACKS])
def test_every_page_of_a_search_fits(text: str) -> None:
    """Whatever the titles, names and snippets are, every session is named in full."""
    told = telling.search_told(page(text))

    assert_fits(told)
    assert [each["session_id"] for each in told.content["hits"]] == [
        "05e57591-0000-4000-8000-000000000001"
    ] * 20
    assert told.text.count("05e57591-0000-4000-8000-000000000001") == 20


def test_what_fits_is_not_cut() -> None:
    """An ordinary page has all its moments, whole, with its highlights where nothing was escaped."""
    told = telling.search_told(page("we can hold the price", hits=3))

    assert [len(each["moments"]) for each in told.content["hits"]] == [5, 5, 5]
    assert told.content["hits"][0]["moments"][0]["highlights"] == [[0, 1]]
    escaped = telling.search_told(page("see https://a.example", hits=1))
    assert escaped.content["hits"][0]["moments"][0]["highlights"] == []


def test_every_answer_has_delimiters_of_its_own() -> None:
    """What was said before, or somebody guessed, ends no quote."""
    words = {telling.in_quotes(["x"]).split("BEGIN QUOTES ")[1][:16] for _ in range(100)}

    assert len(words) == 100
