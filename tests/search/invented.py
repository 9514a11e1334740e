"""Sessions of few words in many scripts, so that they meet by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.search.corpus import APP, OTHER_APP, document, person

if TYPE_CHECKING:
    from random import Random

    from search.index.seam import Document
    from tests.search.corpus import Said

SCRIPTS = {
    "latin": ["prix", "réunion", "café", "Straße", "renewal", "the", "de", "C++", "INV-2026"],
    "devanagari": ["मूल्य", "नवीनीकरण", "बैठक", "समय", "अनुबंध"],
    "arabic": ["سعر", "تجديد", "مُحَمَّد", "العقد", "غدا"],
    "han": ["価格", "会議室", "会議", "更新", "会", "契約"],
    "hangul": ["가격", "갱신", "회의실", "회의"],
    "thai": ["ราคา", "ต่ออายุ", "ประชุม", "สัญญา"],
}
NAMES = ["Ana Souza", "Ana", "José Ben", "عمر", "王 芳", "สมชาย", "예린", "आशा"]
PEOPLE = [person(name, f"u{number}", custom_id=f"c{number}") for number, name in enumerate(NAMES)]
PEOPLE.append(person("Ana", "u-other"))  # a name two people have
TITLES = ["Weekly sync", "Réunion café", "बैठक नई", "会議室の件", "", "weekly"]
WORDS = [word for words in SCRIPTS.values() for word in words]


def invented(
    choose: Random, number: int, *, version: int = 1, apps: tuple[str, ...] = (APP, OTHER_APP)
) -> Document:
    """A session of this number: who takes part, what they say and when is a matter of chance."""
    present = {each.name: each for each in choose.sample(PEOPLE, 3)}
    names = list(present)
    return document(
        f"s{number:02}",
        _lines(choose, names, 6),
        _lines(choose, names, 3),
        "\n".join(_text(choose) for _ in range(choose.randint(0, 3))),
        app_id=choose.choice(apps),
        title=choose.choice(TITLES),
        meeting_id=f"m{number % 4}",
        hour=choose.randrange(72),
        version=version,
        participants=list(present.values()),
    )


def _lines(choose: Random, people: list[str], most: int) -> list[Said]:
    return [(choose.choice(people), _text(choose)) for _ in range(choose.randint(0, most))]


def _text(choose: Random) -> str:
    words = choose.choice([*SCRIPTS.values(), WORDS])
    glue = choose.choice([" ", " ", ", ", ""])
    return glue.join(choose.choices(words, k=choose.randint(0, 4)))
