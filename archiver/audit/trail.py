"""One process' record of reads: a file that only grows, each line naming the digest of the one before.

A line is one `write` to the kernel before the answer leaves, so it outlives the process, however that
ends. The disk has it within seconds (`sync`), which only matters to a machine that loses its power.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from archiver.archive.canonical import canonical_json, sha256
from archiver.errors import AuditError
from archiver.filesystems import make_private
from archiver.model import format_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archiver.access import Reader
    from archiver.clock import Clock
    from archiver.settings import Settings

#: A file that is longer is followed by another, which names where it ended.
FILE_BYTES_MAX = 64 * 2**20
#: A query of 64 KiB, escaped, and the ids of a page of hits are shorter; what is longer is refused.
LINE_BYTES_MAX = 2**20
SUFFIX = ".jsonl"
#: How a trail's name begins: when it was begun.
BEGAN = "%Y%m%dT%H%M%S%fZ"
OFF = "audit off"
CONTINUED = "continued"
#: Where no letter is written so, there is no half of a surrogate pair either.
_MAYBE_HALF = rb"\ud"


def plain(value: Any) -> Any:
    """A value as a record can hold it: half a surrogate pair stays an escape."""
    match value:
        case str():
            return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {plain(name): plain(each) for name, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case _:
            return value


class Trail:
    """Records what this process lets be read; any thread may."""

    def __init__(self, folder: Path, clock: Clock, *, enabled: bool = True) -> None:
        self._folder = folder
        self._clock = clock
        self._enabled = enabled
        self._lock = threading.Lock()
        self._fd: int | None = None
        self._name = ""
        self._seq, self._digest, self._size_bytes = 0, "", 0
        self._unsynced = False
        self._torn = False
        self._said_off = False

    def record(self, reader: Reader, action: str, **told: Any) -> None:
        """Note an action and what is told of it; returns once the kernel has it.

        Raises AuditError where it cannot be written: what was asked is then not to be answered.
        """
        with self._lock:
            if not self._enabled:
                if self._said_off:
                    return
                action, told = OFF, {}
            self._append(reader.document(), action, told)
            self._said_off = not self._enabled

    def _append(self, who: dict[str, str], action: str, told: dict[str, Any]) -> None:
        try:
            if self._fd is None:
                self._open()
            elif self._size_bytes >= FILE_BYTES_MAX:
                self._go_on_in_another(who)
            self._write(who, action, told)
        except OSError as error:
            raise AuditError(
                f"the record of reads cannot be written: {error.strerror}",
                hint=f"what cannot be recorded is not answered; see to {self._folder}",
            ) from error

    def _open(self) -> None:
        make_private(self._folder)
        began = self._clock.now().strftime(BEGAN)
        name = f"{began}-{secrets.token_hex(6)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(self._folder / f"{name}{SUFFIX}", flags, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # says that somebody writes here
        self._name, self._seq, self._digest, self._size_bytes = name, 0, "", 0

    def _go_on_in_another(self, who: dict[str, str]) -> None:
        before = {"trail": self._name, "seq": self._seq, "digest": self._digest}
        assert self._fd is not None
        os.fdatasync(self._fd)
        self._close()
        self._open()
        self._write(who, CONTINUED, {"asked": before})

    def _write(self, who: dict[str, str], action: str, told: dict[str, Any]) -> None:
        document = {
            **told,
            "trail": self._name,
            "seq": self._seq + 1,
            "previous": self._digest,
            "at": format_time(self._clock.now()),
            "who": who,
            "action": action,
        }
        line = canonical_json(document)
        if _MAYBE_HALF in line:
            line = canonical_json(plain(document))
        if len(line) > LINE_BYTES_MAX:
            raise AuditError(
                "what is asked is too long to be recorded", hint="ask for less at a time"
            )
        assert self._fd is not None
        if self._torn:
            os.ftruncate(self._fd, self._size_bytes)
            self._torn = False
        if os.write(self._fd, line) < len(line):  # the disk is full: half a line is none
            self._torn = True
            os.ftruncate(self._fd, self._size_bytes)
            self._torn = False
            raise OSError(28, "No space left on device")
        self._seq, self._digest = self._seq + 1, sha256(line)
        self._size_bytes += len(line)
        self._unsynced = True

    def sync(self) -> None:
        """Have what was written on the disk; blocks."""
        with self._lock:
            if self._fd is None or not self._unsynced:
                return
            fd, self._unsynced = os.dup(self._fd), False
        try:
            os.fdatasync(fd)
        finally:
            os.close(fd)

    def close(self) -> None:
        """Have it on the disk, and write no more."""
        with suppress(OSError):
            self.sync()
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


@contextmanager
def open_trail(settings: Settings, clock: Clock) -> Iterator[Trail]:
    """The record of reads of this process, as the settings say."""
    trail = Trail(settings.audit_path, clock, enabled=settings.audit)
    try:
        yield trail
    finally:
        trail.close()
