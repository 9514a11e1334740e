"""Writers of an index that are killed: `python -m tests.search.index.killed FOLDER SEED KILLS`.

Each takes sessions in, anew and out, folds and purges, as SEED says, in a folder of its own, and kills
itself (SIGKILL) at another of its statements; the folders are printed, a line each.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.index import folding
from search.index.appfile import AppFile
from search.index.seam import Position
from tests.search.corpus import APP, Made
from tests.search.invented import invented

if TYPE_CHECKING:
    from search.index.seam import Document

STEPS = 14
SESSIONS = 12
TAIL_SESSIONS = 4


def steps(seed: int) -> list[tuple[list[Document], list[str]]]:
    """What each step takes in and takes out; the sessions that are there follow from these."""
    choose = random.Random(seed)
    found = []
    for version in range(1, STEPS + 1):
        numbers = choose.sample(range(SESSIONS), choose.randint(1, 3))
        coming = [invented(choose, each, version=version, apps=(APP,)) for each in numbers]
        names = {each.session_id for each in coming}
        gone = sorted({f"s{choose.randrange(SESSIONS):02}" for _ in range(2)} - names)
        found.append((coming, gone))
    return found


def after(seed: int, done: int) -> list[Document]:
    """The sessions that are there when so many steps are done."""
    there: dict[str, Document] = {}
    for coming, gone in steps(seed)[:done]:
        for each in gone:
            there.pop(each, None)
        there |= {each.session_id: each for each in coming}
    return list(there.values())


class Mortal:
    """A connection that kills its process at one of its statements."""

    def __init__(self, connection: Any, statements: int) -> None:
        self._connection = connection
        self._left = statements

    def __getattr__(self, name: str) -> Any:
        if name in {"execute", "executemany"}:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return getattr(self._connection, name)


def live(folder: Path, seed: int, statements: int) -> int:
    """Write until the end, whichever comes first; returns how many statements there were."""
    folding.TAIL_SESSIONS = TAIL_SESSIONS
    with closing(AppFile.open(Made.of(folder).path())) as file:
        mortal: Any = Mortal(file._db, statements)
        file._db = mortal
        for number, (coming, gone) in enumerate(steps(seed), start=1):
            file.put(coming, Position(archive="a", epoch="e", seq=number), gone=gone)
            if number % 5 == 0:
                file.optimize()
        return statements - int(mortal._left)


def main(root: Path, seed: int, kills: int) -> None:
    """Leave behind so many indexes of killed writers."""
    statements = live(root / "whole", seed, -1)
    for point in sorted(random.Random(seed).sample(range(1, statements), kills)):
        folder = root / str(point)
        pid = os.fork()
        if pid == 0:
            live(folder, seed, point)
            os._exit(1)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
        sys.stdout.write(f"{folder}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
