"""Is the right meeting found, and in it the right moment? Real meetings, and questions with known answers.

    python -m benchmarks.relevance --qmsum DIR

DIR holds `meetings.jsonl.gz` (a line each: `id`, `turns` of speaker and text) and `questions.jsonl`
(`meeting`, `question`, `spans` of first and last turn). A session per meeting, an utterance per turn, no
titles. Every question is asked as it is, with the defaults; then again with `session:` for its own
meeting and five moments, of which one must begin within a span of the answer. 500 questions, drawn by
a fixed seed, are there to choose by; what counts is the others.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.search.indexes import build
from benchmarks.source import machine
from search.formats import Transcript, Utterance
from search.index.library import Library
from search.index.seam import Document, SearchRequest
from search.query import QueryError, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

TO_CHOOSE_BY = 500
DEEP = 10
MOMENTS = 5
BEAT_MS, WORD_MS = 400, 350
START_MS, HOUR_MS = 1_700_000_000_000, 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of one question."""

    rank: int  #: of its meeting among the first ten, from 1; 0 where it is not there
    moment: int  #: the first right one, from 1; 0 where none is
    refused: bool = False  #: it could not be read as a query


def meetings(folder: Path) -> Iterator[tuple[Document, list[int]]]:
    """Every meeting, and when each of its turns begins."""
    with gzip.open(folder / "meetings.jsonl.gz", "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            held = json.loads(line)
            utterances, starts, start_ms = [], [], 0
            for speaker, text in held["turns"]:
                end_ms = start_ms + WORD_MS * len(text.split())
                utterances.append(Utterance(start_ms, end_ms, speaker, "", "", "", text))
                starts.append(start_ms)
                start_ms = end_ms + BEAT_MS
            started_at_ms = START_MS + number * 24 * HOUR_MS
            yield (
                Document(
                    app_id="meetings",
                    session_id=held["id"],
                    meeting_id=held["id"],
                    title="",
                    started_at_ms=started_at_ms,
                    ended_at_ms=started_at_ms + start_ms,
                    version=1,
                    digest="0" * 64,
                    transcript=Transcript(
                        utterances=tuple(utterances), layout="json-array", notes=()
                    ),
                ),
                starts,
            )


def questions(folder: Path) -> list[dict[str, Any]]:
    """Every question."""
    lines = (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def judge(library: Library, question: dict[str, Any], starts: list[int]) -> Judged:
    """Ask a question everywhere, and in its own meeting."""
    text, meeting = question["question"], question["meeting"]
    try:
        everywhere = library.search(SearchRequest(query=parse(text), limit=DEEP, moments=0))
        within = parse(f"{text} session:{meeting}")
    except QueryError:
        return Judged(rank=0, moment=0, refused=True)
    found = [hit.session_id for hit in everywhere.hits]
    hits = library.search(SearchRequest(query=within, limit=1, moments=MOMENTS)).hits
    spans = [(starts[first], starts[last]) for first, last in question["spans"]]
    right = [
        any(first <= (moment.start_ms or 0) <= last for first, last in spans)
        for hit in hits
        for moment in hit.moments
    ]
    return Judged(
        rank=found.index(meeting) + 1 if meeting in found else 0,
        moment=right.index(True) + 1 if any(right) else 0,
    )


def figures(judged: list[Judged]) -> dict[str, float]:
    """The means over these questions."""
    ranks = [each.rank for each in judged]
    count = len(judged) or 1
    return {
        "MRR@10": sum(1 / rank for rank in ranks if rank) / count,
        "nDCG@10": sum(1 / math.log2(rank + 1) for rank in ranks if rank) / count,
        "in top 10": sum(map(bool, ranks)) / count,
        "hit@1": sum(each.moment == 1 for each in judged) / count,
        "hit@5": sum(each.moment > 0 for each in judged) / count,
    }


def measure(folder: Path) -> dict[str, dict[str, float]]:
    """The figures of all questions, of those to choose by and of the others."""
    starts: dict[str, list[int]] = {}

    def documents() -> Iterator[Document]:
        for document, begins in meetings(folder):
            starts[document.session_id] = begins
            yield document

    asked = questions(folder)
    with tempfile.TemporaryDirectory() as root:
        build(Path(root), documents())
        with closing(Library(Path(root), timeout_s=120)) as library:
            judged = [judge(library, each, starts[each["meeting"]]) for each in asked]
    chosen = set(random.Random(0).sample(range(len(asked)), min(TO_CHOOSE_BY, len(asked) // 3)))
    parts = {
        "all": judged,
        "to choose by": [judged[each] for each in sorted(chosen)],
        "others": [each for number, each in enumerate(judged) if number not in chosen],
    }
    print(f"{len(starts)} meetings   [{machine()}]")
    for name, part in parts.items():
        values = ", ".join(f"{name} {value:.3f}" for name, value in figures(part).items())
        print(f"{name:<12} {len(part):>5} questions: {values}")
    if refused := sum(each.refused for each in judged):
        print(f"{refused} questions could not be read as a query")
    return {name: figures(part) for name, part in parts.items()}


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--qmsum", type=Path, required=True, metavar="DIR")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    args = parser.parse_args()
    found = measure(args.qmsum)
    if args.json is not None:
        args.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
