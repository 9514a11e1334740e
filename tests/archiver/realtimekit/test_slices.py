from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archiver.realtimekit import session_record, slices
from archiver.realtimekit.lenient import decode, encode
from archiver.realtimekit.payloads import parse_session, parse_sessions
from tests.archiver.realtimekit.servers import session

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
SPACE = st.text(" \t\r\n", max_size=3)


@st.composite
def written(draw: st.DrawFn, value: Any) -> str:
    """One of the many spellings of a JSON value."""

    def space() -> str:
        """White space, drawn anew at each place."""
        return draw(SPACE)

    if isinstance(value, dict):
        members = [
            f"{space()}{draw(written(name))}{space()}:{space()}{draw(written(member))}{space()}"
            for name, member in value.items()
        ]
        return "{" + (",".join(members) or space()) + "}"
    if isinstance(value, list):
        return (
            "["
            + (",".join(f"{space()}{draw(written(v))}{space()}" for v in value) or space())
            + "]"
        )
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


@settings(suppress_health_check=[HealthCheck.too_slow])  # the tables of characters, when first made
@given(st.data())
def test_a_session_is_the_very_text_that_was_served(data: st.DataObject) -> None:
    """However the answer is spelled and spaced, each session's slice is its original text."""
    extras = st.dictionaries(st.text(min_size=1).map(lambda name: f"x{name}"), VALUES, max_size=3)
    rows = [session(number) | data.draw(extras) for number in range(data.draw(st.integers(0, 3)))]
    texts = [data.draw(written(row)) for row in rows]
    before, after = data.draw(SPACE), data.draw(SPACE)
    listed = ",".join(f"{before}{text}{after}" for text in texts)
    body = f'{before}{{"other": [{{}}], "data"{after}:{{"sessions":{before}[{listed}]}}}}{after}'

    page = parse_sessions(body, "app")

    assert texts == [item.raw for item in page.items]
    for text in texts:
        assert text == parse_session(f'{{"data":{before}{text}{after}}}', "app").raw


@given(st.binary())
def test_any_bytes_survive_the_round_trip(body: bytes) -> None:
    """Text decoded from bytes that are no UTF-8 encodes to the same bytes, less a signature."""
    assert body.removeprefix(b"\xef\xbb\xbf") == encode(decode(body))


@given(st.text() | st.binary().map(decode))
def test_any_text_is_a_value_or_a_value_error(text: str) -> None:
    """Reading any text gives a value whose slice reads the same, or ValueError."""
    try:
        root = slices.parse(text)
    except ValueError:
        return
    assert slices.parse(root.raw).value == root.value or "NaN" in text


@pytest.mark.parametrize("text", ["", " ", "{", '{"a"}', "[1,]", "{} {}", "<html>", "[" * 100_000])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    """Broken, doubled and bottomless texts are refused with ValueError alone."""
    with pytest.raises(ValueError):  # noqa: PT011 — the kind is the contract, not the words
        slices.parse(text)


def test_huge_numbers_lone_surrogates_and_duplicates_stop_nothing() -> None:
    """Numbers of any length, lone surrogates, raw controls and duplicate keys are read."""
    text = '{"a": 1, "n": ' + "9" * 10_000 + ', "s": "\\ud800", "c": "\t", "a": [2, 3]}'
    root = slices.parse(text)
    last = slices.member(root, "a")

    assert last is not None
    assert last.raw == "[2, 3]"
    assert [element.raw for element in slices.elements(last)] == ["2", "3"]


def test_the_record_embeds_what_was_served_verbatim() -> None:
    """A session record is JSON around the source's own bytes, even where they are no UTF-8."""
    row = b'{ "id" : "1",\t"title":"\\ud83d \xff caf\xc3\xa9" }'
    pages = [b'{"data": {"participants":[ ]} }\n', b'\xef\xbb\xbf{"data":{"participants":[1.50]}}']

    record = session_record(decode(row), [decode(page) for page in pages])

    assert row in record
    assert pages[0] in record
    assert pages[1].removeprefix(b"\xef\xbb\xbf") in record
    read = json.loads(record.decode("utf-8", "surrogateescape"))
    assert read["participants"] == [
        {"data": {"participants": []}},
        {"data": {"participants": [1.5]}},
    ]
    assert read["session"]["id"] == "1"


def test_the_record_of_a_session_without_participants() -> None:
    """Without participant pages the record is still the documented layout."""
    assert session_record("{}", []) == b'{"participants":[],"session":{}}'
