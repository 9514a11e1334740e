"""A folder of files that others made: regular files only, no link followed, nothing but copies kept."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from archiver.archive.stores.files import Tree
from archiver.errors import ArchiverError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK_BYTES = 2**20


class UnreadableError(Exception):
    """A file that is not taken; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A private copy of a file: it may be kept by a link, and nobody else writes to it."""

    body: Path
    size_bytes: int
    digest: str
    extension: str  #: of the file's name, in lower case
    modified_at: datetime

    def discard(self) -> None:
        """Remove the copy."""
        self.body.unlink(missing_ok=True)


class Folder:
    """The files below one folder; blocking. Raises ArchiverError where it is no folder."""

    def __init__(self, root: Path, *, max_bytes: int) -> None:
        try:
            is_folder = stat.S_ISDIR(root.stat().st_mode)
        except (OSError, ValueError):
            is_folder = False
        if not is_folder:
            raise ArchiverError(f"{root} is no folder that can be imported", hint="check its name")
        self._tree = Tree(root)
        self._max_bytes = max_bytes

    def names(self) -> list[str]:
        """Every file's path below the folder; a link is named and not followed."""
        return [each.key for each in self._tree.walk("", "")]

    def read(self, path: str, max_bytes: int) -> bytes:
        """A small file, whole; raises UnreadableError."""
        with os.fdopen(self._open(path, max_bytes), "rb") as file:
            return file.read(max_bytes)

    def take(self, path: str, body: Path) -> Taken:
        """Copy a file to `body`, as it is at this moment; raises UnreadableError."""
        digest, size_bytes = sha256(), 0
        with os.fdopen(self._open(path, self._max_bytes), "rb") as file, body.open("xb") as out:
            modified_at = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
            while chunk := file.read(_CHUNK_BYTES):
                size_bytes += len(chunk)
                if size_bytes > self._max_bytes:
                    raise UnreadableError(_too_large(self._max_bytes))
                digest.update(chunk)
                out.write(chunk)
        return Taken(
            body=body,
            size_bytes=size_bytes,
            digest=digest.hexdigest(),
            extension=path.rpartition(".")[2].lower(),
            modified_at=modified_at,
        )

    def _open(self, path: str, max_bytes: int) -> int:
        try:
            file = self._tree.open(path)
        except StoreError:
            raise UnreadableError("it is no regular file") from None
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) == errno.ELOOP:
                raise UnreadableError("it is a symbolic link, and those are not followed") from None
            raise UnreadableError("it cannot be read") from None
        if os.fstat(file).st_size > max_bytes:
            os.close(file)
            raise UnreadableError(_too_large(max_bytes))
        return file


def _too_large(max_bytes: int) -> str:
    return f"it is larger than {max_bytes} bytes: raise RTK_ARCHIVE_DOWNLOAD_MAX"
