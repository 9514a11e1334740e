"""tantivy doing no more than the same kind of work: rank session documents, find up to three moments in
each of the best twenty, mark the words, count exactly.

An index of sessions (words and their positions) ranks; an index of lines, which are stored, has the
moments. Each app has its own two, as with us. The moments come by one query with the twenty sessions
as a set (at most 120 hits: a session may go without), or by twenty queries; the marks by its
SnippetGenerator, or by looking for the words in the lines found. Whatever is fastest in a class counts.

Where the work differs, the peer has less of it: it ranks a question by words and no pairs, a phrase
that crosses lines has no moment, `speaker` is somebody who was in the session, not who said the word,
a prefix is no part of the score, and no title or time is read for a session.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import tantivy

from benchmarks.search.peer_index import PARTS
from benchmarks.search.queries import LIMIT, MOMENTS

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.search.queries import Asked

VARIANTS = tuple(product(("a set", "one by one"), ("looked for", "its snippets")))
HITS_OF_SET = 120
_MUST, _SHOULD = tantivy.Occur.Must, tantivy.Occur.Should

#: A line's text, and what is marked in it.
Marked = tuple[str, list[tuple[int, int]]]
#: Lines found of a session, by its number.
Moments = dict[int, list[Marked]]


class App(NamedTuple):
    """One app's two indexes, opened."""

    sessions: tantivy.Schema
    lines: tantivy.Schema
    ranking: tantivy.Searcher
    finding: tantivy.Searcher


def opened(root: Path) -> dict[str, App]:
    """The indexes of every app in a folder."""
    found = {}
    for folder in root.iterdir():
        sessions, lines = (tantivy.Index.open(str(folder / part)) for part in PARTS)
        found[folder.name] = App(
            sessions.schema, lines.schema, sessions.searcher(), lines.searcher()
        )
    return found


class Peer:
    """The reading side."""

    def __init__(self, root: Path) -> None:
        self._apps = opened(root)

    def search(self, asked: Asked, moments: str, marks: str) -> tuple[int, Moments]:
        """How many sessions match, and the moments of the best."""
        app = self._apps[asked.app]
        found = app.ranking.search(
            ranked(app.sessions, asked),
            limit=LIMIT,
            count=True,
            order_by_field="started_at_ms" if asked.newest else None,
        )
        best: list[Any] = app.ranking.fast_field_values("number", [each for _, each in found.hits])
        query = in_lines(app.lines, asked)
        by_session: dict[int, list[tantivy.DocAddress]] = {each: [] for each in best}
        if moments == "a set":
            _by_set(app.finding, app.lines, query, by_session)
        else:
            _one_by_one(app.finding, app.lines, query, by_session)
        held = {
            number: [app.finding.doc(each) for each in addresses]
            for number, addresses in by_session.items()
        }
        documents = [each for some in held.values() for each in some]
        marked = iter(marked_in(documents, asked, marks, app, query))
        return found.count, {number: [next(marked) for _ in some] for number, some in held.items()}  # type: ignore[attr-defined]


def ranked(schema: tantivy.Schema, asked: Asked) -> tantivy.Query:
    """What finds sessions."""
    words = _words(schema, asked, "chat" if asked.kind else "text")
    return within(schema, asked, words)


def within(schema: tantivy.Schema, asked: Asked, words: tantivy.Query) -> tantivy.Query:
    """Only sessions with this speaker, and of these days."""
    conditions = [(_MUST, words)]
    if asked.speaker:
        conditions.append((_MUST, tantivy.Query.term_query(schema, "speaker", asked.speaker)))
    if asked.after_ms is not None:
        days = tantivy.Query.range_query(
            schema,
            "started_at_ms",
            tantivy.FieldType.Unsigned,
            lower_bound=asked.after_ms,
            upper_bound=asked.before_ms,
            include_upper=False,
        )
        conditions.append((_MUST, days))
    return conditions[0][1] if len(conditions) == 1 else tantivy.Query.boolean_query(conditions)


