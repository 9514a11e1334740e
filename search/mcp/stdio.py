"""A model's client on this machine, which starts us and speaks over standard input and output."""

from __future__ import annotations

import asyncio
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archiver.access import Reader, os_user
from archiver.errors import AuditError, KeysStaleError
from search.mcp.telling import problem_told
from search.mcp.tools import call
from search.web import rules
from search.web.access import BAD_KEY
from search.web.parameters import BODY_LIMIT_BYTES
from search.web.permission import FORBIDDEN
from search.web.problems import Problem, problem_of
from search.web.recording import Reading, record

if TYPE_CHECKING:
    from search.mcp.telling import Told
    from search.mcp.tools import Tool
    from search.web.rules import Match
    from search.web.services import Asking, Services, Threads

_READ_BYTES = 64 * 1024
#: Stands for a line that is longer than is taken: it is no JSON, and answered so.
_TOO_LONG = "\n"


class Lines:
    """The lines of a file descriptor, as they come in; it may be a pipe, a file or a terminal.

    They are read by a thread of their own that nobody waits for: it may wait for ever.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._room = threading.Semaphore(16)  # whoever sends more waits until it is answered
        threading.Thread(target=self._read, daemon=True, name="stdin").start()

    def __aiter__(self) -> Lines:
        return self

    async def __anext__(self) -> str:
        line = await self._lines.get()
        self._room.release()
        if line is None:
            raise StopAsyncIteration
        return line

    def _read(self) -> None:
        pending, too_long = b"", False
        while data := self._some():
            *whole, pending = (pending + data).split(b"\n")
            for line in whole:
                self._put(_TOO_LONG if too_long else _text(line))
                too_long = False
            if len(pending) > BODY_LIMIT_BYTES:
                pending, too_long = b"", True
        if pending or too_long:
            self._put(_TOO_LONG if too_long else _text(pending))
        self._put(None)

    def _some(self) -> bytes:
        try:
            return os.read(self._fd, _READ_BYTES)
        except OSError:
            return b""

    def _put(self, line: str | None) -> None:
        if line is not None and not line.strip() and line != _TOO_LONG:
            return
        self._room.acquire()
        try:
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
        except RuntimeError:  # the loop is closed: nobody listens any more
            return


def _text(line: bytes) -> str:
    return _TOO_LONG if len(line) > BODY_LIMIT_BYTES else line.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One client: the user whose process this is, or whoever has the key that was given."""

    services: Services
    threads: Threads
    secret: str  #: of the key; "" for none

    async def answer(self, tool: Tool, arguments: dict[str, Any]) -> Told:
        """Answer a call, recorded before it leaves."""
        match, reading = rules.match(rules.MCP_PATH), Reading(action=tool.action)
        assert match is not None
        reader = self._reader()
        if isinstance(reader, Problem):
            return problem_told(reader)
        if match.rule.admits(reader.role):
            told = await call(self._asking(reader, reading), tool, arguments)
        else:
            told, reading.status = problem_told(FORBIDDEN), FORBIDDEN.status
        return self._recorded(reader, match, reading, told)

    def _reader(self) -> Reader | Problem:
        """Whoever asks, now: a key may have been revoked since the last time."""
        keyring = self.services.keyring
        if not self.secret or keyring is None:
            return os_user()
        try:
            key = keyring.find(self.secret)
        except KeysStaleError as error:
            return problem_of(error)
        return BAD_KEY if key is None else key.reader

    def _asking(self, reader: Reader, reading: Reading) -> Asking:
        return {
            "services": self.services,
            "threads": self.threads,
            "reader": reader,
            "apps": reader.apps,
            "reading": reading,
        }

    def _recorded(self, reader: Reader, match: Match, reading: Reading, told: Told) -> Told:
        if self.services.trail is None:
            return told
        try:
            record(self.services.trail, reader, match, reading)
        except AuditError as error:
            return problem_told(problem_of(error))
        return told
