"""Which sessions of one app match, and in what order."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from search.index.planning import Plan, ranked, without
from search.query import And, Best, Near, Node, Not, Or, Phrase, Word, to_fts

if TYPE_CHECKING:
    from migrations.sqlite import Connection
    from search.index.filters import Scope


class Match(NamedTuple):
    """A session that matches; greater is better."""

    tier: int  #: 1 where it holds all words and that comes first
    score: float
    started_at_ms: int
    session_id: str
    row_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Which part of the matches is wanted."""

    sort: str  #: relevance, newest or oldest
    count: int
    after: tuple[int, str] | None = None  #: by date: past this moment and session id
    newest_row: int | None = None  #: by relevance: rows that came later do not count


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """The best matches of one app, and how many there are."""

    matches: list[Match]
    total: int
    all_words: int


_MAX_ROW = 2**62


class Matching:
    """Answers one plan within one scope over one app's tables."""

    def __init__(self, db: Connection, plan: Plan, scope: Scope) -> None:
        self._db = db
        self._plan = plan
        self._scope = scope

    def run(self, cut: Cut) -> Matches:
        """The best matches of this cut, and the totals, which do not depend on it."""
        if self._scope.by_line:
            return self._by_line(cut)
        if not self._plan.matches:
            return self._everything(cut)
        return self._by_session(cut)

    # ------------------------------------------------------------------ whole sessions

    def _by_session(self, cut: Cut) -> Matches:
        plan = self._plan
        matches = without(plan.matches, plan.excluded)
        whole = without(plan.all_words, plan.excluded)
        total = self._count(matches)
        all_words = total if plan.all_words == plan.matches else self._count(whole)
        if cut.sort != "relevance":
            found = self._dated(matches, cut)
        elif not plan.all_first:
            found = self._best(without(ranked(plan.matches, plan.pairs), plan.excluded), cut, 0)
        else:
            found = self._best(without(ranked(plan.all_words, plan.pairs), plan.excluded), cut, 1)
            if len(found) < cut.count:
                rest = f"({ranked(plan.matches, plan.pairs)}) NOT ({plan.all_words})"
                rest = without(rest, plan.excluded)
                found += self._best(rest, cut, 0)[: cut.count - len(found)]
        return Matches(matches=found, total=total, all_words=all_words)

    def _expression(self, expression: str) -> str:
        return f"{self._scope.columns} : ({expression})"

    def _count(self, expression: str) -> int:
        row = self._db.execute(
            "select count(*) from sessions join session on session.id = sessions.rowid"
            f" where sessions match ? and {self._scope.session_sql}",
            [self._expression(expression), *self._scope.session_values],
        ).fetchone()
        return int(row[0])

    def _best(self, expression: str, cut: Cut, tier: int) -> list[Match]:
        rows = self._db.execute(
            "select -bm25(sessions, 1, 1, 1, 0) as score, started_at_ms, session_id, session.id"
            " from sessions join session on session.id = sessions.rowid"
            f" where sessions match ? and session.id <= ? and {self._scope.session_sql}"
            " order by score desc, started_at_ms desc, session_id limit ?",
            [
                self._expression(expression),
                _MAX_ROW if cut.newest_row is None else cut.newest_row,
                *self._scope.session_values,
                cut.count,
            ],
        )
        return [Match(tier, *row) for row in rows]

    def _dated(self, expression: str, cut: Cut) -> list[Match]:
        past, values = _past(cut)
        rows = self._db.execute(
            "select 0.0, started_at_ms, session_id, session.id"
            " from sessions join session on session.id = sessions.rowid"
            f" where sessions match ? and {self._scope.session_sql} and {past}"
            f" order by {_order(cut)} limit ?",
            [self._expression(expression), *self._scope.session_values, *values, cut.count],
        )
        return [Match(0, *row) for row in rows]

    def _everything(self, cut: Cut) -> Matches:
        """No words: every session in scope, by date."""
        sql, values = self._scope.session_sql, self._scope.session_values
        excluded = self._plan.excluded
        if excluded:
            sql += " and session.id not in (select rowid from sessions where sessions match ?)"
            values = (*values, self._expression(excluded))
        row = self._db.execute(f"select count(*) from session where {sql}", values).fetchone()
        past, more = _past(cut)
        rows = self._db.execute(
            f"select 0.0, started_at_ms, session_id, id from session where {sql} and {past}"
            f" and id <= ? order by {_order(cut)} limit ?",
            [*values, *more, cut.newest_row or _MAX_ROW, cut.count],
        )
        return Matches(
            matches=[Match(0, *each) for each in rows], total=int(row[0]), all_words=int(row[0])
        )

    # ------------------------------------------------------------------ line by line

    def _by_line(self, cut: Cut) -> Matches:
        """Only what certain people said counts: lines decide, and sessions are counted from them."""
        sessions, all_words = self._line_matches()
        kept = self._kept(sessions)
        found = [
            Match(
                int(self._plan.all_first and row_id in all_words),
                score,
                *kept[row_id],
                row_id,
            )
            for row_id, score in sessions.items()
            if row_id in kept
        ]
        total, whole = len(found), sum(1 for each in found if each.row_id in all_words)
        return Matches(matches=_cut(found, cut), total=total, all_words=whole)

    def _line_matches(self) -> tuple[dict[int, float], set[int]]:
        root, items = self._plan.root, self._plan.items
        counts = {to_fts(item): self._lines(to_fts(item)) for item in items}
        if root is None:
            everyone = self._all_lines()
            found = set(everyone)
            scores = {row_id: float(count) for row_id, count in everyone.items()}
        else:
            found = self._evaluate(root)
            scores = dict.fromkeys(found, 0.0)
            for lines in counts.values():
                weight = 1 / math.log(2 + len(lines))
                for row_id in found & lines.keys():
                    scores[row_id] += weight * (1 + math.log(lines[row_id]))
        for node in self._plan.excluded_nodes:
            found -= self._evaluate(node)
        if not isinstance(root, Best):
            return {row_id: scores[row_id] for row_id in found}, found
        whole = set.intersection(*(set(each) for each in counts.values()))
        if self._plan.all_words == self._plan.matches:
            found &= whole
        return {row_id: scores[row_id] for row_id in found}, whole

    def _evaluate(self, node: Node) -> set[int]:
        match node:
            case Word() | Phrase() | Near():
                return set(self._lines(to_fts(node)))
            case Best():
                wanted = [each for each in node.items if each in self._plan.items] or node.items
                return set[int]().union(*(self._evaluate(each) for each in wanted))
            case Or(children=children):
                return set[int]().union(*(self._evaluate(each) for each in children))
            case And(children=children):
                wanted_all = [
                    self._evaluate(each) for each in children if not isinstance(each, Not)
                ]
                unwanted = [
                    self._evaluate(each.child) for each in children if isinstance(each, Not)
                ]
                return set.intersection(*wanted_all) - set[int]().union(*unwanted)
            case Not(child=child):
                return self._evaluate(child)

    def _lines(self, expression: str) -> Counter[int]:
        """How many lines of each session match, of those in scope."""
        rows = self._db.execute(
            "select line.session, count(*) from lines join line on line.id = lines.rowid"
            " where lines match ? group by 1",
            [self._scope.on_lines(expression)],
        )
        return Counter(dict(rows.fetchall()))

    def _all_lines(self) -> Counter[int]:
        """How many lines of each session are in scope, whatever they say."""
        sql, values = self._scope.line_sql()
        rows = self._db.execute(
            f"select session, count(*) from line where {sql} group by 1", values
        )
        return Counter(dict(rows.fetchall()))

    def _kept(self, sessions: dict[int, float]) -> dict[int, tuple[int, str]]:
        """Those of these sessions that are in scope: when they started, and their ids."""
        rows = self._db.execute(
            f"select id, started_at_ms, session_id from session where {self._scope.session_sql}",
            self._scope.session_values,
        )
        return {row[0]: (row[1], row[2]) for row in rows if row[0] in sessions}


