"""A whole query as one MATCH expression, and what a text holds of it: what the index is held to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.query import And, Best, Near, Not, Or, Phrase, Query, Word, finder, to_fts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from search.query import Matcher, Node


def matched(matcher: Matcher, text: str) -> frozenset[int]:
    """Which of a matcher's items this text holds."""
    return frozenset(at for at, item in enumerate(matcher.items) if finder(item)(text))


def match_expression(query: Query, *, every: bool = False) -> str:
    """The expression of a query's words and exclusions; "" where it searches for no words."""
    if query.root is None:
        return ""
    return _without(expression_of(query.root, every=every), query.excluded)


def expression_of(node: Node, *, every: bool = False) -> str:
    """The expression of this node; words side by side match any of them, or `every`."""
    match node:
        case Word() | Phrase() | Near():
            return to_fts(node)
        case Best(items=items):
            return f" {'AND' if every else 'OR'} ".join(map(to_fts, items))
        case Or(children=children):
            return " OR ".join(_inner(child) for child in children)
        case And(children=children):
            wanted = [child for child in children if not isinstance(child, Not)]
            unwanted = [child.child for child in children if isinstance(child, Not)]
            return _without(" AND ".join(map(_inner, wanted)), unwanted)
        case Not():
            raise ValueError("an exclusion stands only beside what is searched for")


def _inner(node: Node) -> str:
    expression = expression_of(node)
    return expression if isinstance(node, Word | Phrase | Near) else f"({expression})"


def _without(wanted: str, unwanted: Iterable[Node]) -> str:
    alternatives = " OR ".join(map(_inner, unwanted))
    return f"({wanted}) NOT ({alternatives})" if alternatives else wanted
