from __future__ import annotations

import asyncio
import gzip
import hashlib
import logging
import os
import socket
import traceback
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from archiver.errors import (
    DownloadError,
    DownloadExpiredError,
    DownloadForbiddenError,
    DownloadInterruptedError,
    DownloadTooLargeError,
    SettingsError,
    StoreError,
    StoreFullError,
)
from archiver.realtimekit import Downloader, DownloadUrl
from archiver.realtimekit.download_rules import CheckedResolver, RefusedAddressError, Rules
from tests.archiver.realtimekit.servers import (
    START,
    TOKEN,
    FakeClock,
    Script,
    answer,
    client_of,
    raw_serving,
    serving,
    serving_with_its_own_certificate,
)
from tests.archiver.realtimekit.test_addresses import ALLOWED, REFUSED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from archiver.model import Fetched

BODY = b"Zeit,Sprecher\n10:00,Ana\n" * 50
SIGNED = "/chat.csv?X-Amz-Signature=topsecret%2Fa+b&x=%7e"


def downloader(directory: Path, base_url: str = "", **more: Any) -> Downloader:
    """A downloader whose only exception is this base URL, and that puts all it gets in files."""
    settings: dict[str, Any] = {
        "max_bytes": 1_000_000,
        "memory_bytes": 0,
        "exempt_base_url": base_url,
    }
    return Downloader(directory=directory, clock=FakeClock(), **(settings | more))


def _file(result: Fetched) -> Path:
    """The file of a body that is in one."""
    assert not isinstance(result.body, bytes)
    return result.body


def left_in(directory: Path) -> list[Path]:
    """What a download left behind."""
    return list(directory.iterdir())


async def fetched(directory: Path, script: Any, path: str = SIGNED, **more: Any) -> Fetched:
    """What a download from a server with this script gives."""
    async with serving(script) as url, downloader(directory, url, **more) as loader:
        return await loader.fetch(DownloadUrl(url + path))


async def refused(directory: Path, url: str, base_url: str = "", **more: Any) -> DownloadError:
    """The error a download ends with; nothing is left behind, and the URL shows nowhere."""
    async with downloader(directory, base_url, **more) as loader:
        with pytest.raises(DownloadError) as caught:
            await loader.fetch(DownloadUrl(url))
    assert left_in(directory) == []
    assert "topsecret" not in "".join(traceback.format_exception(caught.value))
    return caught.value


async def test_a_body_is_stored_and_described_as_served(tmp_path: Path) -> None:
    """Bytes, size, digest and the headers of the record are those of the server."""
    script = Script([answer(BODY, Content_Type="text/csv; charset=utf-8", ETag='"abc"', Date="D")])
    result = await fetched(tmp_path, script)

    assert result.content() == BODY
    assert _file(result).parent == tmp_path
    assert _file(result).suffix == ".part"
    assert _file(result).stat().st_mode & 0o777 == 0o600
    assert (result.size_bytes, result.digest) == (len(BODY), hashlib.sha256(BODY).hexdigest())
    assert (result.media_type, result.encoding) == ("text/csv; charset=utf-8", "")
    assert (result.host, result.fetched_at) == ("127.0.0.1", START)
    assert (result.source_etag, result.source_date) == ('"abc"', "D")


async def test_the_request_carries_no_secret_and_the_signature_as_it_is(tmp_path: Path) -> None:
    """No Authorization, no cookie, identity encoding; the URL is sent in its very spelling."""
    script = Script([answer(BODY, Set_Cookie="a=b")])
    async with serving(script) as url, downloader(tmp_path, url) as loader:
        for _ in range(2):
            await loader.fetch(DownloadUrl(url + SIGNED))

    for request in script.requests:
        assert request.raw_path == SIGNED
        assert request.headers["Accept-Encoding"] == "identity"
        assert not {"Authorization", "Cookie", "Referer"} & set(request.headers)


