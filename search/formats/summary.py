"""A summary: its text as it was written, and whether that is Markdown."""

from __future__ import annotations

import re

from search.formats.errors import parser_of
from search.formats.limits import Limits
from search.formats.model import Summary
from search.formats.text import decode

_HEAD_CHARS = 2**16
_MARKDOWN = re.compile(
    r"^ {0,3}(?:\#{1,6}[ \t]+\S"  # a heading
    r"|[-*+][ \t]+\S"  # an item
    r"|```|\|[ \t]{0,8}:?-{1,200}:?[ \t]{0,8}\|)"  # code, the rule of a table
    r"|\*\*[^\s*][^*\n]{0,200}\*\*"  # strong words
    r"|\[[^\[\]\n]{1,200}\]\([^\s()]{1,200}\)",  # a link
    re.MULTILINE,
)
_NO_LIMITS_GIVEN = Limits()


@parser_of("summary")
def parse_summary(data: bytes, *, limits: Limits = _NO_LIMITS_GIVEN) -> Summary:
    """The text of a summary, or FormatError; nothing in it is a schema, so nothing is taken apart."""
    text, notes = decode(data, limits)
    layout = "markdown" if _MARKDOWN.search(text[:_HEAD_CHARS]) else "plain"
    return Summary(text=text, layout=layout, notes=notes)
