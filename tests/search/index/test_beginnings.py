"""Two letters are found as any longer beginning is, and only ever by words that somebody still says."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from search.index import beginnings
from search.index.appfile import AppFile
from search.index.forward import hash_of
from search.text import tokens
from tests.search.corpus import NOWHERE, Made, document

if TYPE_CHECKING:
    from pathlib import Path

SAID = {
    "latin": "Prices rise in Prague, pr is short, a price is 12 or 128",
    "cyrillic": "цена цех це",
    "greek": "τιμή τιμές τι",
    "arabic": "سعر سعيد سع",
    "korean": "가격 가 가격표",
    "chinese": "价格 会议 价",
    "thai": "ราคา ประชุม",
    "hindi": "मूल्य मूल",
    "mixed": "C++ 👍 a.b@c.de café Caf\u00e9s Été éte",
}
PREFIXES = [
    "pr", "ri", "12", "ca", "ет", "це", "τι", "سع", "가격", "价格", "ρα", "मू", "et", "xx", "co"
]  # fmt: skip


@pytest.mark.parametrize("kept", ["waiting", "folded", "loaded"])
def test_two_letters_find_what_begins_so(tmp_path: Path, kept: str) -> None:
    """In every script, however a session was taken in: the sessions, and the words that are marked."""
    documents = [document(name, [("Ana", text)]) for name, text in SAID.items()]
    documents += [document(f"{name}-chat", typed=[("Ana", text)]) for name, text in SAID.items()]
    made = Made.of(tmp_path)
    with closing(AppFile.open(made.path())) as file:
        if kept == "loaded":
            file.loading()
        file.put(documents, NOWHERE)
        if kept == "loaded":
            file.optimize()
        elif kept == "folded":
            file.fold()

    for prefix in PREFIXES:
        begun = {
            name: [each for each in tokens(text) if each.term.startswith(prefix)]
            for name, text in SAID.items()
        }
        holders = {name for name, words in begun.items() if words}
        assert set(made.ids(f"{prefix}*")) == holders | {f"{name}-chat" for name in holders}
        assert set(made.ids(f"{prefix}* in:chat")) == {f"{name}-chat" for name in holders}
        for hit in made.search(f"{prefix}*").hits:
            marked = begun[hit.session_id.removesuffix("-chat")]
            (moment,) = hit.moments
            assert [*moment.highlights] == [(each.start, each.end) for each in marked]
    made.close()


def test_the_more_words_begin_so_the_better(tmp_path: Path) -> None:
    """A session that says many of them comes before one that says one of them once."""
    made = Made.of(
        tmp_path,
        [
            document("once", [("Ana", "price and other things that are being said")]),
            document("often", [("Ana", "price prize pride and other things being said")]),
            document("never", [("Ana", "other things")]),
        ],
    )

    assert made.ids("pr*") == ["often", "once"]
    made.close()


@pytest.mark.parametrize("kept", ["waiting", "folded"])
def test_a_word_that_nobody_says_any_more_is_forgotten(tmp_path: Path, kept: str) -> None:
    """Its hash goes with the last session that holds it, in whatever kind; others' stay."""
    made = Made.of(tmp_path)
    with closing(AppFile.open(made.path())) as file:
        file.put(
            [
                document("a", [("Ana", "price prudent zymurgy")]),
                document("b", [("Ana", "price")], [("Bo", "prudent")]),
            ],
            NOWHERE,
        )
        file.fold()
        file.put([document("a", [("Ana", "price probably")], version=2)], NOWHERE)
        if kept == "folded":
            file.fold()

        def known(prefix: str) -> set[int]:
            return {*beginnings.hashes_of(file._db, prefix).tolist()}

        folded = {"probably"} if kept == "folded" else set()
        assert known("pr") == {*map(hash_of, {"price", "prudent", *folded})}
        assert known("zy") == set()
        rows = file._db.execute("select letters from beginning").fetchall()
        assert rows == [("^pr",)]

        assert file.remove("b")
        assert file.remove("a")
        assert file._db.execute("select count(*) from beginning").fetchone()[0] == 0
    assert made.ids("pr*") == []
    made.close()
