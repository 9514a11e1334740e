"""The simulated source on a real port, in the running event loop or in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from archiver.simulated.answers import CONNECTION
from archiver.simulated.app import create_app
from archiver.simulated.source import SimulatedSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from starlette.applications import Starlette

_PATIENCE_S = 10
_log = logging.getLogger("archiver.simulated")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedServer:
    """A source that is being served."""

    base_url: str  #: what CLOUDFLARE_BASE_URL takes
    port: int
    source: SimulatedSource | None

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serve(
    served: SimulatedSource | Starlette, *, port: int = 0, controls: bool = False
) -> AsyncIterator[SimulatedServer]:
    """Serve on a loopback port until the block is left; port 0 is any that is free."""
    # asyncio switches Nagle's algorithm off only where the protocol is named: else 40 ms an answer.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        real_port: int = listener.getsockname()[1]
        base_url = f"http://127.0.0.1:{real_port}/client/v4"
        source = served if isinstance(served, SimulatedSource) else None
        if isinstance(served, SimulatedSource):
            app = create_app(served, base=base_url, controls=controls)
        else:
            app = served
        async with _listening(app, listener):
            yield SimulatedServer(base_url=base_url, port=real_port, source=source)


@contextmanager
def serve_in_thread(
    source: SimulatedSource, *, port: int = 0, controls: bool = False
) -> Iterator[SimulatedServer]:
    """Serve from another thread, for programs that have no event loop."""
    serving = _Serving(source, port, controls)
    thread = threading.Thread(target=serving.run, name="simulated-source", daemon=True)
    thread.start()
    try:
        yield serving.wait_until_ready()
    finally:
        serving.stop()
        thread.join(_PATIENCE_S)


class _Serving:
    """What a thread that serves and the one that started it have in common."""

    def __init__(self, source: SimulatedSource, port: int, controls: bool) -> None:
        self._source = source
        self._port = port
        self._controls = controls
        self._ready = threading.Event()
        self._server: SimulatedServer | None = None
        self._error: BaseException | None = None
        self._stop: Callable[[], object] = lambda: None

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 — raised again where the server is waited for
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        async with serve(self._source, port=self._port, controls=self._controls) as server:
            self._server = server
            self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
            self._ready.set()
            await stopped.wait()

    def wait_until_ready(self) -> SimulatedServer:
        self._ready.wait(_PATIENCE_S)
        if self._error is not None:
            raise self._error
        if self._server is None:
            raise TimeoutError("the simulated source did not start")
        return self._server

    def stop(self) -> None:
        self._stop()


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which also hands the app its connection, to break it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False
        self.logger = _log

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: self.transport}  # type: ignore[dict-item]  # ours


@asynccontextmanager
async def _listening(app: Starlette, listener: socket.socket) -> AsyncIterator[None]:
    # uvicorn's own Server takes over signals, and a tenth of a second to stop.
    config = Config(app, log_config=None, lifespan="off", ws="none", date_header=False)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Protocol(config, state, {}), sock=listener)
    try:
        yield
    finally:
        server.close()
        await _close_connections(state)
        await server.wait_closed()


async def _close_connections(state: ServerState) -> None:
    tasks = list(state.tasks)
    for connection in list(state.connections):
        connection.transport.abort()
    # An answer in the making notices that its connection is gone; what does not is cancelled.
    if tasks:
        _, slow = await asyncio.wait(tasks, timeout=0.02)
        for task in slow:
            task.cancel()
        if slow:
            await asyncio.wait(slow)
    while state.connections:  # noqa: ASYNC110 — uvicorn keeps a set, and no event
        await asyncio.sleep(0)
