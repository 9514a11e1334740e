from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from archiver.errors import PayloadError, SourceUnavailableError
from archiver.realtimekit import DownloadUrl
from archiver.realtimekit.lenient import Fields, escape, without_queries
from archiver.realtimekit.payloads import (
    parse_apps,
    parse_error,
    parse_offer,
    parse_participants,
    parse_peer_report,
    parse_session,
    parse_sessions,
    parse_summary_requested,
    parse_webhook,
    parse_webhooks,
)
from tests.archiver.realtimekit.servers import APP, listing, session

TEN = datetime(2026, 6, 3, 10, 0, tzinfo=UTC)
SIGNED = "https://bucket.s3.amazonaws.com/chat.csv?X-Amz-Signature=topsecret"


def one(**more: object) -> Any:
    """The session of a listing that has one row, changed so."""
    (item,) = parse_sessions(json.dumps(listing(session(1, **more))), APP).items
    return item.session


def test_a_session_as_the_reference_shows_it() -> None:
    """Every field of the documented session is read."""
    page = parse_sessions(
        json.dumps(
            listing(session(1), paging={"total_count": 9, "start_offset": 1, "end_offset": 1})
        ),
        APP,
    )
    (item,) = page.items

    assert (page.count, page.total_count, page.end_offset, page.malformed) == (1, 9, 1, 0)
    assert item.title == "Weekly sync"
    assert item.session.app_id == APP
    assert item.session.meeting_id == "50c8940e-1b97-402a-97d6-2708b7feca41"
    assert (item.session.started_at, item.session.created_at) == (TEN, TEN)
    assert datetime(2026, 6, 3, 10, 30, tzinfo=UTC) == item.session.ended_at
    assert item.session.ended
    assert item.session.transcribed is None


@pytest.mark.parametrize(
    ("change", "name", "expected"),
    [
        ({"ended_at": None}, "ended_at", None),
        ({"ended_at": ...}, "ended_at", None),
        ({"ended_at": ""}, "ended_at", None),
        ({"ended_at": "0001-01-01T00:00:00Z"}, "ended_at", None),
        ({"ended_at": "9999-12-31T23:59:59Z"}, "ended_at", None),
        ({"started_at": "2026-06-03 10:00:00.000000Z"}, "started_at", TEN),
        ({"started_at": "2026-06-03T12:00:00+02:00"}, "started_at", TEN),
        ({"started_at": ...}, "started_at", TEN),
        ({"started_at": "soon"}, "started_at", TEN),
        ({"created_at": ...}, "created_at", TEN),
        ({"started_at": ..., "startedAt": "2026-06-03T10:00:00Z"}, "started_at", TEN),
        ({"associated_id": "room-v1"}, "meeting_id", "room-v1"),
        ({"associated_id": 17}, "meeting_id", "17"),
        ({"associated_id": ..., "associatedId": "m"}, "meeting_id", "m"),
        ({"associated_id": ...}, "meeting_id", ""),
        ({"associated_id": "line\nbreak"}, "meeting_id", ""),
        ({"associated_id": "bad\ud800"}, "meeting_id", ""),
        ({"status": "LIVE"}, "ended", False),
        ({"status": "ended"}, "ended", True),
        ({"status": "PAUSED_BY_COMET"}, "ended", False),
        ({"status": ...}, "ended", False),
        ({"transcription_minutes_consumed": 0}, "transcribed", False),
        ({"transcription_minutes_consumed": "0.0"}, "transcribed", False),
        ({"transcriptionMinutesConsumed": "12.5"}, "transcribed", True),
        ({"transcription_minutes_consumed": None}, "transcribed", None),
        ({"transcription_minutes_consumed": "NaN"}, "transcribed", None),
        ({"transcription_minutes_consumed": True}, "transcribed", None),
    ],
)  # fmt: skip
def test_leniency_about_a_session(change: dict[str, object], name: str, expected: object) -> None:
    """Both spellings of names and times, numbers as strings, nulls and gaps are all read."""
    assert expected == getattr(one(**change), name)


