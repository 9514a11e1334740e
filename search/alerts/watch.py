"""What a session must hold to be found by a saved search, and which sessions hold it; pure.

A condition is a conjunction of clauses, each an alternative of atoms: a word, a beginning of words, a
word of a speaker's name or a meeting's title, a meeting's id. It is necessary, and never sufficient. Those
of thousands of searches are tried at once, as arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from search.index.forward import hash_of
from search.index.planning import plan
from search.query import And, Best, Near, Node, Not, Or, Phrase, Word
from search.text import phrase_terms, prepare

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence, Sized

    from numpy.typing import NDArray

    from search.index.watched import Glimpse
    from search.query import Item, Query

WORD, PREFIX, SPEAKER, TITLE, MEETING = "word", "prefix", "speaker", "title", "meeting"
#: Sessions that are tried at once: each is a bit.
_AT_ONCE = 64


class Atom(NamedTuple):
    """Something a session holds or does not."""

    kind: str
    text: str


Clause = frozenset[Atom]  #: one of these at least
Condition = tuple[Clause, ...]  #: all of these


def condition_of(query: Query, match: str) -> Condition:
    """What a session must hold for this query to find it."""
    filters = query.filters
    clauses = _needed(plan(query, match).root, every=match == "all")
    if filters.speakers:
        clauses += _named([_words_of(each, SPEAKER) for each in filters.speakers])
    if filters.meetings:
        clauses += _named(
            [
                # By the words of its title, or by its id.
                _words_of(each, TITLE) and {*_words_of(each, TITLE), Atom(MEETING, each)}
                for each in filters.meetings
            ]
        )
    return clauses


def is_enough(query: Query, match: str) -> bool:
    """Whether every session that meets the condition of this query is found by it.

    But for two words of one hash, which a search must tell apart, as it does before anything is told.
    """
    filters = replace(query.filters, apps=(), excluded_apps=(), after_ms=None, before_ms=None)
    root = plan(query, match).root
    return not filters and not query.excluded and root is not None and _is_plain(root)


def _is_plain(node: Node) -> bool:
    """Whether it is single words, or beginnings of words, alone, all of which, or any of which, must be said."""
    match node:
        case Word() | Phrase():
            return len(node.terms) == 1
        case Best(items=nodes) | Or(children=nodes):
            return all(isinstance(each, Word | Phrase) and _is_plain(each) for each in nodes)
        case And(children=nodes):
            return all(_is_plain(each) for each in nodes)
        case Near() | Not():
            return False


def _needed(node: Node | None, *, every: bool) -> Condition:
    match node:
        case Word() | Phrase():
            return tuple(frozenset({each}) for each in _atoms(node))
        case Near(items=items):
            return tuple(frozenset({each}) for item in items for each in _atoms(item))
        case Best(items=items) if every:
            return tuple(frozenset({each}) for item in items for each in _atoms(item))
        case Best(items=nodes) | Or(children=nodes):
            best = [_best(_needed(each, every=every)) for each in nodes]
            whole = frozenset[Atom]().union(*(each for each in best if each is not None))
            return () if None in best else (whole,)
        case And(children=children):
            return tuple(each for child in children for each in _needed(child, every=every))
        case None | Not():
            return ()


def _atoms(item: Item) -> list[Atom]:
    words = item.terms[:-1] if item.prefix else item.terms
    atoms = [Atom(WORD, each) for each in words]
    return [*atoms, Atom(PREFIX, item.terms[-1])] if item.prefix else atoms


def _best(condition: Condition) -> Clause | None:
    """The clause of these that is probably met least often; None where there is none."""
    return max(condition, key=_rarity, default=None)


def _rarity(clause: Clause) -> tuple[bool, int, int]:
    return (
        all(each.kind != PREFIX for each in clause),
        min(len(each.text) for each in clause),
        -len(clause),
    )


def _words_of(name: str, kind: str) -> set[Atom]:
    """The longest whole word of a name; nothing where it may only begin one."""
    terms, is_prefix = phrase_terms(name)
    whole = terms[:-1] if is_prefix else terms
    return {Atom(kind, max(whole, key=len))} if whole else set()


def _named(alternatives: Sequence[set[Atom]]) -> Condition:
    return (frozenset().union(*alternatives),) if all(alternatives) else ()


@dataclass(frozen=True, slots=True)
class Beginnings:
    """What is watched for among some sessions: also each word there that begins as is watched for."""

    hashes: NDArray[np.uint32]  #: ascending: what a glimpse at a session tells of
    words: NDArray[np.int64]  #: where among them the watched words are
    begun: NDArray[np.int64]  #: where those are that begin so, of one prefix after the other
    prefixes: NDArray[np.int64]  #: where in that those of each prefix begin

    @classmethod
    def of(cls, watch: Watch, words: Mapping[str, Collection[str]]) -> Beginnings:
        """Of these words, by the prefixes of this watch."""
        own = [
            np.array([hash_of(each) for each in words.get(prefix, ())], np.uint32)
            for prefix in watch.prefixes
        ]
        hashes = np.unique(np.concatenate([watch.hashes, *own]))
        # Behind the last of them stands what nobody holds.
        places = [hashes.searchsorted(each) if len(each) else [len(hashes)] for each in own]
        return cls(
            hashes=hashes,
            words=hashes.searchsorted(watch.hashes),
            begun=np.array([each for some in places for each in some], np.int64),
            prefixes=_begins(places),
        )


class Watch:
    """The conditions of many searches, by their ids, ready to be tried on sessions."""

    def __init__(self, conditions: Mapping[str, Condition]) -> None:
        self.ids = tuple(conditions)
        atoms = {
            each for condition in conditions.values() for clause in condition for each in clause
        }
        words = {hash_of(each.text) for each in atoms if each.kind == WORD}
        self.hashes: NDArray[np.uint32] = np.array(sorted(words), np.uint32)
        self.prefixes = sorted(each.text for each in atoms if each.kind == PREFIX)
        named = sorted(each for each in atoms if each.kind in {SPEAKER, TITLE, MEETING})
        places = {each: at for at, each in enumerate(self.hashes.tolist())}
        prefixes = {each: len(places) + at for at, each in enumerate(self.prefixes)}
        first = len(places) + len(prefixes)
        self._named = {each: first + at for at, each in enumerate(named)}
        self._always = first + len(named)  #: the place of what always holds

        def place(atom: Atom) -> int:
            if atom.kind == WORD:
                return places[hash_of(atom.text)]
            return prefixes[atom.text] if atom.kind == PREFIX else self._named[atom]

        rows = [
            [[place(each) for each in clause] for clause in condition] or [[self._always]]
            for condition in conditions.values()
        ]
        clauses = [clause for row in rows for clause in row]
        self._atoms = np.array([each for clause in clauses for each in clause], np.int64)
        self._clauses = _begins(clauses)
        self._searches = _begins(rows)

    def candidates(
        self, sessions: Sequence[Glimpse], begun: Beginnings
    ) -> dict[str, list[Glimpse]]:
        """Of each search that may find any, the sessions it may find; glimpsed by `begun.hashes`."""
        found: dict[str, list[Glimpse]] = {}
        if not self.ids:
            return found
        for start in range(0, len(sessions), _AT_ONCE):
            some = sessions[start : start + _AT_ONCE]
            met = self._tried(some, begun)
            hits = np.flatnonzero(met)
            for search, bits in zip(hits.tolist(), met[hits].tolist(), strict=True):
                mine = found.setdefault(self.ids[search], [])
                while bits:
                    mine.append(some[(bits & -bits).bit_length() - 1])
                    bits &= bits - 1
        return found

    def _tried(self, sessions: Sequence[Glimpse], begun: Beginnings) -> NDArray[np.uint64]:
        """For each search which of these sessions meet its condition, a bit for each."""
        held = np.zeros(self._always + 1, np.uint64)
        said = np.zeros(len(begun.hashes) + 1, np.uint64)
        for at, session in enumerate(sessions):
            bit = np.uint64(1 << at)
            said[:-1] |= session.held * bit
            held[self._names(session)] |= bit
        words, prefixes = len(self.hashes), len(self.prefixes)
        held[:words] = said[begun.words]
        if prefixes:
            held[words : words + prefixes] = np.bitwise_or.reduceat(
                said[begun.begun], begun.prefixes
            )
        held[self._always] = np.uint64((1 << len(sessions)) - 1)
        clauses = np.bitwise_or.reduceat(held[self._atoms], self._clauses)
        met: NDArray[np.uint64] = np.bitwise_and.reduceat(clauses, self._searches)
        return met

    def _names(self, session: Glimpse) -> list[int]:
        said = {Atom(SPEAKER, each) for name in session.speakers for each in prepare(name).split()}
        said |= {Atom(TITLE, each) for each in prepare(session.title).split()}
        said.add(Atom(MEETING, session.meeting_id))
        return [self._named[each] for each in said if each in self._named]


def _begins(groups: Iterable[Sized]) -> NDArray[np.int64]:
    """Where each group begins, one after the other."""
    ends = list(accumulate(map(len, groups)))
    return np.array([0, *ends[:-1]][: len(ends)], np.int64)