async def test_the_token_does_not_reach_the_download_host(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of an API answer that points elsewhere, the host sees the URL and nothing of the token."""
    caplog.set_level(logging.DEBUG, "archiver")
    storage = Script([answer(BODY)])
    async with serving(storage) as url:
        offer = answer({"data": {"chat_download_url": url + SIGNED}})
        async with (
            serving(Script([offer])) as api,
            client_of(api) as client,
            downloader(tmp_path, url) as loader,
        ):
            found = (await client.chat("app", "session")).url
            assert found is not None
            await loader.fetch(found)

    assert TOKEN not in str(storage.requests[0].raw_headers)
    assert "topsecret" not in caplog.text


async def test_an_empty_body_is_a_body(tmp_path: Path) -> None:
    """A 200 without a byte is stored: what it means is not decided here."""
    result = await fetched(tmp_path, Script([answer(b"")]))

    assert (result.size_bytes, result.content()) == (0, b"")


async def test_an_encoded_body_is_stored_as_sent(tmp_path: Path) -> None:
    """A body compressed against our wish keeps its bytes, with the encoding recorded."""
    packed = gzip.compress(BODY)
    result = await fetched(tmp_path, Script([answer(packed, Content_Encoding="GZIP")]))

    assert (result.content(), result.encoding) == (packed, "gzip")
    assert result.digest == hashlib.sha256(packed).hexdigest()


async def test_identity_is_no_encoding(tmp_path: Path) -> None:
    """The encoding `identity` is recorded as none."""
    assert (
        await fetched(tmp_path, Script([answer(BODY, Content_Encoding="identity")]))
    ).encoding == ""


async def test_a_large_body_is_streamed(tmp_path: Path) -> None:
    """A chunked body of many megabytes arrives whole with its digest."""
    chunk = os.urandom(1 << 20)

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(20):
            await response.write(chunk)
        return response

    result = await fetched(tmp_path, handler, max_bytes=20 << 20)

    assert result.size_bytes == 20 << 20
    assert result.digest == hashlib.sha256(chunk * 20).hexdigest()


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_an_expired_url(status: int, tmp_path: Path) -> None:
    """401, 403, 404 and 410 mean that the API must be asked for a new URL."""
    async with serving(Script([answer("<Error/>", status)])) as url:
        error = await refused(tmp_path, url + SIGNED, url)

    assert type(error) is DownloadExpiredError
    assert error.status == status


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
async def test_a_host_that_is_busy(status: int, tmp_path: Path) -> None:
    """5xx, 408 and 429 are transient."""
    async with serving(Script([answer("", status)])) as url:
        error = await refused(tmp_path, url + SIGNED, url)

    assert type(error) is DownloadInterruptedError
    assert error.status == status


@pytest.mark.parametrize("status", [204, 206, 304, 400, 409])
async def test_other_statuses(status: int, tmp_path: Path) -> None:
    """Anything else, a part of the body included, is an error of its own."""
    async with serving(Script([answer("", status)])) as url:
        error = await refused(tmp_path, url + SIGNED, url)

    assert (type(error), error.status) == (DownloadError, status)


async def short(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
    await writer.drain()


async def unfinished(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nonly\r\n")
    await writer.drain()


async def broken(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.transport.abort()


async def silent(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
    await writer.drain()
    await asyncio.sleep(3)


async def dripping(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _count in range(100):
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("respond", [short, unfinished, broken, silent, dripping])
async def test_a_body_that_does_not_arrive_whole(
    respond: Callable[[bytes, asyncio.StreamWriter], Awaitable[None]], tmp_path: Path
) -> None:
    """Short, reset, stalled and endless bodies are interrupted and leave no file."""
    async with raw_serving(respond) as url:
        error = await refused(tmp_path, url + SIGNED, url, timeout_s=0.2, total_timeout_s=0.6)

    assert type(error) is DownloadInterruptedError


async def test_nobody_listens(tmp_path: Path) -> None:
    """A refused connection is transient."""
    async with serving(Script([answer("")])) as url:
        pass

    assert type(await refused(tmp_path, url + SIGNED, url)) is DownloadInterruptedError


async def test_a_body_too_large_is_refused_before(tmp_path: Path) -> None:
    """An announced length beyond the limit is refused without a file."""
    async with serving(Script([answer(b"x" * 11)])) as url:
        error = await refused(tmp_path, url + SIGNED, url, max_bytes=10)

    assert type(error) is DownloadTooLargeError


async def test_a_body_too_large_is_refused_during(tmp_path: Path) -> None:
    """A body that says no length is cut off at the limit; one of just that size is taken."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"x" * 11)
        return response

    async with serving(handler) as url:
        error = await refused(tmp_path, url + SIGNED, url, max_bytes=10)
    exact = await fetched(tmp_path, handler, max_bytes=11)

    assert type(error) is DownloadTooLargeError
    assert exact.size_bytes == 11


async def test_a_cancelled_download_leaves_nothing(tmp_path: Path) -> None:
    """Stopping in the middle of a body removes the part that had arrived."""
    async with raw_serving(silent) as url, downloader(tmp_path, url) as loader:
        task = asyncio.create_task(loader.fetch(DownloadUrl(url + SIGNED)))
        for _ in range(100):
            if left_in(tmp_path):
                break
            await asyncio.sleep(0.01)
        assert left_in(tmp_path)
        task.cancel()
        await asyncio.wait([task])

    assert task.cancelled()
    assert left_in(tmp_path) == []


async def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No space left is the store's error, says where, and leaves no part."""

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    async with serving(Script([answer(BODY)])) as url, downloader(tmp_path, url) as loader:
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(StoreFullError, match="no space left in"):
            await loader.fetch(DownloadUrl(url + SIGNED))
        monkeypatch.undo()

    assert left_in(tmp_path) == []


async def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    """A directory that cannot be written is the store's error."""
    async with serving(Script([answer(BODY)])) as url, downloader(tmp_path / "in", url) as loader:
        (tmp_path / "in").rmdir()
        with pytest.raises(StoreError, match="cannot write in"):
            await loader.fetch(DownloadUrl(url + SIGNED))


async def test_the_directory_is_made_private(tmp_path: Path) -> None:
    """A directory that is not there yet is made for the owner alone."""
    async with downloader(tmp_path / "a" / "in"):
        assert (tmp_path / "a" / "in").stat().st_mode & 0o777 == 0o700


# Redirects


def redirect(location: str, status: int = 302) -> web.Response:
    """An answer that points elsewhere."""
    return answer("", status, **({"Location": location} if location else {}))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_three_redirects_are_followed(status: int, tmp_path: Path) -> None:
    """Up to three redirects, relative ones included, lead to the body."""
    script = Script([*(redirect(f"/r{number}?s=%2f", status) for number in range(3)), answer(BODY)])
    result = await fetched(tmp_path, script)

    assert result.content() == BODY
    assert script.paths == [SIGNED, "/r0?s=%2f", "/r1?s=%2f", "/r2?s=%2f"]


async def test_a_fourth_redirect_is_not(tmp_path: Path) -> None:
    """A loop ends after three redirects."""
    script = Script([redirect(SIGNED)])
    async with serving(script) as url:
        error = await refused(tmp_path, url + SIGNED, url)

    assert type(error) is DownloadForbiddenError
    assert len(script.requests) == 4


@pytest.mark.parametrize(
    "location",
    ["http://example.com/x", "https://example.com:8443/x", "https://10.0.0.1/x", "//169.254.169.254/x",
     "https://[::ffff:127.0.0.1]/", "https://user@example.com/", "file:///etc/passwd", "ftp://example.com/",
     "https://localhost/x", "http://127.0.0.1:1/x", "https://ex\\ample.com/"],
)  # fmt: skip
async def test_each_redirect_is_checked_anew(location: str, tmp_path: Path) -> None:
    """A redirect to what could not be downloaded directly is refused, unasked."""
    async with serving(Script([redirect(location)])) as url:
        error = await refused(tmp_path, url + SIGNED, url)

    assert type(error) is DownloadForbiddenError


async def test_a_redirect_to_another_loopback_port(tmp_path: Path) -> None:
    """The exempt host and port exempts no other port of this machine."""
    other = Script([answer(BODY)])
    async with serving(other) as elsewhere, serving(Script([redirect(elsewhere)])) as url:
        error = await refused(tmp_path, url + SIGNED, url)

    assert type(error) is DownloadForbiddenError
    assert other.requests == []


@pytest.mark.parametrize("location", ["", "https://[", "http://x:99999999/"])
async def test_a_redirect_to_nowhere(location: str, tmp_path: Path) -> None:
    """A redirect without a usable place is an error."""
    async with serving(Script([redirect(location)])) as url:
        assert isinstance(await refused(tmp_path, url + SIGNED, url), DownloadError)


# URLs


@pytest.mark.parametrize(
    "url",
    ["", "x", "http://example.com/a", "https://example.com:444/", "https://example.com:80/", "ftp://example.com/",
     "https:///a", "https://", "https://user@example.com/", "https://user:pass@example.com/", "https://:p@example.com/",
     "https://@example.com/", "https://example.com\\@10.0.0.1/", "https://exa mple.com/", "https://example.com/\r\nX: y",
     "https://example.com/\x00", "https://ex\u00e4mple.com/", "https://example.com/\u202e", "https://[fe80::1%25eth0]/",
     "https://[", "https://%31%30.0.0.1/", "https://localhost/", "https://LOCALHOST./", "javascript:alert(1)", "file:///etc/passwd",
     "https://example.com/" + "a" * 9000],
)  # fmt: skip
def test_refused_urls(url: str) -> None:
    """Only HTTPS on 443, without a user, with an ordinary host and spelling."""
    with pytest.raises(DownloadForbiddenError):
        Rules().check(url)


@pytest.mark.parametrize("address", [address for address in REFUSED if "%" not in address])
async def test_refused_literal_hosts(address: str, tmp_path: Path) -> None:
    """A URL whose host is an address that is not public, however written, is never connected to."""
    host = f"[{address}]" if ":" in address else address

    assert type(await refused(tmp_path, f"https://{host}/x?topsecret")) is DownloadForbiddenError


@pytest.mark.parametrize("address", ALLOWED)
def test_public_literal_hosts(address: str) -> None:
    """A public address is as good as a name."""
    host = f"[{address}]" if ":" in address else address

    assert Rules().check(f"https://{host}/a").host == address


@pytest.mark.parametrize("url", ["https://example.com/a", "https://example.com:443/a%2Fb?x=%7e&y=a+b", "HTTPS://Example.com/a"])  # fmt: skip
def test_accepted_urls_keep_their_spelling(url: str) -> None:
    """What is accepted is requested exactly as it was written."""
    assert Rules().check(url).raw_path_qs == url.split("ample.com")[1].removeprefix(":443")


def test_a_base_url_that_is_not_loopback_exempts_nothing() -> None:
    """Only a loopback base URL exempts its own host and port."""
    rules = Rules(exempt_base_url="http://10.0.0.1:8000/client/v4")

    with pytest.raises(DownloadForbiddenError):
        rules.check("http://10.0.0.1:8000/x")
    loopback = Rules(exempt_base_url="http://localhost:8000/client/v4")
    assert loopback.check("http://localhost:8000/x").port == 8000
    for other in ("http://localhost:8001/x", "http://127.0.0.1:8000/x", "https://localhost/x"):
        with pytest.raises(DownloadForbiddenError):
            loopback.check(other)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("storage.example.com", True), ("a.b.example.com", True), ("STORAGE.example.com.", True), ("example.com", False),
     ("evilexample.com", False), ("exact.org", True), ("sub.exact.org", False), ("example.com.evil.org", False), ("8.8.8.8", False)],
)  # fmt: skip
def test_allowed_hosts(host: str, allowed: bool) -> None:
    """A wildcard stands for names below, an exact entry for itself, and nothing else passes."""
    rules = Rules(allowed_hosts=["*.Example.com", "exact.org."])
    if allowed:
        rules.check(f"https://{host}/")
    else:
        with pytest.raises(DownloadForbiddenError, match="not among those allowed"):
            rules.check(f"https://{host}/")


