"""uvicorn in the running event loop: sockets of our own, no signal handlers, no log lines of its own."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from uvicorn import Config, Server

from archiver.errors import ArchiverError, SettingsError
from archiver.settings import Address
from search.web.access import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from starlette.types import ASGIApp

_log = logging.getLogger("search.web")

#: How long answers under way are waited for when the endpoint stops.
GRACE_S = 2
_BACKLOG = 512
#: So many objects are made before Python looks for cycles among them; a long meeting has thousands.
_OBJECTS_UNTIL_CYCLES = 50_000


async def serve(
    app: ASGIApp,
    address: Address,
    stop: asyncio.Event,
    *,
    listening: Callable[[Address], None] | None = None,
    setting: str = "RTK_ARCHIVE_LISTEN",
    beyond_loopback: bool = False,
) -> None:
    """Answer at this address until `stop` is set; `listening` is told where, with the port taken.

    `setting` is where the address comes from; `beyond_loopback`: others may reach it, for they are
    told nothing without a key, or nothing that not anybody may know. Raises SettingsError for an address beyond loopback, ArchiverError where it cannot be had.
    """
    sockets = await _open(address, setting, beyond_loopback=beyond_loopback)
    config = Config(
        app,
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="critical",  # what is worth a line, the application says itself
        access_log=False,
        proxy_headers=False,  # whoever forwards is to be seen, and refused
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config)
    # What is loaded by now stays: a look for cycles through all of it takes a tenth of a second, and
    # comes in the middle of the longest answers.
    gc.freeze()
    gc.set_threshold(_OBJECTS_UNTIL_CYCLES, *gc.get_threshold()[1:])
    if listening is not None:
        listening(Address(address.host, sockets[0].getsockname()[1]))
    try:
        await _run(server, sockets, stop)
    finally:
        for each in sockets:
            each.close()


async def _run(server: Server, sockets: list[socket.socket], stop: asyncio.Event) -> None:
    serving = asyncio.create_task(server.serve(sockets=sockets))
    stopping = asyncio.create_task(stop.wait())
    _log.info("web_started", extra={"port": sockets[0].getsockname()[1]})
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        server.should_exit = True
        await serving
        _log.info("web_stopped")


class _Server(Server):
    """uvicorn's server, which leaves signals to whoever runs the loop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _open(address: Address, setting: str, *, beyond_loopback: bool) -> list[socket.socket]:
    """Listening sockets on every address the host's name stands for."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"{address} is no address to listen on", hint=_hint(setting)) from error
    places = list(dict.fromkeys((family, place) for family, _, _, _, place in found))
    if not beyond_loopback and not all(is_loopback(str(place[0])) for _, place in places):
        raise SettingsError(
            f"{setting} {address} can be reached from beyond this machine",
            hint="make a key first (`rtk-archive keys create NAME`), or listen on a loopback address"
            " such as 127.0.0.1:8000",
        )
    return _listen_all(address, setting, places)


def _listen_all(
    address: Address,
    setting: str,
    places: Sequence[tuple[socket.AddressFamily, tuple[object, ...]]],
) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    refusal: OSError | None = None
    for family, place in places:
        try:
            sockets.append(_listen(family, place))
        except OSError as error:
            refusal = error
            if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                break
    # `localhost` may stand for an IPv6 address on a machine without one; that alone is no refusal.
    fatal = refusal is not None and refusal.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
    if refusal is not None and (fatal or not sockets):
        for each in sockets:
            each.close()
        raise _explained(address, setting, refusal) from refusal
    return sockets


def _listen(family: socket.AddressFamily, place: tuple[object, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(place)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _hint(setting: str) -> str:
    return f"set {setting} to another address, or stop what listens there"


def _explained(address: Address, setting: str, error: OSError) -> ArchiverError:
    if error.errno == errno.EADDRINUSE:
        return ArchiverError(f"{address} is in use", hint=_hint(setting))
    reason = (error.strerror or "refused").lower()
    return ArchiverError(f"{address} cannot be listened on: {reason}", hint=_hint(setting))
