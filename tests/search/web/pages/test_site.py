"""What every page has in common: headers, files, compression, weight."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pytest
import zstandard

from search.web.codings import Coding, Compressor
from search.web.pages import site
from search.web.pages.site import POLICY, assets
from tests.search.web.decoding import body_of
from tests.search.web.pages.meetings import long_lines
from tests.search.web.pages.reading import page_of
from tests.search.web.world import SESSION, World, card

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

PAGES = ["/", "/?q=price", "/sessions", f"/sessions/{SESSION}", "/coverage"]
WEIGHT_MAX_BYTES = 60_000


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_kept_nowhere_and_loads_nothing_from_elsewhere(
    client: TestClient, path: str
) -> None:
    """Its headers say so, and so does what it links."""
    answer = client.get(path)
    page = page_of(answer)

    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    loaded = [each["href"] for each in page.all("link")] + [
        each["src"] for each in page.all("script")
    ]
    assert all(each.startswith("/static/") for each in loaded)
    assert not page.all("style")
    assert not [each for each in page.elements if "style" in each.attributes]
    assert all(each.text == "" for each in page.all("script"))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_well_made(client: TestClient, path: str) -> None:
    """One heading, one main part, a title, a language, a way past the header; no id twice."""
    page = page_of(client.get(path))

    assert page.one("html")["lang"] == "en"
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1
    assert page.one("a", class_="skip")["href"] == "#main"
    ids = [each["id"] for each in page.elements if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    assert page.texts("a", **{"aria-current": "page"})


@pytest.mark.parametrize("path", PAGES)
def test_a_head_is_a_get_without_its_body(client: TestClient, path: str) -> None:
    """HEAD has the status and headers of GET."""
    get, head = client.get(path), client.head(path)

    assert (get.status_code, dict(get.headers)) == (head.status_code, dict(head.headers))


def test_files_are_named_by_what_they_hold(client: TestClient) -> None:
    """They may be kept for ever: what changes gets another name."""
    for asset in assets().values():
        answer = client.get(asset.url)

        assert answer.content == asset.body
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"].split(";")[0] == asset.media_type
    assert client.get("/static/0000000000000000/style.css").status_code == 404
    assert client.get(f"/static/{assets()['style.css'].digest}/nothing.css").status_code == 404


@pytest.mark.parametrize("coding", Coding)
def test_pages_are_compressed_for_whoever_can_read_it(client: TestClient, coding: Coding) -> None:
    """And not for others; the files they load as well."""
    for path in ("/?q=price", assets()["style.css"].url):
        small = client.get(path, headers={"Accept-Encoding": coding})
        plain = client.get(path, headers={"Accept-Encoding": "identity"})

        assert small.headers["content-encoding"] == coding
        assert "content-encoding" not in plain.headers
        assert int(small.headers["content-length"]) < int(plain.headers["content-length"])
        assert body_of(plain) == body_of(small)


@pytest.mark.parametrize(
    ("from_site", "compressed"),
    [("none", True), ("same-origin", True), ("same-site", False), ("cross-site", False)],
)
def test_no_other_site_learns_from_the_length(
    client: TestClient, from_site: str, compressed: bool
) -> None:
    """What another site made a browser ask for is not compressed: its query stands beside meetings."""
    answer = client.get("/?q=price", headers={"Sec-Fetch-Site": from_site})

    assert ("content-encoding" in answer.headers) == compressed


@pytest.mark.parametrize("coding", Coding)
def test_a_long_page_is_sent_while_it_is_made(coding: Coding) -> None:
    """Its beginning is there before its end was written, and can be read as soon as it is there."""
    written = 0

    def html() -> Iterator[str]:
        nonlocal written
        for _ in range(1000):
            written += 1
            yield "<p>a line</p>" * 20

    reader = (
        zlib.decompressobj(16 + zlib.MAX_WBITS)
        if coding is Coding.GZIP
        else zstandard.ZstdDecompressor().decompressobj()
    )
    pieces = site._compressed_pieces(site._pieces(html()), Compressor(coding))
    first = reader.decompress(next(pieces))

    assert first.startswith(b"<p>a line</p>")
    assert 10 < written < 100
    rest = b"".join(reader.decompress(each) for each in pieces)
    assert first + rest == b"<p>a line</p>" * 20_000
    assert reader.eof


@pytest.mark.parametrize("coding", ["gzip", "zstd", "identity"])
def test_only_a_long_page_is_sent_in_pieces(client: TestClient, world: World, coding: str) -> None:
    """A meeting of an hour is one answer, whose length is known; one of many hours is whole as well."""
    world.shelf.add(card("an-hour"), long_lines(900, hours=1))
    world.shelf.add(card("a-day"), long_lines(3000, hours=20))

    for session, in_pieces in (("an-hour", False), ("a-day", True)):
        answer = client.get(f"/sessions/{session}?q=price", headers={"Accept-Encoding": coding})

        assert ("content-length" not in answer.headers) == in_pieces
        assert answer.headers.get("content-encoding", "identity") == coding
        text = body_of(answer).decode()
        assert text.count("<p id=") == (3000 if in_pieces else 900)
        assert text.rstrip().endswith("</html>")


@pytest.mark.parametrize("path", [*PAGES, "/sessions/an-hour?q=price"])
def test_a_page_is_light(client: TestClient, world: World, path: str) -> None:
    """With all it loads, as it is sent, below 60 kB; a meeting of an hour included."""
    world.shelf.add(card("an-hour"), long_lines(900, hours=1))
    page = page_of(client.get(path))

    loaded = {each["href"] for each in page.all("link")} | {
        each["src"] for each in page.all("script")
    }
    for coding in Coding:
        sent = [client.get(each, headers={"Accept-Encoding": coding}) for each in (path, *loaded)]
        assert sum(int(each.headers["content-length"]) for each in sent) < WEIGHT_MAX_BYTES
