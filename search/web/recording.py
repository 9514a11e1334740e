"""The record of every read, made the moment its answer begins, and before any of it leaves.

What cannot be recorded is not answered: the handler's answer is dropped, and 503 takes its place.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from archiver.errors import AuditError
from search.web.problems import problem_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from archiver.access import Reader
    from archiver.audit import Trail
    from search.web.rules import Match

_log = logging.getLogger("search.web")

#: Where a page of an answer begins tells nothing of what was asked.
_CURSOR = "cursor"


@dataclass(slots=True)
class Reading:
    """What is recorded of an answer; handlers add what they found."""

    #: None: what the path asks, which is read there once an answer begins.
    asked: Mapping[str, Any] | None = None
    hits: int | None = None  #: how many were found
    sessions: tuple[str, ...] = ()  #: those that are shown
    #: Where what is asked stands in the body, and not in the path: what that is called, the session it
    #: is of, and what became of it.
    action: str = ""
    session: str = ""
    status: int | None = None

    def found(self, hits: int, sessions: Iterable[str] = ()) -> None:
        """So many were found, and these are shown."""
        self.hits, self.sessions = hits, tuple(sessions)

    def told(self, match: Match, status: int) -> dict[str, Any]:
        """The members of the record."""
        status = status if self.status is None else self.status
        told: dict[str, Any] = {"asked": _without_cursor(self.asked or {}), "status": status}
        if session := self.session or match.names.get("session_id"):
            told["session"] = session
        if (search := match.names.get("search_id")) is not None:
            told["search"] = search
        if (name := match.names.get("name")) is not None:
            told["artifact"] = name
        if self.hits is not None:
            told |= {"hits": self.hits, "sessions": list(self.sessions)}
        return told


def _without_cursor(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: ["given"] if name == _CURSOR else each for name, each in asked.items()}


def _asked_in(scope: Scope) -> dict[str, list[str]]:
    """The parameters of a query string."""
    asked: dict[str, list[str]] = {}
    for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        asked.setdefault(name, []).append(value)
    return asked


def record(trail: Trail, reader: Reader, match: Match, reading: Reading, status: int = 200) -> None:
    """Note what was asked here and found, before it leaves; raises AuditError."""
    action = reading.action or match.rule.action
    trail.record(reader, action, **reading.told(match, status))


class Recording:
    """Middleware that records what the rules say is to be recorded."""

    def __init__(self, app: ASGIApp, *, trail: Trail | None) -> None:
        self._app = app
        self._trail = trail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        match, reader = scope["state"]["match"], scope["state"]["reader"]
        reading = Reading()
        scope["state"]["reading"] = reading
        if self._trail is None or reader is None or match is None or not match.rule.is_recorded:
            await self._app(scope, receive, send)
            return
        sender = _Sender(self._trail, reader, match, reading, send)
        await self._app(scope, receive, lambda message: sender.send(message, scope, receive))


@dataclass(slots=True)
class _Sender:
    """Sends an answer once it is recorded."""

    trail: Trail
    reader: Reader
    match: Match
    reading: Reading
    onward: Send
    refused: bool = False

    async def send(self, message: Message, scope: Scope, receive: Receive) -> None:
        if self.refused:
            return
        if message["type"] == "http.response.start":
            if self.reading.asked is None:
                self.reading.asked = _asked_in(scope)
            try:
                record(self.trail, self.reader, self.match, self.reading, message["status"])
            except AuditError as error:
                self.refused = True
                _log.error("audit.unwritten", extra={"error": error.message})
                await problem_of(error).response()(scope, receive, self.onward)
                return
        await self.onward(message)
