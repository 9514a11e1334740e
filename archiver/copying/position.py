"""What an earlier copy has checked: a local file, disposable, that spares the next one most reads.

For each folder of which everything is in the target and was read back there, a line with the digest
of both its listings. Whatever changes in either, the folder is looked at again.
"""

from __future__ import annotations

import contextlib
import fcntl
from hashlib import sha256
from typing import TYPE_CHECKING

from archiver.errors import ArchiverError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import TextIO

    from archiver.archive.stores import ObjectInfo


def fingerprint(here: Iterable[ObjectInfo], there: Iterable[ObjectInfo]) -> str:
    """One word for how a folder is listed on both sides."""
    digest = sha256()
    for side, objects in enumerate((here, there)):
        for each in objects:
            said = (
                *(side, each.key, each.size_bytes, each.modified_at.isoformat()),
                *(each.etag, each.version_id, each.later_versions),
            )
            digest.update(repr(said).encode())
    return digest.hexdigest()


class Checked:
    """The folders that were checked, asked for and told of in the order of their names.

    Two copies to one target share no such file: the second one finds nothing and keeps nothing.
    """

    def __init__(self, folder: Path, archive_id: str, target_url: str) -> None:
        name = sha256(f"{archive_id} {target_url}".encode()).hexdigest()[:32]
        self._path = folder / f"{name}.checked"
        self._aside = folder / f"{name}.part"
        self._lock = folder / f"{name}.lock"
        self._open = contextlib.ExitStack()
        self._before: Iterator[tuple[str, str]] = iter(())
        self._held: tuple[str, str] | None = None
        self._out: TextIO | None = None

    def __enter__(self) -> Checked:
        try:
            self._begin()
        except OSError as error:
            self._open.close()
            raise ArchiverError(
                f"{self._path.parent} cannot be written: {error.strerror}",
                hint="check RTK_ARCHIVE_DATA",
            ) from error
        return self

    def _begin(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self._open.enter_context(self._lock.open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        self._take_over()
        if self._path.exists():
            before = self._open.enter_context(self._path.open(encoding="ascii"))
            self._before = _lines(before)
        self._held = next(self._before, None)
        self._out = self._open.enter_context(self._aside.open("w", encoding="ascii"))

    def _take_over(self) -> None:
        """Join what an interrupted copy had come to with what lay before it from there on."""
        if not self._aside.exists():
            return
        merged = self._aside.with_suffix(".merged")
        with merged.open("w", encoding="ascii") as out, self._aside.open(encoding="ascii") as part:
            last = ""
            for last, said in _lines(part):
                out.write(f"{said} {last}\n")
            if self._path.exists():
                with self._path.open(encoding="ascii") as before:
                    rest = (each for each in _lines(before) if each[0] > last)
                    out.writelines(f"{said} {name}\n" for name, said in rest)
        merged.replace(self._path)
        self._aside.unlink()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._out is not None and kind is None:
            self._out.flush()
            self._aside.replace(self._path)
        self._open.close()

    def of(self, folder: str) -> str:
        """What was noted of this folder; "" where nothing was. Folders are asked for ascending."""
        while self._held is not None and self._held[0] < folder:
            self._held = next(self._before, None)
        return self._held[1] if self._held is not None and self._held[0] == folder else ""

    def note(self, folder: str, said: str) -> None:
        """Take note that this folder is whole in the target, and how both sides list it."""
        if self._out is not None:
            self._out.write(f"{said} {folder}\n")


def _lines(file: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Folder and fingerprint of each whole line, as far as they ascend."""
    last = ""
    for line in file:
        said, _, folder = line.removesuffix("\n").partition(" ")
        if not line.endswith("\n") or len(said) != 64 or folder <= last:
            return
        last = folder
        yield folder, said
