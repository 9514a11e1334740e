"""Whether a file says nothing at all."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from archiver.emptiness import HEAD_BYTES, is_empty

CHAT_HEADER = (
    "id,participantId,sessionId,meetingId,displayName,pinned,isEdited,payloadType,payload,createdAt"
)
TRANSCRIPT_HEADER = (
    "Timestamp, Participant ID, User ID, Custom Participant ID, Participant Name, Transcript"
)
BOM = b"\xef\xbb\xbf"


def empty(body: bytes) -> bool:
    """What the test says of a whole body."""
    return is_empty(body[:HEAD_BYTES], len(body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        BOM,
        b" \r\n\t\n",
        b" " * HEAD_BYTES,
        b"[]",
        BOM + b"[ ]\n",
        b"[\n\n]\n",
        b"WEBVTT",
        BOM + b"WEBVTT\r\n\r\n",
        CHAT_HEADER.encode(),
        BOM + CHAT_HEADER.encode() + b"\r\n",
        CHAT_HEADER.replace(",", '","').join('""').encode(),
        TRANSCRIPT_HEADER.encode(),
        TRANSCRIPT_HEADER.replace(", ", ",").encode() + b"\n",
    ],
)
def test_what_holds_nothing_is_empty(body: bytes) -> None:
    """A byte order mark or white space, `[]`, `WEBVTT`, or one known header line."""
    assert empty(body)


@pytest.mark.parametrize(
    "body",
    [
        b"0",
        b"{}",
        b"null",
        b"[[]]",
        b"[]\n[]",
        b'"[]"',
        b"\0",
        b"\xff",
        BOM + BOM,
        b"\xff\xfe",
        "\u200b".encode(),
        b"WEBVTT - Weekly sync",
        b"WEBVTT\n\nNOTE hello",
        b"Web VTT",
        b"w e b v t t",
        b'"WEBVTT"',
        CHAT_HEADER.encode() + b"\n1,",
        CHAT_HEADER.encode() + b"\n" + CHAT_HEADER.encode(),
        CHAT_HEADER.replace(",", "\n,").encode(),
        CHAT_HEADER.encode() + b",mood",
        b"Timestamp,Transcript",
        b" " * (HEAD_BYTES + 1),
        b"[]" + b" " * HEAD_BYTES,
    ],
)
def test_everything_else_is_content(body: bytes) -> None:
    """In doubt a file says something."""
    assert not empty(body)


def test_a_beginning_is_not_the_whole() -> None:
    """A blank beginning of a longer file says nothing about the rest."""
    assert not is_empty(b"", 5)
    assert not is_empty(b"[]", 3)


WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1)


@given(
    st.sampled_from(["", "[]\n", "WEBVTT\n\n", f"{CHAT_HEADER}\n", f"{TRANSCRIPT_HEADER}\r\n"]),
    st.text(st.sampled_from(" \t\r\n")),
    WORDS,
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_content_is_never_called_empty(
    beginning: str, blanks: str, words: str, encoding: str
) -> None:
    """Whatever header stands before it, a word is a word."""
    assume((beginning + blanks + words).strip() != "WEBVTT")

    assert not empty((beginning + blanks + words).encode(encoding))


@given(st.binary(max_size=HEAD_BYTES + 50))
def test_any_bytes_are_empty_or_not(body: bytes) -> None:
    """Nothing else comes out; and what is called empty holds nothing but what may be dropped."""
    if empty(body):
        assert not body.removeprefix(BOM).decode().strip() or body.strip(BOM + b" \r\n\t") in {
            b"[]",
            b"WEBVTT",
        }