def test_unknown_fields_stay_in_the_raw_text() -> None:
    """A field nobody documented is kept as it was sent."""
    body = json.dumps(listing(session(1, recording_status="??", meta={"room_name": "x"})))
    (item,) = parse_sessions(body, APP).items

    assert '"recording_status": "??", "meta": {"room_name": "x"}' in item.raw


def test_breakout_rooms_are_sessions_too() -> None:
    """Sessions nested in breakout rooms are listed with their parent, each with its own slice."""
    inner = session(3, meeting_display_name="Inner")
    room = session(2, breakout_rooms=[inner])
    stray = session(4, parent_session_id="elsewhere")
    body = json.dumps(listing(session(1, breakoutRooms=[room, stray])))
    page = parse_sessions(body, APP)
    ids = [item.session.session_id for item in page.items]

    assert page.count == 1
    assert [session(number)["id"] for number in (1, 2, 3, 4)] == ids
    assert ["", ids[0], ids[1], "elsewhere"] == [item.parent_session_id for item in page.items]
    assert json.dumps(inner) == page.items[2].raw


def test_breakout_rooms_of_the_details() -> None:
    """The details of a session hold its breakout rooms, each with its parent and its own slice."""
    inner = session(3)
    room = session(2, breakoutRooms=[inner])
    body = json.dumps({"data": session(1, breakout_rooms=[room, {"id": "no time"}])})
    found = parse_session(body, APP)

    rooms = found.breakout_rooms
    assert [each.session.session_id for each in rooms] == [room["id"], inner["id"]]
    assert [each.parent_session_id for each in rooms] == [session(1)["id"], room["id"]]
    assert rooms[1].raw == json.dumps(inner)
    assert parse_session(json.dumps({"data": session(1)}), APP).breakout_rooms == ()


def test_breakout_rooms_without_end_are_cut_off() -> None:
    """Rooms nested deeper than the bound are counted as malformed, and the others stay."""
    row = session(0)
    for number in range(1, 40):
        row = session(number, breakout_rooms=[row])
    page = parse_sessions(json.dumps(listing(row)), APP)

    assert (len(page.items), page.malformed) == (9, 1)


@pytest.mark.parametrize(
    "bad", [None, 3, "x", [], {}, session(9, id=None), session(9, id=""), session(9, started_at=..., created_at="?")]
)  # fmt: skip
def test_one_malformed_row_loses_no_other(bad: object) -> None:
    """A row without an id or a time is counted, and its neighbours are read."""
    page = parse_sessions(json.dumps(listing(session(1), bad, session(2))), APP)

    assert (len(page.items), page.malformed, page.count, len(page.ids)) == (2, 1, 3, 3)


@pytest.mark.parametrize(
    "paging",
    [
        {"paging": {"total_count": "7", "end_offset": 3.0}},
        {"paging": {"totalCount": 7, "endOffset": "3"}},
        {"paging": None, "data": {"sessions": [], "paging": {"total_count": 7, "end_offset": 3}}},
    ],
)
def test_paging_in_every_place_and_spelling(paging: dict[str, object]) -> None:
    """Paging is read at the top level or inside data, from numbers or strings."""
    page = parse_sessions(json.dumps(listing() | paging), APP)

    assert (page.total_count, page.end_offset) == (7, 3)


@pytest.mark.parametrize(
    "paging", [{}, {"paging": None}, {"paging": 5}, {"paging": {"total_count": "many"}}]
)
def test_missing_paging_is_none(paging: dict[str, object]) -> None:
    """Without paging nothing is known about the rest."""
    page = parse_sessions(json.dumps(listing() | paging), APP)

    assert (page.total_count, page.end_offset) == (None, None)


