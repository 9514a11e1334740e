"""What is marked in what is shown: exactly what was asked for, for every form of query, in every script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.search.corpus import Made, document, marked, person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.results import Hit

PEOPLE = [
    person("Ana Souza", "u-ana", custom_id="ana@example.com"),
    person("Ольга", "u-olga"),
    person("李雷", "u-li"),
    person("عمر", "u-omar"),
]
#: By script, a session: what Ana says, what she says next, what another finishes, what is typed.
SAID = {
    "latin": (
        *("We hold the Rénewal, price talks.", "Renewals: price (net)!", "the long", "road home"),
        "Ana", "renewal typed",
    ),
    "cyrillic": (
        *("Держим Продление, цена ясна.", "Продления: цена!", "долгая", "дорога домой"),
        "Ольга", "продление в чате",
    ),
    "han": (
        *("我们讨论续约，价格很好。", "续约价格！", "漫长的道", "路回家"),
        "李雷", "续约在聊天",
    ),
    "arabic": (
        *("نحن نناقش التَّجديد، السعر جيد.", "التجديدات: السعر!", "الطريق", "الطويل"),
        "عمر", "التجديد مكتوب",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    sessions = []
    for number, (script, (one, two, begun, done, who, typed)) in enumerate(SAID.items()):
        lines = [("Ana Souza", one), *[("x", "-")] * 9, (who, two), *[("x", "-")] * 9]
        sessions.append(
            document(
                script,
                [*lines, ("Ana Souza", begun), (who, done)],
                [(who, typed)],
                title=f"Weekly {script}",
                meeting_id=f"id-{script}",
                hour=24 * number,
                participants=PEOPLE,
            )
        )
    found = Made.of(tmp_path_factory.mktemp("index"), sessions)
    yield found
    found.close()


def places(hit: Hit) -> set[str]:
    return set(marked(hit))


@pytest.mark.parametrize(
    ("query", "session", "snippets"),
    [
        # Words side by side.
        ("renewal price", "latin", {"We hold the [Rénewal], [price] talks."}),
        ("продление цена", "cyrillic", {"Держим [Продление], [цена] ясна."}),
        ("续约 价格", "han", {"我们讨论[续约]，[价格]很好。", "[续约][价格]！"}),
        ("التجديد السعر", "arabic", {"نحن نناقش [التَّجديد]، [السعر] جيد."}),
        # Phrases.
        ('"renewal price"', "latin", {"We hold the [Rénewal, price] talks."}),
        ('"продление цена"', "cyrillic", {"Держим [Продление, цена] ясна."}),
        ('"续约价格"', "han", {"[续约价格]！"}),
        ('"التجديد السعر"', "arabic", {"نحن نناقش [التَّجديد، السعر] جيد."}),
        # One begins, another goes on.
        ('"long road"', "latin", {"the [long road] home"}),
        ('"долгая дорога"', "cyrillic", {"[долгая дорога] домой"}),
        ('"道 路"', "han", {"漫长的[道 路]回家"}),
        ('"الطريق الطويل"', "arabic", {"[الطريق الطويل]"}),
        # Beginnings.
        ("renewals*", "latin", {"[Renewals]: price (net)!"}),
        ("продлени*", "cyrillic", {"Держим [Продление], цена ясна.", "[Продления]: цена!"}),
        ("التجديدا*", "arabic", {"[التجديدات]: السعر!"}),
        # Near each other.
        ("hold NEAR/1 renewal", "latin", {"We [hold] the [Rénewal], price talks."}),
        ("держим NEAR/1 цена", "cyrillic", {"[Держим] Продление, [цена] ясна."}),
        ("讨论 NEAR/3 价格", "han", {"我们[讨论]续约，[价格]很好。"}),
        ("نناقش NEAR/1 السعر", "arabic", {"نحن [نناقش] التَّجديد، [السعر] جيد."}),
        # Strict.
        ("renewal AND talks", "latin", {"We hold the [Rénewal], price [talks]."}),
        ("(ясна OR нет) AND цена", "cyrillic", {"Держим Продление, [цена] [ясна]."}),
        ("讨论 AND 很 NOT 没有", "han", {"我们[讨论]续约，价格[很]好。"}),
        ("جيد NOT مكتوبة", "arabic", {"نحن نناقش التَّجديد، السعر [جيد]."}),
        # Who said it.
        ("speaker:ana price", "latin", {"We hold the Rénewal, [price] talks."}),
        ("speaker:ольга цена", "cyrillic", {"Продления: [цена]!"}),
        ("speaker:李 价格", "han", {"续约[价格]！"}),
        ("speaker:عمر السعر", "arabic", {"التجديدات: [السعر]!"}),
        ("participant:u-ana talks", "latin", {"We hold the Rénewal, price [talks]."}),
        ("participant:ana@example.com продление", "cyrillic", {"Держим [Продление], цена ясна."}),
        ("participant:u-li 续约 in:transcript", "han", {"[续约]价格！"}),
        ("participant:u-omar السعر", "arabic", {"التجديدات: [السعر]!"}),
        # Where and when.
        ("in:chat renewal", "latin", {"[renewal] typed"}),
        ("in:chat продление", "cyrillic", {"[продление] в чате"}),
        ("in:chat 续", "han", {"[续]约在聊天"}),
        ("in:chat التجديد", "arabic", {"[التجديد] مكتوب"}),
        ("meeting:latin price -hello", "latin", {"Renewals: [price] (net)!"}),
        ('meeting:"weekly han" 路', "han", {"[路]回家"}),
        ("meeting:id-arabic جيد", "arabic", {"نحن نناقش التَّجديد، السعر [جيد]."}),
        ("session:cyrillic дорога", "cyrillic", {"[дорога] домой"}),
        ("on:2026-09-21 price", "latin", {"Renewals: [price] (net)!"}),
        ("after:2026-09-24 السعر", "arabic", {"التجديدات: [السعر]!"}),
        ("after:2026-09-23 before:2026-09-24 路", "han", {"[路]回家"}),
    ],
)  # fmt: skip
def test_what_was_asked_for_is_marked(
    made: Made, query: str, session: str, snippets: set[str]
) -> None:
    """Whole words as they were said, with their accents; the one session that holds them."""
    hit = made.only(query, moments=10)

    assert hit.session_id == session
    assert snippets <= places(hit)
    assert all("[" in each for each in places(hit))


TYPED = [
    "we write C++ and C# and F#",
    "invoice INV-2026-041, not INV-2026-0412",
    "mail a.b@c.de or x.b@c.de",
    "see https://example.com/a/b?c=d#e then",
    "it's Ana's, isn’t it",
    "thumbs 👍🏽 and 👨‍👩‍👧 and 🇩🇪",
    "version 2.10.1 costs $1,299.00 (50%)",
    "snake_case and kebab-case and path/to/file.txt",
    "Donaudampfschifffahrt naïve Straße İstanbul",
    "全角ＡＢＣ１２３と半角ｶﾞｷﾞ",
    "价格价格上涨 price价 12月3日",
    "กำลังประชุมเรื่องราคาใหม่",
    "これは東京都庁の会議です",
    "한국어로 가격을 논의",
    "e\u0301te\u0301 decomposed",
    "नया मूल्य, मूल नहीं",
    "x Q, r r",
]


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    sessions = [document(f"t{n}", [("A", text)]) for n, text in enumerate(TYPED)]
    found = Made.of(tmp_path_factory.mktemp("typed"), sessions)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("query", "snippet"),
    [
        ("C++", "we write [C++] and C# and F#"),
        ("c#", "we write C++ and [C#] and F#"),
        ("INV-2026-041", "invoice [INV-2026-041], not INV-2026-0412"),
        ("inv-2026-04*", "invoice [INV-2026-041], not [INV-2026-0412]"),
        ("a.b@c.de", "mail [a.b@c.de] or x.b@c.de"),
        ("b@c.de", "mail a.[b@c.de] or x.[b@c.de]"),
        ("https://example.com/a/b?c=d#e", "see [https://example.com/a/b?c=d#e] then"),
        ("example.com", "see https://[example.com]/a/b?c=d#e then"),
        ("it's", "[it's] Ana's, isn’t it"),
        ("isn't", "it's Ana's, [isn’t] it"),
        ("👍", "thumbs [👍🏽] and 👨‍👩‍👧 and 🇩🇪"),
        ("🇩🇪", "thumbs 👍🏽 and 👨‍👩‍👧 and [🇩🇪]"),
        ("2.10.1", "version [2.10.1] costs $1,299.00 (50%)"),
        ("$1,299.00", "version 2.10.1 costs $[1,299.00] (50%)"),
        ("snake_case", "[snake_case] and kebab-case and path/to/file.txt"),
        ("path/to/file.txt", "snake_case and kebab-case and [path/to/file.txt]"),
        ("donaudampf*", "[Donaudampfschifffahrt] naïve Straße İstanbul"),
        ("NAIVE strasse istanbul", "Donaudampfschifffahrt [naïve] [Straße] [İstanbul]"),
        ("abc123", "全角[ＡＢＣ１２３]と半角ｶﾞｷﾞ"),
        ("ガギ", "全角ＡＢＣ１２３と半角[ｶﾞｷﾞ]"),
        ("涨", "价格价格上[涨] price价 12月3日"),
        ("上涨", "价格价格[上涨] price价 12月3日"),
        ("格上涨", "价格价[格上涨] price价 12月3日"),
        ("价格", "[价格][价格]上涨 price价 12月3日"),
        ("price价", "价格价格上涨 [price价] 12月3日"),
        ("3日", "价格价格上涨 price价 12月[3日]"),
        ("ราคา", "กำลังประชุมเรื่อง[ราคา]ใหม่"),
        ("ประชุม ราคา", "กำลัง[ประชุม]เรื่อง[ราคา]ใหม่"),
        ("都", "これは東京[都]庁の会議です"),
        ("京都", "これは東[京都]庁の会議です"),
        ("東京都庁", "これは[東京都庁]の会議です"),
        ("これは 会議", "[これは]東京都庁の[会議]です"),
        ("가격", "한국어로 [가격]을 논의"),
        ("été", "[e\u0301te\u0301] decomposed"),
        ("mūlya मूल्य", "नया [मूल्य], मूल नहीं"),
        ('"q r"', "x [Q, r] r"),
    ],
)  # fmt: skip
def test_identifiers_and_runs_are_found_as_typed(typed: Made, query: str, snippet: str) -> None:
    """Signs, digits, emoji and unspaced scripts: found, and marked, nothing more and nothing less."""
    assert snippet in marked(typed.search(query).hits[0])


@pytest.mark.parametrize("wrong", ["INV-2026-04", "b.a@c.de", "c.de.a", "ราคาเก่า", "京庁", "🇫🇷"])
def test_what_only_looks_like_it_is_not_found(typed: Made, wrong: str) -> None:
    """The same pieces in another order, or with other ends, are something else."""
    assert typed.ids(f'"{wrong}"') == []
