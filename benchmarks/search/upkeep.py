"""What a writer costs: inserts one session at a time, and readers beside it; and files that are cold.

All of it on a copy of the index: what is kept stays as it was built.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.corpus import APP, Corpus
from benchmarks.search.indexes import files_of
from benchmarks.search.peer import VARIANTS, Peer
from benchmarks.search.timing import Figures
from search.index.appfile import AppFile
from search.index.generations import Generations, app_path
from search.index.library import Library
from search.index.seam import Position

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from benchmarks.search.queries import Classes
    from search.index.seam import Document

SECONDS = 10.0
INSERTS = 300
FEWER = 10  #: queries of a class, where each is asked but once and all is slow
FRESH = 200  #: different sessions that are inserted, under ever new names
ASKED = ("middling word", "two words")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """Milliseconds of an insert and of a reader, each alone and both at once."""

    insert: Figures
    insert_beside_reader: Figures
    reader: Figures
    reader_beside_writer: Figures


@contextmanager
def copy_of(folder: Path) -> Iterator[Path]:
    """A copy beside the index, which goes when done."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        copied = Path(aside) / folder.name
        shutil.copytree(folder, copied)
        yield copied


def upkeep(folder: Path, classes: Classes) -> Upkeep:
    """Insert and read, alone and together."""
    with copy_of(folder) as root, closing(Library(root, timeout_s=120)) as library:
        reader = _read(library, classes, SECONDS)
        insert = _inserts(root, 0, None)
        with writing(root) as taken:
            beside = _read(library, classes, SECONDS)
            insert_beside = taken()
    return Upkeep(
        insert=Figures.of(insert),
        insert_beside_reader=insert_beside,
        reader=Figures.of(reader),
        reader_beside_writer=Figures.of(beside),
    )


@contextmanager
def writing(root: Path) -> Iterator[Any]:
    """A process that inserts session after session meanwhile; what is yielded stops it and tells."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_write, args=(root, there), daemon=True)
    process.start()
    here.recv()  # it has begun

    def stop() -> Figures:
        here.send("stop")
        return Figures.of(here.recv())

    try:
        yield stop
    finally:
        process.kill()
        process.join()


def _write(root: Path, connection: Connection) -> None:
    connection.send(_inserts(root, 1_000_000, connection))


def _inserts(root: Path, first: int, connection: Connection | None) -> list[float]:
    """Milliseconds of each insert: so many of them, or until told to stop."""
    fresh = _fresh()
    times: list[float] = []
    with closing(AppFile.open(app_path(Generations(root).ensure(), APP))) as file:
        if connection is not None:
            connection.send("begun")
        while len(times) < INSERTS if connection is None else not connection.poll():
            number = first + len(times)
            document = replace(fresh[number % FRESH], session_id=f"fresh-{number:08}")
            began = time.perf_counter()
            file.put([document], Position(seq=number))
            times.append((time.perf_counter() - began) * 1000)
    if connection is not None:
        connection.recv()
    return times


def _fresh() -> list[Document]:
    """Sessions of exactly 300 utterances that no kept index holds, begun after all of them."""
    corpus = Corpus(3 * 300 * FRESH, seed=2)
    found: list[Document] = []
    for document in corpus:
        transcript = document.transcript
        assert transcript is not None
        if len(transcript.utterances) >= 300:
            cut = replace(transcript, utterances=transcript.utterances[:300])
            later_ms = document.started_at_ms + 3 * 366 * 86_400_000
            found.append(replace(document, app_id=APP, transcript=cut, started_at_ms=later_ms))
        if len(found) == FRESH:
            return found
    raise AssertionError("the corpus is too small")


def _read(library: Library, classes: Classes, seconds: float) -> list[float]:
    requests = [asked.request() for name in ASKED for asked in classes[name]]
    for request in requests:
        library.search(request)
    times: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        library.search(requests[len(times) % len(requests)])
        times.append((time.perf_counter() - began) * 1000)
    return times


def beside_writer(folder: Path, classes: Classes) -> dict[str, Figures]:
    """Every class while sessions are inserted at full speed."""
    found = {}
    with (
        copy_of(folder) as root,
        closing(Library(root, timeout_s=120)) as library,
        writing(root),
    ):
        for name, queries in classes.items():
            times = []
            for asked in queries[:FEWER]:
                library.search(asked.request())
                began = time.perf_counter()
                library.search(asked.request())
                times.append((time.perf_counter() - began) * 1000)
            found[name] = Figures.of(times)
    return found


def cold(folder: Path, peer: Path | None, classes: Classes) -> dict[str, tuple[Figures, Any]]:
    """Every query with its files out of the page cache, in an index that was just opened."""
    found: dict[str, tuple[Figures, Any]] = {}
    for name, queries in classes.items():
        ours, theirs = [], []
        for asked in queries[:FEWER]:
            drop(folder)
            with closing(Library(folder, timeout_s=120)) as library:
                request = asked.request()
                began = time.perf_counter()
                library.search(request)
                ours.append((time.perf_counter() - began) * 1000)
            if peer is not None:
                drop(peer)
                began = time.perf_counter()
                Peer(peer).search(asked, *VARIANTS[0])
                theirs.append((time.perf_counter() - began) * 1000)
        found[name] = (Figures.of(ours), Figures.of(theirs) if theirs else None)
    return found


def drop(folder: Path) -> None:
    """Ask the kernel to forget what it has cached of these files."""
    for path in files_of(folder):
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)
