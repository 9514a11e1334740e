"""Transcripts in CSV: both layouts of the source, and rows that are not as documented."""

from __future__ import annotations

import pytest

from search.formats import FormatError, Limits, Utterance
from tests.search.formats.material import ALICE, BOB, STARTED_AT, as_csv_iso, as_csv_ms, parse

CURRENT = '"1000","peer-123","user-456","cust-789","Alice","Hello everyone"\n'
PREVIOUS = """\
Timestamp,Participant ID,User ID,Custom Participant ID,Participant Name,Transcript
2024-08-07T10:15:30.000Z,peer-123,user-456,cust-789,Alice,Hello everyone
"""
FIRST = ALICE._replace(end_ms=None)
SECOND = BOB._replace(end_ms=None)


def test_current_layout() -> None:
    """No header, quoted, milliseconds."""
    transcript = parse(
        CURRENT + '"3000","peer-234","user-567","cust-890","Bob","Hi Alice"\n', "CSV"
    )

    assert transcript.utterances == (FIRST, SECOND)
    assert transcript.layout == "csv-ms"
    assert transcript.notes == ()


def test_previous_layout() -> None:
    """A header and ISO 8601 times, which become offsets from the session's start."""
    transcript = parse(PREVIOUS, "CSV")

    assert transcript.utterances == (FIRST,)
    assert transcript.layout == "csv-iso"


def test_spaces_after_commas() -> None:
    """The older documentation's spaces belong to no name and to no value."""
    text = PREVIOUS.replace(",", ", ").replace("Hello everyone", '"Hello, everyone"')

    assert parse(text).utterances == (FIRST._replace(text="Hello, everyone"),)


def test_iso_times_without_a_header() -> None:
    """Without a header, a first cell that is a moment is read as one, in either spelling."""
    row = "2024-08-07 10:15:30.000000Z,peer-123,user-456,cust-789,Alice,Hello everyone\n"

    assert parse(row).utterances == (FIRST,)
    assert parse(row).layout == "csv-iso"


def test_columns_by_name() -> None:
    """A header's names say where everything is, in any order and among unknown columns."""
    text = (
        "language,transcript,participant_name,timestamp,userId,mood\n"
        "en,Hello everyone,Alice,2024-08-07T10:15:30Z,user-456,good\n"
    )

    assert parse(text).utterances == (FIRST._replace(peer_id="", custom_id=""),)


def test_decimal_milliseconds() -> None:
    """Milliseconds may have decimals; numbers since 1970 are moments."""
    text = CURRENT.replace("1000", "1000.4")
    epoch = CURRENT.replace("1000", str(int(STARTED_AT.timestamp() * 1000) + 1000))

    assert parse(text).utterances == parse(epoch).utterances == (FIRST,)


def test_header_only() -> None:
    """A header and nothing else is a transcript without utterances."""
    assert parse(PREVIOUS.splitlines()[0]).utterances == ()


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_mark(ending: str, mark: bytes) -> None:
    """Any line end and a byte order mark are fine."""
    data = mark + (CURRENT * 2).replace("\n", ending).encode()

    assert parse(data).utterances == (FIRST, FIRST)


def test_utf_16() -> None:
    """UTF-16 with its mark is read, and noted."""
    transcript = parse((CURRENT).encode("utf-16"))

    assert transcript.utterances == (FIRST,)
    assert transcript.notes == ("utf-16",)


def test_quotes_commas_and_new_lines() -> None:
    """What CSV quotes is kept: quotes, commas, line ends, names with all of them."""
    spoken = FIRST._replace(text='He said "no,\nnever"', speaker='Dr: "Bo", Jr.')

    assert parse(as_csv_ms([spoken])).utterances == (spoken,)
    assert parse(as_csv_iso([spoken])).utterances == (spoken,)


def test_commas_outside_quotes() -> None:
    """Words that were not quoted and hold commas are put together again."""
    text = PREVIOUS.replace("Hello everyone", "Hello, dear, everyone")
    bare = "1000,peer-123,user-456,cust-789,Alice,Hello, dear, everyone\n"

    assert parse(text).utterances == parse(bare).utterances
    assert parse(bare).utterances == (FIRST._replace(text="Hello, dear, everyone"),)


def test_line_ends_outside_quotes() -> None:
    """Words that a line end outside quotes cut off go back to their utterance."""
    transcript = parse(PREVIOUS + "and good, very good\nmorning\n" + PREVIOUS.splitlines()[1])

    assert (
        FIRST._replace(text="Hello everyone\nand good, very good\nmorning"),
        FIRST,
    ) == transcript.utterances
    assert transcript.notes == ("rows-continued:2",)


def test_too_few_columns() -> None:
    """A short row keeps its time, its last cell as words and the one before as name."""
    text = '"10","p","u","Ana","five"\n"20","Ana","three"\n"30","two"\n"40"\n'

    assert parse(text).utterances == (
        Utterance(10, None, "Ana", "p", "u", "", "five"),
        Utterance(20, None, "Ana", "", "", "", "three"),
        Utterance(30, None, "", "", "", "", "two\n40"),
    )


def test_rows_without_a_time_are_skipped() -> None:
    """A row that starts with no time costs only itself."""
    transcript = parse('"soon","p","u","c","Bob","lost"\n' + CURRENT + '"","p","u","c","Bob","x"\n')

    assert transcript.utterances == (FIRST,)
    assert transcript.notes == ("rows-skipped:2",)


def test_negative_and_huge_times() -> None:
    """A time before the start is the start; a number beyond reason is no time."""
    transcript = parse(CURRENT.replace("1000", "-5") + CURRENT.replace("1000", "9" * 400))

    assert [one.start_ms for one in transcript.utterances] == [0]


def test_open_quote() -> None:
    """A quote that is never closed ends with the file."""
    assert parse('"10","p","u","c","Ana","never\nclosed').utterances[0].text == "never\nclosed"


@pytest.mark.parametrize(
    "text",
    ["<html><body>Not found</body></html>", "Forbidden", "null", "a,b,c\nd,e,f", "%PDF-1.7\n1 0"],
)
def test_refused(text: str) -> None:
    """A page or file of another kind under a transcript's name is one error."""
    with pytest.raises(FormatError) as caught:
        parse(text, "CSV")

    assert caught.value.reason == "unrecognised"
    assert text not in str(caught.value)


def test_rows_that_say_nothing() -> None:
    """Blank lines are no rows, and empty cells after the last column are none."""
    assert parse("\n\n" + CURRENT.replace("\n", ",,\n\n")).utterances == (FIRST,)


def test_endless_cell() -> None:
    """A cell that holds a whole huge file is refused."""
    with pytest.raises(FormatError) as caught:
        parse('"' + "x" * (16 * 2**20 + 1))

    assert caught.value.reason == "malformed"


def test_bounds() -> None:
    """Too many rows, cells or columns are refused."""
    for data, limits in (
        (CURRENT * 10, Limits(utterances=3)),
        (CURRENT * 4, Limits(utterances=3)),
        (CURRENT * 10, Limits(values=10)),
        ("Timestamp" + ",Transcript" * 300, Limits()),
    ):
        with pytest.raises(FormatError) as caught:
            parse(data, limits=limits)

        assert caught.value.reason == "too-many"
