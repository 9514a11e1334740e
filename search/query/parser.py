"""Text -> `Query`: the grammar, over the lexemes of `scan`; `meaning` makes the query of its tree.

either  = all (OR all)*
all     = without (AND? without)*
without = (NOT | -)* near
near    = primary (NEAR primary)*
primary = word | phrase | filter | ( either )
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from search.query.errors import QueryError
from search.query.filters import FilterLeaf
from search.query.meaning import Branch, Exclusion, Leaf, Tree, interpret
from search.query.nodes import Item, Near, Phrase, Query, QueryLimits, Word
from search.query.scan import Lexeme, Sign, scan
from search.text import is_unspaced, is_word, phrase_terms

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_DISTANCE = 10
BIGRAMS_PER_WORD = 8
_BINARY = {Sign.AND, Sign.OR, Sign.NEAR}


def parse(text: str, *, limits: QueryLimits | None = None) -> Query:
    """The query that this text is. Raises QueryError where it cannot mean anything."""
    limits = limits or QueryLimits()
    if len(text) > limits.characters:
        raise QueryError(
            f"the query is longer than {limits.characters} characters",
            position=limits.characters,
            suggestion="search for fewer words",
        )
    lexemes = list(scan(text))
    tree = _Parser(lexemes, limits).query()
    return interpret(tree, text=text, strict=_is_strict(lexemes))


def _is_strict(lexemes: list[Lexeme]) -> bool:
    depth = 0
    for lexeme in lexemes:
        depth += (lexeme.sign is Sign.OPEN) - (lexeme.sign is Sign.CLOSE)
        if lexeme.sign in _BINARY or (lexeme.sign is Sign.NOT and depth):
            return True
    return False


class _Parser:
    """One pass over the lexemes; every method leaves `self._next` after what it has read.

    A tree of None is text without anything to search for, such as a lone dash.
    """

    def __init__(self, lexemes: list[Lexeme], limits: QueryLimits) -> None:
        self._lexemes = lexemes
        self._limits = limits
        self._next = 0
        self._depth = 0
        self._terms = 0

    def query(self) -> Tree | None:
        tree = self._either()
        lexeme = self._peek()
        if lexeme.sign is Sign.CLOSE:
            raise QueryError(
                "this ) closes nothing",
                position=lexeme.position,
                suggestion="open it with ( before, or leave it out",
            )
        return tree

    def _peek(self) -> Lexeme:
        return self._lexemes[self._next]

    def _take(self) -> Lexeme:
        self._next += 1
        return self._lexemes[self._next - 1]

    def _either(self) -> Tree | None:
        first = self._peek().position
        children = [self._all()]
        operator: Lexeme | None = None
        while self._peek().sign is Sign.OR:
            operator = self._take()
            _needed(children[-1], operator)
            children.append(_needed(self._all(), operator))
        if operator is None:
            return children[0]
        return Branch("or", tuple(child for child in children if child), position=first)

    def _all(self) -> Tree | None:
        first = self._peek().position
        children: list[Tree] = []
        joined: set[int] = set()
        while self._peek().sign not in {Sign.OR, Sign.CLOSE, Sign.END}:
            operator = self._take() if self._peek().sign is Sign.AND else None
            if operator:
                _needed(children[-1] if children else None, operator)
            tree = self._without()
            if operator:
                _needed(tree, operator)
                joined |= {len(children) - 1, len(children)}
            if tree:
                children.append(tree)
        if len(children) < 2:
            return children[0] if children else None
        return Branch("and", tuple(children), position=first, joined=frozenset(joined))

    def _without(self) -> Tree | None:
        operators: list[Lexeme] = []
        while self._peek().sign in {Sign.NOT, Sign.MINUS}:
            operators.append(self._take())
        tree = self._near()
        for operator in reversed(operators):
            if operator.sign is Sign.NOT:
                tree = _needed(tree, operator)
            if isinstance(tree, Exclusion):
                tree = tree.child
            elif tree:
                tree = Exclusion(tree, position=operator.position)
        return tree

    def _near(self) -> Tree | None:
        first = self._peek().position
        tree = self._primary()
        if self._peek().sign is not Sign.NEAR:
            return tree
        items = [_near_side(tree, self._peek())]
        distances: list[int] = []
        while self._peek().sign is Sign.NEAR:
            operator = self._take()
            distances.append(self._distance(operator))
            items.append(_near_side(self._primary(), operator))
        if len(set(distances)) == 1:
            return Leaf(Near(tuple(items), distances[0]), position=first)
        pairs = zip(items, items[1:], distances, strict=False)
        nears = tuple(Leaf(Near((a, b), distance), position=first) for a, b, distance in pairs)
        return Branch("and", nears, position=first)

    def _distance(self, operator: Lexeme) -> int:
        digits = operator.text.removeprefix("NEAR").removeprefix("/").lstrip("0")
        most = self._limits.distance
        if len(digits) > len(str(most)) or int(digits or 0) > most:
            raise QueryError(
                f"NEAR reaches {most} words at most",
                position=operator.position,
                suggestion=f"write NEAR/{most} or less, or AND",
            )
        if "/" not in operator.text:
            return DEFAULT_DISTANCE
        return int(digits or 0)

    def _primary(self) -> Tree | None:
        read: dict[Sign, Callable[[], Tree | None]] = {
            Sign.WORD: self._item,
            Sign.PHRASE: self._item,
            Sign.FILTER: self._filter,
            Sign.OPEN: self._group,
        }
        reader = read.get(self._peek().sign)
        return reader() if reader else None

    def _group(self) -> Tree | None:
        opening = self._take()
        self._depth += 1
        if self._depth > self._limits.depth:
            raise QueryError(
                f"more than {self._limits.depth} parentheses inside each other",
                position=opening.position,
                suggestion="leave some parentheses out",
            )
        tree = self._either()
        if self._peek().sign is not Sign.CLOSE:
            raise QueryError(
                "this ( is never closed",
                position=opening.position,
                suggestion="close it with ), or leave it out",
            )
        self._take()
        self._depth -= 1
        return tree

    def _filter(self) -> FilterLeaf:
        lexeme = self._take()
        return FilterLeaf(lexeme.field, lexeme.text, position=lexeme.position)

    def _item(self) -> Leaf | None:
        lexeme = self._take()
        item = _item(lexeme)
        if item is None:
            return None
        self._terms += _size(item)
        if self._terms > self._limits.terms:
            raise QueryError(
                f"more than {self._limits.terms} words",
                position=lexeme.position,
                suggestion="search for the words that matter most",
            )
        return Leaf(item, position=lexeme.position)


def _size(item: Item) -> int:
    """How many words this is like; a long run of an unspaced script is a long phrase to look for."""
    unspaced = sum(map(is_unspaced, item.terms))
    return len(item.terms) - unspaced + math.ceil(unspaced / BIGRAMS_PER_WORD)


def _item(lexeme: Lexeme) -> Item | None:
    terms, prefix = phrase_terms(lexeme.text)
    if not terms:
        return None
    last = terms[-1]
    if lexeme.star and is_word(last) and not is_unspaced(last):
        if len(last) == 1:
            raise QueryError(
                "the beginning of a word takes two letters at least",
                position=lexeme.position,
                suggestion=f"write one more letter before the *, or only {last}",
            )
        prefix = True
    if lexeme.sign is Sign.WORD:
        return Word(terms, prefix, lexeme.text)
    return Phrase(terms, prefix, " ".join(lexeme.text.split()))


def _needed(tree: Tree | None, operator: Lexeme) -> Tree:
    """The side of an operator, which must say something."""
    if tree is None:
        name = operator.text
        raise QueryError(
            f"{name} has nothing to search for {'after' if operator.sign is Sign.NOT else 'beside'} it",
            position=operator.position,
            suggestion=f'write a word there, or "{name}" in quotes to search for it',
        )
    return tree


def _near_side(tree: Tree | None, operator: Lexeme) -> Item:
    tree = _needed(tree, operator)
    if isinstance(tree, Leaf) and isinstance(tree.node, Word | Phrase):
        return tree.node
    raise QueryError(
        "NEAR stands between words or quoted phrases",
        position=operator.position,
        suggestion="repeat NEAR for each word: (a NEAR c) OR (b NEAR c)",
    )
