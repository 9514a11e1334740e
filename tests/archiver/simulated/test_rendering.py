"""The files' layouts: reference, section 6."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

from archiver.simulated import (
    Csv,
    JsonUnit,
    Layout,
    Meeting,
    Newline,
    Participant,
    TranscriptMode,
    awkward_meeting,
)
from archiver.simulated.library import ChatMessage, Utterance
from archiver.simulated.rendering import Peers, Source, render

ANA = Participant(name="Ana <Boss>", custom_id="ana")
MEETING = Meeting(
    slug="a",
    title="A",
    participants=(ANA,),
    utterances=(Utterance(participant=0, start_ms=1_000, end_ms=2_500, text='Hello, "you" & I'),),
    chat=(ChatMessage(at_ms=3_000, participant=0, text="Line one\nLine two"),),
    summary="## Summary\n\n- Done\n",
)


def made(meeting: Meeting = MEETING) -> Source:
    return Source(
        meeting=meeting,
        meeting_id="m",
        started_at=datetime(2026, 6, 3, 10, tzinfo=UTC),
        peers=Peers(app_id="a", session_id="s", participants=tuple(meeting.participants)),
    )


def text(kind: str, format_: str = "", layout: Layout | None = None) -> str:
    return render(made(), kind, format_, layout or Layout()).decode()


def rows(body: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body, newline="")))


def test_csv_today() -> None:
    """Today's CSV has no header, quotes everything, and counts milliseconds."""
    body = text("transcript", "CSV")
    row = rows(body)[0]

    assert body.startswith('"1000","')
    assert [row[0], row[3], row[4], row[5]] == ["1000", "ana", "Ana <Boss>", 'Hello, "you" & I']


def test_csv_before() -> None:
    """The CSV of before has a header and ISO 8601 times."""
    header, row = rows(text("transcript", "CSV", Layout(csv=Csv.HEADER)))

    assert header[0] == "Timestamp"
    assert row[0] == "2026-06-03T10:00:01.000Z"


def test_csv_spaced_header() -> None:
    """Dyte's CSV has a space after each comma of its header."""
    body = text("transcript", "CSV", Layout(csv=Csv.SPACED_HEADER))

    assert body.startswith("Timestamp, Participant ID, User ID")


def test_json_units() -> None:
    """JSON times are milliseconds today, and were seconds."""
    (today,) = json.loads(text("transcript", "JSON"))
    (before,) = json.loads(text("transcript", "JSON", Layout(json_unit=JsonUnit.SECONDS)))

    assert (today["startTime"], today["endTime"]) == (1000, 2500)
    assert (before["startTime"], before["endTime"]) == (1, 2.5)
    assert today["peerData"]["leftAt"] == ""
    assert "joinedAt" not in before["peerData"]


def test_srt() -> None:
    """SRT has decimal commas and the speaker as a prefix."""
    expected = '1\n00:00:01,000 --> 00:00:02,500\nAna <Boss>: Hello, "you" & I\n'

    assert text("transcript", "SRT") == expected


def test_vtt() -> None:
    """VTT has the speaker as a voice tag, or as a prefix."""
    tagged = text("transcript", "VTT")
    prefixed = text("transcript", "VTT", Layout(vtt_voice_tags=False))

    assert tagged.startswith("WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<v Ana &lt;Boss&gt;>Hello")
    assert 'Ana &lt;Boss&gt;: Hello, "you" &amp; I' in prefixed


def test_chat_csv() -> None:
    """The chat export is a CSV with ten columns and a header."""
    header, row = rows(text("chat"))
    message = dict(zip(header, row, strict=True))

    assert len(header) == 10
    assert message["payload"] == "Line one\nLine two"
    assert message["pinned"] == "false"
    assert message["createdAt"] == "2026-06-03T10:00:03.000Z"


def test_chat_json() -> None:
    """The chat export may be a JSON array."""
    (message,) = json.loads(text("chat", layout=Layout(chat_json=True)))

    assert message["payloadType"] == "TEXT_MESSAGE"


def test_chat_header_only() -> None:
    """The chat export may be nothing but its header."""
    assert len(rows(text("chat", layout=Layout(chat_header_only=True)))) == 1


def test_bom_and_crlf() -> None:
    """Files may begin with a BOM and end their lines with CRLF."""
    body = render(made(), "chat", "", Layout(bom=True, newline=Newline.CRLF))

    assert body.startswith(b"\xef\xbb\xbfid,")
    assert body.endswith(b"\r\n")


def test_summary() -> None:
    """A summary is Markdown, or plain text."""
    assert text("summary") == MEETING.summary
    assert text("summary", layout=Layout(summary_plain=True)) == "Summary\n\nDone\n"


def test_empty_transcript() -> None:
    """A meeting without a word has a transcript of no bytes."""
    meeting = Meeting(
        slug="e",
        title="E",
        participants=(ANA,),
        utterances=(),
        transcript_mode=TranscriptMode.EMPTY,
    )

    assert render(made(meeting), "transcript", "JSON", Layout()) == b""


def test_awkward_contents_survive() -> None:
    """Whatever is said or typed can be read back from JSON and CSV."""
    meeting = awkward_meeting(message_bytes=1000)
    spoken = [one.text for one in meeting.utterances]
    typed = [message.text for message in meeting.chat]
    source = made(meeting)
    sentences = json.loads(render(source, "transcript", "JSON", Layout()))
    cells = rows(render(source, "transcript", "CSV", Layout()).decode())
    messages = rows(render(source, "chat", "", Layout()).decode())

    assert [one["sentence"] for one in sentences] == spoken
    assert [row[5] for row in cells] == spoken
    assert [row[8] for row in messages[1:]] == typed
