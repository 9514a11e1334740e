"""What is asked: twenty queries of each class, drawn from the first million utterances of a corpus."""

from __future__ import annotations

import dataclasses
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.corpus import APP, DAY_MS, DAYS, EDITION, FIRST_DAY_MS, SMALL_APP, Corpus
from search.index.seam import SearchRequest
from search.query import parse
from search.stopwords import is_function_word

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

PREFIX_UTTERANCES = 1_000_000
QUERIES = 20
FACETS = ("speaker", "app", "kind", "month")
LIMIT, MOMENTS = 20, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One query, as it is typed and as a peer without a query language needs it."""

    text: str
    words: tuple[str, ...]
    form: str  #: words, any, all, phrase, near or prefix
    speaker: str = ""
    after_ms: int | None = None
    before_ms: int | None = None
    kind: str = ""
    newest: bool = False
    app: str = APP

    def request(self, facets: tuple[str, ...] = ()) -> SearchRequest:
        """The search that asks it: only the app's file is opened, by its key or its filter."""
        return SearchRequest(
            query=parse(self.text),
            apps=None if self.app != APP else (APP,),
            sort="newest" if self.newest else "relevance",
            match="all" if self.newest else "best",
            limit=LIMIT,
            moments=MOMENTS,
            facets=facets,
        )


Classes = dict[str, list[Asked]]


def queries_of(corpus: Corpus, kept: Path) -> Classes:
    """The queries of a corpus, drawn once and then read from the folder."""
    prefix = min(corpus.utterances, PREFIX_UTTERANCES)
    path = kept / f"queries-{prefix}-{corpus.seed}-{EDITION}.json"
    if not path.exists():
        drawn = _Drawing(Corpus(prefix, corpus.seed)).classes()
        held = {name: [dataclasses.asdict(each) for each in of] for name, of in drawn.items()}
        path.write_text(json.dumps(held, indent=1), encoding="utf-8")
    read = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: [Asked(**{**each, "words": tuple(each["words"])}) for each in of]
        for name, of in read.items()
    }


