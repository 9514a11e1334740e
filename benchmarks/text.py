"""Made-up talk: words drawn by Zipf's law from a vocabulary that grows, seeded by the session."""

from __future__ import annotations

import random
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SYLLABLES = (
    *("ba", "co", "di", "fu", "ga", "hel", "in", "jo", "ka", "lum", "mi", "no", "or", "pa"),
    *("qui", "ro", "sa", "ter", "un", "ver", "wa", "xe", "yo", "zen"),
)
VOCABULARY = 30_000
WORDS_MEAN = 16
SPEAKERS = ("Ana Souza", "Tom Okafor", "Priya Raman", "Jelena Novak")


@cache
def _vocabulary() -> tuple[list[str], list[float]]:
    draw = random.Random(7)
    words = {
        "".join(draw.choices(SYLLABLES, k=draw.choice((1, 2, 2, 3, 3, 4)))) for _ in range(60_000)
    }
    ordered = sorted(words)[:VOCABULARY]
    draw.shuffle(ordered)
    weights = accumulate(1 / (rank + 2.7) for rank in range(len(ordered)))
    return ordered, list(weights)


def talk(session: int, utterances: int) -> Iterator[dict[str, Any]]:
    """The rows of a JSON transcript."""
    draw = random.Random(session)
    words, weights = _vocabulary()
    start_ms = 0
    for number in range(utterances):
        count = max(1, int(draw.expovariate(1 / WORDS_MEAN)))
        sentence = " ".join(draw.choices(words, cum_weights=weights, k=count)).capitalize() + "."
        speaker = SPEAKERS[number * 7 % len(SPEAKERS)]
        end_ms = start_ms + 350 * count
        yield {
            "startTime": start_ms,
            "endTime": end_ms,
            "sentence": sentence,
            "peerData": {
                "id": speaker[:3],
                "userId": speaker[:4],
                "displayName": speaker,
                "cpi": "c",
            },
        }
        start_ms = end_ms + 400
