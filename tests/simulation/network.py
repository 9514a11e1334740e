"""HTTP without sockets: the real client's connections end in the real server's protocol, in one loop.

Nothing is waited for, so a run is as repeatable as its seed.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
from uvicorn import Config
from uvicorn.server import ServerState

from archiver.simulated import create_app
from archiver.simulated.server import _Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from archiver.simulated import SimulatedSource

HOST, PORT = "127.0.0.1", 8787
BASE_URL = f"http://{HOST}:{PORT}/client/v4"


class _End(asyncio.Transport):
    """One end of a connection; what is written arrives at the other in the next round of the loop."""

    def __init__(self, name: str) -> None:
        super().__init__({"peername": (name, 1), "sockname": (name, 2)})
        self._loop = asyncio.get_running_loop()
        self.protocol: asyncio.Protocol | None = None
        self.other: _End | None = None
        self._closing = False
        self._paused = False
        self._held: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        if not self._closing and self.other is not None:
            self._loop.call_soon(self.other._arrive, bytes(data))

    def _arrive(self, data: bytes) -> None:
        if self._closing or self.protocol is None:
            return
        if self._paused:
            self._held.append(data)
        else:
            self.protocol.data_received(data)

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        held, self._held = self._held, []
        for data in held:
            self._loop.call_soon(self._arrive, data)

    def is_reading(self) -> bool:
        return not self._paused

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        del high, low

    def close(self) -> None:
        self._end(None)

    def abort(self) -> None:
        self._end(ConnectionResetError("reset"))

    def _end(self, error: Exception | None) -> None:
        if self._closing:
            return
        self._closing = True
        self._loop.call_soon(self._lost, None)
        if self.other is not None:
            # What was written before the end arrives before it.
            self._loop.call_soon(self.other._ended, error)

    def _ended(self, error: Exception | None) -> None:
        if self._closing:
            return
        self._closing = True
        self._lost(error)

    def _lost(self, error: Exception | None) -> None:
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connection_lost(error)


class Network:
    """Where connections lead; `reachable` says whether anything answers."""

    def __init__(self, source: SimulatedSource) -> None:
        app = create_app(source, base=BASE_URL)
        self._config = Config(app, log_config=None, lifespan="off", ws="none", date_header=False)
        self._config.load()
        self._state = ServerState()
        self.reachable: Callable[[], bool] = lambda: True

    async def connect(self, connector: Any, request: Any, *_: Any) -> Any:
        """What a TCP connector does, without TCP."""
        if not self.reachable():
            error = OSError(111, "Connection refused")
            raise aiohttp.ClientConnectorError(request.connection_key, error)
        client, server = _End("client"), _End("server")
        client.other, server.other = server, client
        client.protocol = connector._factory()
        server.protocol = _Protocol(self._config, self._state, {})
        client.protocol.connection_made(client)
        server.protocol.connection_made(server)
        return client.protocol


@contextmanager
def connected(patch: pytest.MonkeyPatch, network: Network) -> Iterator[None]:
    """Every connection that is opened leads into this network."""

    async def create(connector: Any, request: Any, *more: Any) -> Any:
        return await network.connect(connector, request, *more)

    with patch.context() as within:
        within.setattr(aiohttp.TCPConnector, "_create_connection", create)
        yield
