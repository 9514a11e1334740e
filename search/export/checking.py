"""An export against its own records: whether it is whole, and still what was written."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from search.errors import ExportError
from search.export.manifest import COMPLETE, COMPLETE_FORMAT, parse_digest_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK_BYTES = 1024 * 1024
_RECORD_BYTES_MAX = 64 * 1024
CUT = "the export was cut: this record is written last"


@dataclass(slots=True)
class Checked:
    """What was read of an export, and what is wrong with it, by path."""

    record: dict[str, Any] = field(default_factory=dict)  #: the completion record
    files: int = 0
    size_bytes: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)


def check(root: Path, progress: Callable[[int], None] = lambda _files: None) -> Checked:
    """Read the whole export and hold it against its completion record and its manifests.

    Raises ExportError where there is no such folder.
    """
    try:
        descriptor = os.open(root, _FOLDER)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ExportError(f"{root}: {reason}", hint="name the folder of an export") from error
    try:
        return _Check(descriptor, progress).run()
    finally:
        os.close(descriptor)


class _Check:
    def __init__(self, root: int, progress: Callable[[int], None]) -> None:
        self._root = root
        self._progress = progress
        self._found = Checked()

    def run(self) -> Checked:
        record = self._record()
        if record is None:
            return self._found
        self._found.record = record
        expected = 1
        for each in record["manifests"]:
            expected += 1
            if not self._is(each["path"], each["digest"]):
                continue
            try:
                expected += sum(self._line(*line) for line in self._lines(each["path"]))
            except ValueError:
                self._problem(each["path"], "it is no list of digests")
        self._look_for_others(record, expected)
        return self._found

    def _problem(self, path: str, what: str) -> None:
        self._found.problems.append((path, what))

    def _record(self) -> dict[str, Any] | None:
        """The completion record, if there is one that can be read."""
        try:
            with os.fdopen(os.open(COMPLETE, _FILE, dir_fd=self._root), "rb") as file:
                record: dict[str, Any] = json.loads(file.read(_RECORD_BYTES_MAX))
            known = record["format"] == COMPLETE_FORMAT
            paths = [(str(each["path"]), str(each["digest"])) for each in record["manifests"]]
        except FileNotFoundError:
            self._problem(COMPLETE, CUT)
        except (OSError, ValueError, KeyError, TypeError):
            self._problem(COMPLETE, "it cannot be read")
        else:
            if known and paths:
                return record
            self._problem(COMPLETE, "its format is not known to this release")
        return None

    def _is(self, path: str, digest: str) -> bool:
        """Whether the file is there, and what this digest is of."""
        try:
            if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
                raise ValueError("it points out of the export")  # noqa: TRY301 — told of below
            with os.fdopen(os.open(path, _FILE, dir_fd=self._root), "rb", buffering=0) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise ValueError("it is no file")  # noqa: TRY301 — told of below
                hasher = hashlib.sha256()
                while chunk := file.read(_CHUNK_BYTES):
                    hasher.update(chunk)
                    self._found.size_bytes += len(chunk)
        except FileNotFoundError:
            self._problem(path, "missing")
        except (OSError, ValueError) as error:
            self._problem(path, f"cannot be read: {getattr(error, 'strerror', '') or error}")
        else:
            self._found.files += 1
            self._progress(self._found.files)
            if hasher.hexdigest() == digest:
                return True
            self._problem(path, "not what its digest says")
        return False

    def _lines(self, manifest: str) -> Iterator[tuple[str, str]]:
        with os.fdopen(os.open(manifest, _FILE, dir_fd=self._root), "rb") as file:
            for line in file:
                yield parse_digest_line(line)

    def _line(self, digest: str, path: str) -> int:
        """Check a file that a manifest lists; 0 where it is a manifest, which is counted already."""
        if any(each["path"] == path for each in self._found.record["manifests"]):
            return 0
        self._is(path, digest)
        return 1

    def _look_for_others(self, record: dict[str, Any], expected: int) -> None:
        """Name what no manifest lists. Their names are gathered only if the numbers do not agree."""
        missing = sum(what == "missing" for _, what in self._found.problems)
        if self._count() == expected - missing:
            return
        listed = {COMPLETE, *(each["path"] for each in record["manifests"])}
        for each in record["manifests"]:
            try:
                listed |= {path for _, path in self._lines(each["path"])}
            except (OSError, ValueError):
                return  # what it lists cannot be known, and it was told of
        for path, _ in self._walk():
            if path not in listed:
                self._problem(path, "nothing says why it is there")

    def _count(self) -> int:
        count = 0
        for path, plain in self._walk():
            count += 1
            if not plain:
                self._problem(path, "it is no file")
        return count

    def _walk(self, folder: str = "") -> Iterator[tuple[str, bool]]:
        """Everything that is no folder, and whether it is a file."""
        descriptor = os.open(folder or ".", _FOLDER | os.O_NOFOLLOW, dir_fd=self._root)
        try:
            with os.scandir(descriptor) as entries:
                found = sorted(
                    (
                        each.name,
                        each.is_dir(follow_symlinks=False),
                        each.is_file(follow_symlinks=False),
                    )
                    for each in entries
                )
        finally:
            os.close(descriptor)
        for name, is_folder, is_file in found:
            if is_folder:
                yield from self._walk(f"{folder}{name}/")
            else:
                yield folder + name, is_file
