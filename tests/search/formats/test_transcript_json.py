"""Transcripts in JSON: both units, every wrapping, and items that are not as documented."""

from __future__ import annotations

import json

import pytest

from search.formats import FormatError, Limits, Utterance, jsontext
from tests.search.formats.material import (
    ALICE,
    BOB,
    HOUR_MS,
    STARTED_AT,
    as_json,
    iso,
    json_item,
    parse,
)


def test_current_layout_is_milliseconds() -> None:
    """The documented example is read as it stands, in milliseconds, although it fits in an hour of seconds."""
    transcript = parse(as_json([ALICE, BOB]), "JSON")

    assert transcript.utterances == (ALICE, BOB)
    assert transcript.layout == "json-array"
    assert transcript.notes == ()


def test_previous_layout_is_seconds() -> None:
    """Fractional times are seconds, and the decision is noted."""
    transcript = parse(as_json([ALICE, BOB], unit_ms=1000), "JSON")

    assert transcript.utterances == (ALICE, BOB)
    assert transcript.notes == ("seconds-unit",)


def test_whole_seconds() -> None:
    """Seconds without fractions are known by how fast the words would have been said."""
    items = [
        {
            "startTime": 0,
            "endTime": 3,
            "sentence": "Hello everyone",
            "peerData": {"displayName": "A"},
        },
        {"startTime": 4, "endTime": 9, "sentence": "Let us begin with the roadmap", "peerData": {}},
    ]
    transcript = parse(json.dumps(items))

    assert [(one.start_ms, one.end_ms) for one in transcript.utterances] == [
        (0, 3000),
        (4000, 9000),
    ]
    assert transcript.notes == ("seconds-unit",)
    assert parse(json.dumps(items), session_ms=None).notes == ("seconds-unit",)


def test_milliseconds_beyond_the_session_in_seconds() -> None:
    """Whole numbers larger than the session's length in seconds are milliseconds."""
    late = ALICE._replace(start_ms=HOUR_MS - 9000, end_ms=HOUR_MS - 8999)

    assert parse(as_json([late])).utterances == (late,)


def test_fractional_milliseconds() -> None:
    """Fractions of a millisecond in a file that could not be in seconds are rounded."""
    item = json_item(ALICE) | {"startTime": 1_000_000.4, "endTime": 1_001_500.6}
    transcript = parse(json.dumps([item]))

    assert transcript.utterances[0][:2] == (1_000_000, 1_001_501)
    assert transcript.notes == ()


def test_fractional_seconds_beyond_a_wrong_session_length() -> None:
    """Seconds are seconds even where the session's recorded length is too short for them."""
    item = json_item(ALICE) | {"startTime": 500.5, "endTime": 502.0}

    assert parse(json.dumps([item]), session_ms=1000).utterances[0].start_ms == 500_500


def test_times_without_ends() -> None:
    """Where no end is given, the reference's rule alone decides the unit."""
    items = [{"startTime": 5, "sentence": "Hello"}, {"startTime": 3000, "sentence": "Bye"}]

    assert [one.start_ms for one in parse(json.dumps(items)).utterances] == [5000, 3_000_000]
    assert [one.start_ms for one in parse(json.dumps(items), session_ms=None).utterances] == [
        5,
        3000,
    ]


def test_absolute_times_among_seconds() -> None:
    """A moment keeps its meaning in a file whose numbers are seconds."""
    items = [
        {"startTime": 1.5, "endTime": iso(2500), "sentence": "one"},
        {"startTime": iso(3000), "endTime": iso(4000), "sentence": "two"},
    ]

    assert [one[:2] for one in parse(json.dumps(items)).utterances] == [(1500, 2500), (3000, 4000)]


def test_absolute_times_are_counted_from_the_start() -> None:
    """Moments, as ISO 8601 or as milliseconds since 1970, become offsets; the unit is not asked."""
    epoch_ms = int(STARTED_AT.timestamp() * 1000)
    items = [
        {"startTime": iso(1500), "endTime": iso(2500), "sentence": "one", "peerData": {}},
        {"start_time": epoch_ms + 7000, "text": "two", "peer_data": {"name": "Eve", "peer_id": 7}},
        {"startTime": "2020-01-01 00:00:00", "sentence": "before the start", "peerData": {}},
    ]
    transcript = parse(json.dumps(items))

    assert (
        Utterance(0, None, "", "", "", "", "before the start"),
        Utterance(1500, 2500, "", "", "", "", "one"),
        Utterance(7000, None, "Eve", "7", "", "", "two"),
    ) == transcript.utterances
    assert transcript.notes == ("reordered",)


