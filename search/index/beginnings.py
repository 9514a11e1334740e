"""Words by their first two letters: of all that begin so, which sessions hold any, and their hashes.

Of all beginnings the shortest that may be asked for stand for most words: a few letters of a large
archive begin ten thousand. So a session holds each as if it were a word of its own, and `beginning`
has the hashes of the words, by which they are looked for inside a session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from search.index.forward import hash_of
from search.text import is_unspaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from migrations.sqlite import Connection

_LETTERS = 2
#: What a beginning is marked by among terms, none of which begins so.
_MARK = "^"
_HASH = np.dtype("<u4")


def beginning_of(term: str) -> str:
    """The first two letters of a word, marked as what they are; "" where it has none.

    Scripts without spaces have none: their terms are two characters long themselves. Nor has what is
    no word: a sign, a speaker, or a beginning.
    """
    if len(term) < _LETTERS or not term[0].isalnum() or is_unspaced(term):
        return ""
    return _MARK + term[:_LETTERS]


def is_kept(prefix: str) -> bool:
    """Whether this is a beginning that sessions are known by."""
    return len(prefix) == _LETTERS and bool(beginning_of(prefix))


def learn(db: Connection, words: Iterable[str]) -> None:
    """Take in words that sessions hold now."""
    _change(db, words, np.union1d)


def forget(db: Connection, words: Iterable[str]) -> None:
    """Leave out words that no session holds any more."""
    _change(db, words, np.setdiff1d)


def hashes_of(db: Connection, prefix: str) -> NDArray[np.uint32]:
    """The hashes of the words that begin so, ascending."""
    return _read(db, beginning_of(prefix))


def _read(db: Connection, letters: str) -> NDArray[np.uint32]:
    row = db.execute("select hashes from beginning where letters = ?", [letters]).fetchone()
    return np.frombuffer(row[0] if row else b"", _HASH)


def _change(
    db: Connection,
    words: Iterable[str],
    change: Callable[[NDArray[np.uint32], NDArray[np.uint32]], NDArray[np.uint32]],
) -> None:
    begun: dict[str, list[int]] = {}
    for word in words:
        if letters := beginning_of(word):
            begun.setdefault(letters, []).append(hash_of(word))
    for letters, found in sorted(begun.items()):
        known = _read(db, letters)
        now = change(known, np.array(found, _HASH))
        if not len(now):
            db.execute("delete from beginning where letters = ?", [letters])
        elif len(now) != len(known):
            blob = now.astype(_HASH).tobytes()
            db.execute("insert or replace into beginning values (?, ?)", [letters, blob])
