"""Files below one folder: made whole and durable or not at all, and never through a symbolic link."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING

from archiver.archive.stores.store import RESERVED_SEGMENT, ObjectInfo, WrongDigestError
from archiver.errors import ObjectExistsError, ObjectMissingError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

_COPY_BYTES = 1024 * 1024
_LEFTOVER_AGE_S = 24 * 3600
_DURABLE_FOLDERS = 4096
#: On macOS fsync does not reach the disk; this does.
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
#: What link says where it cannot, though a copy may do.
_LINKLESS = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOTSUP}


class Tree:
    """A folder and all below it; blocking, and safe to use from several threads and processes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._prepared = False
        #: Folders whose names are known to be on the disk, so that a put need not sync them again.
        self._durable: set[str] = set()

    def put(self, key: str, body: bytes | Path, digest: str) -> None:
        """Give the body this name if it is free; body and name are on the disk when this returns."""
        self._prepare()
        *folders, name = key.split("/")
        with self._folder(folders, make=True) as folder:
            try:
                if not isinstance(body, Path) or not self._link(body, folder, name, digest, key):
                    self._write(body, folder, name, digest, key)
            except FileExistsError:
                sync(folder)  # whoever was first may not have come to this yet
                if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                    raise StoreError(f"{key} is the name of a folder", key=key) from None
                raise ObjectExistsError(f"{key} is taken", key=key) from None
            sync(folder)

    def _link(self, body: Path, folder: int, name: str, digest: str, key: str) -> bool:
        """Give a file that is already on this file system its final name; False where that fails."""
        with _opened(body) as file:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                raise StoreError(f"the body for {key} is not a file", key=key)
            if status.st_dev != os.fstat(folder).st_dev or status.st_uid != os.geteuid():
                return False
            _check_file(file, digest, key)
            os.fchmod(file, 0o600)
            sync(file)
        try:
            os.link(body, name, dst_dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno in _LINKLESS:
                return False
            raise
        return True

    def _write(self, body: bytes | Path, folder: int, name: str, digest: str, key: str) -> None:
        """Write under a passing name, then link: no moment shows half an object."""
        temporary = f"{os.getpid()}-{secrets.token_hex(8)}"
        with self._folder([RESERVED_SEGMENT], make=True) as passing:
            try:
                file = os.open(
                    temporary,
                    os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC,
                    0o600,
                    dir_fd=passing,
                )
                with os.fdopen(file, "wb") as out:
                    if _copy(body, out) != digest:
                        raise WrongDigestError(
                            f"the body for {key} is not what its digest says", key=key
                        )
                    out.flush()
                    sync(file)
                os.link(
                    temporary, name, src_dir_fd=passing, dst_dir_fd=folder, follow_symlinks=False
                )
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=passing)

    def read(self, key: str, max_bytes: int) -> bytes:
        """The whole file."""
        with os.fdopen(self.open(key), "rb") as file:
            # Asked for more than there is, Python would take memory for all that was asked for.
            size_bytes = os.fstat(file.fileno()).st_size
            if size_bytes > max_bytes:
                raise StoreError(f"{key} is larger than {max_bytes} bytes", key=key)
            return file.read(size_bytes)

    def open(self, key: str) -> int:
        """A descriptor of the file under this key, for reading."""
        *folders, name = key.split("/")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            with self._folder(folders) as folder:
                file = os.open(name, flags, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            raise ObjectMissingError(f"there is no {key}", key=key) from None
        mode = os.fstat(file).st_mode
        if stat.S_ISREG(mode):
            return file
        os.close(file)
        if stat.S_ISDIR(mode):
            raise ObjectMissingError(f"there is no {key}", key=key)
        raise StoreError(f"{key} is not a file", key=key)

    def digest(self, key: str) -> tuple[str, int]:
        """The SHA-256 of the file under this key, and how many bytes it is of."""
        with os.fdopen(self.open(key), "rb", buffering=0) as file:
            hashed = file_digest(file, "sha256")
            return hashed.hexdigest(), file.tell()

    def head(self, key: str) -> ObjectInfo | None:
        """The file under this key, or whatever else sits there; a folder is nothing."""
        *folders, name = key.split("/")
        try:
            with self._folder(folders) as folder:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return None if stat.S_ISDIR(status.st_mode) else _info(key, status)

    def walk(self, prefix: str, start_after: str) -> Iterator[ObjectInfo]:
        """Every file whose key starts so, ascending; holds nothing open between two of them."""
        base = prefix[: prefix.rfind("/") + 1]
        yield from self._walk(base, prefix, start_after)

    def _walk(self, base: str, prefix: str, start_after: str) -> Iterator[ObjectInfo]:
        for key, status in self._scan(base):
            if status is not None:
                if key.startswith(prefix) and key > start_after:
                    yield _info(key, status)
            elif (key.startswith(prefix) or prefix.startswith(key)) and (
                key > start_after or start_after.startswith(key)
            ):
                yield from self._walk(key, prefix, start_after)

    def _scan(self, base: str) -> list[tuple[str, os.stat_result | None]]:
        """What a folder holds; a subfolder's name ends in "/", which is also how its keys sort."""
        found: list[tuple[str, os.stat_result | None]] = []
        try:
            with self._folder(base.split("/")[:-1]) as folder, os.scandir(folder) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):
                        if not entry.is_dir(follow_symlinks=False):
                            found.append((base + entry.name, entry.stat(follow_symlinks=False)))
                        elif base or entry.name != RESERVED_SEGMENT:
                            found.append((f"{base}{entry.name}/", None))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(found, key=lambda each: each[0])

    def remove(self, key: str) -> None:
        """Unlink the file under this key, if there is one."""
        *folders, name = key.split("/")
        with suppress(FileNotFoundError, NotADirectoryError), self._folder(folders) as folder:
            os.unlink(name, dir_fd=folder)
            sync(folder)

    def _prepare(self) -> None:
        """Before the first put: the root, and no leftovers of writers killed a day ago."""
        if self._prepared:
            return
        self._make_root()
        with (
            self._folder([RESERVED_SEGMENT], make=True) as passing,
            os.scandir(passing) as leftovers,
        ):
            oldest = time.time() - _LEFTOVER_AGE_S
            for entry in leftovers:
                with suppress(OSError):  # nobody's leftover, such as a folder, is in nobody's way
                    if entry.stat(follow_symlinks=False).st_mtime < oldest:
                        os.unlink(entry.name, dir_fd=passing)
        self._prepared = True

    def _make_root(self) -> None:
        root = self._root.absolute()
        missing = [each for each in (root, *root.parents) if not each.exists()]
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in missing:
            with _opened(each.parent) as parent:
                sync(parent)

    @contextmanager
    def _folder(self, names: Sequence[str], *, make: bool = False) -> Iterator[int]:
        """A descriptor of a folder below the root, reached without following any link."""
        current = os.open(self._root, _OPEN_FOLDER)
        path = ""
        try:
            for name in names:
                path += f"{name}/"
                inner = self._step(current, name, path) if make else _enter(current, name)
                os.close(current)
                current = inner
            yield current
        finally:
            os.close(current)

    def _step(self, parent: int, name: str, path: str) -> int:
        """Enter a subfolder, made if need be, its name on the disk."""
        try:
            inner = _enter(parent, name)
        except FileNotFoundError:
            self._durable.discard(path)
            with suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=parent)
            inner = _enter(parent, name)
        if path not in self._durable:
            # Even if another process made it: that one may not have synced it yet.
            try:
                sync(parent)
            except OSError:
                os.close(inner)
                raise
            if len(self._durable) >= _DURABLE_FOLDERS:
                self._durable.clear()
            self._durable.add(path)
        return inner


