"""Both indexes of a corpus, each built in a process of its own, and kept where they were built."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import multiprocessing
import resource
import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import migrations.index
import search.text
from benchmarks.corpus import EDITION, Corpus, text_of
from search.index.appfile import ANALYSIS, AppFile
from search.index.generations import Generations, app_path
from search.index.seam import Document, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SESSIONS_AT_ONCE = 100


def build(root: Path, documents: Iterable[Document]) -> None:
    """Index these sessions in this folder, as a rebuild does."""
    folder = Generations(root).ensure()
    files: dict[str, AppFile] = {}
    waiting: dict[str, list[Document]] = {}
    with ExitStack() as stack:
        for seq, document in enumerate(documents, start=1):
            app_id = document.app_id
            if app_id not in files:
                files[app_id] = AppFile.open(app_path(folder, app_id))
                files[app_id].loading()
                stack.callback(files[app_id].close)
            batch = waiting.setdefault(app_id, [])
            batch.append(document)
            if len(batch) >= SESSIONS_AT_ONCE:
                files[app_id].put(batch, Position(seq=seq))
                batch.clear()
        for app_id, file in files.items():
            file.put(waiting[app_id], Position())
            file.optimize()


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What building an index took; the making of its sessions is not counted."""

    utterances: int
    text_bytes: int
    wall_s: float
    cpu_s: float
    peak_mib: float
    before_mib: float  #: of the peak: the interpreter and the generator's tables
    size_bytes: int

    @property
    def size_ratio(self) -> float:
        """Everything in the folder, by the text that was indexed."""
        return self.size_bytes / self.text_bytes

    @property
    def rate(self) -> float:
        """Utterances per CPU second, which neighbours do not change."""
        return self.utterances / self.cpu_s


class Metered:
    """The sessions of a corpus, and the time that making them took."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self.wall_s = self.cpu_s = 0.0
        self.text_bytes = 0

    def __iter__(self) -> Iterator[Document]:
        for number in range(len(self._corpus)):
            wall, cpu = time.perf_counter(), time.thread_time()
            document = self._corpus.document(number)
            self.text_bytes += sum(len(each.encode()) for each in text_of(document))
            self.wall_s += time.perf_counter() - wall
            self.cpu_s += time.thread_time() - cpu
            yield document


def kept_index(corpus: Corpus, kept: Path, name: str, builder: Callable[..., None]) -> Path:
    """The folder of an index, built where it was not, or by another definition of words and tables."""
    folder = kept / f"{corpus.utterances}-{corpus.seed}-{EDITION}" / name
    record = folder.with_suffix(".json")
    of = _version(builder)
    if not record.exists() or json.loads(record.read_text())["version"] != of:
        record.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            built = pool.apply(_measured, (corpus.utterances, corpus.seed, folder, builder))
        record.write_text(json.dumps({"version": of, "built": dataclasses.asdict(built)}))
    return folder


def built(folder: Path) -> Built:
    """What building this kept index took."""
    return Built(**json.loads(folder.with_suffix(".json").read_text())["built"])


def files_of(folder: Path) -> list[Path]:
    """Every file of an index."""
    return [each for each in folder.rglob("*") if each.is_file()]


def _version(builder: Callable[..., None]) -> str:
    """Changes with the tables of an index; of ours also with what a word is, and what is kept of one."""
    sources = [inspect.getfile(builder)]
    if builder is build:
        sources = [migrations.index.__file__, search.text.__file__]
    kept = [ANALYSIS.encode(), *(Path(str(each)).read_bytes() for each in sources)]
    return hashlib.sha256(b"".join(kept)).hexdigest()


def _measured(utterances: int, seed: int, folder: Path, builder: Callable[..., None]) -> Built:
    corpus = Corpus(utterances, seed)
    corpus.document(0)
    before_mib = _peak_mib()
    sessions = Metered(corpus)
    wall, cpu = time.perf_counter(), time.process_time()
    builder(folder, sessions)
    wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    return Built(
        utterances=utterances,
        text_bytes=sessions.text_bytes,
        wall_s=wall_s - sessions.wall_s,
        cpu_s=cpu_s - sessions.cpu_s,
        peak_mib=_peak_mib(),
        before_mib=before_mib,
        size_bytes=sum(each.stat().st_size for each in files_of(folder)),
    )


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
