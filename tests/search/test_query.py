"""The query language, row by row, on a small corpus in an FTS5 table like the index's."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from migrations.sqlite import TOKENIZE
from search.query import parse
from search.text import prepare
from tests.search.expressions import match_expression

if TYPE_CHECKING:
    from collections.abc import Callable

SESSIONS = {
    "price": "We hold the renewal price until March.",
    "far": "The price we talked about before lunch: the annual renewal.",
    "budget": "Budget first; it's the café's fault. See INV-2026-041 😀",
    "code": "We port it to C++, not to C#. Mail a.b@c.de",
    "letters": "Only plan C and the year 2026.",
    "hindi": "नवीनीकरण मूल्य मार्च तक रहेगा",
    "hindi-far": "मूल्य पर बात होगी और फिर बाद में नवीनीकरण",
    "hindi-budget": "बजट पहले आता है",
    "arabic": "سعر التجديد ثابت حتى مارس",
    "arabic-far": "السِّعر الجديد ثم التجديد لاحقا مع سعر آخر",
    "arabic-budget": "الميزانية أولا",
    "chinese": "我们讨论续约价格和RTK会议",
    "chinese-far": "价格以后再谈，先看续约",
    "chinese-budget": "预算第一",
    "japanese": "更新の価格は３月まで、ﾒｰﾙで連絡",
    "thai": "เราจะคุยเรื่องราคาต่ออายุ",
    "korean": "갱신가격을 논의했습니다",
}


@pytest.fixture(scope="module")
def search() -> Callable[[str], set[str]]:
    """The names of the sessions that a query matches."""
    database = sqlite3.connect(":memory:")
    database.execute(f"create virtual table t using fts5(name unindexed, x, tokenize='{TOKENIZE}')")
    rows = [(name, prepare(text)) for name, text in SESSIONS.items()]
    database.executemany("insert into t values(?, ?)", rows)

    def run(text: str) -> set[str]:
        found = database.execute(
            "select name from t where t match ?", [match_expression(parse(text))]
        )
        return {name for (name,) in found}

    return run


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # words: any of them
        ("renewal budget", "price far budget"),
        ("RENEWAL Café", "price far budget"),
        ("मूल्य बजट", "hindi hindi-far hindi-budget"),
        ("سعر ميزانية الميزانية", "arabic arabic-far arabic-budget"),
        ("续约 预算", "chinese chinese-far chinese-budget"),
        # phrases
        ('"renewal price"', "price"),
        ("“Renewal price”", "price"),
        ('"नवीनीकरण मूल्य"', "hindi"),
        ("«سعر التجديد»", "arabic"),
        ('"续约价格"', "chinese"),
        ('"RTK 会议"', "chinese"),
        ('"renewal pr"*', "price"),
        # prefixes
        ("renew*", "price far"),
        ("नवीनी*", "hindi hindi-far"),
        ("التج*", "arabic arabic-far"),
        ("价格*", "chinese chinese-far"),
        # NEAR
        ("price NEAR/8 renewal", "price far"),
        ("price NEAR/2 renewal", "price"),
        ("मूल्य NEAR/2 नवीनीकरण", "hindi"),
        ("سعر NEAR/1 التجديد", "arabic"),
        ("续约 NEAR/1 价格", "chinese"),
        ("budget NEAR 2026", "budget"),
        ("renewal NEAR/1 price NEAR/1 until", "price"),
        ("renewal NEAR/0 price NEAR/8 march", "price"),
        # boolean
        ("renewal AND march", "price"),
        ("मूल्य AND मार्च", "hindi"),
        ("سعر AND مارس", "arabic"),
        ("续约 AND 会议", "chinese"),
        ("march OR budget", "price budget"),
        ("मार्च OR बजट", "hindi hindi-budget"),
        ("مارس OR الميزانية", "arabic arabic-budget"),
        ("会议 OR 预算", "chinese chinese-budget"),
        ("renewal NOT march", "far"),
        ("renewal -march", "far"),
        ('renewal -"renewal price"', "far"),
        ("मूल्य -मार्च", "hindi-far"),
        ("سعر -مارس", "arabic-far"),
        ("价格 -会议", "chinese-far"),
        ("renewal budget -(march lunch)", "budget"),
        ("renewal AND NOT (march AND price)", "far"),
        ("renewal AND (march OR budget)", "price"),
        ("budget OR renewal AND march", "budget price"),
        ("budget OR renewal NOT march", "budget far"),
        ("renewal (march OR nothing)", "price"),
        ("(renewal march) budget", "price far budget"),
        # any run of an unspaced script, one character included
        ("价", "chinese chinese-far"),
        ("格", "chinese chinese-far japanese"),
        ("格和", "chinese"),
        ("論", ""),
        ("更新の価格", "japanese"),
        ("価", "japanese"),
        ("メール", "japanese"),
        ("ー", "japanese"),
        ("3月", "japanese"),
        ("ราคา", "thai"),
        ("ร", "thai"),
        ("가격", "korean"),
        ("격", "korean"),
        ("RTK会议 C++", "chinese code"),
        # identifiers and emoji, as typed
        ("C++", "code"),
        ("c#", "code"),
        ("C", "code letters"),
        ("INV-2026-041", "budget"),
        ("2026-041-INV", ""),
        ("a.b@c.de", "code"),
        ("it's", "budget"),
        ("it’s", "budget"),
        ("😀", "budget"),
        ("cafe", "budget"),
        ('"budget', "budget"),
        ("foo:budget", ""),
        ("inv:2026", "budget"),
        ("renewal and march", "price far letters"),
        ("f(march)", ""),
    ],
)
def test_finds(search: Callable[[str], set[str]], text: str, found: str) -> None:
    """Each row of the language finds these sessions and no others."""
    assert search(text) == set(found.split())
