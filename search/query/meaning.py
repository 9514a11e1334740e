"""Tree -> `Query`: filters taken out, what is excluded set apart, strict or best first decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias

from search.query.errors import QueryError
from search.query.filters import FilterLeaf, FilterSet
from search.query.nodes import And, Best, Item, Near, Node, Not, Or, Phrase, Query, Word, items_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Leaf:
    """A word, a phrase, or words near each other."""

    node: Item | Near
    position: int


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What NOT or a dash stands before."""

    child: Tree
    position: int


@dataclass(frozen=True, slots=True)
class Branch:
    """Two children at least; `joined` are the children that a written AND touches."""

    kind: Literal["and", "or"]
    children: tuple[Tree, ...]
    position: int
    joined: frozenset[int] = field(default=frozenset())


Tree: TypeAlias = Leaf | FilterLeaf | Exclusion | Branch


def interpret(tree: Tree | None, *, text: str, strict: bool) -> Query:
    """The query that this tree means."""
    filters = FilterSet()
    parts = list(_conjuncts(tree))
    wanted, excluded = _split(
        [part for part in parts if not _takes_filter(part, filters)], strict=strict
    )
    if not wanted and not filters.wants_something:
        exclusions = [part.position for part in parts if isinstance(part, Exclusion)]
        if exclusions:
            _refuse_exclusions_alone(exclusions[0])
    root = _root(wanted, strict=strict)
    words = tuple(dict.fromkeys(item.text for item in items_of(root)))
    return Query(
        text=text,
        root=root,
        excluded=tuple(dict.fromkeys(excluded)),
        filters=filters.build(),
        strict=strict and root is not None and not isinstance(root, Word | Phrase),
        warnings=_warnings(text, root, filters),
        words=words,
    )


def _root(wanted: list[Node], *, strict: bool) -> Node | None:
    parts = tuple(dict.fromkeys(wanted))
    if len(parts) < 2:
        return parts[0] if parts else None
    if strict:
        return And(parts)
    return Best(tuple(part for part in parts if isinstance(part, Word | Phrase)))


def _warnings(text: str, root: Node | None, filters: FilterSet) -> tuple[str, ...]:
    warnings = list(filters.warnings())
    if root is None and not filters.wants_something and text.strip():
        warnings.append(
            "there is nothing to search for in this query: it holds no letter or number"
        )
    return tuple(warnings)


def _conjuncts(tree: Tree | None) -> Iterator[Tree]:
    """What must all hold, however deep in parentheses it stands."""
    if isinstance(tree, Branch) and tree.kind == "and":
        _refuse_contradicting_filters(tree)
        for child in tree.children:
            yield from _conjuncts(child)
    elif tree is not None:
        yield tree


# ---------------------------------------------------------------------------------------- filters


def _takes_filter(part: Tree, filters: FilterSet) -> bool:
    """Whether this part is a filter, or several of one field joined by OR; if so, it is taken."""
    excluded = isinstance(part, Exclusion)
    leaves = _filter_leaves(part.child if isinstance(part, Exclusion) else part)
    for leaf in leaves:
        filters.add(leaf, excluded=excluded)
    return bool(leaves)


def _filter_leaves(tree: Tree) -> tuple[FilterLeaf, ...]:
    if isinstance(tree, FilterLeaf):
        return (tree,)
    if not isinstance(tree, Branch) or tree.kind == "and":
        return ()
    sides = [_filter_leaves(child) for child in tree.children]
    leaves = tuple(leaf for side in sides for leaf in side)
    # A date has no alternatives, and two fields cannot stand for one another.
    if not all(sides) or len({leaf.field for leaf in leaves}) > 1 or leaves[0].is_date:
        return ()
    return leaves


def _refuse_contradicting_filters(tree: Branch) -> None:
    """Side by side, filters of one field mean "or"; with a written AND that would widen the query."""
    seen: set[str] = set()
    for index in sorted(tree.joined):
        leaves = list(_required_filters(tree.children[index]))
        for leaf in leaves:
            if leaf.field in seen:
                raise QueryError(
                    f"no AND between two filters by {leaf.field}",
                    position=leaf.position,
                    suggestion=f"leave AND out to search for either: {leaf.field}:a {leaf.field}:b",
                )
        seen.update(leaf.field for leaf in leaves)


def _required_filters(tree: Tree) -> Iterator[FilterLeaf]:
    if isinstance(tree, FilterLeaf):
        if not tree.is_date:
            yield tree
    elif isinstance(tree, Branch):
        for child in tree.children:
            yield from _required_filters(child)


# ------------------------------------------------------------------------------------------ nodes


def _node(tree: Tree, *, strict: bool) -> Node:
    """The node of a tree that must hold no filter."""
    if isinstance(tree, Leaf):
        return tree.node
    if isinstance(tree, FilterLeaf):
        _refuse_inner_filter(tree)
    if isinstance(tree, Exclusion):
        _refuse_exclusions_alone(tree.position)
    if tree.kind == "and":
        return _conjunction(tree, strict=strict)
    sides = (_alternatives(_node(child, strict=strict)) for child in tree.children)
    return _or(chain.from_iterable(sides))


def _conjunction(tree: Branch, *, strict: bool) -> Node:
    parts = list(_conjuncts(tree))
    wanted, excluded = _split(parts, strict=strict)
    if not wanted:
        _refuse_exclusions_alone(parts[0].position)
    # Words side by side that are not strict match where any of them does.
    together = wanted if strict else [_or(iter(wanted))]
    children = tuple(dict.fromkeys([*together, *map(Not, excluded)]))
    return children[0] if len(children) == 1 else And(children)


def _split(parts: list[Tree], *, strict: bool) -> tuple[list[Node], list[Node]]:
    """The nodes that must match, and those that must not."""
    wanted: list[Node] = []
    excluded: list[Node] = []
    for part in parts:
        if isinstance(part, Exclusion):
            excluded.extend(_alternatives(_node(part.child, strict=strict)))
            continue
        for node in _together(_node(part, strict=strict)):
            if isinstance(node, Not):
                excluded.extend(_alternatives(node.child))
            else:
                wanted.append(node)
    return wanted, excluded


def _or(sides: Iterator[Node]) -> Node:
    children = tuple(dict.fromkeys(sides))
    return children[0] if len(children) == 1 else Or(children)


def _alternatives(node: Node) -> tuple[Node, ...]:
    return node.children if isinstance(node, Or) else (node,)


def _together(node: Node) -> tuple[Node, ...]:
    return node.children if isinstance(node, And) else (node,)


def _refuse_inner_filter(leaf: FilterLeaf) -> NoReturn:
    raise QueryError(
        f"{leaf.field}: filters the whole query, so it cannot be an alternative or an exception",
        position=leaf.position,
        suggestion=f"write {leaf.field}: outside of OR, NOT and their parentheses",
    )


def _refuse_exclusions_alone(position: int) -> NoReturn:
    raise QueryError(
        "only exclusions here: nothing says what to search for",
        position=position,
        suggestion="write a word to search for before what it excludes: renewal -price",
    )
