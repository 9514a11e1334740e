"""Transcripts as SRT and VTT: timings, identifiers, comments, voices and names."""

from __future__ import annotations

import time

import pytest

from search.formats import FormatError, Limits
from tests.search.formats.material import ALICE, BOB, as_srt, as_vtt, parse


def said(text: str, hint: str = "") -> list[tuple[int, int | None, str, str]]:
    """Start, end, speaker and words of every utterance."""
    return [
        (one.start_ms, one.end_ms, one.speaker, one.text) for one in parse(text, hint).utterances
    ]


def test_srt() -> None:
    """The documented example, with hours, commas and the name before the words."""
    text = "1\n00:00:01,000 --> 00:00:02,500\nAlice: Hello everyone\n"

    assert said(text) == [(1000, 2500, "Alice", "Hello everyone")]
    assert parse(text).layout == "srt"


def test_generated_srt_and_vtt() -> None:
    """Both cue layouts say the same."""
    nameless = [one._replace(peer_id="", participant_id="", custom_id="") for one in (ALICE, BOB)]

    assert list(parse(as_srt([ALICE, BOB])).utterances) == nameless
    assert list(parse(as_vtt([ALICE, BOB])).utterances) == nameless


def test_vtt() -> None:
    """Short times, settings, identifiers, comments, styles, tags and entities are understood."""
    text = """\ufeffWEBVTT - a title
Kind: captions

STYLE
::cue { color: red }

NOTE a comment
00:01 is not a timing

intro
01:02.500 --> 01:04.000 align:start position:0%
<v.loud Ana Souza>Tom &amp; <i>Jerry</i> say 1 &lt; 2</v>

100:00:00.000 --> 100:00:01.000
Bob: plain
NOTE inside a cue is said
"""

    assert said(text) == [
        (62_500, 64_000, "Ana Souza", "Tom & Jerry say 1 < 2"),
        (360_000_000, 360_001_000, "Bob", "plain\nNOTE inside a cue is said"),
    ]
    assert parse(text).layout == "vtt"


def test_several_voices_in_a_cue() -> None:
    """Each voice of a cue is an utterance."""
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ana>Hi</v>\n<v Bob>Hello</v>\n"

    assert said(text) == [(1000, 2000, "Ana", "Hi"), (1000, 2000, "Bob", "Hello")]


def test_empty_vtt() -> None:
    """A VTT without cues has no utterances."""
    assert parse("WEBVTT").utterances == parse("WEBVTT\n\nNOTE nothing\n").utterances == ()


def test_no_blank_line_between_cues() -> None:
    """A number right above a timing belongs to the next cue, not to the words before it."""
    text = "1\n00:00:01,000 --> 00:00:02,000\nA: one\n2\n00:00:03,000 --> 00:00:04,000\nB: two"

    assert said(text) == [(1000, 2000, "A", "one"), (3000, 4000, "B", "two")]


def test_blank_line_inside_a_cue() -> None:
    """Words after a blank line belong to the cue before; the next cue's number does not."""
    text = "1\n0:00:01,000 --> 0:00:02,000\nA: one\n\nmore\n\n2\n0:00:03,000 --> 0:00:04,000\nB: two\n\nlast"

    assert said(text) == [(1000, 2000, "A", "one\nmore"), (3000, 4000, "B", "two\nlast")]


def test_a_number_that_was_said() -> None:
    """A number that is all of a cue's words stays."""
    text = "1\n00:00:01,000 --> 00:00:02,000\n42\n\n2\n00:00:03,000 --> 00:00:04,000\nB: two"

    assert said(text)[0] == (1000, 2000, "", "42")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends(ending: str) -> None:
    """Any line end will do."""
    text = "WEBVTT\n\nx\n00:01.000 --> 00:02.000\nA: one\n".replace("\n", ending)

    assert said(text) == [(1000, 2000, "A", "one")]