# Names


class Answers(AbstractResolver):
    """A resolver that answers as told, and counts."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        return [
            ResolveResult(
                hostname=host, host=address, port=port, proto=0, flags=0,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            )
            for address in self.addresses
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["169.254.169.254", "8.8.8.8"], ["2606:4700::1111", "::ffff:10.0.0.1"],
     ["64:ff9b::a00:1"], ["100.64.0.1"], ["fd00:ec2::254"]],
)  # fmt: skip
async def test_one_bad_address_refuses_the_name(addresses: list[str], tmp_path: Path) -> None:
    """A name of whose addresses any is not public is not connected to at all."""
    resolver = Answers(*addresses)
    error = await refused(tmp_path, "https://storage.example.com/a?topsecret", resolver=resolver)

    assert type(error) is DownloadForbiddenError
    assert resolver.asked == 1
    assert "storage.example.com" in str(error)


async def test_a_good_answer_is_passed_on_unchanged() -> None:
    """The connection is given the very addresses that were checked."""
    resolver = Answers("8.8.8.8", "2606:4700::1111")
    answers = await CheckedResolver(Rules(), resolver).resolve("storage.example.com", 443)

    assert [found["host"] for found in answers] == ["8.8.8.8", "2606:4700::1111"]
    assert resolver.asked == 1


async def test_the_connection_goes_to_the_checked_address(tmp_path: Path) -> None:
    """A name is resolved once, and the connection uses that answer."""
    script, resolver = Script([answer(BODY)]), Answers("127.0.0.1")
    async with serving(script) as url:
        named = url.replace("127.0.0.1", "localhost")
        async with downloader(tmp_path, named, resolver=resolver) as loader:
            result = await loader.fetch(DownloadUrl(named + SIGNED))

    assert (result.host, resolver.asked) == ("localhost", 1)


async def test_the_exempt_name_must_stay_on_this_machine(tmp_path: Path) -> None:
    """`localhost` that resolves elsewhere is refused."""
    base = "http://localhost:8000"
    error = await refused(tmp_path, base + SIGNED, base, resolver=Answers("8.8.8.8"))

    assert type(error) is DownloadForbiddenError


async def test_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    """A failing resolver is transient."""

    class Failing(Answers):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            raise OSError(None, "no such name")

    error = await refused(tmp_path, "https://gone.example.com/?topsecret", resolver=Failing())

    assert type(error) is DownloadInterruptedError


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::1", "127.0.0.1"])
def test_no_socket_for_an_address_that_is_not_public(address: str) -> None:
    """The last check stands at the socket itself, whatever was overlooked before."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pytest.raises(RefusedAddressError):
        Rules(exempt_base_url="http://127.0.0.1:8000").connect(
            (family, socket.SOCK_STREAM, 0, "", (address, 443))
        )


