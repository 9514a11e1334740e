"""Conditional requests, and parts of artifacts."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.model import CHAT
from search.web.conditional import Span, etag_of, refused, span_of
from tests.search.web.test_artifacts import entries, stored
from tests.search.web.world import BODIES, PENDING, SESSION, World, session

if TYPE_CHECKING:
    from starlette.testclient import TestClient

ETAG = etag_of("a" * 64)
BODY = BODIES[CHAT]


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("if-none-match", ETAG, 304),
        ("if-none-match", f"W/{ETAG}", 304),
        ("if-none-match", f'"x", W/"y, z" , {ETAG}', 304),
        ("if-none-match", "*", 304),
        ("if-none-match", '"x"', 0),
        ("if-none-match", "a" * 64, 0),
        ("if-none-match", "", 0),
        ("if-match", ETAG, 0),
        ("if-match", "*", 0),
        ("if-match", f"W/{ETAG}", 412),
        ("if-match", '"x"', 412),
        ("if-match", "", 412),
    ],
)
def test_conditions_are_those_of_the_standard(name: str, value: str, status: int) -> None:
    """If-None-Match compares weakly, If-Match strongly."""
    assert status == refused({name: value}, ETAG)


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=2-", Span(2, 10)),
        ("bytes=-3", Span(7, 10)),
        ("bytes=-30", Span(0, 10)),
        ("Bytes = 3-99", Span(3, 10)),
        ("bytes=0-1,3-4", None),
        ("bytes=4-2", None),
        ("bytes=-", None),
        ("lines=0-1", None),
        ("bytes=٣-", None),
        ("", None),
    ],
)
def test_one_part_is_understood_and_anything_else_is_the_whole(
    asked: str, part: Span | None
) -> None:
    """Several parts, other units and what is no range are answered with everything."""
    assert part == span_of({"range": asked}, ETAG, 10)


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-11", "bytes=-0"])
def test_a_part_that_is_not_there_is_none(asked: str) -> None:
    """Nothing at or beyond the end."""
    with pytest.raises(ValueError, match="satisfiable"):
        span_of({"range": asked}, ETAG, 10)


@given(st.text(max_size=30), st.integers(0, 100))
def test_no_range_and_no_tag_is_beyond_it(text: str, size_bytes: int) -> None:
    """Whatever is sent has a part within the bytes, or none."""
    try:
        part = span_of({"range": f"bytes={text}"}, ETAG, size_bytes)
    except ValueError:
        return
    assert part is None or 0 <= part.start < part.stop <= size_bytes
    assert refused({"if-match": text, "if-none-match": text}, ETAG) in {0, 304, 412}


def test_a_session_is_sent_again_only_when_it_changed(client: TestClient, world: World) -> None:
    """The same answer has the same tag; a new inventory has another."""
    url = f"/v1/sessions/{SESSION}"
    client.headers["accept-encoding"] = "identity"
    etag = client.get(url).headers["etag"]
    known = client.get(url, headers={"If-None-Match": etag})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
    assert known.headers["cache-control"] == "private, no-store"
    assert client.head(url).headers["etag"] == etag
    assert client.get(url, headers={"If-Match": '"x"'}).json()["status"] == 412

    world.commit(session(), {CHAT: BODY + b"3,more\n"})

    changed = client.get(url, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag
    assert client.get(f"/v1/sessions/{PENDING}").headers["etag"]


def test_an_artifact_is_sent_again_only_when_it_changed(client: TestClient, world: World) -> None:
    """Its tag is its digest, and telling that nothing changed reads no object."""
    entry = entries(client)[CHAT]
    etag = f'"{entry["digest"]}"'
    assert client.get(entry["url"]).headers["etag"] == etag
    stored(world, entry["url"]).unlink()

    for method in ("GET", "HEAD"):
        known = client.request(method, entry["url"], headers={"If-None-Match": etag})
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
    other = client.get(entry["url"], headers={"If-Match": '"x"'})
    assert (other.status_code, "etag" in other.headers) == (412, False)


def test_a_part_of_an_artifact_is_those_bytes(client: TestClient) -> None:
    """206 with what it is a part of; under a tag that is another's, and for HEAD, the whole."""
    entry = entries(client)[CHAT]
    etag = f'"{entry["digest"]}"'

    part = client.get(entry["url"], headers={"Range": "bytes=3-9", "If-Range": etag})
    assert (part.status_code, part.content) == (206, BODY[3:10])
    assert part.headers["content-range"] == f"bytes 3-9/{len(BODY)}"
    assert (part.headers["content-length"], part.headers["etag"]) == ("7", etag)
    for headers in ({"If-Range": '"x"'}, {"If-Range": "Thu, 01 Jan 2026 00:00:00 GMT"}):
        whole = client.get(entry["url"], headers={"Range": "bytes=3-9", **headers})
        assert (whole.status_code, whole.content) == (200, BODY)
    assert client.get(entry["url"], headers={"Range": "bytes=0-1,4-5"}).content == BODY
    head = client.head(entry["url"], headers={"Range": "bytes=3-9"})
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(BODY)))
    beyond = client.get(entry["url"], headers={"Range": f"bytes={len(BODY)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(BODY)}")


def test_a_large_artifact_comes_together_from_its_parts(client: TestClient, world: World) -> None:
    """Parts that begin and end anywhere in what the store reads at a time."""
    body = bytes(range(256)) * 4096 * 3 + b"the end"
    world.commit(session(), {CHAT: body})
    url = entries(client)[CHAT]["url"]
    cuts = [0, 1, 2**20 - 1, 2**20, 2**21 + 7, len(body)]

    spans = pairwise(cuts)
    parts = [client.get(url, headers={"Range": f"bytes={at}-{to - 1}"}).content for at, to in spans]

    assert b"".join(parts) == body


def test_a_part_of_damaged_bytes_is_not_served(client: TestClient, world: World) -> None:
    """Whole bytes of an object that is damaged elsewhere make no complete answer either."""
    body = b"a" * (3 * 2**20)
    world.commit(session(), {CHAT: body})
    url = entries(client)[CHAT]["url"]
    stored(world, url).write_bytes(body[:-1] + b"b")

    answer = client.get(url, headers={"Range": "bytes=0-9"})

    assert (answer.status_code, answer.json()["type"]) == (
        500,
        "urn:rtk-archive:problem:archive-damaged",
    )


def test_what_is_answered_by_a_condition_is_recorded(world: World, client: TestClient) -> None:
    """A 304 tells that nothing changed, and a 206 is as much of a read as a 200."""
    entry = entries(client)[CHAT]
    trail = world.recorded()
    with world.client() as recorded:
        recorded.get(entry["url"], headers={"If-None-Match": "*"})
        recorded.get(entry["url"], headers={"Range": "bytes=0-1"})
        recorded.get(entry["url"], headers={"Range": "bytes=99999-"})
    trail.close()

    assert [each["status"] for each in world.reads()] == [304, 206, 416]