class _Drawing:
    """Draws words by how often they are said, and runs of words from what was said."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._known = corpus.vocabulary
        self._draw = random.Random(corpus.seed)
        self._per_million = _utterances_per_million(corpus)

    def classes(self) -> Classes:
        """Every class, by its name in the table."""
        self._mid = self._between(500, 5_000)
        self._rare = self._between(5, max(50, 2e6 / self._corpus.utterances))
        first = self._known.first_general
        said = self._per_million[first : self._known.first_topical]
        self._common = [int(each) + first for each in np.argsort(-said)[:QUERIES]]
        makers: dict[str, Callable[[], Asked]] = {
            "rare word": lambda: self._words("words", self._draw.choice(self._rare)),
            "middling word": lambda: self._words("words", self._draw.choice(self._mid)),
            "common word": lambda: self._words("words", self._common[len(self._made)]),
            "two words": self._two,
            "any of three common": self._any,
            "question": self._question,
            "phrase": self._phrase,
            "near": self._near,
            "prefix of 4": lambda: self._prefix(4),
            "prefix of 2": lambda: self._prefix(2),
            "speaker": self._by_speaker,
            "30 days": self._in_days,
            "app": lambda: self._filtered(f"app:{SMALL_APP}", app=SMALL_APP),
            "chat": lambda: self._filtered("in:chat", kind="chat", of=self._common),
            "newest": lambda: dataclasses.replace(self._two(), newest=True, form="all"),
        }
        found: Classes = {}
        for name, make in makers.items():
            self._made: list[Asked] = []
            while len(self._made) < QUERIES:
                asked = make()
                if asked not in self._made:
                    self._made.append(asked)
            found[name] = self._made
        return found

    def _between(self, least: float, most: float) -> list[int]:
        """Words with so many utterances in a million, function words left out."""
        counts = self._per_million
        chosen = np.flatnonzero((counts >= least) & (counts <= most))
        return [int(each) for each in chosen if each >= self._known.first_general]

    def _words(self, form: str, *ids: int) -> Asked:
        words = tuple(self._known.word(each) for each in ids)
        return Asked(text=" ".join(words), words=words, form=form)

    def _line(self) -> list[int]:
        """The words of one utterance, somewhere."""
        said = self._corpus.words(self._draw.randrange(len(self._corpus)))
        ends = np.cumsum(said.counts)
        at = self._draw.randrange(said.utterances)
        return [int(each) for each in said.ids[ends[at] - said.counts[at] : ends[at]]]

    def _content(self, ids: list[int]) -> list[int]:
        return [each for each in dict.fromkeys(ids) if each >= self._known.first_general]

    def _two(self) -> Asked:
        mid = set(self._mid)
        while True:
            found = [each for each in self._content(self._line()) if each in mid]
            if len(found) >= 2:
                return self._words("words", *found[:2])

    def _any(self) -> Asked:
        asked = self._words("any", *self._draw.sample(self._common, 3))
        return dataclasses.replace(asked, text=" OR ".join(asked.words))

    def _question(self) -> Asked:
        """Three to eight content words that were said in a row, as somebody would type them."""
        wanted = self._draw.randint(3, 8)
        while True:
            typed = [self._known.word(each) for each in self._line()]
            typed = [each for each in dict.fromkeys(typed) if "'" not in each]
            content = [each for each in typed if not is_function_word(each)][:wanted]
            if len(content) == wanted:
                said = " ".join(typed[: typed.index(content[-1]) + 1])
                return Asked(text=f"what about {said}?", words=tuple(content), form="words")

    def _phrase(self) -> Asked:
        length = self._draw.randint(2, 3)
        while True:
            line = self._line()
            if len(line) < length:
                continue
            at = self._draw.randrange(len(line) - length + 1)
            ids = line[at : at + length]
            if self._content(ids) and all("'" not in self._known.word(each) for each in ids):
                asked = self._words("phrase", *ids)
                return dataclasses.replace(asked, text=f'"{asked.text}"')

    def _near(self) -> Asked:
        while True:
            found = self._content(self._line()[:6])
            if len(found) >= 2 and all(self._per_million[each] >= 500 for each in found[:2]):
                asked = self._words("near", *found[:2])
                return dataclasses.replace(asked, text=" NEAR/5 ".join(asked.words))

    def _prefix(self, letters: int) -> Asked:
        while True:
            word = self._known.word(self._draw.choice(self._mid))
            if len(word) > letters:
                start = word[:letters]
                return Asked(text=f"{start}*", words=(start,), form="prefix")

    def _filtered(
        self, typed: str, of: list[int] | None = None, app: str = APP, kind: str = ""
    ) -> Asked:
        word = self._known.word(self._draw.choice(of or self._mid))
        return Asked(text=f"{word} {typed}", words=(word,), form="words", app=app, kind=kind)

    def _by_speaker(self) -> Asked:
        mid = {self._known.word(each) for each in self._mid}
        while True:
            document = self._corpus.document(self._draw.randrange(len(self._corpus)))
            assert document.transcript is not None
            said = self._draw.choice(document.transcript.utterances)
            word = next((each for each in said.text.lower().strip(".").split() if each in mid), "")
            if word and document.app_id == APP:
                typed = f'{word} speaker:"{said.speaker}"'
                return Asked(text=typed, words=(word,), form="words", speaker=said.speaker)

    def _in_days(self) -> Asked:
        first = self._draw.randrange(DAYS - 30)
        after = np.datetime64(FIRST_DAY_MS, "ms").astype("M8[D]") + first
        asked = self._filtered(f"after:{after} before:{after + 30}")
        after_ms = FIRST_DAY_MS + first * DAY_MS
        return dataclasses.replace(asked, after_ms=after_ms, before_ms=after_ms + 30 * DAY_MS)


def _utterances_per_million(corpus: Corpus) -> NDArray[np.float64]:
    """In how many utterances of a million each word is said."""
    size = corpus.vocabulary.size
    hits = np.zeros(size, dtype=np.int64)
    for number in range(len(corpus)):
        words = corpus.words(number)
        line = np.repeat(np.arange(len(words.counts)), words.counts)
        hits += np.bincount(np.unique(line * size + words.ids) % size, minlength=size)
    return hits.astype(np.float64) * (1e6 / corpus.utterances)
