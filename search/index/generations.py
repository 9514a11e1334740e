"""Which index is read now: a pointer file names the folder, and a rebuild swaps it, never a file under a reader.

index/current              the name of the folder that is read
index/{generation}/{app}.db
"""

from __future__ import annotations

import os
import shutil
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.archive.keys import decode_id, encode_id

if TYPE_CHECKING:
    from pathlib import Path

POINTER = "current"
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
        folder.mkdir(parents=True, mode=0o700)
        return folder

    def ensure(self) -> Path:
        """The folder that is read now, made where there is none."""
        folder = self.current()
        if folder is None:
            folder = self.create()
            self.point_to(folder)
        return folder

    def point_to(self, folder: Path) -> None:
        """Let readers follow to this folder from their next request on."""
        aside = self.root / f"{POINTER}.{os.getpid()}"
        with aside.open("w", encoding="ascii") as file:
            file.write(folder.name + "\n")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.root / POINTER)

    def remove_others(self) -> None:
        """Delete every folder but the one that is read; whoever has files of theirs open keeps them."""
        current = self.current()
        for folder in self.root.iterdir():
            if folder.is_dir() and folder != current:
                shutil.rmtree(folder, ignore_errors=True)


def app_path(folder: Path, app_id: str) -> Path:
    """The index file of an app in this folder."""
    return folder / f"{encode_id(app_id)}{SUFFIX}"


def apps_in(folder: Path) -> list[str]:
    """The apps that have an index file in this folder."""
    return sorted(decode_id(path.name.removesuffix(SUFFIX)) for path in folder.glob(f"*{SUFFIX}"))