def sync(descriptor: int) -> None:
    """Wait until the disk has it."""
    if _FULL_SYNC is None:
        os.fsync(descriptor)
    else:
        fcntl.fcntl(descriptor, _FULL_SYNC)


def _enter(parent: int, name: str) -> int:
    return os.open(name, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=parent)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _check_file(descriptor: int, digest: str, key: str) -> None:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        actual = file_digest(file, "sha256").hexdigest()
    if actual != digest:
        raise WrongDigestError(f"the body for {key} is not what its digest says", key=key)


def _copy(body: bytes | Path, out: BinaryIO) -> str:
    """Write the body out; returns its digest, taken of what was written."""
    if isinstance(body, bytes):
        out.write(body)
        return sha256(body).hexdigest()
    digest = sha256()
    with _opened(body) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
        while chunk := file.read(_COPY_BYTES):
            out.write(chunk)
            digest.update(chunk)
    return digest.hexdigest()


def _info(key: str, status: os.stat_result) -> ObjectInfo:
    return ObjectInfo(
        # A name that is no UTF-8 was not written by us; it is still to be shown.
        key=key.encode("utf-8", "backslashreplace").decode(),
        size_bytes=status.st_size,
        modified_at=datetime.fromtimestamp(status.st_mtime, UTC),
        etag="",
        version_id="",
    )
