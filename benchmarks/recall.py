"""Is everything found that is there? Phrases across utterances, and Chinese words, against plain text.

    python -m benchmarks.recall [--utterances 50000] [--queries 200]

A third of the sessions is in Chinese. What must be found is decided by looking for the letters in what
was said: a phrase in all that one session says, one utterance after another; a Chinese word of one,
two or three characters in any of its utterances.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.corpus import Corpus
from benchmarks.search.indexes import build
from benchmarks.source import machine
from search.index.library import Library
from search.index.seam import SearchRequest
from search.query import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from search.index.seam import Document

CHINESE = 0.33
_FIRST_HAN = "\u4e00"


def spoken(document: Document) -> list[str]:
    """What was said in a session."""
    return [each.text for each in document.transcript.utterances] if document.transcript else []


def plain(lines: list[str]) -> str:
    """The words of these lines between single spaces, one at either end."""
    return " " + " ".join(" ".join(lines).lower().replace(".", " ").split()) + " "


class Recall:
    """An index, and the same sessions as plain text."""

    def __init__(self, library: Library, documents: list[Document], seed: int) -> None:
        self._library = library
        self._draw = random.Random(seed)
        said = {each.session_id: spoken(each) for each in documents}
        self._chinese = {name: "\n".join(each) for name, each in said.items() if _is_han(each)}
        self._english = {name: each for name, each in said.items() if not _is_han(each)}
        self._plain = {name: plain(each) for name, each in self._english.items()}

    def phrases(self, count: int) -> float:
        """The recall of phrases of two to four words that begin in one utterance and end in the next."""
        return self._recall(count, self._phrase, self._plain)

    def chinese(self, count: int, characters: int) -> float:
        """The recall of words of so many characters."""
        return self._recall(count, lambda: self._word(characters), self._chinese)

    def _phrase(self) -> tuple[str, str]:
        lines = self._draw.choice(list(self._english.values()))
        at = self._draw.randrange(len(lines) - 1)
        one, two = (plain([each]).split() for each in lines[at : at + 2])
        words = one[-self._draw.randint(1, 2) :] + two[: self._draw.randint(1, 2)]
        if any("'" in each for each in words):
            return self._phrase()
        phrase = " ".join(words)
        return f'"{phrase}"', f" {phrase} "

    def _word(self, characters: int) -> tuple[str, str]:
        lines = self._draw.choice(list(self._chinese.values())).split("\n")
        line = self._draw.choice([each for each in lines if len(each) >= characters])
        at = self._draw.randrange(len(line) - characters + 1)
        word = line[at : at + characters]
        return word, word

    def _recall(
        self, count: int, draw: Callable[[], tuple[str, str]], texts: dict[str, str]
    ) -> float:
        there = found = 0
        for _ in range(count):
            query, letters = draw()
            expected = {name for name, text in texts.items() if letters in text}
            there += len(expected)
            found += len(expected & self._found(query))
        return found / there

    def _found(self, text: str) -> set[str]:
        sessions: set[str] = set()
        cursor: str | None = ""
        while cursor is not None:
            request = SearchRequest(
                query=parse(text), sort="newest", match="all", limit=100, moments=0, cursor=cursor
            )
            result = self._library.search(request)
            sessions |= {each.session_id for each in result.hits}
            cursor = result.next_cursor
        return sessions


def _is_han(lines: list[str]) -> bool:
    return lines[0][0] >= _FIRST_HAN


def measure(utterances: int, queries: int, seed: int = 1) -> dict[str, float]:
    """The recall of each kind of query."""
    documents = list(Corpus(utterances, seed, chinese=CHINESE))
    with tempfile.TemporaryDirectory() as root:
        build(Path(root), documents)
        with closing(Library(Path(root), timeout_s=120)) as library:
            recall = Recall(library, documents, seed)
            found = {"phrases across utterances": recall.phrases(queries)}
            for characters in (1, 2, 3):
                name = f"Chinese words of {characters}"
                found[name] = recall.chinese(queries, characters)
    return found


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--utterances", type=int, default=50_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    args = parser.parse_args()
    found = measure(args.utterances, args.queries)
    print(f"{args.utterances} utterances, {args.queries} queries of each kind   [{machine()}]")
    for name, value in found.items():
        print(f"recall of {name}: {value:.4f} (bar: 1)")
    if args.json is not None:
        args.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
