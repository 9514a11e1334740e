"""Whether the endpoint lives, and whether all that it answers from can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from starlette.routing import Route

from archiver.archive.keys import FORMAT_KEY
from archiver.errors import ArchiverError, LedgerError, StoreError
from search.web.answers import JSON

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from search.web.services import AppRequest, Services

ARCHIVE_TIMEOUT_S = 5.0
OK = "ok"


async def healthz(_request: Request) -> Response:
    """GET /healthz: the process answers."""
    return JSON({"status": OK})


async def readyz(request: AppRequest) -> Response:
    """GET /readyz: index, ledger and archive answer, or which of them does not and why."""
    services, threads = request.state["services"], request.state["threads"]
    parts = {
        "index": await threads.run(lambda: _index(services)),
        "ledger": await threads.run(lambda: _ledger(services)),
        "archive": await _archive(services),
    }
    ready = all(part == OK for part in parts.values())
    return JSON({"status": OK if ready else "unready", "parts": parts}, 200 if ready else 503)


def _index(services: Services) -> str:
    try:
        services.index.sessions(apps=None, limit=1)
    except ArchiverError as error:
        return str(error)
    return OK


def _ledger(services: Services) -> str:
    try:
        with services.reading_ledger() as there:
            if there is None:
                return "there is no ledger yet"
            # Reads a table, unlike opening: a damaged file shows here.
            _ = there.ledger.epoch
    except LedgerError as error:
        return str(error)
    return OK


async def _archive(services: Services) -> str:
    if services.archive is None:
        return "there is no archive yet"
    try:
        with anyio.fail_after(ARCHIVE_TIMEOUT_S):
            found = await services.archive.store.head(FORMAT_KEY)
    except StoreError as error:
        return str(error)
    except TimeoutError:
        return f"the archive did not answer within {ARCHIVE_TIMEOUT_S:g} seconds"
    return OK if found is not None else f"{FORMAT_KEY} is missing"


ROUTES = [Route("/healthz", healthz), Route("/readyz", readyz)]
