"""`Query` -> FTS5's MATCH language, and -> its own normal form.

Every term goes to FTS5 in double quotes, so nothing that was typed is ever FTS5 syntax.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from search.query.dates import format_ms
from search.query.nodes import And, Best, Item, Near, Node, Not, Or, Phrase, Query, Word
from search.query.scan import QUOTES, Sign, operator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from search.query.nodes import Filters


def to_fts(node: Item | Near) -> str:
    """The MATCH expression of what is looked for by itself; how such are combined, FTS5 is not asked."""
    if isinstance(node, Near):
        return f"NEAR({' '.join(map(_fts_item, node.items))}, {node.distance})"
    return _fts_item(node)


def _fts_item(item: Item) -> str:
    quoted = " ".join(item.terms).replace('"', '""')
    return f'"{quoted}"*' if item.prefix else f'"{quoted}"'


# ------------------------------------------------------------------------------------ normal form


def normal_form(query: Query) -> str:
    """The query as the language itself writes it; parsed, it is the same query."""
    if not query.excluded and not query.filters:
        return _write(query.root) if query.root is not None else ""
    is_best = isinstance(query.root, Best)
    asides = [Not(node) for node in query.excluded]
    rest = [*map(_write_aside if is_best else _write, asides), *_write_filters(query.filters)]
    if query.root is None:
        return " ".join(rest)
    root = _write(query.root) if is_best or not rest else _write_inner(query.root)
    return " ".join([root, *rest])


def _write(node: Node) -> str:
    match node:
        case Word(text=text):
            return _write_word(text)
        case Phrase(text=text, prefix=prefix):
            body = " ".join(text.replace('"', " ").split())
            return f'"{body}"*' if prefix else f'"{body}"'
        case Near(items=items, distance=distance):
            return f" NEAR/{distance} ".join(map(_write, items))
        case Best(items=items):
            return " ".join(map(_write, items))
        case And(children=children):
            return " AND ".join(map(_write_inner, children))
        case Or(children=children):
            return " OR ".join(map(_write_inner, children))
        case Not(child=child):
            return f"NOT {_write_inner(child)}"


def _write_word(text: str) -> str:
    """The word with apostrophes where what is no syntax there might become it elsewhere."""
    plain = re.sub(f"[(){QUOTES}]|^-", "'", text)
    return plain if operator(plain) is Sign.WORD else f"'{plain}"


def _write_inner(node: Node) -> str:
    return _write(node) if isinstance(node, Word | Phrase | Not) else f"({_write(node)})"


def _write_aside(node: Node) -> str:
    """As `_write`, without an operator, which would make a query of words side by side strict."""
    match node:
        case Not(child=child):
            return f"-{_write_aside(child)}"
        case And(children=children) | Or(children=children):
            return f"({' '.join(map(_write_aside, _flat(children)))})"
        case _:
            return _write(node)


def _flat(children: Iterable[Node]) -> Iterator[Node]:
    for child in children:
        yield from child.children if isinstance(child, Or) else (child,)


def _write_filters(filters: Filters) -> Iterator[str]:
    fields = {
        "speaker": (filters.speakers, filters.excluded_speakers),
        "participant": (filters.participants, filters.excluded_participants),
        "in": (filters.kinds, filters.excluded_kinds),
        "meeting": (filters.meetings, filters.excluded_meetings),
        "app": (filters.apps, filters.excluded_apps),
        "session": (filters.sessions, filters.excluded_sessions),
    }
    for field, (wanted, unwanted) in fields.items():
        yield from (f"{field}:{_write_value(value)}" for value in wanted)
        yield from (f"-{field}:{_write_value(value)}" for value in unwanted)
    for field, ms in (("after", filters.after_ms), ("before", filters.before_ms)):
        if ms is not None:
            yield f"{field}:{format_ms(ms)}"


def _write_value(value: str) -> str:
    return value if re.fullmatch(r"[\w.-]+", value) else f'"{value}"'