def _past(cut: Cut) -> tuple[str, list[Any]]:
    if cut.after is None:
        return "1", []
    operator = ">" if cut.sort == "oldest" else "<"
    return f"(started_at_ms, session_id) {operator} (?, ?)", list(cut.after)


def _order(cut: Cut) -> str:
    direction = "asc" if cut.sort == "oldest" else "desc"
    return f"started_at_ms {direction}, session_id {direction}"


def _cut(found: list[Match], cut: Cut) -> list[Match]:
    """The wanted part of matches that are all in hand."""
    if cut.newest_row is not None:
        found = [each for each in found if each.row_id <= cut.newest_row]
    if cut.after is not None:
        after = cut.after
        found = [
            each for each in found if _is_past((each.started_at_ms, each.session_id), after, cut)
        ]
    return sorted(found, key=sort_key(cut.sort))[: cut.count]


def _is_past(place: tuple[int, str], after: tuple[int, str], cut: Cut) -> bool:
    return place > after if cut.sort == "oldest" else place < after


def sort_key(sort: str) -> Any:
    """The key that puts matches, of one app or of several, in order."""
    if sort == "oldest":
        return lambda each: (each.started_at_ms, each.session_id)
    if sort == "newest":
        return lambda each: (-each.started_at_ms, _reversed(each.session_id))
    return lambda each: (-each.tier, -each.score, -each.started_at_ms, each.session_id)


def _reversed(text: str) -> tuple[int, ...]:
    return (*(-ord(each) for each in text), 1)
