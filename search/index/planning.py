"""From a query to the expressions the index is asked with; pure.

Words side by side: any of them makes a session match, adjacent pairs of them rank it higher, and with
few words those that hold all come first. Function words neither match nor rank where others do.
"""

from __future__ import annotations

from dataclasses import dataclass

from search.query import Best, Item, Node, Query, items_of, ranking_terms, to_fts

#: With more words than this, holding more of them counts for more, but nothing comes "first".
ALL_FIRST_WORDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """FTS5 expressions over the words of a session; "" where there is nothing to look for."""

    matches: str  #: which sessions are hits
    all_words: str  #: which of them hold every word; equal to `matches` where that is asked
    all_first: bool  #: whether those come before the others
    pairs: str  #: adjacent words, for the order only
    excluded: str  #: sessions that are no hits
    lines: str  #: which lines are moments
    items: tuple[Item, ...]  #: what is looked for, for evaluation line by line
    root: Node | None
    excluded_nodes: tuple[Node, ...]


def plan(query: Query, match: str) -> Plan:
    """How to answer this query; `match` is `best` or `all`."""
    items = items_of(query.root)
    all_first = False
    if isinstance(query.root, Best):
        terms = ranking_terms(query)
        items = terms.words
        whole = _joined(" AND ", items)
        matches = whole if match == "all" else _joined(" OR ", items)
        pairs = " OR ".join(f'"{first} {second}"' for first, second in terms.pairs)
        all_first = match != "all" and 1 < len(items) <= ALL_FIRST_WORDS
    else:
        matches = whole = to_fts(query.root) if query.root is not None else ""
        pairs = ""
    return Plan(
        matches=matches,
        all_words=whole,
        all_first=all_first,
        pairs=pairs,
        excluded=" OR ".join(f"({to_fts(each)})" for each in query.excluded),
        lines=_joined(" OR ", items),
        items=items,
        root=query.root,
        excluded_nodes=query.excluded,
    )


def _joined(operator: str, items: tuple[Item, ...]) -> str:
    return operator.join(f"({to_fts(each)})" for each in items)


def ranked(expression: str, pairs: str) -> str:
    """The same matches, with adjacent pairs counted by bm25: it sums over every phrase named."""
    return f"({expression}) OR (({expression}) AND ({pairs}))" if pairs else expression


def without(expression: str, excluded: str) -> str:
    """These matches, less what is excluded."""
    return f"({expression}) NOT ({excluded})" if excluded else expression
