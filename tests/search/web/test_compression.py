"""JSON that is compressed on its way, and whom it is not for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.datastructures import Headers

from archiver.model import SESSION_RECORD
from search.web.codings import Coding, coding_for
from tests.search.web.decoding import body_of
from tests.search.web.test_artifacts import entries
from tests.search.web.world import SESSION, World, card, said

if TYPE_CHECKING:
    from starlette.testclient import TestClient

TRANSCRIPT = f"/v1/sessions/{SESSION}/transcript"


@pytest.fixture
def long(world: World) -> World:
    """A session of which much was said."""
    lines = [said(f"the price of number {each}", at_ms=each) for each in range(3000)]
    world.shelf.said[SESSION] = lines
    return world


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", Coding.GZIP),
        ("br, GZIP;q=0.5", Coding.GZIP),
        ("gzip;q=0", None),
        ("gzip; q=0.000", None),
        ("gzip;q=0.01", Coding.GZIP),
        ("br", None),
        ("", None),
        ("gzip, deflate, br, zstd", Coding.ZSTD),
        ("Zstd;q=0.5", Coding.ZSTD),
        ("zstd;q=0, gzip", Coding.GZIP),
        ("xzstd", None),
    ],
)
def test_only_whoever_accepts_it_is_sent_it(accepted: str, coding: Coding | None) -> None:
    """As Accept-Encoding says, weights and all."""
    assert coding_for(Headers({"accept-encoding": accepted})) is coding


@pytest.mark.parametrize("coding", Coding)
def test_json_is_compressed(client: TestClient, long: World, coding: Coding) -> None:
    """The same document in a fraction of the bytes, by HEAD announced the same."""
    plain = client.get(TRANSCRIPT, headers={"Accept-Encoding": "identity"})
    small = client.get(TRANSCRIPT, headers={"Accept-Encoding": coding})

    assert body_of(plain) == body_of(small)
    assert (plain.headers.get("content-encoding"), small.headers["content-encoding"]) == (
        None,
        coding,
    )
    assert int(small.headers["content-length"]) * 5 < int(plain.headers["content-length"])
    assert plain.headers["vary"] == small.headers["vary"] == "Accept-Encoding, Sec-Fetch-Site"
    head = client.head(TRANSCRIPT, headers={"Accept-Encoding": coding})
    assert dict(head.headers) == dict(small.headers)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_asks_for_is_not_compressed(
    client: TestClient, long: World, site: str
) -> None:
    """Whoever can watch lengths and make a browser ask learns nothing from them."""
    answer = client.get(TRANSCRIPT, headers={"Sec-Fetch-Site": site})

    assert "content-encoding" not in answer.headers


def test_original_bytes_leave_as_they_are(client: TestClient) -> None:
    """A JSON artifact is sent as it was archived, under its strong tag."""
    answer = client.get(entries(client)[SESSION_RECORD]["url"], headers={"Accept-Encoding": "gzip"})

    assert "content-encoding" not in answer.headers
    assert not answer.headers["etag"].startswith("W/")


def test_a_compressed_answer_has_a_weak_tag(client: TestClient, world: World) -> None:
    """Its bytes are others; it still says that nothing changed."""
    who = card("many")
    world.shelf.add(who, [], *world.shelf.people[SESSION] * 100)
    strong, weak = (
        client.get("/v1/sessions/many", headers={"Accept-Encoding": each}).headers["etag"]
        for each in ("identity", "gzip")
    )

    assert weak == f"W/{strong}"
    for each in (strong, weak):
        assert client.get("/v1/sessions/many", headers={"If-None-Match": each}).status_code == 304