async def test_every_connection_passes_the_last_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the answer of the resolver overlooked, no connection would be made all the same."""
    script = Script([answer(BODY)])
    async with serving(script) as url:
        port = url.rsplit(":", 1)[1]
        monkeypatch.setattr(Rules, "check_address", lambda *_: None)
        monkeypatch.setattr(Rules, "_check_public", lambda *_: None)
        error = await refused(
            tmp_path,
            f"http://storage.example.com:{port}/a?topsecret",
            resolver=Answers("127.0.0.1"),
        )

    assert type(error) is DownloadForbiddenError
    assert "a forbidden address" in str(error)
    assert script.requests == []


async def test_a_certificate_nobody_vouches_for(tmp_path: Path) -> None:
    """A host that cannot prove who it is gets no request and gives no body."""
    script = Script([answer(BODY)])
    (tmp_path / "in").mkdir()
    async with serving_with_its_own_certificate(script, tmp_path) as url:
        error = await refused(tmp_path / "in", url + SIGNED, url)

    assert type(error) is DownloadInterruptedError
    assert "certificate" in str(error)
    assert script.requests == []


async def test_a_body_that_the_library_takes_for_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The announced length is compared with what was written, whoever else compares."""
    monkeypatch.setattr(aiohttp.ClientResponse, "content_length", len(BODY) + 1)
    async with serving(Script([answer(BODY)])) as url:
        error = await refused(tmp_path, url + SIGNED, url)

    assert type(error) is DownloadInterruptedError
    assert "another length" in str(error)


