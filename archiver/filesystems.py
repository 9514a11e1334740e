"""What a file system is like that we are about to rely on: its kind, its space, whose its folders are."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from archiver.checks import Check, failed, ok, weak

if TYPE_CHECKING:
    from collections.abc import Iterator

#: File systems whose files are on another machine.
NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "9p", "afs", "fuse.sshfs"}
    | {"fuse.s3fs", "fuse.rclone", "fuse.glusterfs", "lustre", "beegfs", "gpfs", "davfs"}
)
_MOUNTS = Path("/proc/self/mounts")
_MIB, _GIB = 2**20, 2**30
#: With less than this nothing works any more; with less than that it soon will not.
_SPACE_MIN, _SPACE_AMPLE = 256 * _MIB, 5 * _GIB


def nearest(path: Path) -> Path:
    """The path, or the closest folder above it that is there."""
    whole = path.expanduser().absolute()
    return next(each for each in (whole, *whole.parents) if each.exists())


def kind_of(path: Path) -> str:
    """The kind of file system a path is on, such as ext4; "" where the system does not say."""
    place = nearest(path).resolve()
    best, kind = -1, ""
    with suppress(OSError):
        for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
            _, mounted, type_, *_ = [*line.split(), "", "", ""]
            at = Path(mounted.replace("\\040", " "))
            # Of two mounts at one place the later hides the earlier.
            if place.is_relative_to(at) and len(at.parts) >= best:
                best, kind = len(at.parts), type_
    return kind


def space_check(name: str, path: Path, setting: str) -> Check:
    """Whether there is room to write at this path."""
    free_bytes = shutil.disk_usage(nearest(path)).free
    observed = f"{_size(free_bytes)} free"
    advice = f"free some space, or move {setting} to a larger disk"
    if free_bytes < _SPACE_MIN:
        return failed(name, observed, advice)
    return weak(name, observed, advice) if free_bytes < _SPACE_AMPLE else ok(name, observed)


def privacy_check(name: str, path: Path) -> Check:
    """Whether anybody but its owner is let into a folder that is there."""
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return weak(name, f"{path} is open to others ({mode:04o})", f"chmod 700 {path}")
    return ok(name, f"{path} is for its owner alone ({mode:04o})")


def _size(size_bytes: int) -> str:
    return f"{size_bytes / _GIB:.1f} GiB" if size_bytes >= _GIB else f"{size_bytes // _MIB} MiB"


def make_private(folder: Path) -> None:
    """Make a folder, and what is missing on the way to it, for its owner alone; raises OSError."""
    for each in reversed([folder, *folder.parents]):
        if not each.is_dir():
            each.mkdir(mode=0o700, exist_ok=True)


def private(path: str, flags: int) -> int:
    """An `opener` whose new files are for their owner alone."""
    return os.open(path, flags, 0o600)


def replace_private(path: Path, data: bytes) -> None:
    """Put a file for its owner alone in place of whatever is there, whole or not; raises OSError."""
    make_private(path.parent)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(aside, "wb", opener=private) as file:
            file.write(data)
        aside.replace(path)
    except OSError:
        with suppress(OSError):
            aside.unlink()
        raise


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Whether this file's lock is ours, until done: another process may hold it. Raises OSError."""
    make_private(path.parent)
    with open(path, "ab", opener=private) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
