"""The storage behind the download URLs, and every fault of a download."""

from __future__ import annotations

import gzip
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest

from archiver.simulated import ErrorShape, Layout, SettableClock, Timing

if TYPE_CHECKING:
    from tests.archiver.simulated.api import Api


async def test_no_token_at_the_storage(api: Api, session_id: str) -> None:
    """A download that carries an Authorization header is refused."""
    url = await api.link(session_id, "chat")
    answer = await api.send("GET", url, headers={"authorization": "Bearer x"})

    assert answer.status == 400
    assert b"<Code>InvalidArgument</Code>" in answer.body


async def test_signature(api: Api, session_id: str) -> None:
    """A URL without its own signature, or for another file, is refused."""
    url = await api.link(session_id, "chat")
    plain = url.partition("?")[0]

    assert (await api.send("GET", plain)).status == 403
    assert (await api.send("GET", url.replace("signature=", "signature=0"))).status == 403
    assert (await api.send("GET", url.replace("chat.csv", "summary.txt"))).status == 403
    assert (await api.send("GET", url.replace("chat.csv", "chat.exe"))).status == 403


async def test_expired(api: Api, session_id: str, clock: SettableClock) -> None:
    """A URL that expired is a 403 with S3's XML, and a new one works."""
    api.source.timing = Timing(url_lifetime_s=60)
    url = await api.link(session_id, "chat")
    clock.advance(60)
    answer = await api.send("GET", url)

    assert answer.status == 403
    assert b"Request has expired" in answer.body
    assert (await api.download(session_id, "chat")).status == 200


async def test_taken_back(api: Api, session_id: str) -> None:
    """A file that is no longer there is a 404, as S3 says it."""
    url = await api.link(session_id, "chat")
    api.source.faults.on(kind="chat", never=True)
    answer = await api.send("GET", url)

    assert answer.status == 404
    assert b"NoSuchKey" in answer.body


@pytest.mark.parametrize("status", [403, 404, 410, 500, 503])
async def test_storage_errors(api: Api, session_id: str, status: int) -> None:
    """The storage may fail a number of downloads."""
    api.source.faults.on(kind="chat", error_times=1, error_status=status)
    url = await api.link(session_id, "chat")

    assert (await api.send("GET", url)).status == status
    assert (await api.send("GET", url)).status == 200


async def test_operation_faults_reach_downloads(api: Api, session_id: str) -> None:
    """Downloads of one kind can be failed like any operation; a fault for any spares them."""
    api.source.faults.fail(status=500, times=0)
    api.source.faults.fail("download", status=502, kind="chat", shape=ErrorShape.HTML)

    assert (await api.download(session_id, "summary")).status == 200
    assert (await api.download(session_id, "chat")).status == 502
    assert (await api.download(session_id, "chat")).status == 200


async def test_empty_file(api: Api, session_id: str) -> None:
    """A file may have no bytes, for good or at first."""
    api.source.faults.on(kind="chat", empty_file=True)
    api.source.faults.on(kind="summary", empty_file_times=1)
    chat = await api.download(session_id, "chat")
    summaries = [(await api.download(session_id, "summary")).body for _ in range(2)]

    assert (
        (chat.status, chat.body)
        == (200, b"")
        == (200, api.source.artifact_bytes(session_id, "chat"))
    )
    assert summaries == [b"", api.source.artifact_bytes(session_id, "summary")]


@pytest.mark.parametrize("switch", ["reset_times", "short_times"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_broken_off(api: Api, session_id: str, switch: str, chunked: bool) -> None:
    """A download may break off half-way, by a reset or quietly, and be whole the next time."""
    api.source.put_artifact(session_id, "chat", b"x" * 1_000_000)
    faults = api.source.faults.on(kind="chat", chunked=chunked)
    setattr(faults, switch, 1)
    with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientConnectionError)):
        await api.download(session_id, "chat")

    assert len((await api.download(session_id, "chat")).body) == 1_000_000


async def test_short_body_keeps_its_length(api: Api, session_id: str) -> None:
    """A short body comes under the whole length, and half of it arrives."""
    api.source.put_artifact(session_id, "chat", b"x" * 1000)
    api.source.faults.on(kind="chat", short_times=1)
    url = await api.link(session_id, "chat")
    async with api.http.get(url) as response:
        received = await response.content.readexactly(500)
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.read()

    assert response.headers["content-length"] == "1000"
    assert received == b"x" * 500


async def test_slow(api: Api, session_id: str) -> None:
    """A download may take its time."""
    api.source.faults.on(kind="chat", slow_s=0.05)
    began = time.monotonic()
    answer = await api.download(session_id, "chat")

    assert time.monotonic() - began >= 0.05
    assert answer.body == api.source.artifact_bytes(session_id, "chat")


async def test_gzip(api: Api, session_id: str) -> None:
    """A file may be sent as gzip though identity was asked for."""
    plain = api.source.artifact_bytes(session_id, "chat")
    api.source.faults.on(kind="chat", gzip=True)
    url = await api.link(session_id, "chat")
    answer = await api.send("GET", url, headers={"accept-encoding": "identity"})

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.body == api.source.artifact_bytes(session_id, "chat")
    assert gzip.decompress(answer.body) == plain


async def test_chunked(api: Api, session_id: str) -> None:
    """A file may come without a length."""
    api.source.faults.on(kind="chat", chunked=True)
    answer = await api.download(session_id, "chat")

    assert "content-length" not in answer.headers
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.body == api.source.artifact_bytes(session_id, "chat")


async def test_redirects(api: Api, session_id: str) -> None:
    """A download may be redirected several times."""
    api.source.faults.on(kind="chat", redirects=3)
    url = await api.link(session_id, "chat")
    first = await api.send("GET", url, allow_redirects=False)
    followed = await api.send("GET", url)

    assert first.status == 302
    assert followed.body == api.source.artifact_bytes(session_id, "chat")
    assert api.source.counts["download"] == 1 + 4


@pytest.mark.parametrize("hop", ["x", "", "-1", "1_0", "9" * 5000])
async def test_hop_that_is_no_number(api: Api, session_id: str, hop: str) -> None:
    """A hop that is no small number is refused like any other bad argument."""
    url = await api.link(session_id, "chat")
    answer = await api.send("GET", f"{url}&hop={hop}")

    assert answer.status == 400
    assert b"<Code>InvalidArgument</Code>" in answer.body


async def test_redirect_elsewhere(api: Api, session_id: str) -> None:
    """A download may be redirected to anywhere."""
    api.source.faults.on(kind="chat", redirect_to="http://169.254.169.254/")
    url = await api.link(session_id, "chat")
    answer = await api.send("GET", url, allow_redirects=False)

    assert answer.headers["location"] == "http://169.254.169.254/"


async def test_layouts(api: Api, session_id: str) -> None:
    """Files can be written in another layout, for one session or for all."""
    today = api.source.artifact_bytes(session_id, "chat")
    api.source.faults.layout = Layout(bom=True)
    everywhere = (await api.download(session_id, "chat")).body
    api.source.faults.layouts[session_id] = Layout(chat_json=True)
    here = (await api.download(session_id, "chat")).body

    assert everywhere == b"\xef\xbb\xbf" + today
    assert here.startswith(b"[{")
