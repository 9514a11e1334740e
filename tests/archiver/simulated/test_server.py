"""The source on a real port."""

from __future__ import annotations

import asyncio
import http.client
import socket
import time
import urllib.request

import aiohttp
import pytest

from archiver.simulated import OperationFault, SimulatedSource, create_app, serve, serve_in_thread
from tests.archiver.simulated.api import Api


async def test_any_free_port(source: SimulatedSource) -> None:
    """Port 0 is any free port, and the base URL names the real one."""
    async with serve(source) as one, serve(SimulatedSource(clock=source.clock)) as other:
        assert 0 < one.port != other.port > 0
        assert one.base_url == f"http://127.0.0.1:{one.port}/client/v4"


async def test_given_port_is_free_again(source: SimulatedSource) -> None:
    """A port is free again at once when serving ends, and one in use is an error."""
    async with serve(source) as server:
        with pytest.raises(OSError, match="in use"):
            async with serve(source, port=server.port):
                pass
    async with serve(source, port=server.port) as again:
        assert again.port == server.port


async def test_an_app_of_ones_own(source: SimulatedSource) -> None:
    """An app that was made before can be served too."""
    app = create_app(source, base="http://127.0.0.1:1/client/v4")
    async with serve(app) as server, aiohttp.ClientSession() as client:
        answer = await Api(client, source, server).kit("/apps")

        assert answer.status == 200
        assert server.source is None


async def test_quick_stop(source: SimulatedSource, session_id: str) -> None:
    """Serving ends at once, whatever connections and answers are still open."""
    source.put_artifact(session_id, "chat", b"x" * 100_000)
    source.faults.operations.append(OperationFault(operation="list_apps", status=0, hold_s=60))
    source.faults.on(kind="chat", slow_s=60)
    async with aiohttp.ClientSession() as client:
        async with serve(source) as server:
            api = Api(client, source, server)
            await api.app("/sessions")
            open_requests = [
                asyncio.create_task(api.kit("/apps")),
                asyncio.create_task(api.download(session_id, "chat")),
            ]
            while source.counts["list_apps"] + source.counts["download"] < 2:  # noqa: ASYNC110 — a count is what there is
                await asyncio.sleep(0.001)
            began = time.monotonic()
        took_s = time.monotonic() - began
        results = await asyncio.gather(*open_requests, return_exceptions=True)

    assert took_s < 0.5
    assert all(isinstance(result, aiohttp.ClientError) for result in results)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port)).close()


async def test_answers_are_not_delayed(api: Api) -> None:
    """Small answers are sent at once, which Nagle's algorithm would prevent."""
    await api.app("/sessions")
    began = time.monotonic()
    for _ in range(20):
        await api.app("/sessions")

    assert time.monotonic() - began < 20 * 0.03


def test_in_a_thread(source: SimulatedSource, session_id: str) -> None:
    """A program without an event loop is served from a thread."""
    with serve_in_thread(source) as server:
        url = f"{server.base_url}/accounts/simulated-account/realtime/kit/apps"
        request = urllib.request.Request(url)
        request.add_header("Authorization", f"Bearer {source.token}")
        with urllib.request.urlopen(request, timeout=5) as response:
            assert response.status == 200
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    with pytest.raises(ConnectionRefusedError):
        connection.connect()


def test_thread_that_cannot_start(source: SimulatedSource) -> None:
    """What keeps the thread from serving is raised where it was started."""
    with (
        serve_in_thread(source) as server,
        pytest.raises(OSError, match="in use"),
        serve_in_thread(source, port=server.port),
    ):
        pass
