"""What may have been meant, where words are nowhere; and names that are being typed."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from search.index.appfile import AppFile
from search.query import parse
from tests.search.corpus import APP, NOWHERE, OTHER_APP, Made, document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SESSIONS = [
    document("a", [("Ana Souza", "the renewal price"), ("Ben", "réunion à Zürich, café")]),
    document("b", [("Ana Souza", "renewal again"), ("Ana Lima", "Preis"), ("Ana Souza", "preise")]),
    document("c", [("José", "Договор продлён, встреча")], [("Ana", "deadline")], hour=2),
    document(
        "d", [("Νίκος", "η συνάντηση και η τιμή"), ("عمر", "تجديد العقد")], title="Weekly sync"
    ),
    document("e", [("王芳", "会議室の価格")], summary="prize draw", title="Weekly planning"),
    document("f", [("Eve", "confidential")], app_id=OTHER_APP, title="Weekly secret"),
]


@pytest.fixture(scope="module", params=["waiting", "folded", "loaded"])
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Made]:
    found = Made.of(tmp_path_factory.mktemp("index"))
    for app_id in (APP, OTHER_APP):
        with closing(AppFile.open(found.path(app_id))) as file:
            if request.param == "loaded":
                file.loading()
            file.put([each for each in SESSIONS if each.app_id == app_id], NOWHERE)
            if request.param == "folded":
                file.fold()
            file.optimize()
    yield found
    found.close()


@pytest.mark.parametrize(
    ("query", "suggestion"),
    [
        ("renewel", "renewal"),
        ("renwal price", "renewal price"),
        ("reenwal", "renewal"),  # two letters that changed places are one slip
        ("erenwal", "renewal"),
        ("RENEWEL -again", "renewal NOT again"),
        ("reunoin", "reunion"),
        ("zurihc", "zurich"),
        ("договр", "договор"),
        ("ВСТРЕЧЯ", "встреча"),
        ("συναντησι", "συναντηση"),
        ("العقدد", "العقد"),
        ("speaker:ana renewel", "renewal speaker:ana"),
        ("renewel in:transcript after:2026-01-01", "renewal in:transcript after:2026-01-01"),
        ("renewel AND deadlin", "renewal AND deadline"),
        ('renewel "again"', 'renewal "again"'),
        ("deadlin NEAR/3 renewel", "deadline NEAR/3 renewal"),
        ("prixe OR renewal", "price OR renewal"),
    ],
)
def test_a_slip_is_put_right(made: Made, query: str, suggestion: str) -> None:
    """The query in normal form with the nearest word, its filters and operators kept."""
    found = made.search(query, apps=(APP,)).suggestion

    assert parse(found) == parse(suggestion)
    assert str(parse(found)) == found


@pytest.mark.parametrize(
    "query",
    [
        "",
        "renewal",
        "renewal AND deadline",  # each is somewhere, though never together
        "speaker:ben renewal",  # somewhere, though not said by Ben
        "session:nowhere renewal",
        "in:chat renewal",
        "zzyzzx",  # nothing is near it
        "cat",  # too short to guess
        "renewel*",
        "12345",
        "会价",
        "“renewel price”",
        "confidentail",  # in another app only
        "speaker:anna",
    ],
)
def test_nothing_is_suggested_for_nothing(made: Made, query: str) -> None:
    """Where every word is somewhere, is no word, or is near none of the apps that may be seen."""
    assert made.search(query, apps=(APP,)).suggestion == ""


def test_only_the_apps_that_may_be_seen_are_asked(made: Made) -> None:
    """The words of an app are suggested to whoever may see it."""
    assert made.search("confidentail").suggestion == "confidential"
    assert made.search("confidentail", apps=(OTHER_APP,)).suggestion == "confidential"
    assert made.search("app:app-one confidentail").suggestion == ""


def test_a_word_of_any_app_is_somewhere(tmp_path: Path) -> None:
    """What one app lacks and another holds is no slip, even where each lacks one of them."""
    made = Made.of(
        tmp_path,
        [
            document("a", [("Ana", "harbour bottle")]),
            document("b", [("Ana", "harbor battle")], app_id=OTHER_APP),
        ],
    )

    assert made.search("harbour battle").suggestion == ""
    assert made.search("harbour batttle").suggestion == "harbour battle"
    made.close()


def test_the_commonest_of_the_nearest_is_suggested(tmp_path: Path) -> None:
    """Fewer slips come first, then the word that more sessions hold."""
    rows = ["market", "marker", "marked", "marker", "marked", "marked", "maarkeg"]
    made = Made.of(tmp_path, [document(f"s{n}", [("A", row)]) for n, row in enumerate(rows)])

    assert made.search("maarkey").suggestion == "maarkeg"
    assert made.search("markex").suggestion == "marked"
    made.remove("s2")
    made.remove("s4")
    assert made.search("markex").suggestion == "marker"
    made.close()


# ------------------------------------------------------------------------------------- completion


@pytest.mark.parametrize(
    ("field", "typed", "found"),
    [
        ("speaker", "an", [("Ana Souza", 2), ("Ana", 1), ("Ana Lima", 1)]),
        ("speaker", "ana s", [("Ana Souza", 2)]),
        ("speaker", "ANA SOUZA", [("Ana Souza", 2)]),
        ("speaker", "souz", [("Ana Souza", 2)]),
        ("speaker", "jose", [("José", 1)]),
        ("speaker", "νικ", [("Νίκος", 1)]),
        ("speaker", "عم", [("عمر", 1)]),
        ("speaker", "王", [("王芳", 1)]),
        ("speaker", "芳", [("王芳", 1)]),
        ("speaker", "eve", []),
        ("speaker", "", []),
        ("speaker", '"*', []),
        ("meeting", "week", [("Weekly planning", 1), ("Weekly sync", 1)]),
        ("meeting", "weekly s", [("Weekly sync", 1)]),
    ],
)
def test_names_are_completed(
    made: Made, field: str, typed: str, found: list[tuple[str, int]]
) -> None:
    """Whatever word of it is being typed, most sessions first, from the apps that may be seen."""
    assert made.library.complete(field, typed, apps=(APP,)) == found


def test_completion_adds_apps_up(made: Made) -> None:
    """Over all apps, and no more than asked for."""
    assert ("Weekly secret", 1) in made.library.complete("meeting", "week", apps=None)
    assert len(made.library.complete("meeting", "week", apps=None, limit=2)) == 2
    assert made.library.complete("meeting", "week", apps=()) == []
