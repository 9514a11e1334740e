"""What every transcript layout shares: empty files, sizes, and bytes that are damaged."""

from __future__ import annotations

import pytest

from search.formats import FormatError, Limits, Transcript
from tests.search.formats.material import ALICE, as_csv_ms, as_json, as_srt, as_vtt, parse


@pytest.mark.parametrize("data", [b"", b" \r\n", b"\xef\xbb\xbf", b"\0\0", b"\xff\xfe"])
@pytest.mark.parametrize("hint", ["JSON", "CSV", "SRT", "VTT", ""])
def test_empty(data: bytes, hint: str) -> None:
    """A file that holds nothing is a transcript without utterances, in any format."""
    transcript = parse(data, hint)

    assert (transcript.utterances, transcript.layout) == ((), "empty")


@pytest.mark.parametrize("write", [as_json, as_csv_ms, as_srt, as_vtt])
def test_damaged_bytes(write: object) -> None:
    """A byte that is no UTF-8 costs one character, and is noted."""
    assert callable(write)
    transcript: Transcript = parse(write([ALICE]).replace(b"everyone", b"every\xff"))

    assert transcript.utterances[0].text == "Hello every\ufffd"
    assert transcript.notes == ("invalid-utf8",)


def test_too_large() -> None:
    """More bytes than the limit are refused before anything is read."""
    with pytest.raises(FormatError) as caught:
        parse(b"12345", limits=Limits(size_bytes=4))

    assert (caught.value.reason, caught.value.kind) == ("too-large", "transcript")
