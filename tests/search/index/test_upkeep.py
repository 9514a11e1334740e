"""An index that has lived answers as one made afresh, and its readers follow every step."""

from __future__ import annotations

import random
import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from migrations.sqlite import connect
from search.index import folding, postings
from search.index.appfile import AppFile
from tests.search.corpus import APP, NOWHERE, Made, document
from tests.search.invented import invented

if TYPE_CHECKING:
    from pathlib import Path

    from search.index.seam import Document
    from search.results import SearchResult

STEPS = 30
SESSIONS = 40
#: So near the end of a block of row ids that the sessions to come stand on both sides of it.
NEAR_A_BORDER = postings.BLOCK - 12
QUERIES = [
    "prix renewal",
    "renewal prix café réunion C++",
    '"prix renewal"',
    "prix NEAR/2 renewal",
    "ren* the",
    "re* OR 会*",
    "会議 价格",
    "価",
    "ราคา ประชุม -สัญญา",
    "(मूल्य OR बैठक) NOT समय",
    "speaker:ana prix",
    "-speaker:ana renewal café",
    "participant:u1 in:chat prix",
    "in:summary renewal",
    "meeting:weekly renewal",
    "meeting:m1",
    "speaker:عمر",
    "after:2026-09-22 renewal",
    "revewal pricks",
    "renewwal in:chat",
]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"match": "all"},
    {"sort": "newest"},
    {"sort": "oldest", "match": "all"},
    {"facets": ("speaker", "kind", "month", "app")},
]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else happens after hundreds of sessions happens after a few."""
    monkeypatch.setattr(folding, "TAIL_SESSIONS", 5)
    monkeypatch.setattr(postings, "_DENSE_LEAST", 3)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of nothing, to be copied."""
    made = Made.of(tmp_path_factory.mktemp("empty"))
    AppFile.open(made.path()).close()
    return made.root


class Lived:
    """One index that is written to for a long time, the sessions it should hold, and an open reader."""

    def __init__(
        self, root: Path, empty: Path, choose: random.Random, *, first_row: int = 0
    ) -> None:
        self.root, self.empty, self.choose = root, empty, choose
        self.made = self.new("lived")
        self.documents: dict[str, Document] = {}
        with closing(connect(self.made.path())) as db:
            db.execute("insert into sqlite_sequence values ('session', ?)", [first_row])
        self.file = AppFile.open(self.made.path())

    def new(self, name: str) -> Made:
        """Another index of nothing."""
        return Made.of(shutil.copytree(self.empty, self.root / name))

    def put(self, *numbers: int, gone: tuple[str, ...] = ()) -> None:
        """Take sessions in, or anew, with other words each time."""
        version = self.choose.randrange(1000)
        found = [invented(self.choose, each, version=version, apps=(APP,)) for each in set(numbers)]
        self.file.put(found, NOWHERE, gone=gone)
        self.forget(*gone)
        self.documents |= {each.session_id: each for each in found}

    def forget(self, *session_ids: str) -> None:
        for each in session_ids:
            self.documents.pop(each, None)

    def step(self) -> str:
        """Something that happens to an index."""
        choose = self.choose
        kind = choose.choices(
            ("put", "swap", "remove", "fold", "optimize", "reopen"), (10, 4, 4, 2, 1, 1)
        )[0]
        known = sorted(self.documents)
        if kind == "put":
            self.put(*(choose.randrange(SESSIONS) for _ in range(choose.randint(1, 4))))
        elif kind == "swap" and known:
            gone = choose.choice(known)
            self.put((int(gone[1:]) + 1) % SESSIONS, gone=(gone, "never there"))
        elif kind == "remove" and known:
            # The newest as often as any other: its row is the last of all arrays.
            gone = choose.choice([choose.choice(known), list(self.documents)[-1]])
            assert self.file.remove(gone)
            assert not self.file.remove(gone)
            self.forget(gone)
        elif kind == "fold":
            self.file.fold()
        elif kind == "optimize":
            self.file.optimize()
        elif kind == "reopen":
            self.file.close()
            self.file = AppFile.open(self.made.path())
        return kind

    def check(self, place: str, queries: list[str]) -> None:
        """Whoever reads, since the beginning or since now, is told what a new index tells."""
        fresh, newcomer = self.new(f"fresh {place}"), Made.of(self.made.root)
        with closing(AppFile.open(fresh.path())) as file:
            if self.choose.random() < 0.5:
                file.loading()
            file.put(list(self.documents.values()), NOWHERE)
            file.optimize()
        for text in queries:
            options = self.choose.choice(OPTIONS)
            expected = told(fresh.search(text, limit=100, **options))
            for name, reader in (("reader", self.made), ("newcomer", newcomer)):
                answer = told(reader.search(text, limit=100, **options))
                assert expected == answer, f"{name}, {place}: {text} {options}"
        for field in ("speaker", "meeting"):
            typed = self.choose.choice(["a", "an", "王", "we", "会", "ज", "ع"])
            truth = fresh.library.complete(field, typed, apps=None)
            assert truth == self.made.library.complete(field, typed, apps=None)
        assert sorted(self.documents) == sorted(
            each.session_id for each in self.made.library.versions()
        )
        newcomer.close()
        fresh.close()
        shutil.rmtree(fresh.root)

    def close(self) -> None:
        self.file.close()
        self.made.close()


