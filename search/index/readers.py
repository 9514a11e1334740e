"""Connections for reading: only the files asked for, the generation that counts now, and in time."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from migrations.sqlite import DatabaseError, OperationalError, connect
from search.errors import IndexDamagedError, IndexMissingError, SearchTimeoutError
from search.index.appfile import is_of_this_release
from search.index.cache import Caches
from search.index.generations import POINTER, Generations, app_path, apps_in
from search.index.view import Views

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from migrations.sqlite import Connection

T = TypeVar("T")

#: How many virtual machine steps of SQLite pass between two looks at the clock.
STEPS_PER_LOOK = 20_000
CACHE_KIB = 32_768
#: What changed no longer ago than this is looked at again.
_SETTLED_NS = 2_000_000_000


class _Remembered(Generic[T]):
    """What was read of a path, until its inode or its time of change is another."""

    def __init__(self, settled_ns: int) -> None:
        self._settled_ns = settled_ns
        self._known: tuple[tuple[Path, int, int], T] | None = None

    def of(self, path: Path, read: Callable[[], T]) -> T:
        """What `read` gives, asked again only where the path has changed, or lately did."""
        try:
            found = path.stat()
        except OSError:
            return read()
        seen = path, found.st_ino, found.st_mtime_ns
        known = self._known
        if known is not None and known[0] == seen:
            return known[1]
        value = read()
        # Within one tick of the file system's clock two changes look like one.
        if time.time_ns() - found.st_mtime_ns > self._settled_ns:
            self._known = seen, value
        return value


@dataclass(frozen=True, slots=True)
class _Open:
    """A connection, and which file it was opened to: a name may come to mean another."""

    connection: Connection
    inode: int


@dataclass(slots=True)
class _Pool:
    """Idle read-only connections, by file."""

    idle: dict[Path, list[_Open]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, path: Path) -> _Open:
        inode = _inode(path)
        with self.lock:
            while found := self.idle.get(path):
                opened = found.pop()
                if opened.inode == inode:
                    return opened
                opened.connection.close()
        connection = connect(path, read_only=True)
        connection.execute(f"pragma cache_size = -{CACHE_KIB}")
        if not is_of_this_release(connection):
            connection.close()
            raise IndexDamagedError(
                f"the index {path.name} was made by another release",
                hint="it is made again where sessions are indexed: `rtk-archive sync`, or"
                " `rtk-archive rebuild index`",
            )
        return _Open(connection, inode)

    def give_back(self, path: Path, opened: _Open) -> None:
        with self.lock:
            self.idle.setdefault(path, []).append(opened)

    def forget_others(self, folder: Path) -> None:
        """Close what belongs to another generation."""
        with self.lock:
            for path in [each for each in self.idle if each.parent != folder]:
                for opened in self.idle.pop(path):
                    opened.connection.close()

    def close(self) -> None:
        with self.lock:
            for found in self.idle.values():
                for opened in found:
                    opened.connection.close()
            self.idle.clear()


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError as error:
        raise OperationalError("unable to open database file") from error


class Readers:
    """The index's files for reading; any number of threads may ask at once."""

    def __init__(self, root: Path, *, timeout_s: float) -> None:
        self._pointer = root / POINTER
        self._generations = Generations(root)
        self._pointed: _Remembered[Path | None] = _Remembered(0)
        self._apps: _Remembered[dict[str, Path]] = _Remembered(_SETTLED_NS)
        self._timeout_s = timeout_s
        self._pool = _Pool()
        self._views: dict[Path, tuple[int, Views]] = {}
        self._caches = Caches()
        self._lock = threading.Lock()
        self._folder: Path | None = None

    def close(self) -> None:
        """Let go of the files."""
        self._pool.close()

    def deadline(self) -> float:
        """When a question that is asked now must have been answered, by the monotonic clock."""
        return time.monotonic() + self._timeout_s

    def files(self, apps: tuple[str, ...] | None) -> dict[str, Path]:
        """The files of these apps, or of all, of the generation that is read now.

        Raises IndexMissingError where there is no index at all.
        """
        folder = self.folder()
        if folder is None:
            raise IndexMissingError(
                "there is no index yet",
                hint="run `rtk-archive sync` or `rtk-archive rebuild index`",
            )
        if folder != self._folder:
            self._pool.forget_others(folder)
            with self._lock:
                self._views.clear()
            self._folder = folder
        present = self._apps.of(folder, lambda: self._listed(folder))
        if apps is None:
            return present
        return {app_id: path for app_id, path in present.items() if app_id in apps}

    def _listed(self, folder: Path) -> dict[str, Path]:
        found = {app_id: app_path(folder, app_id) for app_id in apps_in(folder)}
        if self.folder() != folder:
            raise IndexDamagedError("the index was being deleted while it was listed")
        return found

    def folder(self) -> Path | None:
        """The generation that is read now."""
        return self._pointed.of(self._pointer, self._generations.current)

    def retrying(self, answer: Callable[[], T]) -> T:
        """What `answer` gives; asked again where the index was swapped under it meanwhile."""
        folder = self._folder
        while True:
            try:
                return answer()
            except (IndexDamagedError, IndexMissingError):
                now = self.folder()
                if now == folder:
                    raise
                folder = now

    @contextmanager
    def reading(self, path: Path, deadline: float) -> Iterator[tuple[Connection, Views]]:
        """A connection whose statements stop at the deadline, inside one snapshot of the file, and
        what is kept in memory of that file.

        Raises SearchTimeoutError or IndexDamagedError.
        """
        self.check(deadline)
        opened = None
        try:
            opened = self._pool.take(path)
            connection = opened.connection
            connection.set_progress_handler(lambda: time.monotonic() > deadline, STEPS_PER_LOOK)
            connection.execute("begin")
            yield connection, self._views_of(path, opened.inode)
            connection.execute("commit")
            connection.set_progress_handler(None, 0)
            self._pool.give_back(path, opened)
            opened = None
        except DatabaseError as error:
            if isinstance(error, OperationalError) and "interrupted" in str(error):
                raise self._too_late() from error
            raise IndexDamagedError(
                f"the index {path.name} cannot be read: {error}", hint="`rtk-archive rebuild index`"
            ) from error
        finally:
            if opened is not None:
                opened.connection.close()

    def check(self, deadline: float) -> None:
        """Raise SearchTimeoutError where the time is up."""
        if time.monotonic() > deadline:
            raise self._too_late()

    def _views_of(self, path: Path, inode: int) -> Views:
        with self._lock:
            known = self._views.get(path)
            if known is None or known[0] != inode:
                known = self._views[path] = inode, Views(self._caches)
        return known[1]

    def _too_late(self) -> SearchTimeoutError:
        return SearchTimeoutError(
            f"the search took longer than {self._timeout_s:g} seconds and was stopped",
            hint="ask for rarer words, fewer prefixes or a shorter time",
        )
