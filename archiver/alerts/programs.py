"""Calling a command that the settings file names: without a shell, the alert as JSON on its input.

It has a process group of its own and little of our environment: no token, no secret, nothing of the
settings. What it writes is not read.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from archiver.errors import AlertError, UndeliveredError

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S = 60.0
#: What a command gets of our environment: where programs are, whose home it is, and how text is written.
ENVIRONMENT = ("HOME", "LANG", "LC_ALL", "PATH", "TZ")


class Programs:
    """Runs the commands of saved searches; `timeout_s` later what still runs is killed."""

    def __init__(
        self, commands: Mapping[str, tuple[str, ...]], *, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._commands = commands
        self._timeout_s = timeout_s

    def check(self, name: str) -> tuple[str, ...]:
        """The command of this name as it is run; raises AlertError where there is none."""
        if name not in self._commands:
            known = ", ".join(self._commands)
            raise AlertError(
                f"the settings file names no command {name}",
                hint=f"there is {known}" if known else "name it in RTK_ARCHIVE_ALERT_COMMANDS",
            )
        return self._commands[name]

    async def run(self, name: str, message: str, body: bytes) -> None:
        """Run a command to its end; raises UndeliveredError unless it ends with 0."""
        try:
            argv = self.check(name)
        except AlertError as error:
            raise UndeliveredError(error.message) from None
        environment = {each: os.environ[each] for each in ENVIRONMENT if each in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env={**environment, "RTK_ALERT_ID": message},
                start_new_session=True,
            )
        except OSError as error:
            told = f"command {name} cannot be run: {error.strerror}"
            raise UndeliveredError(told) from None
        try:
            async with asyncio.timeout(self._timeout_s):
                await process.communicate(body)
        except TimeoutError:
            raise UndeliveredError(
                f"command {name} took longer than {self._timeout_s:g} s"
            ) from None
        finally:
            # Whatever it started goes with it, also where it ended in time.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if process.returncode:
            raise UndeliveredError(f"command {name} ended with {process.returncode}")
