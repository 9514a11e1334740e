"""Text -> lexemes: what in a query is syntax, and what is searched as what it says."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Sign(Enum):
    """What a lexeme is."""

    WORD = auto()
    PHRASE = auto()
    FILTER = auto()
    AND = auto()
    OR = auto()
    NOT = auto()
    NEAR = auto()
    MINUS = auto()
    OPEN = auto()
    CLOSE = auto()
    END = auto()


class Lexeme(NamedTuple):
    """One piece of a query: its kind, what it says, where it starts, and a filter's field."""

    sign: Sign
    text: str
    position: int
    field: str = ""
    star: bool = False  #: ends with a star


_OPERATORS = {"AND": Sign.AND, "OR": Sign.OR, "NOT": Sign.NOT, "NEAR": Sign.NEAR}
FIELDS = ("speaker", "participant", "in", "meeting", "app", "session", "after", "before", "on")

_FIELD = re.compile(rf"({'|'.join(FIELDS)}):", re.IGNORECASE)
_NEAR = re.compile(r"NEAR/[0-9]+")
_SMART = "“”„‟"
_CLOSERS = {'"': '"', "«": "»", "»": "«"} | dict.fromkeys(_SMART, _SMART + '"')
QUOTES = '"«»' + _SMART


def scan(text: str) -> Iterator[Lexeme]:
    """The lexemes of this text, an `END` last; total on any text."""
    position = 0
    while position < len(text):
        character = text[position]
        if character.isspace():
            position += 1
        elif character in "()":
            sign = Sign.OPEN if character == "(" else Sign.CLOSE
            yield Lexeme(sign, character, position)
            position += 1
        elif character == "-" and _excludes(text, position):
            yield Lexeme(Sign.MINUS, character, position)
            position += 1
        else:
            lexeme, position = _piece(text, position)
            yield lexeme
    yield Lexeme(Sign.END, "", len(text))


def _excludes(text: str, position: int) -> bool:
    """Whether this dash stands at a word's start, right before what it excludes."""
    before, after = text[position - 1 : position], text[position + 1 : position + 2]
    return (not before or before.isspace() or before == "(") and not (
        not after or after.isspace() or after in ")-"
    )


def _piece(text: str, position: int) -> tuple[Lexeme, int]:
    """The phrase, filter, operator or word that starts here, and where it ends."""
    quoted = _quoted(text, position)
    if quoted is not None:
        end = position + len(quoted) + 2
        star = text.startswith("*", end)
        return Lexeme(Sign.PHRASE, quoted, position, star=star), end + star
    field = _FIELD.match(text, position)
    if field and field.end() < len(text) and not _ends_word(text[field.end()]):
        return _filter(text, position, field)
    end = _word_end(text, position)
    word = text[position:end]
    # After a dash stands what is excluded, and that is no operator.
    is_excluded = position > 0 and text[position - 1] == "-"
    sign = Sign.WORD if is_excluded else operator(word)
    return Lexeme(sign, word, position, star=word.endswith("*")), end


def operator(word: str) -> Sign:
    """The operator that this word is by itself, or `WORD`."""
    return Sign.NEAR if _NEAR.fullmatch(word) else _OPERATORS.get(word, Sign.WORD)


def _filter(text: str, position: int, field: re.Match[str]) -> tuple[Lexeme, int]:
    value = _quoted(text, field.end())
    end = _word_end(text, field.end()) if value is None else field.end() + len(value) + 2
    value = text[field.end() : end] if value is None else value
    value = " ".join(re.sub(f"[{QUOTES}]", " ", value).split())
    return Lexeme(Sign.FILTER, value, position, field=field[1].lower()), end


def _quoted(text: str, position: int) -> str | None:
    """What stands between the quote that opens here and the one that closes it, if both are."""
    closers = _CLOSERS.get(text[position])
    if closers is None:
        return None
    closing = re.compile(f"[{closers}]").search(text, position + 1)
    return text[position + 1 : closing.start()] if closing else None


def _ends_word(character: str) -> bool:
    return character.isspace() or character == ")"


def _word_end(text: str, position: int) -> int:
    """Where this word ends; brackets inside a word, as in `f(x)`, belong to it."""
    depth = 0
    for end in range(position, len(text)):
        character = text[end]
        if character.isspace() or (character == ")" and not depth):
            return end
        depth += (character == "(") - (character == ")")
    return len(text)
