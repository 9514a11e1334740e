"""What came from a meeting as HTML: escaped, its matches marked, what cannot be seen shown as an escape.

The direction of a text is the business of the element around it, which has `dir="auto"` where it needs
it; characters that could turn what stands beside it are among those that are shown.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from markupsafe import Markup

from archiver.characters import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Of a title or a name so much is shown where it is one line among others.
TITLE_CHARS = 160
NAME_CHARS = 60
UNTITLED = "Untitled meeting"
#: Marks that Arabic and Hebrew are written with: inside an element with a direction they turn nothing.
_MARKS = re.compile("([\u200e\u200f\u061c])")
#: All that Unicode has of letters that run from right to left, and of what else it keeps for them.
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
#: Stand for a mark and its end in a text without them, until it is escaped.
_OPENS, _CLOSES = "\x01", "\x02"


def shown(text: str, ranges: Sequence[tuple[int, int]] = ()) -> Markup:
    """A text of a meeting, with these code-point ranges of it marked; line breaks stay."""
    return Markup(html_of(text, ranges))  # noqa: S704 — every piece is escaped


def html_of(text: str, ranges: Sequence[tuple[int, int]] = ()) -> str:
    """The same as the characters of the HTML, for those who put many of them together."""
    write = escape if text.isprintable() else _steered
    return _marked(text, ranges, write, "<mark>", "</mark>") if ranges else write(text)


def htmls_of(texts: Sequence[str], ranges: Sequence[Sequence[tuple[int, int]]]) -> list[str]:
    """`html_of` each of these texts with its ranges; many plain ones are escaped in one go."""
    if not all(map(str.isprintable, texts)):
        return list(map(html_of, texts, ranges))
    # None has a line break, or what the marks are until all is escaped.
    plain = [
        _marked(text, some, str, _OPENS, _CLOSES) if some else text
        for text, some in zip(texts, ranges, strict=True)
    ]
    html = escape("\n".join(plain)).replace(_OPENS, "<mark>").replace(_CLOSES, "</mark>")
    return html.split("\n") if texts else []


def _marked(
    text: str,
    ranges: Sequence[tuple[int, int]],
    write: Callable[[str], str],
    opens: str,
    closes: str,
) -> str:
    parts: list[str] = []
    at = 0
    for start, end in ranges:
        parts += (write(text[at:start]), opens, write(text[start:end]), closes)
        at = end
    return "".join([*parts, write(text[at:])])


def direction(text: str) -> str:
    """The attribute that an element with this text needs, where any of it may run from right to left.

    A browser that has to look itself takes a fifth more time for a long page.
    """
    return "" if text.isascii() or not _RIGHT_TO_LEFT.search(text) else ' dir="auto"'


def _steered(text: str) -> str:
    """The HTML of a text with line breaks, or with what steers its display."""
    lines = text.replace("\r\n", "\n").replace("\t", " ").split("\n")
    return escape("\n".join(map(seen, lines)))


def seen(line: str) -> str:
    """A line in which what steers its display is an escape."""
    if line.isprintable():
        return line
    return "".join(each if _MARKS.match(each) else visible(each) for each in _MARKS.split(line))


def finalize(value: object) -> object:
    """What a template writes: HTML as it is, anything else as text in which all can be seen."""
    return value if isinstance(value, Markup) else seen(str(value))


def shortened(text: str, chars: int) -> str:
    """The text, or its beginning and an ellipsis where it has more characters than that."""
    return text if len(text) <= chars else f"{text[: chars - 1].rstrip()}…"


def title_of(title: str) -> str:
    """A meeting's title on one line; never empty."""
    return shortened(" ".join(title.split()), TITLE_CHARS) or UNTITLED


def name_of(name: str) -> str:
    """A person's name on one line."""
    return shortened(" ".join(name.split()), NAME_CHARS)


def counted(count: int, one: str, many: str = "") -> str:
    """How many, with the noun in its number: `1 session`, `1,200 sessions`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
