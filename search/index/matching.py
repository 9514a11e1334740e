"""Which sessions of one app match, and in what order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from search.index.cards import cards_of
from search.index.lines import Looking, Needles
from search.index.ordering import Match, greatest, is_past, sort_key
from search.index.records import KINDS
from search.index.suggestions import corrections
from search.index.terms import Terms, part_of_score
from search.query import And, Best, Near, Node, Not, Or, Phrase, Word, to_fts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from migrations.sqlite import Connection
    from search.index.filters import Scope
    from search.index.lines import Session
    from search.index.ordering import Cut
    from search.index.planning import Plan
    from search.index.suggestions import Correction
    from search.index.terms import Impacts
    from search.index.view import View
    from search.query import Item

#: What two adjacent words weigh, beside the words themselves: by measurement (benchmarks/relevance.py).
PAIR_WEIGHT = 1.0
#: Where lines decide, so many of a session's lines are half of what a word can weigh.
LINES_HALF = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """The best matches of one app, and how many there are."""

    matches: list[Match]
    total: int
    all_words: int
    weights: dict[Item, float]  #: how much each item tells of a session
    pair_weights: dict[tuple[str, str], float]
    missing: frozenset[str]  #: words, as typed, that no session holds
    corrections: dict[str, Correction]


class _Leaf(NamedTuple):
    """What matches text by itself: which sessions hold it, and how much each is about it."""

    mask: NDArray[np.bool_]
    is_held: bool  #: by any session, whatever the filters say of sessions
    weight: float  #: how much it tells of a session
    impacts: NDArray[np.float32]
    scale: np.float32  #: what makes them a part of a score

    @property
    def points(self) -> NDArray[np.float32]:
        """What it adds to the scores, as an array of its own."""
        return self.impacts * self.scale


@dataclass(slots=True)
class Matching:
    """Answers one plan within one scope over one state of one app's index."""

    db: Connection
    view: View
    plan: Plan
    scope: Scope
    check: Callable[[], None]  #: raises where the time is up
    looking: Looking = field(init=False)
    _terms: Terms = field(init=False)
    _leaves: dict[Item | Near, _Leaf] = field(default_factory=dict, init=False)
    _pairs: dict[tuple[str, str], Impacts] = field(default_factory=dict, init=False)
    _pair_weights: dict[tuple[str, str], float] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._terms = Terms(self.db, self.view)
        self._terms.fetch(self.plan.items, self.plan.pairs, self.scope.kinds)
        self.looking = Looking(self.db, self.view, Needles(self.plan.items), self.scope)

    def run(self, cut: Cut) -> Matches:
        """The best matches of this cut, and the totals, which do not depend on it."""
        mask, whole = self._sessions()
        self._find_pairs()
        score = None
        if self.scope.by_line:
            mask, whole, score = self._by_line(mask)
        elif cut.sort == "relevance":
            score = self._score()
        leaves = {item: self._leaf(item) for item in self.plan.items}
        missing = [item for item, leaf in leaves.items() if not leaf.is_held]
        total = int(np.count_nonzero(mask))
        return Matches(
            matches=self._best(mask, whole if self.plan.all_first else None, score, cut),
            total=total,
            all_words=total if whole is mask else int(np.count_nonzero(whole)),
            weights={item: leaf.weight for item, leaf in leaves.items()},
            pair_weights=self._pair_weights,
            missing=frozenset(item.text for item in missing),
            corrections=corrections(self.db, self.view, missing),
        )

    # ------------------------------------------------------------------ whole sessions

    def _sessions(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The sessions in scope that match, and those that hold all words."""
        plan, scope = self.plan, self.scope.sessions
        if plan.root is None:
            mask = whole = scope
        elif isinstance(plan.root, Best):
            held = np.zeros(self.view.size, np.uint8)
            for item in plan.items:
                held += self._leaf(item).mask
            whole = (held == len(plan.items)) & scope
            mask = whole if plan.every else (held > 0) & scope
        else:
            mask = whole = self._evaluate(plan.root) & scope
        if not self.scope.by_line:
            for node in plan.excluded:
                without = ~self._evaluate(node)
                mask, whole = mask & without, whole & without
        return mask, whole

    def _find_pairs(self) -> None:
        """Which sessions hold adjacent words, which moments are weighed by as well as the order."""
        for pair in self.plan.pairs:
            found = self._pairs[pair] = self._terms.pair(pair)
            self._pair_weights[pair] = self._terms.idf(len(found[0]))

    def _score(self) -> NDArray[np.float32]:
        """How much each session is about all that is looked for, whether it matches or not."""
        if not self.plan.items:
            return self._nothing()
        first, *others = map(self._leaf, self.plan.items)
        score = first.points
        for each in others:
            score += each.points
        for pair, (rows, impacts) in self._pairs.items():
            score[rows] += impacts * part_of_score(PAIR_WEIGHT * self._pair_weights[pair])
        return score

    def _evaluate(self, node: Node) -> NDArray[np.bool_]:
        match node:
            case Word() | Phrase() | Near():
                return self._leaf(node).mask
            case Or(children=nodes) | Best(items=nodes):
                return _any(map(self._evaluate, nodes))
            case And(children=children):
                found = np.ones(self.view.size, np.bool_)
                for each in children:
                    holds = self._evaluate(each)
                    # Where lines decide, this only says which sessions need to be looked at.
                    if not (self.scope.by_line and isinstance(each, Not)):
                        found &= holds
                return found
            case Not(child=child):
                return ~self._evaluate(child)

    def _leaf(self, node: Item | Near) -> _Leaf:
        found = self._leaves.get(node)
        if found is None:
            self.check()  # a statement that is short by itself never looks at the clock
            found = self._leaves[node] = self._read(node)
        return found

    def _read(self, node: Item | Near) -> _Leaf:
        if isinstance(node, Near):
            for item in node.items:
                self._leaf(item)  # so that the beginnings of words in it are known
            return self._whole(self._full_text(node), self._nothing())
        kinds = self.scope.kinds
        if len(node.terms) == 1:
            if node.prefix:
                found, hashes = self._terms.beginning(node.terms[0], kinds)
                self.looking.needles.expand(node.terms[0], hashes)
            else:
                found = self._terms.word(node.terms[0], kinds)
            mask = found > 0
            holders = int(np.count_nonzero(mask))
            weight = self._terms.idf(holders)
            return _Leaf(mask, holders > 0, weight, found, part_of_score(weight))
        mask = self._full_text(node)
        if node.prefix:
            self.looking.needles.expand(
                node.terms[-1], self._terms.beginning(node.terms[-1], kinds)[1]
            )
        score = self._nothing()
        for term in dict.fromkeys(node.terms[: -1 if node.prefix else None]):
            score += self._leaf(Word((term,))).points
        score *= mask
        return self._whole(mask, score)

    def _whole(self, mask: NDArray[np.bool_], score: NDArray[np.float32]) -> _Leaf:
        """What is found as a whole, and scored already."""
        holders = int(np.count_nonzero(mask))
        return _Leaf(mask, holders > 0, self._terms.idf(holders), score, np.float32(1))

    def _full_text(self, node: Item | Near) -> NDArray[np.bool_]:
        """The sessions that the full-text table finds; words run on from line to line there."""
        expression = to_fts(node)
        if not self.scope.every_kind:
            names = " ".join(KINDS[each] for each in self.scope.kinds)
            expression = f"{{{names}}} : ({expression})"
        rows = self.db.execute("select rowid from sessions where sessions match ?", [expression])
        mask = np.zeros(self.view.size, np.bool_)
        mask[np.fromiter((row[0] for row in rows), np.int64)] = True
        return mask

    def _nothing(self) -> NDArray[np.float32]:
        return np.zeros(self.view.size, np.float32)

    # ------------------------------------------------------------------ line by line

    def _by_line(
        self, mask: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float32]]:
        """Only what certain people said counts: each session that might match is looked into."""
        if self.scope.speakers is not None:
            said = _any(
                self._terms.spoken_by(each, self.scope.kinds) for each in self.scope.speakers
            )
            mask = mask & said
        for node in self.plan.excluded:
            self._evaluate(node)  # so that the beginnings of words in it are known
        found = np.zeros(self.view.size, np.bool_)
        whole = np.zeros(self.view.size, np.bool_)
        score = self._nothing()
        weights = [(item, self._leaf(item).weight) for item in self.plan.items]
        for session in self.looking.through(np.flatnonzero(mask).tolist()):
            self.check()
            holds, holds_all, points = self._judge(session, weights)
            found[session.row_id] = holds
            whole[session.row_id] = holds and holds_all
            score[session.row_id] = points
        return found, whole, score

    def _judge(
        self, session: Session, weights: list[tuple[Item, float]]
    ) -> tuple[bool, bool, float]:
        """Whether what counts of a session matches, whether it holds all words, and its score."""
        plan = self.plan
        if any(self._holds(node, session) for node in plan.excluded):
            return False, False, 0.0
        if plan.root is None:
            return session.has_lines, True, 0.0
        points, held = 0.0, 0
        for item, weight in weights:
            if count := len(session.lines_of(item)):
                held += 1
                points += weight * count / (count + LINES_HALF)
        if not isinstance(plan.root, Best):
            return self._holds(plan.root, session), True, points
        whole = held == len(weights)
        return whole if plan.every else held > 0, whole, points

    def _holds(self, node: Node, session: Session) -> bool:
        match node:
            case Word() | Phrase() | Near():
                return bool(session.lines_of(node))
            case And(children=children):
                return all(self._holds(each, session) for each in children)
            case Or(children=nodes) | Best(items=nodes):
                return any(self._holds(each, session) for each in nodes)
            case Not(child=child):
                return not self._holds(child, session)

    # ------------------------------------------------------------------ in order

    def _best(
        self,
        mask: NDArray[np.bool_],
        tier: NDArray[np.bool_] | None,
        score: NDArray[np.float32] | None,
        cut: Cut,
    ) -> list[Match]:
        (rows,) = mask.nonzero()
        if score is None or cut.sort != "relevance":
            return self._dated(rows, cut)
        if cut.newest_row is not None:
            rows = rows[: rows.searchsorted(cut.newest_row, "right")]
        started = self.view.started_at_ms
        keys: list[NDArray[Any]]
        keys = [score, started] if tier is None else [tier.view(np.uint8), score, started]
        rows = greatest(rows, keys, cut.count)
        return self._matches(rows, tier, score, cut)

    def _dated(self, rows: NDArray[np.int64], cut: Cut) -> list[Match]:
        started = self.view.started_at_ms
        if cut.after is not None:
            moment_ms = cut.after[0]
            at = started[rows]
            rows = rows[at >= moment_ms if cut.sort == "oldest" else at <= moment_ms]
            count = cut.count + int(np.count_nonzero(started[rows] == moment_ms))
        else:
            count = cut.count
        rows = greatest(rows, [-started if cut.sort == "oldest" else started], count)
        return self._matches(rows, None, None, cut)

    def _matches(
        self,
        rows: NDArray[np.int64],
        tier: NDArray[np.bool_] | None,
        score: NDArray[np.float32] | None,
        cut: Cut,
    ) -> list[Match]:
        ids = rows.tolist()
        whole = [0] * len(ids) if tier is None else tier.view(np.uint8)[rows].tolist()
        points = [0.0] * len(ids) if score is None else score[rows].tolist()
        started_at_ms = self.view.started_at_ms[rows].tolist()
        cards = cards_of(self.db, self.view, ids)
        found = []
        for row_id, holds_all, score_of, began_ms in zip(
            ids, whole, points, started_at_ms, strict=True
        ):
            card = cards[row_id]
            found.append(Match(holds_all, score_of, began_ms, card.session_id, row_id, *card[1:]))
        if cut.after is not None:
            after = cut.after
            found = [
                each for each in found if is_past((each.started_at_ms, each.session_id), after, cut)
            ]
        return sorted(found, key=sort_key(cut.sort))[: cut.count]


def _any(masks: Iterable[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    found, *others = masks
    found = found.copy()
    for each in others:
        found |= each
    return found
