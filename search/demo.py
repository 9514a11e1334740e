"""The demo: the whole main job with nothing configured, from a simulated source to a search hit."""

from __future__ import annotations

import errno
import shutil
import socket
import sys
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from archiver import cli
from archiver.clock import SystemClock
from archiver.errors import ArchiverError
from archiver.exits import DONE, LOST
from archiver.runtime import Runtime, open_runtime
from archiver.settings import Address, Secret, Settings
from archiver.simulated import SettableClock, SimulatedSource
from archiver.simulated import serve as serve_source
from archiver.terminal import answer, progress, say
from search.formats import Limits
from search.index.library import Library
from search.index.seam import SearchRequest
from search.indexer import Indexer
from search.presentation import print_result
from search.query import parse

if TYPE_CHECKING:
    from search.results import SearchResult

FOLDER = "rtk-archive-demo"
#: Only a folder with this file in it is one of ours, and may be started anew.
MARKER = "this-is-a-demo.txt"
PORT = 8000
QUERY = '"renewal price" speaker:ana'
#: How much later the second look is: long enough for the summaries that had to be asked for.
LATER = timedelta(minutes=30)


async def run_demo(*, folder: str | None, port: int | None, stay: bool) -> int:
    """Capture the invented meetings, index them, answer a search, and serve until stopped.

    Returns the exit code: 4 if a meeting was not archived whole, 0 otherwise.
    """
    home = _fresh(Path(folder or FOLDER))
    address = Address("127.0.0.1", _free_port(port))
    clock = SettableClock(SystemClock().now())
    source = SimulatedSource(clock=clock)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serve_source(source))
        settings = Settings(
            token=Secret(source.token),
            account_id=source.account_id,
            base_url=server.base_url,
            store=f"file:{home / 'archive'}",
            data=home / "data",
            listen=address,
        )
        say(f"A simulated RealtimeKit with invented meetings listens at {server.base_url}")
        runtime = await stack.enter_async_context(
            open_runtime(settings, command="demo", clock=clock)
        )
        await _capture(runtime, clock)
        indexer = Indexer(runtime.archive, runtime.ledger, settings.index_path, Limits())
        stack.callback(indexer.close)
        library = Library(settings.index_path)
        stack.callback(library.close)
        indexed = await indexer.catch_up()
        say(f"Indexed {indexed.sessions} sessions\n")
        found = _search(library)
        counts = runtime.ledger.session_counts()
        if not found.hits or counts["pending"] or counts["lost"]:
            return LOST
        _say_what_next(home, address, serving=stay)
        if stay:
            await _serve(runtime, library, address)
    return DONE


def _fresh(home: Path) -> Path:
    """The demo's folder, empty; a folder that is not the demo's is left alone."""
    if home.exists() and any(home.iterdir()):
        if not (home / MARKER).exists():
            raise ArchiverError(
                f"{home} is not a demo's folder, and a demo starts its folder anew",
                hint="name another one with --data",
            )
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / MARKER).write_text(
        "Made by `rtk-archive demo`, which deletes this folder and starts anew.\n"
    )
    return home


def _free_port(wanted: int | None) -> int:
    """The port asked for; without one the usual port, or another where that is in use."""
    for port in (wanted,) if wanted is not None else (PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE or wanted is not None:
                    raise ArchiverError(
                        f"port {port} cannot be used: {error.strerror}",
                        hint="name another one with --port",
                    ) from error
                continue
            return int(probe.getsockname()[1])
    raise ArchiverError("no port is free", hint="name one with --port")


async def _capture(runtime: Runtime, clock: SettableClock) -> None:
    """Two passes: what is there, and after a while the summaries that had to be asked for."""
    with progress("capturing") as update:
        first = await runtime.worker.sync(progress=update)
    say(
        f"Captured {first.listed} sessions: {first.outcomes['archived']} artifacts archived, "
        f"{first.pending} summaries asked for"
    )
    clock.advance(LATER.total_seconds())
    second = await runtime.worker.sync()
    say(
        f"Half an hour later: {second.outcomes['archived']} summaries more, {second.pending} pending"
    )


def _search(library: Library) -> SearchResult:
    say(f"$ rtk-archive search '{QUERY}'\n")
    result = library.search(SearchRequest(query=parse(QUERY), limit=3))
    print_result(result)
    answer("")
    return result


def _say_what_next(home: Path, address: Address, *, serving: bool) -> None:
    command = f"{_program()} --data {home / 'data'} --store file:{home / 'archive'}"
    say(f"The archive is in {home / 'archive'}: look at it with ls, jq and sha256sum. Then try:")
    say(f"  {command} search 'retention OR Aufbewahrungsfrist'")
    say(f"  {command} verify")
    if serving:
        say(f"  curl 'http://{address}/v1/search?q=renewal+price'")


def _program() -> str:
    """How this program was called, as it can be called again from here."""
    called = Path(sys.argv[0])
    if called.name != "rtk-archive":
        return "rtk-archive"
    with suppress(ValueError):
        return str(called.absolute().relative_to(Path.cwd()))
    return "rtk-archive"


async def _serve(runtime: Runtime, library: Library, address: Address) -> None:
    from search.web import Services, create_app, serve

    services = Services(
        index=library,
        archive=runtime.archive,
        ledger=runtime.ledger,
        settings=runtime.settings,
        clock=SystemClock(),
    )
    stop = cli.stop_event()
    await serve(create_app(services), address, stop, listening=_say_where)
    say("stopped")


def _say_where(address: Address) -> None:
    say(f"\nSearching at http://{address}/ until Ctrl-C")
