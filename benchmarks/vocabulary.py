"""The words of a made-up corpus: how they are written, how often each is drawn, what follows what."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

GENERAL, TOPIC_WORDS = 1_500, 10_000
TOPICS, WORDS_OF_TOPIC = 1_000, 300
DRAWS = 2**16

#: By frequency in English speech, more or less.
FUNCTION = """
the i you and to a that it of we in is so but do this have for on be if they not was what are with
or just there can as at he one my me all about an would she from how your up them don't when who by
did which will were their out has our then some could no his had been should any more these than
other into her where because him does too here only very over also am us after why before its those
while again off both most being each through until own few same such under once during against
"""

#: What is said in nearly every meeting; the rest of the general words is invented.
SAID = """
think yeah know okay right like going well really mean people time good thing want need work look
point say little question maybe sure use way see different back kind actually problem meeting next
"""

_ONSETS = "b d f g h j k l m n p r s t v w z br dr gl gr kl pl pr st tr"
_VOWELS = "a e i o ai ea"
_CODAS = ["", "n", "r", "l", "m", "s"]
_SYLLABLES = [
    onset + vowel + coda
    for coda in _CODAS
    for vowel in _VOWELS.split()
    for onset in _ONSETS.split()
]


class Vocabulary:
    """Function words, general words, words of topics, then names: in this order they are numbered."""

    def __init__(self, names: int) -> None:
        draw = np.random.default_rng(7)
        function = list(dict.fromkeys(FUNCTION.split()))
        said = SAID.split()
        general = said + _invented(GENERAL - len(said), 0, taken={*function, *said})
        topical = _invented(TOPIC_WORDS, 1, taken={*function, *general})
        self.first_general = len(function)
        self.first_topical = len(function) + len(general)
        core = function + general + topical
        self.core = len(core)  #: how many have a place at the end of a line
        self.size = self.core + names
        self.function, self.general = _zipf(len(function), 3.0), _zipf(GENERAL, 8.0)
        self.topics, self.in_topic = _topics(draw, self.first_topical), _zipf(WORDS_OF_TOPIC, 5.0)
        self.followers = self._followers(draw)
        known = [each.capitalize() for each in _invented(names, 2, taken=set(core))]
        self._forms = np.array(core + known, dtype=object)
        self._first = np.array([each.capitalize() for each in core] + known, dtype=object)
        self._last = np.array([f"{each}.\n" for each in core], dtype=object)

    def word(self, number: int) -> str:
        """A word as it is typed."""
        return str(self._forms[number]).lower()

    def lines(self, ids: Ids, counts: Ids) -> list[str]:
        """These words as lines of so many words each."""
        ends = np.cumsum(counts)
        begins = ends - counts
        forms = self._forms[ids]
        forms[begins] = self._first[ids[begins]]
        forms[ends - 1] = self._last[ids[ends - 1]]
        return " ".join(forms.tolist())[:-1].split("\n ")

    def _followers(self, draw: np.random.Generator) -> Ids:
        """Four that like to follow: a word of a topic by its topic's, any other by words of all kinds."""
        shape = (self.core, 4)
        followers = np.where(
            draw.random(shape) < 0.6,
            self.function[draw.integers(0, DRAWS, shape)],
            self.first_general + self.general[draw.integers(0, DRAWS, shape)],
        )
        home = draw.integers(0, TOPICS, TOPIC_WORDS)
        near = self.in_topic[draw.integers(0, DRAWS, (TOPIC_WORDS, 4))]
        followers[self.first_topical :] = self.topics[home[:, None], near]
        return followers


def _zipf(size: int, flat: float) -> Ids:
    """So many ranks as `DRAWS` equally likely draws, by Zipf's and Mandelbrot's law."""
    weights = 1 / (np.arange(size) + 1 + flat)
    sums = np.cumsum(weights / weights.sum())
    return np.searchsorted(sums[:-1], (np.arange(DRAWS) + 0.5) / DRAWS)


def _topics(draw: np.random.Generator, first: int) -> Ids:
    """The words of each topic; some words are of many topics."""
    at = (TOPIC_WORDS * draw.random((TOPICS, WORDS_OF_TOPIC)) ** 1.5).astype(np.int64)
    return first + at


def _invented(count: int, of_class: int, taken: set[str]) -> list[str]:
    """So many words that nobody has said yet; what is numbered low is short."""
    draw = random.Random(of_class)
    found: dict[str, None] = {}
    while len(found) < count:
        reach = min(len(_SYLLABLES), 60 + len(found) // 16)  # short syllables come first
        syllables = 2 + (draw.random() < 0.2 + 0.2 * of_class)
        word = "".join(_SYLLABLES[int(draw.random() * reach)] for _ in range(syllables))
        if word not in taken:
            found[word] = None
    return list(found)