@pytest.mark.parametrize(
    "nesting", [lambda row: row, lambda row: {"session": row}], ids=["flat", "nested"]
)
def test_both_nestings_of_session_details(nesting: Any) -> None:
    """The details are read from data and from data.session."""
    found = parse_session(json.dumps({"data": nesting(session(5))}), APP)

    assert session(5)["id"] == found.session.session_id
    assert json.dumps(session(5)) == found.raw


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"data":null}',
        '{"data":{}}',
        '{"data":{"id":"x"}}',
        "[]",
        "null",
        '{"success":false,"data":{}}',
    ],
)
def test_session_details_without_a_session(body: str) -> None:
    """An answer that lacks the session is a PayloadError."""
    with pytest.raises(PayloadError):
        parse_session(body, APP)


@pytest.mark.parametrize(
    "parse",
    [lambda body: parse_sessions(body, APP), parse_participants, parse_apps, parse_webhooks],
)
@pytest.mark.parametrize(
    "body",
    [
        '{"success":true}',
        '{"data":null}',
        '{"data":{}}',
        '{"data":5}',
        '{"success":false,"data":[]}',
        "7",
    ],
)
def test_a_list_that_is_not_there(parse: Any, body: str) -> None:
    """An answer without its list is a PayloadError, never an empty list."""
    with pytest.raises(PayloadError):
        parse(body)


@pytest.mark.parametrize("body", ["", "<html>502 Bad Gateway</html>", "{", "\x00"])
def test_what_is_no_json_is_unavailable(body: str) -> None:
    """HTML and broken JSON mean that the source was not reached."""
    for parse in (parse_participants, parse_apps, lambda text: parse_offer(text, "chat")):
        with pytest.raises(SourceUnavailableError):
            parse(body)


def test_a_list_that_is_null_is_empty() -> None:
    """A null where the rows should be stands for none."""
    assert parse_sessions('{"data":{"sessions":null}}', APP).count == 0
    assert parse_participants('{"data":{"participants":null}}').count == 0


@pytest.mark.parametrize(
    ("artifact", "data", "expires"),
    [
        (
            "chat",
            {"chat_download_url": SIGNED, "chat_download_url_expiry": "2026-06-03T10:00:00.000Z"},
            TEN,
        ),
        (
            "transcript",
            {
                "sessionId": "x",
                "transcript_download_url": SIGNED,
                "transcript_download_url_expiry": "2026-06-03 10:00:00.000000Z",
            },
            TEN,
        ),
        (
            "summary",
            {"sessionId": "x", "summaryDownloadUrl": SIGNED, "summaryDownloadUrlExpiry": ""},
            None,
        ),
        ("summary", {"summary_download_url": SIGNED}, None),
        ("chat", {"chatDownloadUrl": SIGNED, "chatDownloadUrlExpiry": "whenever"}, None),
    ],
)
def test_offers_in_every_spelling(artifact: str, data: object, expires: datetime | None) -> None:
    """Snake, camel and mixed case, both forms of expiry and none: all give the URL."""
    offer = parse_offer(json.dumps({"success": True, "data": data}), artifact)

    assert offer.url is not None
    assert offer.url.reveal() == SIGNED
    assert expires == offer.expires_at


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"data": None},
        {"data": {}},
        {"data": {"chat_download_url": ""}},
        {"data": {"chat_download_url": None}},
    ],
)
def test_an_offer_without_url_is_evidence_of_none(data: dict[str, object]) -> None:
    """A healthy 200 without data or with an empty URL says: not there."""
    assert parse_offer(json.dumps({"success": True} | data), "chat").url is None


@pytest.mark.parametrize(
    "body",
    [
        '{"success":false,"error":{"code":500,"message":"x"}}',
        '{"data":{"chat_download_url":{"a":1}}}',
    ],
)
def test_an_unhealthy_offer_is_no_evidence(body: str) -> None:
    """A 200 that calls itself a failure, or whose URL is no string, is an error."""
    with pytest.raises(PayloadError):
        parse_offer(body, "chat")


