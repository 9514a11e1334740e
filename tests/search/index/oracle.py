"""What a query means, by looking at every word of every session: slow, and plainly right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from search.query import And, Best, Near, Node, Not, Or, Phrase, Word
from search.stopwords import is_function_word
from search.text import phrase_terms, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

    from search.index.seam import Document
    from search.query import Filters, Item, Query

KINDS = ("transcript", "chat", "summary")


class Spoken(NamedTuple):
    """One line of a session."""

    kind: str
    speaker: str
    ids: frozenset[str]
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What there is to know of one session that is found."""

    holds_all: bool
    lines: int


def spoken(document: Document) -> list[Spoken]:
    """The lines of a session, in order."""
    found: list[Spoken] = []

    def add(kind: str, speaker: str, text: str, *ids: str) -> None:
        terms = tuple(each.term for each in tokens(text))
        others = (
            each
            for one in document.participants
            if one.user_id in ids
            for each in (one.custom_id, one.peer_id)
        )
        found.append(Spoken(kind, speaker, frozenset((*ids, *others)) - {""}, terms))

    for said in document.transcript.utterances if document.transcript else ():
        add("transcript", said.speaker, said.text, said.participant_id, said.custom_id)
    for typed in document.chat.messages if document.chat else ():
        add("chat", typed.speaker, typed.text, typed.participant_id)
    for text in document.summary.text.splitlines() if document.summary else ():
        if text.strip():
            add("summary", "", text)
    return found


def judge(query: Query, document: Document, match: str = "best") -> Verdict | None:
    """Whether this query finds this session, and how."""
    filters = query.filters
    if not _session_passes(filters, document):
        return None
    lines = [each for each in spoken(document) if _line_passes(filters, each)]
    by_line = _names_people(filters)
    texts = [each.terms for each in lines] if by_line else _by_kind(lines)
    root, wanted = _root(query.root)
    names_lines = by_line or bool(filters.kinds or filters.excluded_kinds)
    if root is None and names_lines and not lines:
        return None
    if any(_holds(each, texts) for each in query.excluded):
        return None
    if root is not None and not _holds(root, texts):
        return None
    holds_all = not isinstance(root, Best) or all(_holds(each, texts) for each in wanted)
    if match == "all" and not holds_all:
        return None
    count = sum(
        any(_starts(item, line.terms) for item in wanted) if wanted else names_lines
        for line in lines
    )
    return Verdict(holds_all, count)


def _names_people(filters: Filters) -> bool:
    return bool(
        filters.speakers
        or filters.participants
        or filters.excluded_speakers
        or filters.excluded_participants
    )


def _by_kind(lines: list[Spoken]) -> list[tuple[str, ...]]:
    """Words run on from one line to the next, never from one kind to another."""
    return [
        tuple(term for line in lines if line.kind == kind for term in line.terms) for kind in KINDS
    ]


# ---------------------------------------------------------------------------------------- filters


def _session_passes(filters: Filters, document: Document) -> bool:
    started = document.started_at_ms
    return (
        _chosen(document.app_id, filters.apps, filters.excluded_apps)
        and _chosen(document.session_id, filters.sessions, filters.excluded_sessions)
        and (not filters.meetings or _is_meeting(document, filters.meetings))
        and not _is_meeting(document, filters.excluded_meetings)
        and (filters.after_ms is None or started >= filters.after_ms)
        and (filters.before_ms is None or started < filters.before_ms)
    )


def _chosen(value: str, wanted: Iterable[str], unwanted: Iterable[str]) -> bool:
    return (not wanted or value in wanted) and value not in unwanted


def _is_meeting(document: Document, names: Iterable[str]) -> bool:
    return any(each == document.meeting_id or _named(document.title, each) for each in names)


def _line_passes(filters: Filters, line: Spoken) -> bool:
    ids = line.ids
    return (
        _chosen(line.kind, filters.kinds, filters.excluded_kinds)
        and (not filters.speakers or any(_named(line.speaker, each) for each in filters.speakers))
        and not any(_named(line.speaker, each) for each in filters.excluded_speakers)
        and (not filters.participants or bool(ids & set(filters.participants)))
        and not ids & set(filters.excluded_participants)
    )


def _named(name: str, words: str) -> bool:
    terms, prefix = phrase_terms(words)
    return bool(terms) and bool(
        _starts(Phrase(terms, prefix), tuple(each.term for each in tokens(name)))
    )


# ------------------------------------------------------------------------------------------ words


def _root(root: Node | None) -> tuple[Node | None, tuple[Item, ...]]:
    """The query without its function words, unless it has no others; and what shows a line."""
    if isinstance(root, Best):
        content = tuple(each for each in root.items if not _is_function(each)) or root.items
        return Best(content), content
    return root, tuple(_positive(root))


def _is_function(item: Item) -> bool:
    return isinstance(item, Word) and not item.prefix and all(map(is_function_word, item.terms))


def _positive(node: Node | None) -> Iterable[Item]:
    match node:
        case Word() | Phrase():
            yield node
        case Near(items=items) | Best(items=items):
            yield from items
        case And(children=children) | Or(children=children):
            for child in children:
                yield from _positive(child)
        case _:
            return


def _holds(node: Node, texts: list[tuple[str, ...]]) -> bool:
    match node:
        case Word() | Phrase():
            return any(_starts(node, text) for text in texts)
        case Near(items=items, distance=distance):
            return any(_near(items, distance, text) for text in texts)
        case And(children=children):
            return all(_holds(each, texts) for each in children)
        case Or(children=children) | Best(items=children):
            return any(_holds(each, texts) for each in children)
        case Not(child=child):
            return not _holds(child, texts)


def _starts(item: Item, text: tuple[str, ...]) -> list[int]:
    """Where the item stands among these terms."""
    *head, last = item.terms
    length = len(item.terms)
    return [
        at
        for at in range(len(text) - length + 1)
        if list(text[at : at + length - 1]) == head
        and (
            text[at + length - 1].startswith(last) if item.prefix else text[at + length - 1] == last
        )
    ]


def _near(items: tuple[Item, ...], distance: int, text: tuple[str, ...]) -> bool:
    """Whether all stand so that at most `distance` terms lie between any of them and the last."""
    places = [_starts(each, text) for each in items]
    lengths = [len(each.terms) for each in items]
    return any(
        all(
            any(at <= last and last - (at + length) <= distance for at in each)
            for each, length in zip(places, lengths, strict=True)
        )
        for last in sorted({at for each in places for at in each})
    )