def _words(schema: tantivy.Schema, asked: Asked, field: str) -> tantivy.Query:
    make, words = tantivy.Query, list(asked.words)
    if asked.form == "phrase":
        return make.phrase_query(schema, field, [*words])
    if asked.form == "near":
        both = (words, words[::-1])
        either = [make.phrase_query(schema, field, [*each], slop=5) for each in both]
        return make.boolean_query([(_SHOULD, each) for each in either])
    if asked.form == "prefix":
        return make.regex_query(schema, field, f"{words[0]}.*")
    terms = [make.term_query(schema, field, each) for each in words]
    if len(terms) == 1:
        return terms[0]
    held = make.boolean_query([(_MUST, each) for each in terms])
    if asked.form == "all":
        return held
    parts = [(_SHOULD, each) for each in terms]
    if asked.form == "words" and len(terms) <= 3:  # those that hold all come first
        parts.append((_SHOULD, make.boost_query(held, 1000.0)))
    return make.boolean_query(parts)


def in_lines(schema: tantivy.Schema, asked: Asked) -> tantivy.Query:
    """What finds a moment: any of the words, or the phrase."""
    make = tantivy.Query
    if asked.form in {"words", "any", "all"}:
        terms = [make.term_query(schema, "text", each) for each in asked.words]
        words = make.boolean_query([(_SHOULD, each) for each in terms])
    else:
        words = _words(schema, asked, "text")
    conditions = [(_MUST, words)]
    if asked.speaker:
        conditions.append((_MUST, make.term_query(schema, "speaker", asked.speaker)))
    if asked.kind:
        conditions.append((_MUST, make.term_query(schema, "kind", asked.kind)))
    return words if len(conditions) == 1 else make.boolean_query(conditions)


def _by_set(
    searcher: tantivy.Searcher,
    schema: tantivy.Schema,
    query: tantivy.Query,
    by_session: dict[int, list[tantivy.DocAddress]],
) -> None:
    chosen = tantivy.Query.term_set_query(schema, "session", list(by_session))
    both = tantivy.Query.boolean_query([(_MUST, query), (_MUST, chosen)])
    hits = [each for _, each in searcher.search(both, limit=HITS_OF_SET, count=False).hits]
    sessions: list[Any] = searcher.fast_field_values("session", hits)
    for number, address in zip(sessions, hits, strict=True):
        if len(by_session[number]) < MOMENTS:
            by_session[number].append(address)


def _one_by_one(
    searcher: tantivy.Searcher,
    schema: tantivy.Schema,
    query: tantivy.Query,
    by_session: dict[int, list[tantivy.DocAddress]],
) -> None:
    for number, addresses in by_session.items():
        only = tantivy.Query.term_query(schema, "session", number)
        both = tantivy.Query.boolean_query([(_MUST, query), (_MUST, only)])
        addresses += [each for _, each in searcher.search(both, limit=MOMENTS, count=False).hits]


def marked_in(
    documents: list[tantivy.Document], asked: Asked, marks: str, app: App, query: tantivy.Query
) -> list[Marked]:
    """The texts of these lines, and what is marked in each."""
    if marks == "looked for":
        return _looked_for([str(each.get_first("text")) for each in documents], asked)
    generator = tantivy.SnippetGenerator.create(app.finding, query, app.lines, "text")
    return [
        (each.fragment(), [(mark.start, mark.end) for mark in each.highlighted()])
        for each in map(generator.snippet_from_doc, documents)
    ]


def _looked_for(texts: list[str], asked: Asked) -> list[Marked]:
    """Marks by finding the words in all lines at once."""
    joined = "\n".join(texts)
    folded, begins, total = joined.lower(), [0], 0
    for text in texts:
        total += len(text) + 1
        begins.append(total)
    marks: list[list[tuple[int, int]]] = [[] for _ in texts]
    for word in asked.words:
        at = folded.find(word)
        while at >= 0:
            end = at + len(word)
            whole = asked.form == "prefix" or not folded[end : end + 1].isalnum()
            if whole and (at == 0 or not folded[at - 1].isalnum()):
                line = bisect_right(begins, at) - 1
                marks[line].append((at - begins[line], end - begins[line]))
            at = folded.find(word, end)
    return list(zip(texts, marks, strict=True))
