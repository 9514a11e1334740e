"""The query as a value: its nodes, its filters, and the whole; frozen, and compared by meaning."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word as typed, and the adjacent terms it is found by; `prefix` is about the last."""

    terms: tuple[str, ...]
    prefix: bool = False
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Quoted words: adjacent terms, across utterances and speakers too."""

    terms: tuple[str, ...]
    prefix: bool = False
    text: str = field(default="", compare=False)


Item: TypeAlias = Word | Phrase  #: what matches text by itself


@dataclass(frozen=True, slots=True)
class Near:
    """Items with at most `distance` terms between the first and the last."""

    items: tuple[Item, ...]
    distance: int


@dataclass(frozen=True, slots=True)
class And:
    """All of these; at least one child is not a `Not`."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of these; no child is a `Not`."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Without this; stands only in an `And`."""

    child: Node


@dataclass(frozen=True, slots=True)
class Best:
    """Words side by side in a query that is not strict: any match, more of them rank higher."""

    items: tuple[Item, ...]


Node: TypeAlias = Word | Phrase | Near | And | Or | Not | Best


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a session or an utterance must be; the values of one field are alternatives.

    Times are half-open: `after_ms` itself is in, `before_ms` is not.
    """

    speakers: tuple[str, ...] = ()
    participants: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    meetings: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    after_ms: int | None = None
    before_ms: int | None = None
    excluded_speakers: tuple[str, ...] = ()
    excluded_participants: tuple[str, ...] = ()
    excluded_kinds: tuple[str, ...] = ()
    excluded_meetings: tuple[str, ...] = ()
    excluded_apps: tuple[str, ...] = ()
    excluded_sessions: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != _UNFILTERED

    def narrowed(
        self,
        *,
        apps: tuple[str, ...] = (),
        speakers: tuple[str, ...] = (),
        kinds: tuple[str, ...] = (),
        after_ms: int | None = None,
        before_ms: int | None = None,
    ) -> Filters:
        """These filters and those: values of one field are alternatives, and dates narrow."""
        after = [each for each in (self.after_ms, after_ms) if each is not None]
        before = [each for each in (self.before_ms, before_ms) if each is not None]
        return replace(
            self,
            apps=tuple(dict.fromkeys((*self.apps, *apps))),
            speakers=tuple(dict.fromkeys((*self.speakers, *speakers))),
            kinds=tuple(dict.fromkeys((*self.kinds, *kinds))),
            after_ms=max(after, default=None),
            before_ms=min(before, default=None),
        )

    @property
    def only_excluding(self) -> bool:
        """Whether nothing here says what is wanted."""
        return all(
            getattr(self, each.name) in {(), None}
            for each in fields(self)
            if not each.name.startswith("excluded_")
        )


_UNFILTERED = Filters()


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A whole query. `root` is None where only filters, or nothing searchable, were given."""

    text: str = field(default="", compare=False)  #: as typed
    root: Node | None = None
    excluded: tuple[Node, ...] = ()  #: a session that matches any of these is no hit
    filters: Filters = Filters()
    strict: bool = False  #: side by side means AND
    warnings: tuple[str, ...] = field(default=(), compare=False)
    words: tuple[str, ...] = field(default=(), compare=False)  #: what is looked for, as typed

    def __str__(self) -> str:
        from search.query.expression import normal_form

        return normal_form(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLimits:
    """How much of a query is taken."""

    characters: int = 2000
    terms: int = 64  #: words, in phrases too; of an unspaced run, eight characters count as one
    depth: int = 20  #: parentheses inside parentheses
    distance: int = 1000  #: of NEAR


def items_of(node: Node | None) -> tuple[Item, ...]:
    """What is looked for below this node, in order, each once; nothing below a `Not`."""
    match node:
        case None | Not():
            return ()
        case Word() | Phrase():
            return (node,)
        case Near(items=items) | Best(items=items):
            return tuple(dict.fromkeys(items))
        case And(children=children) | Or(children=children):
            found = (item for child in children for item in items_of(child))
            return tuple(dict.fromkeys(found))
