"""Arbitrary bytes give a value or FormatError and nothing else; what was written comes back."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.formats import (
    FormatError,
    Limits,
    Utterance,
    expand,
    parse_chat,
    parse_session_record,
    parse_summary,
)
from tests.search.formats.material import (
    ALICE,
    BOB,
    STARTED_AT,
    as_csv_iso,
    as_csv_ms,
    as_json,
    as_srt,
    as_vtt,
    parse,
)
from tests.search.formats.test_chat import EXAMPLE, JSON_ITEMS
from tests.search.formats.test_session import MARK, SESSION, page

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = Limits(size_bytes=100_000, utterances=50, text_chars=200)
HINTS = st.sampled_from(["JSON", "CSV", "SRT", "VTT", "", "x"])
FILES = [
    as_json([ALICE, BOB]),
    as_json([ALICE, BOB], unit_ms=1000),
    as_csv_ms([ALICE, BOB]),
    as_csv_iso([ALICE, BOB]),
    as_srt([ALICE, BOB]),
    as_vtt([ALICE, BOB]),
    EXAMPLE.encode(),
    json.dumps(JSON_ITEMS).encode(),
    "\n".join(json.dumps(item) for item in JSON_ITEMS).encode(),
    json.dumps({"session": SESSION, "participants": [page(MARK), page()]}).encode(),
    EXAMPLE.encode("utf-16"),
]
FRAGMENTS = [
    '"',
    ",",
    "[",
    "{",
    "}",
    "\\",
    "\\ud800",
    "-->",
    "NaN",
    "1e999",
    "null",
    "true",
    "{}",
    "[]",
    ":",
    "&#x0;",
    "<v",
    "WEBVTT",
    "NOTE",
    "Timestamp,",
    '"startTime":',
    '"sentence":',
    '"peerData":',
    "isPartialTranscript",
    "00:00:01,000",
    "data:",
]
SPLICES = st.one_of(
    st.binary(max_size=6),
    st.sampled_from([fragment.encode() for fragment in FRAGMENTS]),
    st.sampled_from([b"\n", b"\r", b"\n\n", b"\0", b"9" * 5000, b"\xff\xfe", b"\xef\xbb\xbf"]),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A valid file with a few places cut out, doubled or overwritten."""
    data = draw(st.sampled_from(FILES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        data = data[:start] + draw(SPLICES) + data[end:]
    return data


def read_all(data: bytes, hint: str) -> list[object]:
    """What every parser finds in these bytes; FormatError is the one error any may raise."""
    found: list[object] = []
    parsers: list[Callable[[], object]] = [
        lambda: parse(data, hint, limits=SMALL),
        lambda: parse(data, hint, limits=SMALL, session_ms=None),
        lambda: parse_chat(data, started_at=STARTED_AT, limits=SMALL),
        lambda: parse_summary(data, limits=SMALL),
        lambda: parse_session_record(data, limits=SMALL),
        lambda: expand(data, "gzip", SMALL),
    ]
    for parser in parsers:
        with contextlib.suppress(FormatError):
            found.append(parser())
    return found


def check(value: object) -> None:
    """Every text can be stored, every number is within SQLite's and a session's range."""
    if isinstance(value, str):
        assert "\0" not in value
        value.encode()
    elif isinstance(value, int):
        assert 0 <= value < 10**11
    elif isinstance(value, tuple):
        for part in value:
            check(part)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            check(getattr(value, field.name))


@given(st.one_of(st.binary(), st.text().map(str.encode), damaged()), HINTS)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes(data: bytes, hint: str) -> None:
    """Any bytes, and any damage to a good file, give values or FormatError."""
    for value in read_all(data, hint):
        check(value)


KEYS = [
    "startTime",
    "endTime",
    "sentence",
    "peerData",
    "transcript",
    "data",
    "id",
    "payload",
    "createdAt",
    "payloadType",
    "session",
    "participants",
    "started_at",
    "link",
    "name",
    "isPartialTranscript",
    "displayName",
    "userId",
    "cpi",
    "joined_at",
    "time",
]
JSON_VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("\ud800")
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=12,
)


@given(JSON_VALUES, st.booleans())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_json(value: object, is_list: bool) -> None:
    """JSON of any shape gives values or FormatError, and every value can be stored as UTF-8."""
    data = json.dumps([value, value] if is_list else value).encode()
    for value in read_all(data, "JSON"):
        check(value)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8).map(str.strip)
WORDS = (
    st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool)
)
IDS = st.from_regex(r"[a-z0-9-]{0,8}", fullmatch=True)


@st.composite
def spoken(draw: st.DrawFn) -> list[Utterance]:
    """A short transcript, by start."""
    starts = sorted(draw(st.lists(st.integers(0, 3_000_000), max_size=5)))
    return [
        Utterance(
            start, start + 1000 + 7, draw(NAMES), draw(IDS), draw(IDS), draw(IDS), draw(WORDS)
        )
        for start in starts
    ]


@pytest.mark.parametrize("session_ms", [3_600_000, None])
@given(spoken())
@settings(max_examples=60, deadline=None)
def test_json_round_trip(session_ms: int | None, said: list[Utterance]) -> None:
    """What is written in milliseconds or in seconds comes back the same."""
    for unit_ms in (1, 1000):
        assert list(parse(as_json(said, unit_ms=unit_ms), session_ms=session_ms).utterances) == said


@given(spoken())
@settings(max_examples=100, deadline=None)
def test_csv_round_trip(said: list[Utterance]) -> None:
    """What is written in either CSV layout comes back the same, without ends."""
    expected = [one._replace(end_ms=None) for one in said]

    assert list(parse(as_csv_ms(said)).utterances) == expected
    assert list(parse(as_csv_iso(said)).utterances) == expected


PLAIN = st.from_regex(r"[A-Za-zäß語]{1,6}( [A-Za-z語]{1,6}){0,3}", fullmatch=True)


@given(st.lists(st.tuples(st.integers(0, 10**8), PLAIN, PLAIN), max_size=5))
@settings(max_examples=100, deadline=None)
def test_cue_round_trip(said: list[tuple[int, str, str]]) -> None:
    """What is written as SRT or VTT comes back the same, without ids."""
    expected = [Utterance(at, at + 900, who, "", "", "", words) for at, who, words in sorted(said)]

    for data in (as_srt(expected), as_vtt(expected)):
        found = parse(data, "SRT").utterances if data else ()
        assert list(found) == expected
