"""Meetings that are hard on a page: an attack, one in Arabic, one of six hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.model import to_ms
from search.formats import Participant
from tests.search.web.world import STARTED, card, said

if TYPE_CHECKING:
    from search.index.seam import Line, SessionCard
    from tests.search.web.world import World

ATTACK = "05e57591-0000-4000-8000-00000000000a"
ARABIC = "05e57591-0000-4000-8000-00000000000b"
LONG = "05e57591-0000-4000-8000-00000000000c"

SCRIPT = "<script>document.title='owned'</script>"
IMAGE = '<img src=x onerror="document.title=1">'
QUOTES = "\"'><svg onload=alert(1)>&lt;b&gt;"
BIDI = "\u202e\u2066gnp.exe\u2069\u202c"
ZERO_WIDTH = "\u200b" * 2000 + "\ufeff" * 2000
WORD = "price" + "w" * 1_000_000
MARKDOWN = [
    f"# {SCRIPT}",
    "[a link](javascript:alert(1)) and ![a picture](http://127.0.0.1:1/x.png)",
    "<iframe src=http://127.0.0.1:1/></iframe>",
    "<http://127.0.0.1:1/auto> http://127.0.0.1:1/bare",
    "[ref]: http://127.0.0.1:1/ref",
    "| a | b |",
    "|:--|--:|",
    f"| {IMAGE} | 2 |",
    "```html",
    SCRIPT,
    "```",
    f"**{BIDI}** {ZERO_WIDTH} price",
]


def add_attack(world: World) -> None:
    """A meeting of which every word is meant to harm whoever looks at it."""
    name = f"{SCRIPT}{BIDI}"
    lines = [
        said(f"{SCRIPT} price", at_ms=1000, by=name),
        said(f"{IMAGE}{QUOTES} price", at_ms=2000, by=QUOTES),
        said(f"{BIDI} price {ZERO_WIDTH}", at_ms=3000, by=BIDI),
        said(WORD, at_ms=4000, by="W" * 5000),
        said("\x00\x1b[31mprice\x07\r\nnext line", at_ms=5000, kind="chat", by=IMAGE),
        said(f"price {SCRIPT}", at_ms=None, kind="chat", by=ZERO_WIDTH),
        *(said(each, at_ms=None, kind="summary", by="") for each in MARKDOWN),
    ]
    shown = replace(
        card(ATTACK, started=STARTED + timedelta(days=2)),
        title=f"{SCRIPT}{QUOTES}{BIDI}{'T' * 1_000_000}",
        meeting_id=QUOTES,
        speakers=(name, QUOTES, BIDI, "W" * 5000, IMAGE),
    )
    world.shelf.add(shown, lines, _person(name), _person(IMAGE))


def _person(name: str) -> Participant:
    return Participant(
        peer_id="p", user_id="u", custom_id=QUOTES, name=name, joined_at_ms=0, left_at_ms=None
    )


def add_arabic(world: World) -> None:
    """A meeting that is written from right to left, with a line that is not."""
    lines = [
        said("نناقش سعر التجديد price", at_ms=1000, by="سلمى الخطيب"),
        said("The price is 20 euros.", at_ms=5000, by="Ben"),
        said("حتى مارس، 55\u200f% من السعر", at_ms=9000, by="سلمى الخطيب"),
        said("# ملخص", at_ms=None, kind="summary", by=""),
    ]
    shown = replace(
        card(ARABIC, started=STARTED + timedelta(days=1)),
        title="مفاوضات ميزانية الشراكة",
        speakers=("سلمى الخطيب", "Ben"),
    )
    world.shelf.add(shown, lines)


SPEAKERS = tuple(f"Speaker {number}" for number in range(12))
_SAID = (
    "so I think we should look at the numbers again before we decide anything about the second"
    " quarter because what the customer asked for is not quite what we have planned"
)
_WORDS = _SAID.split()


def long_lines(count: int, hours: int = 6) -> list[Line]:
    """What was said in this time, in as many utterances as that, each with words of its own."""
    step_ms = hours * 3_600_000 // count
    lines = []
    for number in range(count):
        start = number * 7 % len(_WORDS)
        words = (_WORDS[start:] + _WORDS[:start])[: 6 + number % 17]
        words.append("price" if number % 500 == 0 else f"number{number}")
        lines.append(
            said(" ".join(words), at_ms=number * step_ms, by=SPEAKERS[number // 3 % len(SPEAKERS)])
        )
    return lines


def long_card() -> SessionCard:
    """The card of a session of six hours."""
    ended_ms = to_ms(STARTED + timedelta(hours=6))
    return replace(card(LONG), title="All hands, all day", ended_at_ms=ended_ms, speakers=SPEAKERS)


def add_long(world: World, count: int = 20_000) -> None:
    """A session of six hours."""
    world.shelf.add(long_card(), long_lines(count))
