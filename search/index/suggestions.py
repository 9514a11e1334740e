"""What may have been meant: words of the index's own vocabulary in place of those that it does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA

from migrations.sqlite import rows_in
from search.index.analysis import term_key
from search.index.records import KINDS
from search.query import Word
from search.text import is_unspaced, is_word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrations.sqlite import Connection
    from search.index.view import View
    from search.query import Item

#: A shorter word has too many neighbours to guess which of them was meant.
LETTERS_LEAST = 4
#: In a word of so many letters two slips may be made, in a shorter one a single one.
LETTERS_FOR_TWO = 6
_LAST = "\U0010ffff"


class Correction(NamedTuple):
    """What a word may have meant; the smallest is the best."""

    slips: int
    rarity: int  #: the fewer sessions hold it, the greater
    term: str


def corrections(db: Connection, view: View, missing: Iterable[Item]) -> dict[str, Correction]:
    """Of words that no session holds, as typed: the nearest that one does, where there is any."""
    found: dict[str, Correction] = {}
    for item in missing:
        if isinstance(item, Word) and _may_be_a_slip(item):
            nearest = _nearest(db, view, item.terms[0])
            if nearest is not None:
                found[item.text] = nearest
    return found


def _may_be_a_slip(item: Word) -> bool:
    term = item.terms[0]
    return (
        len(item.terms) == 1
        and not item.prefix
        and len(term) >= LETTERS_LEAST
        and is_word(term)
        and not is_unspaced(term)
        and not term.isdigit()
    )


def _nearest(db: Connection, view: View, term: str) -> Correction | None:
    """The word with the fewest slips, of those the commonest; its first letter may be the second."""
    slips = 2 if len(term) >= LETTERS_FOR_TWO else 1
    for first in dict.fromkeys(term[:2]):
        words = _vocabulary(db, view, first, len(term) - slips, len(term) + slips)
        near = process.extract(term, words, scorer=OSA.distance, score_cutoff=slips, limit=None)
        best = min(
            (Correction(int(far), -_sessions_of(db, view, each), each) for each, far, _ in near),
            default=None,
        )
        if best is not None:
            return best if best.slips else None  # with none it is somewhere, of another kind
    return None


def _vocabulary(db: Connection, view: View, first: str, least: int, most: int) -> list[str]:
    """The words of about this length that begin so."""
    found: dict[str, None] = {}
    for kind in range(len(KINDS)):
        begin = term_key(kind, first)
        # Only what the index of the table holds, as one value: there are thousands, and few are near.
        (joined,) = db.execute(
            "select group_concat(substr(key, 2), ' ') from post where key >= ? and key < ?"
            " and length(key) between ? and ?",
            [begin, begin + _LAST, least + 1, most + 1],
        ).fetchone()
        found |= dict.fromkeys((joined or "").split(" "))
        for name in view.tail.names_from(begin):
            if least < len(name) <= most + 1 and len(view.tail.find(name, view.slots)):
                found[name[1:]] = None
    found.pop("", None)
    return list(found)


def _sessions_of(db: Connection, view: View, word: str) -> int:
    """In how many sessions a word is, once for each kind."""
    keys = [term_key(kind, word) for kind in range(len(KINDS))]
    rows = rows_in(db, "select sessions from post where key in", keys)
    folded = sum(int(sessions) for (sessions,) in rows)
    return folded + sum(len(view.tail.find(each, view.slots)) for each in keys)
