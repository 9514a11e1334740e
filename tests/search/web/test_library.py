"""The endpoint over the index itself: what the fake of the other tests stands for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from archiver.model import to_ms
from search.formats import Chat, Message, Participant, Summary, Transcript, Utterance
from search.index.appfile import AppFile
from search.index.generations import Generations, app_path
from search.index.library import Library
from search.index.seam import Document, IndexReader, Position
from search.web import Services, create_app
from tests.search.web.world import APP, BASE_URL, LOCAL, SESSION, STARTED, build, close

if TYPE_CHECKING:
    from collections.abc import Iterator


def document() -> Document:
    utterance = Utterance(
        123_000, 125_000, "Ana Souza", "p1", "u1", "", "we can hold the renewal price until March"
    )
    message = Message(130_000, "m1", "Ben", "u2", "契約の更新 renewal", "text", False, False)
    return Document(
        app_id=APP,
        session_id=SESSION,
        meeting_id="weekly",
        title="Weekly sync",
        started_at_ms=to_ms(STARTED),
        ended_at_ms=to_ms(STARTED) + 1_800_000,
        version=1,
        digest="0" * 64,
        participants=[
            Participant(
                peer_id="p1",
                user_id="u1",
                custom_id="",
                name="Ana Souza",
                joined_at_ms=0,
                left_at_ms=None,
            )
        ],
        transcript=Transcript(utterances=(utterance,), layout="json-array", notes=()),
        chat=Chat(messages=(message,), layout="csv", notes=(), attachments=0),
        summary=Summary(text="# Decisions\n\nHold the price.", layout="markdown", notes=()),
    )


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    world = build(tmp_path_factory.mktemp("world"))
    ledger = world.open_ledger()
    generations = Generations(world.root / "index")
    writer = AppFile.open(app_path(generations.ensure(), APP))
    writer.put([document()], Position(epoch=ledger.epoch, seq=ledger.newest_seq(APP)))
    writer.close()
    library = Library(world.root / "index")
    index: IndexReader = library
    fake = world.services()
    services = Services(
        index=index,
        archive=fake.archive,
        ledger=fake.ledger,
        settings=fake.settings,
        clock=fake.clock,
    )
    with TestClient(create_app(services), BASE_URL, client=LOCAL) as client:
        yield client
    library.close()
    close(world)


def test_a_phrase_is_found_where_it_was_said(client: TestClient) -> None:
    """The whole way through the real index: hit, moment, highlight, time."""
    answer = client.get(
        "/v1/search", params={"q": '"renewal price"', "facets": "speaker,app,kind,month"}
    ).json()

    moment = answer["hits"][0]["moments"][0]
    [start, end] = moment["highlights"][0]
    assert (moment["speaker"], moment["at"]) == ("Ana Souza", "2026-10-03T10:02:03.000Z")
    assert moment["snippet"][start:end] == "renewal price"
    assert answer["facets"]["speaker"] == [["Ana Souza", 1]]
    assert answer["coverage"]["indexed_through"] == "2026-11-20T10:00:00.000Z"


def test_parameters_filter_as_the_query_does(client: TestClient) -> None:
    """`speaker=`, `in=`, `after=` leave what `speaker:`, `in:`, `after:` leave."""
    for name, value, other in (
        ("speaker", "ana", "zoe"),
        ("in", "transcript", "summary"),
        ("app", APP, "another"),
        ("after", "2026-10", "2026-11"),
        ("before", "2026-11", "2026-10"),
    ):
        for each in (value, other):
            by_parameter = client.get("/v1/search", params={"q": "renewal", name: each}).json()
            by_query = client.get("/v1/search", params={"q": f"renewal {name}:{each}"}).json()
            assert by_query["hits"] == by_parameter["hits"]
            assert (each == value) == bool(by_parameter["hits"])


def test_the_other_routes_read_the_same_index(client: TestClient) -> None:
    """List, session, transcript, chat and summary come from it too."""
    listed = client.get("/v1/sessions", params={"speaker": "ana"}).json()["sessions"]
    shown = client.get(f"/v1/sessions/{SESSION}").json()

    assert [each["session_id"] for each in listed] == [SESSION]
    assert [each["name"] for each in shown["participants"]] == ["Ana Souza"]
    for part, word in (("transcript", "March"), ("chat", "契約"), ("summary", "Hold the price")):
        answer = client.get(f"/v1/sessions/{SESSION}/{part}", params={"format": "txt"})
        assert word in answer.text


QUERIES = st.text() | st.text('ab "()-*:/ANDORTE18speakerinafter é中', max_size=40)


@settings(max_examples=150, deadline=None)
@given(text=QUERIES, sort=st.sampled_from(["relevance", "newest", "oldest"]))
def test_any_query_is_answered_or_explained(client: TestClient, text: str, sort: str) -> None:
    """Whatever is written as a query, the index answers or a 400 says where it is wrong."""
    answer: Any = client.post(
        "/v1/search", content=json.dumps({"q": text, "sort": sort}), headers=JSON
    )

    problem = answer.json()
    assert answer.status_code == 200 or (answer.status_code == 400 and problem["detail"])


@settings(max_examples=50, deadline=None)
@given(name=st.text(min_size=1), value=st.text())
def test_any_name_is_answered_or_explained(client: TestClient, name: str, value: str) -> None:
    """Whatever stands as speaker, app, session or cursor, nothing fails."""
    body = json.dumps({"q": "renewal", "speaker": name, "app": [name, value], "cursor": value})
    answer = client.post("/v1/search", content=body, headers=JSON)
    shown = client.get("/v1/sessions", params={"speaker": name.encode("utf-8", "replace")})

    assert {answer.status_code, shown.status_code} <= {200, 400}


JSON = {"Content-Type": "application/json"}
