r"""Text from a meeting as a model, and whoever shows what it writes, may have it; pure.

* What nobody sees is escaped (`archiver.characters`).
* Nothing is a link: `https[:]//host`, `www[.]host`, `mailto[:]ana[@]host`, as analysts write them; and
  Markdown finds neither link nor image, `\x5d(` for `](`, so that no client fetches a picture whose
  address carries away what was read.
* Nothing is HTML: `\x3cimg`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archiver.characters import is_plain, visible_pieces

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What ends a text that is cut.
CUT = "…"
_QUOTED = {"\\": "\\\\", '"': '\\"'}
#: Each spelled so that one character of it is another.
_LINKS = (
    (re.compile("://"), "[:]//"),
    (re.compile(r"\b(www)\.", re.IGNORECASE), r"\1[.]"),
    (
        re.compile(
            r"\b(about|blob|data|file|javascript|mailto|sms|tel|vbscript|view-source|xmpp):(?=\S)",
            re.IGNORECASE,
        ),
        r"\1[:]",
    ),
    (re.compile(r"(?<=[\w.%+-])@(?=[\w-]+\.)"), "[@]"),
    (re.compile(r"\](?=[(\[:])"), r"\\x5d"),
    (re.compile("<(?=[A-Za-z/!?])"), r"\\x3c"),
)


def inert(text: str, longest: int) -> str:
    """The text, of so many characters at most, with its line breaks and tabs."""
    return _unlinked(_cut(_on_lines(text), longest))


def quoted(text: str, longest: int) -> str:
    """The same on one line between quotation marks, none of which stands unescaped within."""
    return f'"{_unlinked(_cut(_in_quotes(text), longest))}"'


def _in_quotes(text: str) -> Iterable[str]:
    if is_plain(text) and not ('"' in text or "\\" in text):
        return text
    return (_QUOTED.get(each, each) for each in visible_pieces(text))


def _on_lines(text: str) -> Iterable[str]:
    return text if is_plain(text) else _pieces_on_lines(text)


def _pieces_on_lines(text: str) -> Iterable[str]:
    for character, piece in zip(text, visible_pieces(text), strict=True):
        yield character if character in "\n\t" else piece


def _cut(pieces: Iterable[str], longest: int) -> str:
    """As many of the pieces as fit, none in part; of plain text each character is one."""
    if isinstance(pieces, str):
        return pieces if len(pieces) <= longest else pieces[:longest] + CUT
    kept, length = list[str](), 0
    for piece in pieces:
        length += len(piece)
        if length > longest:
            return "".join(kept) + CUT
        kept.append(piece)
    return "".join(kept)


def _unlinked(text: str) -> str:
    for pattern, replacement in _LINKS:
        text = pattern.sub(replacement, text)
    return text