@pytest.mark.parametrize("key", ["transcript", "data", "utterances", "results"])
def test_wrapped_in_an_object(key: str) -> None:
    """An array inside an object is the transcript."""
    transcript = parse(json.dumps({"success": True, key: [json_item(ALICE)]}))

    assert transcript.utterances == (ALICE,)
    assert transcript.layout == "json-object"


def test_wrapped_twice() -> None:
    """An array two objects deep is found."""
    assert parse(json.dumps({"data": {"transcript": [json_item(BOB)]}})).utterances == (BOB,)


def test_one_item_alone() -> None:
    """An object that is an utterance itself is a transcript of one."""
    assert parse(json.dumps(json_item(BOB))).utterances == (BOB,)


@pytest.mark.parametrize("text", ["[]", " [ ] ", '{"transcript": null}', '{"data": []}'])
def test_no_utterances(text: str) -> None:
    """A transcript without utterances is one."""
    assert parse(text).utterances == ()


def test_json_lines() -> None:
    """One object a line is a layout too; broken lines are skipped and counted."""
    lines = [json.dumps(json_item(ALICE)), "", json.dumps(json_item(BOB)), '{"startTime": 1, "sen']
    transcript = parse("\r\n".join(lines))

    assert transcript.utterances == (ALICE, BOB)
    assert transcript.layout == "json-lines"
    assert transcript.notes == ("rows-skipped:1",)


def test_live_payload() -> None:
    """Of the client's live payload, what is final counts, and a last unfinished word is kept."""
    live = {"name": "Ana", "peerId": "p1", "userId": "u1", "customParticipantId": "c1"}
    at = int(STARTED_AT.timestamp() * 1000)
    items = [
        {**live, "id": "1", "transcript": "Good", "isPartialTranscript": True, "timestamp": at},
        {**live, "id": "1", "transcript": "Good mor", "isPartialTranscript": True, "timestamp": at},
        {
            **live,
            "id": "1",
            "transcript": "Good morning",
            "isPartialTranscript": False,
            "timestamp": at,
        },
        {**live, "id": "2", "transcript": "How", "isPartialTranscript": True, "date": iso(900)},
    ]
    transcript = parse(json.dumps(items))

    assert (
        Utterance(0, None, "Ana", "p1", "u1", "c1", "Good morning"),
        Utterance(900, None, "Ana", "p1", "u1", "c1", "How"),
    ) == transcript.utterances
    assert transcript.notes == ("partials-dropped:2",)


def test_out_of_order_is_sorted_and_stable() -> None:
    """Utterances come by start; those of the same moment keep the file's order."""
    first, second = ALICE._replace(start_ms=9, text="a"), ALICE._replace(start_ms=9, text="b")
    transcript = parse(as_json([BOB, first, second]))

    assert (first, second, BOB) == transcript.utterances
    assert transcript.notes == ("reordered",)


def test_items_of_wrong_types_are_skipped() -> None:
    """An item that cannot be read costs only itself."""
    items: list[object] = [
        None,
        3,
        "text",
        [],
        {},
        json_item(ALICE) | {"sentence": 5},
        json_item(ALICE) | {"startTime": True},
        json_item(ALICE) | {"startTime": None},
        json_item(ALICE) | {"startTime": {}},
        json_item(ALICE),
    ]
    transcript = parse(json.dumps(items))

    assert transcript.utterances == (ALICE,)
    assert transcript.notes == ("rows-skipped:9",)


def test_fields_of_wrong_types() -> None:
    """Names and ids that are no text are empty; an end before the start is unknown."""
    item = json_item(ALICE) | {
        "endTime": 5,
        "peerData": {"id": [], "userId": 12, "displayName": None},
    }

    assert parse(json.dumps([item]), session_ms=60_000).utterances == (
        Utterance(1000, None, "", "", "12", "", "Hello everyone"),
    )


def test_empty_text_is_dropped() -> None:
    """An utterance without words is no utterance, and is counted."""
    transcript = parse(as_json([ALICE, BOB._replace(text=" \n")]))

    assert transcript.utterances == (ALICE,)
    assert transcript.notes == ("empty-text:1",)


def test_numbers_of_any_size() -> None:
    """NaN, Infinity, exponents and integers of any length stop nothing."""
    for number in ("NaN", "Infinity", "-Infinity", "1e999", "9" * 10_000, "-" + "9" * 10_000):
        bad = f'{{"startTime": {number}, "endTime": {number}, "sentence": "x", "peerData": {{}}}}'
        transcript = parse(f"[{json.dumps(json_item(ALICE))}, {bad}]")

        assert transcript.utterances == (ALICE,)


