"""A query with other words in place of some of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from search.query.expression import normal_form
from search.query.nodes import And, Best, Item, Near, Node, Or, Phrase, Query, Word
from search.query.parser import parse

if TYPE_CHECKING:
    from collections.abc import Mapping


def corrected(query: Query, words: Mapping[str, str]) -> str:
    """The query as it was typed, in normal form, with other words in place of these."""
    typed = parse(query.text)
    if typed.root is None:
        return ""
    return normal_form(replace(typed, root=_corrected(typed.root, words)))


def _corrected(node: Node, words: Mapping[str, str]) -> Node:
    match node:
        case Word() | Phrase():
            return _corrected_item(node, words)
        case Best(items=items) | Near(items=items):
            return replace(node, items=tuple(_corrected_item(each, words) for each in items))
        case And(children=children) | Or(children=children):
            return replace(node, children=tuple(_corrected(each, words) for each in children))
        case _:
            return node


def _corrected_item(item: Item, words: Mapping[str, str]) -> Item:
    if isinstance(item, Word) and item.text in words:
        return Word((words[item.text],), text=words[item.text])
    return item
