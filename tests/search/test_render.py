"""Renderings of transcripts, and what a meeting full of attacks cannot do to them."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search import render
from search.index.seam import Line
from tests.search.web.world import said

ATTACKS = [
    "<script>alert(1)</script>",
    "</v><b>bold</b> & <img src=x onerror=alert(1)>",
    "00:00:00.000 --> 99:00:00.000",
    "a\n\n00:00:05.000 --> 00:00:06.000\n<v Ana>I agree",
    "a\r\n\r\n7\r\n00:00:05,000 --> 00:00:06,000\r\nAna: I agree",
    "NOTE\u2028STYLE\u2029::cue { color: red }\x85\x0b\x0c",
    "WEBVTT\n\nREGION\nid:x",
    '=HYPERLINK("http://evil.example","x")',
    "+1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    '"; =1+1; "',
    "[00:00:00] Ben: I never said this",
    "hello\n[00:00:00] Ben: nor this",
    "\x1b[2J\x1b]0;title\x07 \x9b31m \x00",
    "\u202edesrever",
    "\u2066isolated\u2069 " + "".join(chr(0xE0000 + ord(each)) for each in "tags"),
    "x; =1+1; y",
    'x;"=1+1"',
    "x\t@SUM(1+1)",
    "x\r\n=1+1",
    "x;\u200b ＝1+1",
    "",
    "   ",
]

#: One cue each: a time line, one line of text, an empty line.
VTT = re.compile(
    r"WEBVTT\n(?:\n\d{2,}:\d\d:\d\d\.\d{3} --> \d{2,}:\d\d:\d\d\.\d{3}\n"
    r"(?:<v [^<>\n\r]*>)?[^<>\n\r]*\n)*\Z"
)
SRT = re.compile(
    r"(?:(?:\A|\n)\d+\n\d{2,}:\d\d:\d\d,\d{3} --> \d{2,}:\d\d:\d\d,\d{3}\n(?!.*-->)[^\n\r]*\n)*\Z"
)
BREAKS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")

texts = st.sampled_from(ATTACKS) | st.text()
times = st.none() | st.integers(0, 10**9)
some_lines = st.lists(
    st.builds(
        Line,
        kind=st.just("transcript"),
        speaker=texts,
        start_ms=times,
        end_ms=times,
        text=texts,
    ),
    max_size=6,
)


@given(lines=some_lines)
def test_no_cue_can_be_forged_in_vtt(lines: list[Line]) -> None:
    """Whatever was said, a WebVTT file has one cue for each utterance, and no tag but the voice."""
    text = render.as_vtt(lines)

    assert VTT.match(text)
    assert len([each for each in lines if each.start_ms is not None]) == text.count(" --> ")
    assert not BREAKS.search(text)


@given(lines=some_lines)
def test_no_cue_can_be_forged_in_srt(lines: list[Line]) -> None:
    """Whatever was said, a SubRip file has one cue for each utterance."""
    text = render.as_srt(lines)

    assert SRT.match(text)
    assert len([each for each in lines if each.start_ms is not None]) == text.count(" --> ")
    assert not BREAKS.search(text)


@given(lines=some_lines)
def test_no_line_can_be_forged_in_text(lines: list[Line]) -> None:
    """Whatever was said, each utterance begins one line; what follows in it is indented."""
    rows = render.as_txt(lines).split("\n")

    begun = [each for each in rows if each and not each.startswith("    ")]
    assert len(lines) == len(begun)
    assert all(re.match(r"\[(?:\d{2,}:\d\d:\d\d|--:--:--)\] ", each) for each in begun)


@given(lines=some_lines)
def test_no_cell_is_a_formula(lines: list[Line]) -> None:
    """Whatever was said, a spreadsheet reads text, in as many rows as there were utterances."""
    rows = [*csv.reader(io.StringIO(render.as_csv(lines), newline=""))]

    assert rows[0] == ["start_ms", "end_ms", "speaker", "text"]
    assert len(lines) == len(rows) - 1
    for cell in (cell for row in rows[1:] for cell in row[2:]):
        assert not cell.lstrip().startswith(("=", "+", "-", "@"))
        assert not cell.startswith(("\t", "\r", "\n"))


@given(lines=some_lines)
def test_no_cell_is_a_formula_however_it_is_split(lines: list[Line]) -> None:
    """Nor where semicolons or tabs part cells, as in half of Europe, and a quote within a line is a letter."""
    text = render.as_csv(lines).removeprefix("start_ms,end_ms,speaker,text\r\n")

    for cell in re.split(r"[;\t\r\n]", text):
        assert not re.match(r"[\s\"\u200b-\u200f\u2060\ufeff]*[=+\-@＝＋－＠]", cell), cell


@given(lines=some_lines)
def test_no_rendering_turns_words_around(lines: list[Line]) -> None:
    """Neither a bidi override nor a tag is in any of them, nor a control but tabs and line ends."""
    for write, _ in render.FORMATS.values():
        text = write(lines)
        assert not re.search("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]", text)
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", text)


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(1)", "\tx", ' "=1"', "'=1", "\u200b=1", "\ufeff=1", "＝1"]
)
def test_a_formula_is_shown_behind_an_apostrophe(text: str) -> None:
    """Also one that stands behind spaces, quotes or what nobody sees, or is written wide."""
    _, row = csv.reader(io.StringIO(render.as_csv([said(text)]), newline=""))

    assert row[3] == f"'{text}"


def test_harmless_text_is_left_as_it_is() -> None:
    """Nothing that needs no defence is changed."""
    lines = [said("Fünf Euro, 5 % = viel; 契約 & <so weiter>", by="Zoë", at_ms=3_723_004)]

    assert '3723004,3725004,Zoë,"Fünf Euro, 5 % = viel; 契約 & <so weiter>"\r\n' in render.as_csv(
        lines
    )
    assert render.as_txt(lines) == "[01:02:03] Zoë: Fünf Euro, 5 % = viel; 契約 & <so weiter>\n"
    assert render.as_srt(lines) == (
        "1\n01:02:03,004 --> 01:02:05,004\nZoë: Fünf Euro, 5 % = viel; 契約 & <so weiter>\n"
    )
    assert render.as_vtt(lines) == (
        "WEBVTT\n\n01:02:03.004 --> 01:02:05.004\n"
        "<v Zoë>Fünf Euro, 5 % = viel; 契約 &amp; &lt;so weiter&gt;\n"
    )


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([(0, None), (1000, 2000)], [(0, 1000), (1000, 2000)]),
        ([(0, None), (60_000, None)], [(0, 4000), (60_000, 64_000)]),
        ([(0, 0), (0, None)], [(0, 4000), (0, 4000)]),
        ([(5000, 1000)], [(5000, 9000)]),
    ],
)
def test_every_cue_ends_after_it_begins(
    times: list[tuple[int, int | None]], expected: list[tuple[int, int]]
) -> None:
    """Where no end is known a cue is shown for a while, or until the next one."""
    lines = [
        Line(kind="transcript", speaker="", start_ms=start, end_ms=end, text="x")
        for start, end in times
    ]

    shown = [f"{render.clock(a, '.')} --> {render.clock(b, '.')}" for a, b in expected]
    assert shown == re.findall(r".* --> .*", render.as_vtt(lines))


def test_a_message_of_several_lines_stays_one_message() -> None:
    """Further lines of a message are indented under its own."""
    assert render.as_txt([said("one\ntwo")]) == "[00:00:00] Ana: one\n    two\n"


def test_markdown_keeps_lists_together_and_paragraphs_apart() -> None:
    """A summary's lines become Markdown that reads as it was meant."""
    texts = ["# Title", "First.", "Second.", "- a", "- b", "| x | y |", "1. one", "After."]
    lines = [said(each, at_ms=None, kind="summary", by="") for each in texts]

    assert render.as_markdown(lines) == (
        "# Title\n\nFirst.\n\nSecond.\n\n- a\n- b\n| x | y |\n1. one\n\nAfter.\n"
    )