def test_a_download_url_shows_only_its_host() -> None:
    """Neither str, repr, copy, pickle nor a dump of what holds it gives the URL away."""
    offer = parse_offer(json.dumps({"data": {"chat_download_url": SIGNED}}), "chat")
    url = DownloadUrl(SIGNED)

    assert str(url) == "https://bucket.s3.amazonaws.com/…"
    assert url.host == "bucket.s3.amazonaws.com"
    for shown in (str(url), repr(url), repr(offer), str(dataclasses.asdict(offer)), f"{url!a}"):
        assert "topsecret" not in shown
        assert "chat.csv" not in shown
    assert copy.deepcopy(url) == url == DownloadUrl(SIGNED)
    assert hash(url) == hash(DownloadUrl(SIGNED))
    with pytest.raises(TypeError):
        pickle.dumps(url)
    with pytest.raises(AttributeError):
        url._url = "other"
    assert DownloadUrl("https://[").host == ""


def test_titles_and_raw_texts_stay_out_of_repr() -> None:
    """What was said or who was there does not reach a log by way of repr."""
    page = parse_sessions(json.dumps(listing(session(1, meeting_display_name="Merger talks"))), APP)
    people = parse_participants(
        json.dumps({"data": {"participants": [{"id": "p", "display_name": "Ana"}]}})
    )
    report = parse_peer_report('{"data":{"participant":{"ip":"1.2.3.4"}}}')

    assert "Merger" not in repr(page)
    assert "Ana" not in repr(people)
    assert "1.2.3.4" not in repr(report)


def test_participants_are_counted_and_kept() -> None:
    """A page of participants keeps its whole body; paging is found inside data."""
    body = '{"success":true,"data":{"paging":{"end_offset":2,"total_count":123},"participants":[{"id":"a"}, {}]}} '
    page = parse_participants(body)

    assert (body, 2, 123, 2) == (page.raw, page.count, page.total_count, page.end_offset)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"success":true,"data":{"session_id":"x","status":"QUEUED"}}', "QUEUED"),
        ('{"success":true,"data":{"success":true,"message":"Success"}}', "Success"),
        ('{"data":{"status":"a\\u202eb"}}', "a\\u{202e}b"),
        ("", ""), ("<html>", ""), ("[]", ""), ('{"success":true}', ""),
    ],
)  # fmt: skip
def test_any_body_of_an_accepted_summary(body: str, status: str) -> None:
    """Whatever a 2xx to POST summary says, it was accepted."""
    assert status == parse_summary_requested(body).status


@pytest.mark.parametrize("data", [[{"id": "1", "name": "N"}], {"apps": [{"id": "1", "name": "N"}]}])
def test_apps(data: object) -> None:
    """Apps are read from data itself or from data.apps."""
    (app,) = parse_apps(json.dumps({"data": data})).items

    assert (app.id, app.name) == ("1", "N")


@pytest.mark.parametrize("row", [{"app_id": "1"}, {"appId": "1"}, {"id": "", "app_id": "1"}])
def test_an_app_under_the_other_name_of_its_id(row: dict[str, object]) -> None:
    """An app whose id is called app_id or appId is not lost."""
    (app,) = parse_apps(json.dumps({"data": [row]})).items

    assert app.id == "1"


