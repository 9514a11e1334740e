"""What is slow to start is started once, by whichever test process needs it first, and shared by all.

Whoever started it stops it, once nobody uses it any more. Both are told by locks on files, which the
system lets go of when their process dies, whatever it dies of.
"""

from __future__ import annotations

import fcntl
import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, kind)
        yield


class Shared:
    """One thing that processes with the same folder share."""

    def __init__(
        self, folder: Path, name: str, start: Callable[[], AbstractContextManager[tuple[str, ...]]]
    ) -> None:
        self._starting = folder / f"{name}.starting"
        self._used = folder / f"{name}.used"
        self._told = folder / f"{name}.json"
        self._start = start
        self._use, self._own = ExitStack(), ExitStack()

    def urls(self) -> tuple[str, ...]:
        """Where it answers; it is started where nobody else has."""
        with _locked(self._starting, fcntl.LOCK_EX):
            if self._told.exists():
                self._use.enter_context(_locked(self._used, fcntl.LOCK_SH))
                return tuple(json.loads(self._told.read_text()))
            urls = self._own.enter_context(self._start())
            self._told.write_text(json.dumps(urls))
            self._own.callback(self._end)
            return urls

    def _end(self) -> None:
        with _locked(self._starting, fcntl.LOCK_EX):
            self._told.unlink()
        with _locked(self._used, fcntl.LOCK_EX):
            """Nobody uses it any more, and nobody new finds it."""

    def leave(self) -> None:
        """Do without it from now on."""
        self._use.close()

    def close(self) -> None:
        """Stop it, if it was started here, once the others have left."""
        self._own.close()
