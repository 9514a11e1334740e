"""What a webhook's body says, in every layout there has been."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.model import CHAT, SUMMARY, TranscriptFormat, transcript
from archiver.realtimekit import EVENTS, SUBSCRIBED, WebhookEvent, parse_event
from archiver.simulated import EventShape, SettableClock, SimulatedSource, sent
from archiver.simulated.webhooks import EVENTS as SOURCES_EVENTS
from tests.rig import NOW

if TYPE_CHECKING:
    from archiver.model import ArtifactId

ARTIFACTS: dict[str, ArtifactId] = {
    "meeting.chatSynced": CHAT,
    "meeting.transcript": transcript(TranscriptFormat.CSV),
    "meeting.summary": SUMMARY,
}


@pytest.fixture
def source() -> SimulatedSource:
    made = SimulatedSource(clock=SettableClock(NOW))
    made.origin = "https://files.example"
    return made


@pytest.mark.parametrize("shape", EventShape)
@pytest.mark.parametrize("name", SOURCES_EVENTS)
def test_every_event_in_every_layout(name: str, shape: EventShape, source: SimulatedSource) -> None:
    """Session, app and artifact are found, flat or nested; where no app is named, none is made up."""
    session = source.session(source.session_ids[0])
    event = parse_event(sent(source, session.session_id, name, shape=shape).body)

    assert event.name == name in EVENTS
    assert event.session_id == session.session_id
    assert event.app_id == ("" if shape is EventShape.BARE else session.app_id)
    assert event.artifact == ARTIFACTS.get(name)
    assert (event.url is not None) == (name in ARTIFACTS)


def test_what_we_subscribe_to_is_offered_by_the_source() -> None:
    """And holds no stream keys and nothing about participants."""
    assert set(SUBSCRIBED) < set(SOURCES_EVENTS) == EVENTS
    assert not [name for name in SUBSCRIBED if "stream" in name or "participant" in name]


@pytest.mark.parametrize(
    ("url", "format_"),
    [
        ("https://h.example/t.json?sig=1", "JSON"),
        ("https://h.example/t.VTT", "VTT"),
        ("https://h.example/t.srt", "SRT"),
        ("https://h.example/t", "CSV"),
        ("https://[broken", "CSV"),
        ("", "CSV"),
    ],
)
def test_the_format_a_transcripts_url_names(url: str, format_: str) -> None:
    """By its extension; CSV, as documented, where it has none."""
    body = {"event": "meeting.transcript", "sessionId": "s", "transcriptDownloadUrl": url}
    assert parse_event(json.dumps(body).encode()).artifact == transcript(format_)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"event"',
        b'{"event":""}',
        b'{"event":{}}',
        b"\xff",
        b"[" * 99999,
    ],
)
def test_a_body_without_an_event(body: bytes) -> None:
    """Is told from one with an event by one kind of error."""
    with pytest.raises(ValueError):  # noqa: PT011 — what it says is nobody's concern
        parse_event(body)


@pytest.mark.parametrize("given_id", ["", "a\nb", "x" * 1000, "\ud800", 7, None, {}, []])
def test_an_id_that_could_be_none(given_id: Any) -> None:
    """Is left out: it becomes neither a folder nor a row."""
    body = {"event": "meeting.ended", "meeting": {"sessionId": given_id}}
    event = parse_event(json.dumps(body).encode())
    assert event.session_id in {"", "7"}


def test_what_is_shown_of_an_event_holds_no_url() -> None:
    """A signed URL is as good as the artifact."""
    body = (
        b'{"event":"meeting.summary","sessionId":"s","summaryDownloadUrl":"https://h/x?sig=SECRET"}'
    )
    assert "SECRET" not in repr(parse_event(body))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
names = st.sampled_from(
    ["event", "meeting", "sessionId", "organizedBy", "id", "recording", "chatDownloadUrl"]
)


@given(st.dictionaries(names, json_values | st.dictionaries(names, json_values)) | json_values)
def test_any_json_is_an_event_or_a_value_error(value: Any) -> None:
    """Whatever stands where."""
    _parsed_or_refused(json.dumps(value).encode())


@given(st.binary())
def test_any_bytes_are_an_event_or_a_value_error(body: bytes) -> None:
    """Whatever they are."""
    _parsed_or_refused(body)


def _parsed_or_refused(body: bytes) -> None:
    try:
        event = parse_event(body)
    except ValueError:
        return
    assert isinstance(event, WebhookEvent)
    assert event.name
