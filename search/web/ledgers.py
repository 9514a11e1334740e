"""The ledger for whoever answers: connections for reading, kept open, and what they told lately."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from archiver.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from pathlib import Path

T = TypeVar("T")

#: So many answers are remembered of one state of the ledger.
_ANSWERS_MAX = 256


@dataclass(slots=True)
class _Open:
    """A connection of its own, which never sees half of what the worker is writing."""

    ledger: Ledger
    inode: int  #: the file may be deleted, and made again, at any time
    version: int = -1
    answers: dict[Hashable, Any] = field(default_factory=dict)


class LedgerNow:
    """The ledger as it stands."""

    def __init__(self, opened: _Open) -> None:
        self._open = opened
        self.ledger = opened.ledger

    def remembered(self, question: Hashable, ask: Callable[[Ledger], T]) -> T:
        """What `ask` says, asked again only where the ledger has changed since."""
        opened = self._open
        version = self.ledger.data_version
        if version != opened.version or len(opened.answers) > _ANSWERS_MAX:
            opened.answers.clear()
            opened.version = version
        if question not in opened.answers:
            opened.answers[question] = ask(self.ledger)
        found: T = opened.answers[question]
        return found


class Ledgers:
    """Any number of threads may read at once."""

    def __init__(self) -> None:
        self._idle: list[_Open] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of what nobody reads from just now."""
        with self._lock:
            idle, self._idle = self._idle, []
        for opened in idle:
            opened.ledger.close()

    @contextmanager
    def reading(self, path: Path | None) -> Iterator[LedgerNow | None]:
        """The ledger, for one reader; None where there is none. Raises LedgerError."""
        opened = None if path is None else self._take(path)
        if opened is None:
            yield None
            return
        try:
            yield LedgerNow(opened)
        except BaseException:
            opened.ledger.close()
            raise
        with self._lock:
            self._idle.append(opened)

    def _take(self, path: Path) -> _Open | None:
        try:
            inode = path.stat().st_ino
        except FileNotFoundError:
            return None
        with self._lock:
            while self._idle:
                opened = self._idle.pop()
                if opened.inode == inode:
                    return opened
                opened.ledger.close()
        return _Open(Ledger.open(path, read_only=True), inode)