def told(result: SearchResult) -> list[Any]:
    """All that an answer says, but for how the next page is asked for."""
    hits = [
        (each.session_id, pytest.approx(each.score, abs=2e-3), each.matches, each.moments)
        for each in result.hits
    ]
    return [
        *(hits, result.total_sessions, result.total_all_words),
        *(result.facets, result.facets_of, result.suggestion),
    ]


@pytest.mark.parametrize(("seed", "first_row"), [(1, NEAR_A_BORDER), (2, 0)])
def test_an_index_that_lived_answers_as_one_made_afresh(
    seed: int, first_row: int, tmp_path: Path, empty: Path
) -> None:
    """Sessions come, change, go, are folded in and purged: every answer is that of a new index."""
    choose = random.Random(seed)
    lived = Lived(tmp_path, empty, choose, first_row=first_row)
    if seed % 2:
        lived.file.loading()
        lived.put(*range(10))
        lived.put(*range(5, 15))
        assert lived.file.remove("s07")
        lived.forget("s07")
        lived.file.optimize()
    done = []
    for number in range(STEPS):
        done.append(lived.step())
        lived.check(f"{number} {done[-1]}", choose.sample(QUERIES, 6))
    lived.check("at the end", QUERIES)
    lived.close()


def test_a_word_that_nearly_all_say_survives_the_last_session(tmp_path: Path) -> None:
    """Postings that are kept densely may reach further than the sessions that are left."""
    made = Made.of(tmp_path, [document(f"s{each:03}", [("Ana", "price")]) for each in range(130)])
    with closing(AppFile.open(made.path())) as file:
        file.fold()
        for each in range(120, 130):
            assert file.remove(f"s{each}")
    newcomer = Made.of(tmp_path)

    for reader in (made, newcomer):
        assert reader.search("price").total_sessions == 120
        assert reader.search("pri*").total_sessions == 120
        reader.close()


def test_whoever_was_away_reads_everything_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that missed more changes than are remembered misses no session."""
    monkeypatch.setattr("search.index.appfile.CHANGES_KEPT", 3)
    made = Made.of(tmp_path, [document("first", [("Ana", "price")])])
    assert made.ids("price") == ["first"]
    for number in range(20):
        made.put(document(f"s{number}", [("Ana", "price")]))
    made.remove("first")

    assert made.search("price").total_sessions == 20
    made.close()


def test_folding_empties_the_log(empty: Path, tmp_path: Path) -> None:
    """No session that is taken in waits for the disk because of those before it."""
    made = Made.of(shutil.copytree(empty, tmp_path / "index"))
    with closing(AppFile.open(made.path())) as file:
        for number in range(folding.TAIL_SESSIONS):
            file.put([document(f"s{number}", [("Ana", f"word{number}")])], NOWHERE)
        without_log = tmp_path / "alone.db"
        shutil.copy(made.path(), without_log)

        with closing(connect(without_log)) as db:
            (sessions,) = db.execute("select count(*) from session").fetchone()
            (waiting,) = db.execute("select count(*) from tail").fetchone()
        assert (sessions, waiting) == (folding.TAIL_SESSIONS, 0)
