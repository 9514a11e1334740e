"""While sessions come, change, go and are folded in, whoever reads is answered, and rightly."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from search.index import folding
from search.index.appfile import AppFile
from tests.search.corpus import NOWHERE, Made, document

if TYPE_CHECKING:
    from pathlib import Path

    from search.index.seam import Document

READERS = 3
STATES = 40
#: No answer may take as long; an ordinary one takes milliseconds, on a busy machine tens of them.
ANSWER_MAX_S = 3.0


def said(number: int, word: str) -> Document:
    """A session that says "price", the word of its state, and how often it has changed."""
    return document(
        f"s{number}", [("Ana", f"price {word}"), ("Ben", "renewal")], summary="about price"
    )


class Reader(threading.Thread):
    """Asks without end, and keeps what it was told and how long that took."""

    def __init__(self, made: Made) -> None:
        super().__init__(daemon=True)
        self.made = made
        self.stop = threading.Event()
        self.asked = threading.Event()  #: set after each answer
        self.told: list[tuple[int, int, int, int]] = []
        self.slowest_s = 0.0
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                began = time.monotonic()
                self.ask()
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                self.asked.set()
        except BaseException as error:  # noqa: BLE001  the test raises it
            self.error = error

    def ask(self) -> None:
        """One answer that is about one state, whatever happens while it is given."""
        result = self.made.search("price", limit=100, moments=1, facets=("speaker",))
        words = {each.moments[0].snippet for each in result.hits}
        assert len(result.hits) == result.total_sessions
        assert all("price" in each for each in words)
        self.told.append(
            (
                result.total_sessions,
                result.facets_of,
                dict(result.facets["speaker"])["Ana"],
                max(int(each.partition("state")[2]) for each in words),
            )
        )


@pytest.mark.parametrize("library", ["shared", "own"])
def test_readers_are_answered_from_one_state_while_the_index_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    """None fails or waits; each answer is that of a committed state, and none goes back in time."""
    monkeypatch.setattr(folding, "TAIL_SESSIONS", 4)
    made = Made.of(tmp_path, [said(each, "state0") for each in range(5)])
    others = [made if library == "shared" else Made.of(tmp_path) for _ in range(READERS)]
    readers = [Reader(each) for each in others]
    states = [(5, 0)]
    for each in readers:
        each.start()
    with closing(AppFile.open(made.path())) as file:
        for state in range(1, STATES):
            # Every state has a word of its own in a session that stays; the number goes up and down.
            states.append((5 + state % 7, state))
            going = [f"s{each}" for each in range(5 + state % 7, 5 + (state - 1) % 7)]
            coming = [said(each, f"state{state}") for each in range(4, 5 + state % 7)]
            file.put(coming, NOWHERE, gone=going)
            if state % 9 == 0:
                file.optimize()
            if state % 5 == 0:
                file.fold()
            # So that each meets more states than the last.
            asked = readers[state % READERS].asked
            asked.clear()
            assert asked.wait(ANSWER_MAX_S)
    for each in readers:
        each.stop.set()
    for each in readers:
        each.join()
        if each.error is not None:
            raise each.error
    for other in others:
        other.close()
    made.close()

    for reader in readers:
        seen = [(total, state) for total, _, _, state in reader.told]
        assert set(seen) <= set(states)
        assert [state for _, state in seen] == sorted(state for _, state in seen)
        assert all(total == of == speakers for total, of, speakers, _ in reader.told)
        assert len(set(seen)) > 2
        assert reader.slowest_s < ANSWER_MAX_S


def test_a_long_answer_keeps_its_state_and_lets_the_writer_go_on(tmp_path: Path) -> None:
    """A reader inside its snapshot sees what was there when it began, whatever is committed since."""
    made = Made.of(tmp_path, [said(each, "state1") for each in range(3)])
    path = made.path()
    readers = made.library._readers
    with readers.reading(path, readers.deadline()) as (db, views):
        before = views.of(db)
        began = time.monotonic()
        made.put(*(said(each, "state2") for each in range(2, 9)))
        made.remove("s0")
        assert time.monotonic() - began < ANSWER_MAX_S
        assert made.search("price").total_sessions == 8
        assert views.of(db).sessions == before.sessions == 3
    assert made.search("price").total_sessions == 8
    made.close()
