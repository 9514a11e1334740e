"""A summary's Markdown as HTML that loads nothing and leads nowhere; pure.

Headings, emphasis, lists, tables and code are rendered. HTML, images and links are not: they stand
there as they were written, for what a meeting says is text.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from markdown_it import MarkdownIt
from markupsafe import Markup

from search.web.pages.words import html_of, seen, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markdown_it.token import Token

    Finder: TypeAlias = Callable[[str], Sequence[tuple[int, int]]]

#: A longer one is shown as it was written: no parser is fed without bounds.
RENDERED_CHARS = 200_000
#: The page has its title, and the summary a heading above it.
_HEADINGS_ABOVE = 2
_NOT_RENDERED = ("link", "image", "autolink", "reference", "html_block", "html_inline", "entity")


def rendered(markdown: str, find: Finder) -> Markup:
    """The HTML of a summary, with what `find` says of each stretch of its text marked."""
    if len(markdown) > RENDERED_CHARS:
        return Markup("<pre>{}</pre>").format(shown(markdown, find(markdown)))
    text = "\n".join(map(seen, markdown.replace("\t", "    ").splitlines()))
    parser = _parser()
    tokens = parser.parse(text)
    _put_below(_HEADINGS_ABOVE, tokens)
    for token in tokens:
        # The parser says how a table's column is aligned by a style, which no page may have inline.
        token.attrs.pop("style", None)
    html = parser.renderer.render(tokens, parser.options, {"find": find})
    return Markup(html)  # noqa: S704 — the renderer escapes


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable(_NOT_RENDERED)
    parser.renderer.rules["text"] = _write_text  # type: ignore[attr-defined]  # of the HTML renderer
    return parser


def _write_text(tokens: Sequence[Token], at: int, _options: object, env: dict[str, Finder]) -> str:
    text = tokens[at].content
    return html_of(text, env["find"](text))


def _put_below(above: int, tokens: Sequence[Token]) -> None:
    """Headings begin below those of the page, and go down no more than a step at a time."""
    levels = sorted({token.tag for token in tokens if token.type == "heading_open"})
    last = above
    for token in tokens:
        if token.type == "heading_open":
            last = min(above + 1 + levels.index(token.tag), last + 1, 6)
            token.tag = f"h{last}"
        elif token.type == "heading_close":
            token.tag = f"h{last}"
