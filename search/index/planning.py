"""From a query to what the index is asked; pure.

Words side by side: any of them makes a session match, adjacent pairs of them rank it higher, and with
few words those that hold all come first. Function words neither match nor rank where others do.
"""

from __future__ import annotations

from dataclasses import dataclass

from search.query import Best, Item, Matcher, Node, Query, items_of, ranking_terms

#: With more words than this, holding more of them counts for more, but nothing comes "first".
ALL_FIRST_WORDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is looked for, and how what is found is put in order."""

    root: Node | None  #: None: whatever is in scope
    items: tuple[Item, ...]  #: what matches text, and is shown and highlighted
    pairs: tuple[tuple[str, str], ...]  #: adjacent words, for the order only
    every: bool  #: of words side by side, whether all must be there
    all_first: bool  #: whether sessions that hold all of them come before the others
    excluded: tuple[Node, ...]  #: sessions that match any of these are no hits
    matcher: Matcher


def plan(query: Query, match: str) -> Plan:
    """How to answer this query; `match` is `best` or `all`."""
    terms = ranking_terms(query)
    best = isinstance(query.root, Best)
    items = terms.words if best else items_of(query.root)
    return Plan(
        root=Best(items) if best else query.root,
        items=items,
        pairs=terms.pairs,
        every=match == "all",
        all_first=best and match != "all" and 1 < len(items) <= ALL_FIRST_WORDS,
        excluded=query.excluded,
        matcher=Matcher(query, items),
    )
