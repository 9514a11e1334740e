"""Around every answer: its safety headers, its line in the log, and an end to every error.

A log line has no query string, and of an unforeseen error only its kind and place: its message could
hold what was said in a meeting.
"""

from __future__ import annotations

import logging
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect

from search.web.problems import UNEXPECTED
from search.web.rules import MCP_PATH

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("search.web")

_EVERYWHERE = {"X-Content-Type-Options": "nosniff"}
_PRIVATE = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}
_PATH_LIMIT = 300
#: What is logged of a request whose client went away before it was answered, as nginx has it.
CLIENT_CLOSED = 499


@dataclass(slots=True)
class _Answer:
    """What has been sent of the answer so far."""

    status: int = 0


class Outermost:
    """Middleware around everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        answer = _Answer()
        sending = _with_headers(scope, send, answer)
        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            answer.status = answer.status or CLIENT_CLOSED
        except Exception as error:  # noqa: BLE001 — the last place there is: an answer without a traceback
            _log.error("request_failed", extra={"path": _path(scope), **describe(error)})
            # An answer that has begun is left unfinished, which closes the connection.
            if not answer.status:
                await UNEXPECTED.response()(scope, receive, sending)
        finally:
            _log.info("request", extra=_line(scope, answer, time.perf_counter() - started))


def _with_headers(scope: Scope, send: Send, answer: _Answer) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in headers_for(scope["path"]).items():
                headers.setdefault(name, value)
        await send(message)

    return sending


def headers_for(path: str) -> dict[str, str]:
    """The safety headers of an answer; to programs everything, problems too, may tell of meetings."""
    private = is_for_programs(path)
    return {**_EVERYWHERE, **(_PRIVATE if private else {"Cache-Control": "no-store"})}


def is_for_programs(path: str) -> bool:
    """Whether programs are told here what may be of meetings."""
    return path.startswith("/v1/") or path == MCP_PATH


def _line(scope: Scope, answer: _Answer, seconds: float) -> dict[str, object]:
    return {
        "method": scope["method"],
        "path": _path(scope),
        "status": answer.status or CLIENT_CLOSED,
        "ms": round(seconds * 1000, 1),
    }


def _path(scope: Scope) -> str:
    return quote(scope["path"][:_PATH_LIMIT], safe="/:@", errors="replace")


def describe(error: Exception) -> dict[str, str]:
    """The kind of an error and of what caused it, and where it was raised; never what it says."""
    kinds = [type(error).__name__]
    if error.__cause__ is not None:
        kinds.append(type(error.__cause__).__name__)
    frames = traceback.extract_tb((error.__cause__ or error).__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return {"error": " from ".join(kinds), "place": place}
