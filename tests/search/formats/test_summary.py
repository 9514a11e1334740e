"""Summaries: text as it was written, and whether it is Markdown."""

from __future__ import annotations

import pytest

from search.formats import FormatError, Limits, Summary, parse_summary

EXAMPLE = """\
## Meeting Summary

### Key Discussion Points

- Reviewed Q4 roadmap priorities

### Action Items

- @alice: Update design specs by Friday
"""


def test_documented_example() -> None:
    """The reference's example is Markdown, kept to the letter."""
    assert parse_summary(EXAMPLE.encode()) == Summary(text=EXAMPLE, layout="markdown", notes=())


@pytest.mark.parametrize(
    "text",
    ["# T", "* one", "1 **strong** word", "see [this](https://h/x)", "```\nx\n```", "|a|\n|---|"],
)
def test_markdown(text: str) -> None:
    """Headings, items, strong words, links, code and tables are Markdown."""
    assert parse_summary(text.encode()).layout == "markdown"


@pytest.mark.parametrize(
    "text",
    [
        "We met. All agreed.",
        "C# and a*b ** c",
        "#hashtag",
        "5 - 3",
        "<script>alert(1)</script>",
        "要約です。",
        "",
    ],
)
def test_plain(text: str) -> None:
    """Anything else is plain text; markup in it is only text."""
    assert parse_summary(text.encode()) == Summary(text=text, layout="plain", notes=())


def test_line_ends_and_very_long() -> None:
    """Line ends stay, and length does not matter within the limit."""
    text = "# T\r\n" + "word " * 200_000

    assert parse_summary(b"\xef\xbb\xbf" + text.encode()).text == text


def test_damaged_bytes() -> None:
    """Bytes that are no UTF-8 and NULs are replaced, and noted."""
    summary = parse_summary(b"a\xffb\0c\0\0")

    assert summary.text == "a\ufffdb\ufffdc"
    assert summary.notes == ("invalid-utf8", "nul-replaced")


def test_damaged_utf_16() -> None:
    """UTF-16 cut in the middle of a character is read up to there."""
    summary = parse_summary("été".encode("utf-16")[:-1])

    assert summary.text == "ét\ufffd"
    assert summary.notes == ("utf-16", "invalid-utf16")


def test_too_large() -> None:
    """More bytes than the limit are refused."""
    with pytest.raises(FormatError, match="summary: 5 bytes, the limit is 4"):
        parse_summary(b"12345", limits=Limits(size_bytes=4))