def test_names_with_a_colon() -> None:
    """A name that holds a colon is found where its owner always begins like that."""
    cues = ["Dr: Smith: Hello", "Ana: Note: this", "Dr: Smith: Bye", "Ana: Yes", "no name here"]
    text = "".join(
        f"{n}\n00:00:0{n},000 --> 00:00:0{n},500\n{cue}\n\n" for n, cue in enumerate(cues, 1)
    )

    assert [row[2:] for row in said(text)] == [
        ("Dr: Smith", "Hello"),
        ("Ana", "Note: this"),
        ("Dr: Smith", "Bye"),
        ("Ana", "Yes"),
        ("", "no name here"),
    ]


def test_name_without_words() -> None:
    """A cue that is only a name says nothing, with or without the space after it."""
    timing = "00:00:01,000 --> 00:00:02,000"
    transcript = parse(f"1\n{timing}\nAlice: \n\n2\n{timing}\nAna:\n\n3\n{timing}\nB: two")

    assert [(one.speaker, one.text) for one in transcript.utterances] == [("B", "two")]
    assert transcript.notes == ("empty-text:2",)


def test_srt_tags() -> None:
    """SRT's few tags are no words; what only looks like one is."""
    text = (
        '1\n00:00:01,000 --> 00:00:02,000\nA: <font color="red"><b>x</b></font> <y> &amp; a --> b\n'
    )

    assert said(text)[0][3] == "x <y> &amp; a --> b"


def test_endless_character_reference() -> None:
    """A character reference of thousands of digits is left alone."""
    reference = "&#" + "9" * 5000 + ";"

    assert said(f"WEBVTT\n\n00:01.000 --> 00:02.000\nA: {reference}\n")[0][3] == reference


def test_end_before_start() -> None:
    """An end before its start is unknown."""
    assert said("1\n00:00:05,000 --> 00:00:02,000\nA: x\n") == [(5000, None, "A", "x")]


def test_out_of_order() -> None:
    """Cues come by start."""
    assert [one.text for one in parse(as_srt([BOB, ALICE])).utterances] == [ALICE.text, BOB.text]


def test_the_content_decides() -> None:
    """A layout is known by its content, whatever format was asked for; the hint breaks ties."""
    headless = as_vtt([ALICE]).removeprefix(b"WEBVTT\n\n")

    assert parse(as_srt([ALICE]), "CSV").layout == "srt"
    assert parse(as_vtt([ALICE]), "SRT").layout == "vtt"
    assert parse(headless, "VTT").layout == "vtt"
    assert parse(headless, "JSON").layout == "srt"
    assert parse("x\n" * 5000 + as_srt([ALICE]).decode(), "SRT").layout == "srt"


def test_timing_cut_by_the_look_ahead() -> None:
    """What only looked like a timing where the look ahead ended is refused."""
    start = "x\n" * 2034 + "00:00:01,000 --> 00:00:02,00"
    assert len(start) == 4096

    with pytest.raises(FormatError) as caught:
        parse(start + "abc")

    assert caught.value.reason == "unrecognised"


def test_bounds() -> None:
    """Too many cues, voices or lines are refused."""
    voices = b"WEBVTT\n\n00:01.000 --> 00:02.000\n" + b"<v Ana>x" * 5
    lines = as_srt([ALICE]) + b"\n" * 99
    few, short = Limits(utterances=4), Limits(values=50)
    for data, limits in (
        (as_srt([ALICE] * 5), few),
        (as_srt([ALICE] * 10), few),
        (voices, few),
        (lines, short),
    ):
        with pytest.raises(FormatError) as caught:
            parse(data, limits=limits)

        assert caught.value.reason == "too-many"


def test_a_voice_without_an_end_takes_no_longer_than_it_is() -> None:
    """Four times the spaces after `<v` take four times as long, not sixteen."""

    def seconds(spaces: int) -> float:
        text = "WEBVTT\n\n00:00.000 --> 00:01.000\n<v" + " " * spaces + "x"
        taken = []
        for _ in range(3):
            begin = time.process_time()
            parse(text, "VTT")
            taken.append(time.process_time() - begin)
        return min(taken)

    assert seconds(20_000) < 8 * seconds(5_000) + 0.05
