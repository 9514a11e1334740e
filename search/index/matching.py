"""Which sessions of one app match, and in what order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from search.index.cards import cards_of
from search.index.lines import Looking, Needles
from search.index.ordering import Match, greatest, is_past, sort_key
from search.index.records import KINDS
from search.index.suggestions import corrections
from search.index.terms import Terms, scaled
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


@dataclass(frozen=True, slots=True)
class _Leaf:
    """What matches text by itself: which sessions hold it, and what that adds to their scores."""

    mask: NDArray[np.bool_]
    score: NDArray[np.float32]
    weight: float


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
    _pairs: dict[tuple[str, str], float] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._terms = Terms(self.db, self.view)
        self._terms.fetch(self.plan.items, self.plan.pairs, self.scope.kinds)
        self.looking = Looking(self.db, self.view, Needles(self.plan.items), self.scope)

    def run(self, cut: Cut) -> Matches:
        """The best matches of this cut, and the totals, which do not depend on it."""
        mask, whole, score = self._sessions()
        if self.scope.by_line:
            mask, whole, score = self._by_line(mask)
        tier = whole if self.plan.all_first else None
        return Matches(
            matches=self._best(mask, tier, score, cut),
            total=int(np.count_nonzero(mask)),
            all_words=int(np.count_nonzero(whole)),
            weights={item: self._leaf(item).weight for item in self.plan.items},
            pair_weights=self._pairs,
            missing=frozenset(each.text for each, some in self._holders().items() if not some),
            corrections=corrections(self.db, self.view, self.plan.items, self._holders()),
        )

    def _holders(self) -> dict[Item, int]:
        """In how many sessions each item stands, whatever the filters say of sessions."""
        return {item: int(self._leaf(item).mask.any()) for item in self.plan.items}

    # ------------------------------------------------------------------ whole sessions

    def _sessions(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float32]]:
        """The sessions in scope that match, those that hold all words, and the scores."""
        plan, scope = self.plan, self.scope.sessions
        score = np.zeros(self.view.size, np.float32)
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
        for item in plan.items:
            score += self._leaf(item).score
        for pair in plan.pairs:
            rows, points = self._pair(pair)
            score[rows] += points
        return mask, whole, score

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
            return _Leaf(self._full_text(node), self._nothing(), 0.0)
        kinds = self.scope.kinds
        if len(node.terms) == 1:
            if node.prefix:
                found, hashes = self._terms.beginning(node.terms[0], kinds)
                self.looking.needles.expand(node.terms[0], hashes)
            else:
                found = self._terms.word(node.terms[0], kinds)
            mask = found > 0
            weight = self._terms.idf(int(np.count_nonzero(mask)))
            return _Leaf(mask, scaled(found, weight), weight)
        mask = self._full_text(node)
        if node.prefix:
            self.looking.needles.expand(
                node.terms[-1], self._terms.beginning(node.terms[-1], kinds)[1]
            )
        score = self._nothing()
        for term in dict.fromkeys(node.terms[: -1 if node.prefix else None]):
            word = self._leaf(Word((term,)))
            score += word.score
        score *= mask
        return _Leaf(mask, score, self._terms.idf(int(np.count_nonzero(mask))))

    def _pair(self, pair: tuple[str, str]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        rows, impacts = self._terms.pair(pair)
        weight = self._terms.idf(len(rows))
        self._pairs[pair] = weight
        return rows, scaled(impacts, PAIR_WEIGHT * weight)

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
        for session in self.looking.through(np.flatnonzero(mask).tolist()):
            self.check()
            holds, holds_all, points = self._judge(session)
            found[session.row_id] = holds
            whole[session.row_id] = holds and holds_all
            score[session.row_id] = points
        return found, whole, score

    def _judge(self, session: Session) -> tuple[bool, bool, float]:
        """Whether what counts of a session matches, whether it holds all words, and its score."""
        plan = self.plan
        if not session.has_lines:
            return False, False, 0.0
        if any(self._holds(node, session) for node in plan.excluded):
            return False, False, 0.0
        if plan.root is None:
            return True, True, 0.0
        counts = {item: len(session.lines_of(item)) for item in plan.items}
        points = sum(
            self._leaf(item).weight * count / (count + LINES_HALF) for item, count in counts.items()
        )
        if not isinstance(plan.root, Best):
            return self._holds(plan.root, session), True, points
        whole = all(counts.values())
        return whole if plan.every else any(counts.values()), whole, points

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
        score: NDArray[np.float32],
        cut: Cut,
    ) -> list[Match]:
        rows = np.flatnonzero(mask)
        if cut.newest_row is not None:
            rows = rows[: np.searchsorted(rows, cut.newest_row, "right")]
        started = self.view.started_at_ms
        if cut.sort != "relevance":
            return self._dated(rows, cut)
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
        started = self.view.started_at_ms
        found = [
            Match(
                0 if tier is None else int(tier[row_id]),
                0.0 if score is None else float(score[row_id]),
                int(started[row_id]),
                session_id,
                row_id,
                meeting_id,
                title,
                ended_at_ms,
            )
            for row_id, session_id, meeting_id, title, ended_at_ms in cards_of(
                self.db, self.view, rows.tolist()
            )
        ]
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
