"""The folder an export is written into: every file once, for its owner's eyes only, through no link."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from hashlib import sha256, sha512
from typing import TYPE_CHECKING

from search.errors import ExportError
from search.export.model import Written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class ExportFolder:
    """A folder that is new, or was found empty and nobody else's; files 0600, folders 0700.

    What the system has against writing is OSError: make an export inside `explained`.
    """

    def __init__(self, root: Path, descriptor: int, *, sha512: bool = False) -> None:
        self.root = root
        self._root = descriptor
        self._sha512 = sha512

    @classmethod
    def create(cls, root: Path, *, sha512: bool = False) -> ExportFolder:
        """Make it, or take an empty one; with `sha512`, that digest is taken of every file, too.

        Raises ExportError where there is something in it, or others could write to it.
        """
        with explained(root):
            with suppress(FileExistsError):
                root.mkdir(mode=0o700)
            descriptor = os.open(root, _FOLDER)
        try:
            _check_free(root, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(root, descriptor, sha512=sha512)

    def open(self, path: str) -> FileWriter:
        """A new file under this path, to write to."""
        try:
            descriptor = os.open(path, _NEW_FILE, 0o600, dir_fd=self._root)
        except FileNotFoundError:
            self._make_parents(path)
            descriptor = os.open(path, _NEW_FILE, 0o600, dir_fd=self._root)
        return FileWriter(path, os.fdopen(descriptor, "wb", buffering=0), both=self._sha512)

    def _make_parents(self, path: str) -> None:
        parts = path.split("/")[:-1]
        for count in range(1, len(parts) + 1):
            with suppress(FileExistsError):
                os.mkdir("/".join(parts[:count]), 0o700, dir_fd=self._root)

    def write(self, path: str, pieces: Iterable[bytes]) -> Written:
        """A new file that holds these pieces."""
        with self.open(path) as out:
            for piece in pieces:
                out.write(piece)
            return out.close()

    def read(self, path: str) -> bytes:
        """A file that was written, whole."""
        with os.fdopen(os.open(path, _FILE, dir_fd=self._root), "rb") as file:
            return file.read()

    def settle(self) -> None:
        """Wait until everything written so far is on the disk."""
        # One wait for all of it: an fsync for each of many thousand files would take longer than
        # the copying, and what comes last, the completion record, is what must not come first.
        os.sync()

    def write_last(self, path: str, data: bytes) -> None:
        """The file that says that all others are there: on the disk when this returns."""
        with self.open(path) as out:
            out.write(data)
            out.sync()
            os.fsync(self._root)

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._root)


class FileWriter:
    """A file being written, and the digests of what went into it."""

    def __init__(self, path: str, file: BinaryIO, *, both: bool) -> None:
        self._path = path
        self._file = file
        self._hashers = [sha256(), sha512()] if both else [sha256()]
        self._size_bytes = 0

    def __enter__(self) -> FileWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, data: bytes) -> None:
        """Add this."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        for hasher in self._hashers:
            hasher.update(data)
        self._size_bytes += len(data)

    @property
    def digest(self) -> str:
        """The SHA-256 of what was written so far."""
        return self._hashers[0].hexdigest()

    def sync(self) -> None:
        """Wait until the disk has it."""
        os.fsync(self._file.fileno())

    def close(self) -> Written:
        """End the file."""
        self._file.close()
        digests = [each.hexdigest() for each in self._hashers]
        return Written(
            path=self._path,
            size_bytes=self._size_bytes,
            sha256=digests[0],
            sha512="".join(digests[1:]),
        )


def _check_free(root: Path, descriptor: int) -> None:
    """Refuse a folder that holds anything, or into which others could put something."""
    if os.listdir(descriptor):
        raise ExportError(
            f"{root} is not empty",
            hint="an export is never written over anything: name a new folder, or delete this one "
            "if it is an export that was cut",
        )
    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid() or status.st_mode & _OTHERS_WRITE:
        raise ExportError(
            f"others may write to {root}", hint="name a new folder, which is made for you alone"
        )


@contextmanager
def explained(root: Path) -> Iterator[None]:
    """Turn what the system has against it into an error that says what to do."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        hint = "name a folder that can be made"
        if error.errno in _FULL:
            hint = f"free some space, delete {root} and export again: it is not complete"
        elif error.errno in {errno.ELOOP, errno.ENOTDIR, errno.EEXIST}:
            hint = "name a new folder: no link is followed, and nothing is overwritten"
        raise ExportError(f"{root}: {reason}", hint=hint) from error