def test_webhooks() -> None:
    """A webhook is read alone and in a list; one without id is a PayloadError."""
    hook = {
        "id": "h",
        "name": "A",
        "url": "https://x",
        "events": ["meeting.ended"],
        "enabled": False,
    }

    assert [parse_webhook(json.dumps({"data": hook}))] == parse_webhooks(
        json.dumps({"data": [hook]})
    )
    assert parse_webhook(json.dumps({"data": hook})).events == ("meeting.ended",)
    with pytest.raises(PayloadError):
        parse_webhook('{"data":{"name":"x"}}')


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"success":false,"error":{"code":404,"message":"Error: resource not found"}}', ("404", "Error: resource not found")),
        ('{"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"result":null}', ("10000", "Authentication error")),
        ('{"message":"Unauthorized"}', ("", "Unauthorized")),
        ('{"error":"broken"}', ("", "broken")),
        ('{"errors":[]}', ("", "")), ('{"errors":[5]}', ("", "")), ("[]", ("", "")),
        ("<html>502</html>", ("", "")), ("", ("", "")),
        ('{"message":"a\\u001b[31m\\u202e\\nb"}', ("", "a\\u{001b}[31m\\u{202e}\\u{000a}b")),
        ('{"message":"see https://h/p?sig=1 now"}', ("", "see https://h/p?… now")),
    ],
)  # fmt: skip
def test_error_bodies(body: str, expected: tuple[str, str]) -> None:
    """Both error shapes and the bare message are read, without controls and signatures."""
    assert expected == parse_error(body)


def test_long_messages_are_cut() -> None:
    """A message from the source cannot flood a terminal."""
    assert len(parse_error(json.dumps({"message": "x" * 10_000}))[1]) == 200


def test_escape_shows_tag_characters_and_surrogates() -> None:
    """Characters that hide text or break an encoder are written out."""
    assert escape("a\U000e0041\ud800\u2028b") == "a\\u{e0041}\\u{d800}\\u{2028}b"
    assert escape("Ünïcode, 日本語 عربى") == "Ünïcode, 日本語 عربى"


def test_without_queries_leaves_plain_text() -> None:
    """Only what follows a URL's question mark or hash goes."""
    assert without_queries("why? http://a/b#c") == "why? http://a/b?…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET b.s3.amazonaws.com/c.csv?X-Amz-Signature=topsecret failed", "GET b.s3.amazonaws.com/c.csv?… failed"),
        ("/c.csv?a&X-Amz-Signature=topsecret", "/c.csv?…"),
        ('"/c.csv"?sig=topsecret', '"/c.csv"?…'),
        ("?sig=topsecret", "?…"),
        ("bad X-Amz-Signature=topsecret&b", "bad X-Amz-Signature=…&b"),
        ("https%3A%2F%2Fh%3FX-Amz-Signature%3Dtopsecret", "https%3A%2F%2Fh%3FX-Amz-Signature%3D…"),
        ("why? a=b", "why? a=b"),
    ],
)  # fmt: skip
def test_a_signature_is_cut_off_without_its_scheme(text: str, shown: str) -> None:
    """A URL is known by its query too, and a signature by its name."""
    assert without_queries(text) == shown


def test_a_code_too_long_is_none() -> None:
    """A code is not cut short: half of a token would be left, which nobody recognises."""
    assert parse_error(json.dumps({"error": {"code": "x" * 21, "message": "m"}})) == ("", "m")


def test_fields_prefer_what_has_a_value() -> None:
    """Of two spellings of one name, a null gives way to a value."""
    assert Fields({"sessionId": "a", "session_id": None}).text("sessionid") == "a"
    assert Fields({"count": 1e400}).integer("count") is None
    assert Fields({"count": 10**400}).integer("count") is None


@pytest.mark.parametrize("session_id", ["x" * 200, "bad\ud800", "line\nbreak"])
def test_a_session_no_folder_can_be_named_after_is_malformed(session_id: str) -> None:
    """An id that is too long or not printable loses that session only, and it is counted."""
    row = {"status": "ENDED", "started_at": "2026-06-03T10:00:00.000Z"}
    rows = [{**row, "id": session_id}, {**row, "id": "good"}]

    page = parse_sessions(json.dumps({"data": {"sessions": rows}}), "app")

    assert [each.session.session_id for each in page.items] == ["good"]
    assert page.malformed == 1
