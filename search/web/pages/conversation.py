"""A session as a conversation: what was said and typed in the order of time, by speaker; pure.

A session may have tens of thousands of lines, so that this HTML is put together by hand, as lean as it
can be: a paragraph for each line, whose id is the fragment that a link to its moment has. Blocks of
lines let a browser lay out only what is on the screen, and those far down a long session are read as
text at first: where no script runs they are paragraphs like all others, and a script makes them so
when they come near (static/session.js).
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from markupsafe import Markup

from search.web.pages.times import moment_clock
from search.web.pages.words import direction, html_of, htmls_of, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from search.index.seam import Line
    from search.web.pages.marking import Marker, Ranges

    Marked = tuple[Line, Ranges]

#: Colours there are for speakers; one more begins again, and the name is always there.
COLOURS = 8
_BLOCK_LINES = 40
#: So many lines are enough to begin with, and to fill a screen that is waited for.
_NEAR_LINES = 120
#: Beyond so many lines or characters a browser lays out only what is seen, at heights it guesses.
_LINES_AT_ONCE = 1000
_CHARACTERS_AT_ONCE = 200_000
#: One speaker's lines stay one turn, but no longer than this: whoever scrolls sees who speaks.
_TURN_LINES = 12


@dataclass(frozen=True, slots=True)
class Conversation:
    """The lines as HTML, and when the query is met in them."""

    blocks: Iterator[Markup]  #: written as they are asked for, once
    matches: list[int | None]  #: from the session's start, in the order of the lines
    lines: int


def colours_of(lines: Iterable[Line]) -> dict[str, int]:
    """The colour of each speaker, in the order in which they first speak."""
    names = dict.fromkeys(line.speaker for line in lines)
    return {name: number % COLOURS for number, name in enumerate(names)}


def in_time(lines: Iterable[Line]) -> list[Line]:
    """What was said with what was typed between it; what has no time comes last."""
    spoken = [line for line in lines if line.kind != "summary"]
    timed = [line for line in spoken if line.start_ms is not None]
    timed.sort(key=attrgetter("start_ms"))
    return timed + [line for line in spoken if line.start_ms is None]


def conversation(lines: Sequence[Line], marker: Marker, colours: Mapping[str, int]) -> Conversation:
    """The conversation of these lines, which are in the order of time."""
    marked = list(zip(lines, marker.ranges(lines), strict=True))
    matches = [line.start_ms for line, ranges in marked if ranges]
    return Conversation(_Writer(colours, len(matches)).blocks(marked), matches, len(lines))


def _is_long(marked: Sequence[Marked]) -> bool:
    characters = sum(len(line.text) for line, _ in marked)
    return len(marked) > _LINES_AT_ONCE or characters > _CHARACTERS_AT_ONCE


class _Writer:
    """Writes lines, and knows which ids it has given and which match comes next."""

    def __init__(self, colours: Mapping[str, int], matches: int) -> None:
        self._colours = colours
        self._matches = matches
        self._match = 0
        self._last_ms: int | None = None
        self._whos: dict[tuple[str, str], str] = {}

    def blocks(self, marked: Sequence[Marked]) -> Iterator[Markup]:
        is_long = _is_long(marked)
        for at in range(0, len(marked), _BLOCK_LINES):
            html = self._block(marked[at : at + _BLOCK_LINES])
            if is_long and at >= _NEAR_LINES:
                html = f"<noscript>{html}</noscript>"
            html = f'<div class="block{" far" if is_long else ""}">{html}</div>\n'
            yield Markup(html)  # noqa: S704 — lines are escaped

    def _block(self, marked: Sequence[Marked]) -> str:
        parts: list[str] = []
        speaker, kind, room = "", "", 0
        htmls = htmls_of([line.text for line, _ in marked], [ranges for _, ranges in marked])
        for (line, ranges), html in zip(marked, htmls, strict=True):
            if not room or line.speaker != speaker or line.kind != kind:
                speaker, kind, room = line.speaker, line.kind, _TURN_LINES
                parts += ("</div>" if parts else "", self._who(speaker, kind))
            room -= 1
            parts.append(self._line(line, html + self._hop() if ranges else html))
        return "".join([*parts, "</div>"])

    def _who(self, speaker: str, kind: str) -> str:
        """How a turn of theirs begins."""
        html = self._whos.get((speaker, kind))
        if html is None:
            name = name_of(speaker) or "Unknown"
            label = "<span>chat</span>" if kind == "chat" else ""
            html = self._whos[speaker, kind] = (
                f'<div class="turn {kind} s{self._colours.get(speaker, 0)}">'
                f'<p class="who"><b{direction(name)}>{html_of(name)}</b>{label}</p>'
            )
        return html

    def _line(self, line: Line, html: str) -> str:
        at, dir_auto = line.start_ms, direction(line.text)
        if at is None:
            return f"<p{dir_auto}>{html}"
        # Of lines that begin together the first has the id.
        own = "" if at == self._last_ms else f' id="t={at}"'
        self._last_ms = at
        return f'<p{dir_auto}{own}><a href="#t={at}">{moment_clock(at)}</a> {html}'

    def _hop(self) -> str:
        """Which match this is, as a link to the next."""
        self._match += 1
        number, following = self._match, self._match % self._matches + 1
        return (
            f'<a class="hop" id="m{number}" href="#m{following}"'
            f' aria-describedby="hop">{number}</a>'
        )
