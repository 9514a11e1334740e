"""uvicorn in the running event loop."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from archiver.errors import ArchiverError, SettingsError
from archiver.model import CHAT
from archiver.settings import Address
from search.web import create_app, serve
from tests.search.web.world import SESSION, session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

    from tests.search.web.world import World


@asynccontextmanager
async def serving(app: object, host: str = "127.0.0.1") -> AsyncIterator[Address]:
    """The app at a port of the system's choice, stopped in the end."""
    stop = asyncio.Event()
    told: asyncio.Future[Address] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve(app, Address(host, 0), stop, listening=told.set_result)  # type: ignore[arg-type]  # any app
    )
    try:
        yield await told
    finally:
        stop.set()
        await task


async def ask(address: Address, *lines: str) -> bytes:
    """What comes back for these lines, sent as they are."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_it_answers_over_a_socket(world: World) -> None:
    """A request over the wire has an answer, without a word about the server."""
    async with serving(create_app(world.services())) as address:
        answer = await ask(address, "GET /v1/search?q=price HTTP/1.1", f"Host: {address}")

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"renewal price" in answer
    assert b"\r\nserver:" not in answer.lower()


async def test_no_answer_is_held_back() -> None:
    """What is accepted sends at once: a body that waits for the headers' receipt comes 40 ms late."""
    from search.web.serve import _open

    at_once: list[int] = []

    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted = writer.get_extra_info("socket")
        at_once.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    (listener,) = await _open(Address("127.0.0.1", 0), "", beyond_loopback=False)
    async with await asyncio.start_server(accept, sock=listener):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        await reader.read()
        writer.close()
        await writer.wait_closed()

    assert at_once == [1]


async def test_forwarding_headers_are_seen_as_they_are(world: World) -> None:
    """uvicorn does not take a forwarded address for the peer's, and the rule sees the header."""
    async with serving(create_app(world.services())) as address:
        answer = await ask(
            address, "GET /v1/sessions HTTP/1.1", f"Host: {address}", "X-Forwarded-For: 127.0.0.1"
        )
        without_host = await ask(address, "GET /v1/sessions HTTP/1.0")
        rebound = await ask(
            address, "GET http://127.0.0.1/v1/sessions HTTP/1.1", "Host: evil.example"
        )

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b" 421 " in without_host.split(b"\r\n")[0]
    assert rebound.startswith(b"HTTP/1.1 421 ")


async def test_a_port_in_use_is_one_clear_error(world: World) -> None:
    """The error names the address and the setting."""
    app = create_app(world.services())
    async with serving(app) as address:
        with pytest.raises(ArchiverError) as refused:
            await serve(app, address, asyncio.Event())

        with pytest.raises(ArchiverError) as second:
            await serve(app, address, asyncio.Event(), setting="RTK_ARCHIVE_WEBHOOK_LISTEN")

    assert f"{address} is in use" == refused.value.message
    assert "RTK_ARCHIVE_LISTEN" in refused.value.hint
    assert "RTK_ARCHIVE_WEBHOOK_LISTEN" in second.value.hint


async def test_a_port_that_only_somebody_else_holds_is_in_use(world: World) -> None:
    """It is the same for a port of another program."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = Address("127.0.0.1", other.getsockname()[1])
        with pytest.raises(ArchiverError, match="is in use"):
            await serve(create_app(world.services()), address, asyncio.Event())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
async def test_an_address_beyond_loopback_is_refused(world: World, host: str) -> None:
    """While there are no keys nobody else can reach the endpoint."""
    with pytest.raises(SettingsError, match="beyond this machine"):
        await serve(create_app(world.services()), Address(host, 0), asyncio.Event())


async def test_a_name_must_mean_this_machine_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that also stands for another address is refused."""

    async def resolve(*_arguments: object, **_options: object) -> list[object]:
        places = [("127.0.0.1", 0), ("192.0.2.1", 0)]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    with pytest.raises(SettingsError, match="beyond this machine"):
        await serve(create_app(world.services()), Address("127.nas.lan", 0), asyncio.Event())


async def test_a_name_that_is_no_address_is_refused(world: World) -> None:
    """A host that does not resolve is a setting to correct."""
    with pytest.raises(SettingsError, match="no address to listen on"):
        await serve(create_app(world.services()), Address("no such host", 0), asyncio.Event())


async def test_an_address_of_another_machine_cannot_be_had(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the system refuses is told in its own words."""
    from sys import modules

    def refuse(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(modules["search.web.serve"], "_listen", refuse)
    with pytest.raises(ArchiverError, match="cannot be listened on: permission denied"):
        await serve(create_app(world.services()), Address("127.0.0.1", 80), asyncio.Event())


async def test_localhost_listens_where_it_can(world: World) -> None:
    """A name may stand for several addresses, not all of which this machine has."""
    async with serving(create_app(world.services()), "localhost") as address:
        answer = await ask(address, "GET /healthz HTTP/1.1", "Host: localhost")

    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_signals_are_left_alone(world: World) -> None:
    """Whoever runs the loop handles its signals."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    async with serving(create_app(world.services())) as address:
        await ask(address, "GET /healthz HTTP/1.1", "Host: localhost")

        assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))


async def lingering(scope: Scope, receive: Receive, send: Send) -> None:
    """An app whose answers never end."""
    while scope["type"] == "lifespan":
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    await asyncio.Event().wait()


async def test_it_stops_although_an_answer_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers under way are waited for a little while, and no longer."""
    from sys import modules

    monkeypatch.setattr(modules["search.web.serve"], "GRACE_S", 0)
    started = time.monotonic()
    async with serving(lingering) as address:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"begun")
    writer.close()

    assert time.monotonic() - started < 2


async def test_it_stops_when_cancelled(world: World) -> None:
    """Cancelling is stopping: the port is free again."""
    app, told = create_app(world.services()), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve(app, Address("127.0.0.1", 0), asyncio.Event(), listening=told.set_result)
    )
    address = await told
    await ask(address, "GET /healthz HTTP/1.1", "Host: localhost")
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    async with asyncio.timeout(5):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(address.host, address.port)


async def test_a_damaged_artifact_closes_the_connection(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Bytes that turn out wrong end short of their announced length, with one line in the log."""
    body = b"a" * (3 * 2**20)
    committed = await asyncio.to_thread(world.commit, session(), {CHAT: body})
    entry = committed.inventory.entry(CHAT)
    assert entry is not None
    next((world.root / "archive").rglob(entry.name)).write_bytes(body[:-1] + b"b")
    path = f"/v1/sessions/{SESSION}/artifacts/{entry.name}"
    async with serving(create_app(world.services())) as address:
        answer = await ask(address, f"GET {path} HTTP/1.1", f"Host: {address}")

    head, _, sent = answer.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head
    assert 0 < len(sent) < len(body)
    assert [each.name for each in caplog.records if each.levelname == "ERROR"] == ["search.web"]


async def test_the_log_has_our_lines_only(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Starting, one line a request, stopping: events with keys, without a query string."""
    caplog.set_level(logging.DEBUG)
    async with serving(create_app(world.services())) as address:
        await ask(address, "GET /v1/search?q=takeover HTTP/1.1", f"Host: {address}")
        await ask(address, "no HTTP at all")

    ours = [each for each in caplog.records if each.name != "asyncio"]
    assert [each.message for each in ours] == ["web_started", "request", "web_stopped"]
    assert "takeover" not in str([vars(each) for each in ours])
