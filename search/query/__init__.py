"""The query language: text -> `Query`, pure, and total on any text.

    scan ─▶ parser ─▶ nodes ─▶ expression   FTS5's MATCH, and the normal form
                         │
                         └───▶ matching     which words a text holds, and where; what ranks

Words side by side are searched for as "best first". One of AND, OR, NEAR, or parentheses with an
operator inside, makes the whole query strict: then words side by side must all be there.
Punctuation is no syntax; only what cannot mean anything is refused, with its position.
"""

from search.query.correcting import corrected
from search.query.dates import time_range
from search.query.errors import QueryError
from search.query.expression import normal_form, to_fts
from search.query.matching import Matcher, RankingTerms, finder, ranking_terms
from search.query.nodes import (
    And,
    Best,
    Filters,
    Item,
    Near,
    Node,
    Not,
    Or,
    Phrase,
    Query,
    QueryLimits,
    Word,
    items_of,
)
from search.query.parser import parse

__all__ = [
    "And",
    "Best",
    "Filters",
    "Item",
    "Matcher",
    "Near",
    "Node",
    "Not",
    "Or",
    "Phrase",
    "Query",
    "QueryError",
    "QueryLimits",
    "RankingTerms",
    "Word",
    "corrected",
    "finder",
    "items_of",
    "normal_form",
    "parse",
    "ranking_terms",
    "time_range",
    "to_fts",
]
