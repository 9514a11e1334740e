"""A search that takes too long is stopped, wherever it is, in not much more than the time it has."""

from __future__ import annotations

import random
import string
import time
from contextlib import closing
from itertools import product
from typing import TYPE_CHECKING

import pytest

from search.errors import SearchTimeoutError
from search.index.appfile import AppFile
from tests.search.corpus import NOWHERE, Made, document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.index.seam import Document

SESSIONS = 300
LINES = 50
#: What is this short is not worth a look at the clock.
CLOCK_S = 0.02
FUNCTION_WORDS = ["of", "the", "to", "in", "is", "it", "be"]
BEGINNINGS = [f"{first}{second}" for first, second in product("bcdfg", string.ascii_lowercase)]
#: Each as expensive as its kind can be within the limits of a query.
EXPENSIVE = {
    "beginnings of two letters": " ".join(f"{each}*" for each in BEGINNINGS[:60]),
    "beginnings of three letters": " ".join(
        f"{each}{digit}*" for each, digit in [*product(BEGINNINGS, range(1, 10))][:60]
    ),
    "phrases of function words": " ".join(
        f'"{one} {two}"' for one, two in [*product(FUNCTION_WORDS, repeat=2)][:30]
    ),
    "function words near each other": " OR ".join(
        f"({one} NEAR/900 {two})" for one, two in [*product(FUNCTION_WORDS, repeat=2)][:30]
    ),
    "what one did not say": "-speaker:ana " + " ".join(f"{each}*" for each in BEGINNINGS[:15]),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    choose = random.Random(1)
    rare = [f"{choose.choice(BEGINNINGS)}{number}" for number in range(20_000)]

    def session(number: int) -> Document:
        said = []
        for _ in range(LINES):
            words = choose.choices(rare, k=6) + choose.choices(FUNCTION_WORDS, k=9)
            said.append((choose.choice(["Ana", "Ben"]), " ".join(words)))
        return document(f"s{number}", said)

    found = Made.of(tmp_path_factory.mktemp("index"))
    with closing(AppFile.open(found.path())) as file:
        file.loading()
        file.put([session(each) for each in range(SESSIONS)], NOWHERE)
        file.optimize()
    yield found
    found.close()


@pytest.mark.parametrize("name", EXPENSIVE)
def test_an_expensive_search_is_stopped_in_time(
    made: Made, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within twice its limit, with an error that says so; the next search is answered."""
    text = EXPENSIVE[name]
    made.search(text)  # what is in memory from now on is not measured
    began = time.process_time()
    made.search(text)
    limit_s = (time.process_time() - began) / 4
    with monkeypatch.context() as patched:
        patched.setattr(made.library._readers, "_timeout_s", limit_s)
        began = time.process_time()
        with pytest.raises(SearchTimeoutError, match="stopped"):
            made.search(text)
        took_s = time.process_time() - began
    assert took_s < 2 * limit_s + CLOCK_S
    assert made.search("the").total_sessions == SESSIONS
