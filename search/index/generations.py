"""Which index is read now: a pointer file names the folder, and a rebuild swaps it, never a file under a reader.

index/current              the name of the folder that is read
index/rebuild.lock         held by whoever makes the index again
index/{generation}/{app}.db
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.archive.keys import decode_id, encode_id
from archiver.filesystems import make_private, private
from search.errors import SearchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POINTER = "current"
LOCK = "rebuild.lock"
SUFFIX = ".db"


@dataclass(frozen=True, slots=True)
class Generations:
    """The folder all generations of the index stand in."""

    root: Path

    def current(self) -> Path | None:
        """The folder that is read now; None where there is no index yet."""
        try:
            name = (self.root / POINTER).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        folder = self.root / name
        return folder if name and "/" not in name and folder.is_dir() else None

    def create(self) -> Path:
        """A new, empty folder that nobody reads yet."""
        folder = self.root / uuid.uuid4().hex
        make_private(folder)
        return folder

    def ensure(self) -> Path:
        """The folder that is read now, made where there is none."""
        folder = self.current()
        if folder is None:
            folder = self.create()
            self._point_to(folder)
        return folder

    @contextmanager
    def rebuilding(self) -> Iterator[Path]:
        """A new, empty folder, which is the one that is read once the block has ended well.

        Raises SearchError while another process is at it. What the folder replaces is deleted:
        whoever has files of it open keeps them, and whoever does not asks again.
        """
        make_private(self.root)
        with open(self.root / LOCK, "ab", opener=private) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SearchError(
                    "the index is being made again already", hint="wait until that is done"
                ) from None
            self._remove_all_but(self.current())
            folder = self.create()
            try:
                yield folder
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            self._point_to(folder)
            self._remove_all_but(folder)

    def _point_to(self, folder: Path) -> None:
        """Let readers follow to this folder from their next request on."""
        aside = self.root / f"{POINTER}.{uuid.uuid4().hex}"
        with open(aside, "w", encoding="ascii", opener=private) as file:
            file.write(folder.name + "\n")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.root / POINTER)

    def _remove_all_but(self, kept: Path | None) -> None:
        for folder in self.root.iterdir():
            if folder.is_dir() and folder != kept:
                shutil.rmtree(folder, ignore_errors=True)


def app_path(folder: Path, app_id: str) -> Path:
    """The index file of an app in this folder."""
    return folder / f"{encode_id(app_id)}{SUFFIX}"


def companions(path: Path) -> list[Path]:
    """The files SQLite keeps beside an index file, and that mean nothing without it."""
    return [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm")]


def apps_in(folder: Path) -> list[str]:
    """The apps that have an index file in this folder."""
    try:
        return sorted(app_id for path in folder.glob(f"*{SUFFIX}") if (app_id := _app_of(path)))
    except FileNotFoundError:  # it was taken away while it was listed
        return []


def _app_of(path: Path) -> str:
    """The app of an index file; "" where the file is somebody else's."""
    try:
        return decode_id(path.name.removesuffix(SUFFIX))
    except ValueError:
        return ""
