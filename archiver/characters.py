"""Characters that nobody sees, and what they can do to whoever shows them; pure.

Controls steer a terminal, bidi controls show words in another order, and tags, fillers and selectors
carry words to a program that no person reads. All become escapes. What scripts and emoji need in order
to be written stays, and only where they need it: a joiner between Persian or Devanagari letters, or
inside an emoji, hides nothing.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What Unicode says may be ignored where it cannot be shown (`Default_Ignorable_Code_Point`).
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
_NON_JOINER, _JOINER = "\u200c", "\u200d"
#: How the names of letters begin whose scripts join them, and need joiners to say where.
_JOINING = tuple(
    f"{script} "
    for script in (
        "ADLAM", "ARABIC", "BALINESE", "BENGALI", "CHAKMA", "DEVANAGARI", "GUJARATI", "GURMUKHI",
        "HANIFI ROHINGYA", "JAVANESE", "KANNADA", "KHMER", "MALAYALAM", "MANDAIC", "MEETEI MAYEK",
        "MONGOLIAN", "MYANMAR", "NKO", "ORIYA", "PHAGS-PA", "SINHALA", "SYRIAC", "TAMIL", "TELUGU",
        "TIBETAN",
    )
)  # fmt: skip
#: The combining class of what takes the vowel of an Indic letter away.
_VIRAMA = 9
_TEXT_OR_EMOJI = "\ufe0e\ufe0f"
#: Of an ideograph: the standardized variants, and the registered ones that are in use.
_OF_IDEOGRAPHS = re.compile("[\ufe00-\ufe02\U000e0100-\U000e010f]")
_IDEOGRAPH = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_OF_MONGOLIAN = re.compile("[\u180b-\u180d\u180f]")
#: Beside signs, what else can be an emoji: `#`, `*` and digits of keycaps, `i`, a wavy dash.
_ALSO_EMOJI = re.compile("[#*0-9\u203c\u2049\u2139\u3030\u303d]")


def visible(text: str) -> str:
    """Text from a meeting, a source or a server, with what could steer a terminal shown escaped.

    Control, bidi, tag and other invisible characters become escapes; joiners that scripts need stay.
    """
    return text if is_plain(text) else "".join(visible_pieces(text))


def is_plain(text: str) -> bool:
    """Whether all of it is seen: most text, told quickly."""
    return text.isprintable() and _IGNORABLE.search(text) is None


def visible_pieces(text: str) -> Iterator[str]:
    """What each character is shown as, in order: itself, or its escape."""
    for at, character in enumerate(text):
        yield character if _is_seen(text, at) else escaped(character)


def escaped(character: str) -> str:
    """The escape of a character, as Python and most languages spell it."""
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _is_seen(text: str, at: int) -> bool:
    character = text[at]
    if _IGNORABLE.match(character):
        return at > 0 and _is_needed(character, text[at - 1], text[at + 1 : at + 2])
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _is_needed(character: str, before: str, after: str) -> bool:
    """Whether a character nobody sees has its place between these two."""
    if character == _NON_JOINER:
        return _is_joining(before) and (_is_joining(after) or _is_virama(before))
    if character == _JOINER:
        return _is_joining(before) or (_is_emoji(before) and _is_sign(after))
    if character in _TEXT_OR_EMOJI:
        return _is_sign(before) or _ALSO_EMOJI.match(before) is not None
    if _OF_IDEOGRAPHS.match(character):
        return _IDEOGRAPH.match(before) is not None
    return _OF_MONGOLIAN.match(character) is not None and _is_named(before, "MONGOLIAN ")


def _is_joining(character: str) -> bool:
    # Signs and digits of these scripts join nothing.
    return unicodedata.category(character or " ")[0] in "LM" and _is_named(character, _JOINING)


def _is_virama(character: str) -> bool:
    return unicodedata.combining(character) == _VIRAMA


def _is_named(character: str, beginnings: str | tuple[str, ...]) -> bool:
    return unicodedata.name(character, "").startswith(beginnings)


def _is_emoji(character: str) -> bool:
    """Whether this ends something that another emoji can be joined to."""
    return _is_sign(character) or character == "\ufe0f"


def _is_sign(character: str) -> bool:
    """Whether this is a sign or emoji, or the tone of its skin."""
    return unicodedata.category(character or " ") in {"So", "Sm", "Sk"}
