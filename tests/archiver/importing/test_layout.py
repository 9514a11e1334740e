"""Which downloaded file is what: by its name, or by the manifest, and never by a guess."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.importing.layout import Puzzle, Row, lay_out, recognise
from archiver.importing.manifest import read_manifest
from archiver.model import CHAT, SESSION_RECORD, SUMMARY, is_id, transcript

ID = "05e57591-aaaa-4bbb-8ccc-000000000001"


@pytest.mark.parametrize(
    ("path", "session_id", "artifact"),
    [
        (f"{ID}/transcript.csv", ID, transcript("CSV")),
        (f"{ID}/transcript-final.JSON", ID, transcript("JSON")),
        (f"{ID}/chat.csv", ID, CHAT),
        (f"{ID}/chat_export 2.json", ID, CHAT),
        (f"{ID}/summary.txt", ID, SUMMARY),
        (f"{ID}/session.json", ID, SESSION_RECORD),
        (f"2026/10/{ID}/transcript.vtt", ID, transcript("VTT")),
        (f"{ID.upper()}/summary.md", ID, SUMMARY),
        ("team-meeting/summary.md", "team-meeting", SUMMARY),
        (f"{ID}_transcript.srt", ID, transcript("SRT")),
        (f"out/{ID}-chat-2026.csv", ID, CHAT),
        (f"{ID}.summary.md", ID, SUMMARY),
        (f"chat_{ID}.csv", ID, CHAT),
        (f"transcripts/{ID}.json", ID, transcript("JSON")),
        (f"summaries/{ID}.md", ID, SUMMARY),
        (f"chats/chat-{ID}.csv", ID, CHAT),
        ("weekly_chat.csv", "weekly", CHAT),
    ],
)
def test_names_that_tell(path: str, session_id: str, artifact: object) -> None:
    """Session folders, names that begin with an id, names and folders that begin with a kind."""
    assert recognise(path) == (session_id, artifact)


@pytest.mark.parametrize(
    "path",
    [
        "transcript.csv",  # whose?
        "notes.txt",
        f"{ID}/notes.txt",
        f"{ID}/transcription.csv",
        f"{ID}/transcript.txt",  # in no format that is known
        f"{ID}/summary.pdf",
        f"{ID}/chat",
        f"transcripts/{ID}.mp4",
        "chats/monday.csv",
        f"{'x' * 90}/chat.csv",
        "a\nb/chat.csv",
        ".DS_Store",
    ],
)
def test_names_that_do_not(path: str) -> None:
    """Each is named, with what to do about it."""
    assert isinstance(recognise(path), str)


@given(st.text(max_size=80))
def test_any_name_is_recognised_or_named(path: str) -> None:
    """Whatever a file is called, nothing breaks, and no session gets an id that is none."""
    found = recognise(path)

    assert isinstance(found, str) or is_id(found[0])


def test_a_manifest_explains_the_rest() -> None:
    """It says what a file is, overrules its name, and when a session was."""
    rows, puzzles = read_manifest(
        "import.csv",
        b"\xef\xbb\xbffile,session,kind,format,started_at,meeting\r\n"
        b"a.bin,one,transcript,csv,2026-10-01T09:00:00Z,m1\r\n"
        b"b_chat.csv,one,,,,\r\n"
        b",two,,,2026-10-02,\r\n"
        b"gone.csv,one,chat,,,\r\n"
        b"c.txt,one,poem,,,\r\n"
        b"d.txt,one,chat,,yesterday,\r\n",
    )
    layout = lay_out(["a.bin", "b_chat.csv", "c.txt", "import.csv"], rows)

    assert layout.files == {"one": {transcript("CSV"): ["a.bin"], CHAT: ["b_chat.csv"]}}
    assert layout.about["one"].started_at == datetime(2026, 10, 1, 9, tzinfo=UTC)
    assert layout.about["one"].meeting_id == "m1"
    assert layout.about["two"].started_at == datetime(2026, 10, 2, tzinfo=UTC)
    assert [each.path for each in layout.puzzles] == ["c.txt", "gone.csv"]
    assert [each.reason.split(":")[0] for each in puzzles] == ["row 5", "row 6"]


def test_a_manifest_may_be_json() -> None:
    """A list of objects with the same names."""
    rows, puzzles = read_manifest(
        "import.json", b'[{"file": "x.md", "session": "s", "kind": "summary"}, 7]'
    )

    assert rows == [Row(session_id="s", file="x.md", kind="summary")]
    assert [each.reason for each in puzzles] == ["row 2: it is no object"]


@given(st.binary(max_size=200), st.sampled_from(["import.csv", "import.json"]))
def test_any_manifest_is_read_or_named(data: bytes, name: str) -> None:
    """Nothing in it breaks anything."""
    rows, puzzles = read_manifest(name, data)

    assert all(isinstance(each, Row) for each in rows)
    assert all(isinstance(each, Puzzle) for each in puzzles)