# Proxies


async def test_no_password_of_netrc_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password that .netrc has for the host stays there, also where the environment is asked."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password topsecret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for trust_env in (False, True):
        script = Script([answer(BODY)])
        await fetched(tmp_path / "in", script, trust_env=trust_env)
        assert "Authorization" not in script.requests[0].headers


@pytest.mark.parametrize("no_proxy", ["storage.example.com", ".example.com", "*"])
async def test_a_download_beside_the_proxy(
    no_proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that NO_PROXY names is connected to directly, and checked like any other."""
    proxy = Script([answer("", 403)])
    async with serving(proxy) as proxy_url:
        monkeypatch.setenv("https_proxy", proxy_url)
        monkeypatch.setenv("no_proxy", no_proxy)
        resolver = Answers("10.0.0.1")
        named = "https://storage.example.com/a?topsecret"
        error = await refused(tmp_path, named, resolver=resolver, trust_env=True)

    assert type(error) is DownloadForbiddenError
    assert (proxy.requests, resolver.asked) == ([], 1)


async def test_the_environment_is_not_asked_for_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `trust_env` a proxy in the environment changes nothing; with it, it connects."""
    proxy = Script([answer("", 403)])
    async with serving(proxy) as proxy_url:
        monkeypatch.setenv("HTTPS_PROXY", proxy_url)
        resolver = Answers("10.0.0.1")
        url = "https://storage.example.com/a?topsecret"
        direct = await refused(tmp_path, url, resolver=resolver)
        proxied = await refused(tmp_path, url, resolver=resolver, trust_env=True)
        private = await refused(tmp_path, "https://10.0.0.1/", trust_env=True)

    assert type(direct) is DownloadForbiddenError
    assert type(proxied) is DownloadInterruptedError
    assert type(private) is DownloadForbiddenError
    assert [request.method for request in proxy.requests] == ["CONNECT"]


@pytest.mark.parametrize(
    "host", ["ex..ample.com", "a" * 70 + ".example", ".example", "xn--.example", "xn--a.example"]
)
async def test_what_no_host_is_called(host: str, tmp_path: Path) -> None:
    """A name with an empty or an endless label is refused, given or redirected to."""
    named = f"https://{host}/x?topsecret"
    assert type(await refused(tmp_path, named)) is DownloadForbiddenError
    async with serving(Script([redirect(named)])) as url:
        assert type(await refused(tmp_path, url + SIGNED, url)) is DownloadForbiddenError


@pytest.mark.parametrize("name", ["bücher", "straße", "faß"])
def test_a_host_is_allowed_by_either_of_its_names(name: str) -> None:
    """In letters or as it is written on the wire, itself or below a wildcard."""
    wire = URL.build(scheme="https", host=f"{name}.example").raw_host
    for allowed in (f"{name}.example", wire, f"{name.capitalize()}.EXAMPLE."):
        Rules(allowed_hosts=[f"*.{allowed}"]).check(f"https://a.{wire}/x")
        assert Rules(allowed_hosts=[str(allowed)]).check(f"https://{wire}/x").raw_host == wire
        with pytest.raises(DownloadForbiddenError, match="not among those allowed"):
            Rules(allowed_hosts=[str(allowed)]).check("https://xn--bcher-kva.example.org/x")


@pytest.mark.parametrize("base_url", ["https://[", "https://xn--a.example", "x"])
def test_a_base_url_that_cannot_be_read_exempts_nothing(base_url: str) -> None:
    """Whatever the base URL is, the rules stand."""
    with pytest.raises(DownloadForbiddenError):
        Rules(exempt_base_url=base_url).check("http://localhost/x")


async def test_a_small_body_needs_no_file(tmp_path: Path) -> None:
    """Up to a size it is kept in memory; one byte more is written down, whole."""
    for memory_bytes, in_memory in ((len(BODY), True), (len(BODY) - 1, False)):
        result = await fetched(tmp_path, Script([answer(BODY)]), memory_bytes=memory_bytes)
        assert isinstance(result.body, bytes) is in_memory
        assert result.content() == BODY
        result.discard()
        assert left_in(tmp_path) == []


async def test_a_proxy_without_a_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy named by host and port alone connects."""
    proxy = Script([answer("", 403)])
    async with serving(proxy) as proxy_url:
        monkeypatch.setenv("https_proxy", proxy_url.removeprefix("http://"))
        error = await refused(tmp_path, "https://storage.example.com/", trust_env=True)

    assert type(error) is DownloadInterruptedError
    assert [request.method for request in proxy.requests] == ["CONNECT"]


async def test_a_proxy_that_is_no_url_is_a_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named, and the download does not go past it."""
    monkeypatch.setenv("https_proxy", "http://[")
    async with downloader(tmp_path, trust_env=True) as loader:
        with pytest.raises(SettingsError, match="HTTPS_PROXY"):
            await loader.fetch(DownloadUrl("https://storage.example.com/"))
