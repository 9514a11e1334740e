"""What a word is, for the index and for every query alike: folding, words, bigrams, offsets.

The index's FTS5 tables split at white space only (`TOKENIZE` in migrations/sqlite.py), so this module
alone decides what a term is. A text is folded character by character (case, accents and compatibility
forms vanish), and then cut into

* words: runs of letters, marks and numbers;
* bigrams: a run "abc" of a script written without spaces becomes "ab", "bc" and "c", so that every
  run of one or more characters is found as a phrase of bigrams, or as a prefix;
* emoji, one term for each code point;
* "++" and "#" directly after a Latin letter, so that `C++` and `C#` are not merely `C`.

Everything else separates.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import accumulate, pairwise
from operator import add
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Token(NamedTuple):
    """One term, and the half-open range of code points of the original text that it stands for."""

    term: str
    start: int
    end: int


def prepare(text: str) -> str:
    """The terms of this text, folded and separated by one or more spaces, for an FTS5 table."""
    if text.isascii():  # as `_fold_ascii`, without the call: this runs once for every utterance
        folded = text.encode("ascii").translate(_ASCII).decode("ascii")
    else:
        folded = fold(text)
    if "+" in folded or "#" in folded:
        folded = _SIGN.sub(lambda match: f" {match[1] or ''} ", folded)
    if not folded.isascii() and _RUN.search(folded):
        folded = _RUN.sub(lambda match: f" {' '.join(_bigrams(match[0]))} ", folded)
    return folded


def prepare_all(texts: Sequence[str]) -> list[str]:
    """`prepare` of each of these texts; many plain ones are folded in one go."""
    return _plain(texts) or list(map(prepare, texts))


def _plain(texts: Sequence[str]) -> list[str] | None:
    """All of them folded, where every one is a single line of ASCII without signs that matter."""
    joined = "\n".join(texts)
    if not joined.isascii() or "+" in joined or "#" in joined:
        return None
    if joined.count("\n") != len(texts) - 1:
        return None
    return joined.encode("ascii").translate(_ASCII_LINES).decode("ascii").split("\n")


def tokens(text: str) -> list[Token]:
    """The terms that `prepare` gives, in its order, each with its place in the text."""
    if text.isascii():
        found = _TERM.finditer(_fold_ascii(text))
        return [Token(match[0], match.start(), match.end()) for match in found]
    pieces, clusters = _pieces(text)
    folded = "".join(pieces)
    if len(folded) == len(text) == len(pieces) and "" not in pieces:
        return _placed(folded, range(len(text)), range(1, len(text) + 1))
    ends = list(accumulate(map(len, clusters)))
    origins = [index for index, piece in enumerate(pieces) for _ in piece]
    starts = [ends[index] - len(clusters[index]) for index in origins]
    return _placed(folded, starts, [ends[index] for index in origins])


def phrase_terms(text: str) -> tuple[tuple[str, ...], bool]:
    """The adjacent terms that find this text wherever it stands, and whether the last is a prefix.

    The single character that ends a run of bigrams is asked for only where something follows it:
    the text may stand in the middle of a longer run.
    """
    parts: list[list[str]] = []
    prefix = False
    for match in _TERM.finditer(fold(text)):
        parts.append(_bigrams(match[0]) if match[1] else [match[0]])
        prefix = match[1] is not None and len(match[0]) == 1
    if parts and len(parts[-1]) > 1:
        parts[-1].pop()
    return tuple(term for part in parts for term in part), prefix


def fold(text: str) -> str:
    """The text folded but not yet cut: letters, marks, numbers, emoji and signs among spaces."""
    return _fold_ascii(text) if text.isascii() else "".join(_pieces(text)[0])


def fold_in_place(text: str) -> str | None:
    """The terms of this text, each where it stands in it; None where folding or cutting moves any."""
    if text.isascii():
        folded = _fold_ascii(text)
    elif unicodedata.is_normalized("NFC", text):
        pieces = list(map(_fold_one, text))
        folded = "".join(pieces)
        if len(folded) != len(text) or "" in pieces or _RUN.search(folded):
            return None
    else:
        return None
    return None if "+" in folded or "#" in folded else folded


def fold_all_in_place(texts: Sequence[str]) -> Sequence[str | None]:
    """`fold_in_place` of each of these texts; many plain ones are folded in one go."""
    return _plain(texts) or list(map(fold_in_place, texts))


def is_unspaced(term: str) -> bool:
    """Whether this term comes from a script written without spaces."""
    return _RUN.match(term) is not None


def is_word(term: str) -> bool:
    """Whether this term holds a letter, a mark or a number, so is neither an emoji nor a sign."""
    return unicodedata.category(term[0])[0] in "LMN"


# ---------------------------------------------------------------------------------------- folding

#: Letters whose accent is no combining mark.
_LETTERS = {
    "ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe"
}  # fmt: skip

#: Marks that do not matter: accents, Hebrew points, Arabic harakat and hamza, variation selectors;
#: then the tatweel and the skin tones of emoji. Marks of all other scripts are parts of their words.
_DROPPED = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
    "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
    "\u0640\U0001f3fb-\U0001f3ff]"
)

_EMOJI = re.compile("[\u231a-\u23ff\u25a0-\u27bf\u2b05-\u2bff\U0001f000-\U0001fbff]")

#: Han, kana, bopomofo, Hangul, Thai, Lao, Myanmar, Khmer, Tai: after folding only their letters,
#: marks and numbers are left, so whole blocks will do.
_UNSPACED = (
    "\u3005-\u3007\u3021-\u302d\u3031-\u3035\u3038-\u303c\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
    "\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff\u0e00-\u0eff"
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaadf\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf"
)

_RUN = re.compile(f"[{_UNSPACED}]+")
_SIGN = re.compile(r"(?<=[a-z])(\+\+|#(?![a-z0-9]))|[+#]")
_TERM = re.compile(rf"([{_UNSPACED}]+)|[^ +#{_UNSPACED}]+|(?<=[a-z])\+\+|(?<=[a-z])#(?![a-z0-9])")

_ASCII = bytes(
    code if chr(code) in "+#" or (chr(code).isalnum() and code < 128) else 32 for code in range(256)
).lower()


#: The same, but for the end of a line, which stays what it is.
_ASCII_LINES = _ASCII[:10] + b"\n" + _ASCII[11:]


def _fold_ascii(text: str) -> str:
    return text.encode("ascii").translate(_ASCII).decode("ascii")


class _Folds(dict[str, str]):
    """What each character becomes, worked out when it is first met."""

    def __missing__(self, character: str) -> str:
        folded = self[character] = "".join(map(_kept, _fold_character(character)))
        return folded


def _fold_character(character: str) -> str:
    whole = unicodedata.normalize("NFKC", character).casefold()
    bare = _DROPPED.sub("", unicodedata.normalize("NFKD", whole))
    return "".join(_LETTERS.get(each, each) for each in unicodedata.normalize("NFC", bare))


def _kept(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] in "LMN" or character in "+#":
        return character
    if category == "Cf":
        return ""
    # An emoji younger than this interpreter is unassigned to it.
    is_emoji = category in {"So", "Cn"} and _EMOJI.match(character)
    return f" {character} " if is_emoji else " "


_FOLDS = _Folds()
_fold_one = _FOLDS.__getitem__


# ------------------------------------------------------------------------------- pieces and places

#: Characters of combining class zero that compose with the one before them (vowel signs, jamo), and
#: the half-width voicing marks.
_COMPOSING = frozenset(
    "\u09be\u09d7\u0b3e\u0b56\u0b57\u0bbe\u0bd7\u0cc2\u0cd5\u0cd6\u0d3e\u0d57\u0dcf\u0ddf\u102e"
    "\u1b35\U00011127\U0001133e\U00011357\U000114b0\U000114ba\U000114bd\U000115af\U00011930"
    "\uff9e\uff9f"
) | frozenset(map(chr, [*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]))
_HALF_WIDTH_VOICING = re.compile("[\uff9e\uff9f]")

#: Ordering marks takes quadratic time, so a text of nothing but marks is cut all the same.
_LONGEST_CLUSTER = 32


def _pieces(text: str) -> tuple[list[str], Sequence[str]]:
    """What the text folds to, piece by piece, and the stretch of text behind each piece."""
    if unicodedata.is_normalized("NFC", text) and not _HALF_WIDTH_VOICING.search(text):
        return list(map(_fold_one, text)), text
    clusters = _clusters(text)
    return list(map(_fold_cluster, clusters)), clusters


def _clusters(text: str) -> list[str]:
    """The text cut so that no piece composes with the next."""
    cuts = [0]
    for index, character in enumerate(text):
        composes = unicodedata.combining(character) or character in _COMPOSING
        if index and (not composes or index - cuts[-1] >= _LONGEST_CLUSTER):
            cuts.append(index)
    cuts.append(len(text))
    return [text[start:end] for start, end in pairwise(cuts)]


def _fold_cluster(cluster: str) -> str:
    if len(cluster) == 1:
        return _FOLDS[cluster]
    if _HALF_WIDTH_VOICING.search(cluster):
        cluster = unicodedata.normalize("NFKC", cluster)
    return "".join(map(_fold_one, unicodedata.normalize("NFC", cluster)))


def _placed(folded: str, starts: Sequence[int], ends: Sequence[int]) -> list[Token]:
    found: list[Token] = []
    for match in _TERM.finditer(folded):
        first, last = match.start(), match.end() - 1
        if match[1]:
            found.extend(
                Token(term, starts[first + index], ends[min(first + index + 1, last)])
                for index, term in enumerate(_bigrams(match[0]))
            )
        else:
            found.append(Token(match[0], starts[first], ends[last]))
    return found


def _bigrams(run: str) -> list[str]:
    return [*map(add, run, run[1:]), run[-1]]