def test_duplicate_keys() -> None:
    """Of a key that is there twice, the last counts."""
    assert parse('[{"startTime":1,"sentence":"a","sentence":"b"}]').utterances[0].text == "b"


def test_lone_surrogates_and_nul() -> None:
    """Half a surrogate pair and NUL are replaced; a whole pair and an escaped backslash are not."""
    text = r'[{"startTime":1,"sentence":"a\ud83db\udc00c\u0000d\ud83d\ude00e\\ud83d"}]'
    transcript = parse(text)

    assert transcript.utterances[0].text == "a\ufffdb\ufffdc\ufffdd\U0001f600e\\ud83d"
    assert transcript.notes[:2] == ("surrogates-replaced:2", "nul-replaced")


def test_control_characters_in_strings() -> None:
    """A raw line end inside a JSON string is let through."""
    assert parse('[{"startTime":1,"sentence":"a\nb"}]').utterances[0].text == "a\nb"


@pytest.mark.parametrize("depth", [65, 900, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('["\\\\",[', "]]")])
def test_nesting_is_bounded(depth: int, opening: str, closing: str) -> None:
    """Nesting beyond the limit is refused, balanced or not."""
    for text in ("[" + opening * depth + "1" + closing * depth + "]", "[" + opening * depth):
        with pytest.raises(FormatError) as caught:
            parse(text)

        assert caught.value.reason == "too-deep"


def test_nesting_beyond_the_interpreter() -> None:
    """Even with no limit of ours, nesting that the interpreter cannot follow is refused."""
    with pytest.raises(FormatError) as caught:
        parse("[" * 200_000 + "]" * 200_000, limits=Limits(depth=10**6))

    assert caught.value.reason == "too-deep"


def test_brackets_in_words_are_no_nesting() -> None:
    """Brackets inside strings count for nothing, whatever is escaped around them."""
    spoken = ALICE._replace(text='"[[' * 50 + "\\" + "{" * 100)

    assert parse(as_json([spoken])).utterances == (spoken,)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1", "malformed"),
        ('{"a":', "malformed"),
        ("[1] 2", "malformed"),
        ("[1,2]", "unrecognised"),
        ('[{"a":1}]', "unrecognised"),
        ("{}", "unrecognised"),
        ('{"data": {"data": {"data": {"data": []}}}}', "unrecognised"),
        ('{"success":false,"error":{"code":404}}', "unrecognised"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    """What is no transcript is one error with its reason, and no words of it."""
    with pytest.raises(FormatError) as caught:
        parse(text)

    assert (caught.value.reason, caught.value.kind) == (reason, "transcript")
    assert caught.value.__context__ is None


def test_bounds() -> None:
    """Too many items, values or containers are refused; too long a text is cut."""
    many = as_json([ALICE] * 11)
    for limits in (Limits(utterances=10), Limits(values=50), Limits(utterances=5)):
        with pytest.raises(FormatError) as caught:
            parse(many, limits=limits)

        assert caught.value.reason == "too-many"
    transcript = parse(as_json([ALICE]), limits=Limits(text_chars=5))

    assert transcript.utterances[0].text == "Hello"
    assert transcript.notes == ("text-cut:1",)


def test_six_hours() -> None:
    """A six-hour session keeps its times."""
    late = ALICE._replace(start_ms=6 * HOUR_MS - 2000, end_ms=6 * HOUR_MS)

    assert parse(as_json([ALICE, late]), session_ms=6 * HOUR_MS).utterances == (ALICE, late)


@pytest.mark.parametrize(
    "text",
    [
        "नमस्ते सबको",
        "مرحبا بالجميع",
        "大家好我们开始吧",
        "おはようございます",
        "Thank you. " * 40 + "!",
        "👩‍👩‍👧 ok",
    ],
)
def test_scripts(text: str) -> None:
    """Words in any script, and Whisper's repetitions, are kept as they were said."""
    spoken = ALICE._replace(text=text, speaker='O\'Neil, "Bo": x')

    assert parse(as_json([spoken])).utterances == (spoken,)


def test_lines_that_are_no_objects_are_not_tried_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only lines that begin like an object are parsed, and only so many that turn out to be none."""
    tried = 0
    parse_one = jsontext._parse

    def counted(text: str) -> object:
        nonlocal tried
        tried += 1
        return parse_one(text)

    monkeypatch.setattr(jsontext, "_parse", counted)
    for line in ("x", "{x"):
        with pytest.raises(FormatError):
            parse("{\n" + f"{line}\n" * 50_000, "JSON")

    assert tried <= 2 * (jsontext.FAILED_LINES_MAX + 5)
