"""tantivy doing the same work: rank session documents, find up to three moments in each of the best
twenty, mark the words, count exactly.

A lean index of sessions (positions, nothing stored) ranks; an index of lines (stored) has the moments.
Each app has its own two, as with us. The moments come by one query with the twenty sessions as a set
(at most 120 hits: a session may go without), or by twenty queries; the marks by its SnippetGenerator,
or by looking for the words in the lines found. Whatever is fastest in a class counts.

Where the work differs, the peer has less of it: it ranks a question by words and no pairs, a phrase
that crosses lines has no moment, `speaker` is somebody who was in the session, not who said the word,
a prefix is no part of the score, and no title or time is read for a session.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import product
from typing import TYPE_CHECKING, Any

import tantivy

from benchmarks.corpus import text_of
from benchmarks.search.queries import LIMIT, MOMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.search.queries import Asked
    from search.index.seam import Document

VARIANTS = tuple(product(("a set", "one by one"), ("looked for", "its snippets")))
HITS_OF_SET = 120
_HEAP_BYTES = 256 * 2**20
_MUST, _SHOULD = tantivy.Occur.Must, tantivy.Occur.Should

#: Lines found of a session, by its number, with what is marked in each.
Moments = dict[int, list[tuple[str, list[tuple[int, int]]]]]


def _session_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text")
    builder.add_text_field("chat")
    builder.add_text_field("speaker", tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("number", fast=True)
    builder.add_unsigned_field("started_at_ms", fast=True, indexed=True)
    return builder.build()


def _line_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", stored=True)
    builder.add_text_field("speaker", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("kind", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("session", fast=True, indexed=True)
    builder.add_unsigned_field("start_ms", stored=True)
    return builder.build()


class _Writer:
    """One app's two indexes, written by one thread each."""

    def __init__(self, folder: Path) -> None:
        self._writers = []
        for name, schema in (("sessions", _session_schema()), ("lines", _line_schema())):
            (folder / name).mkdir(parents=True)
            index = tantivy.Index(schema, path=str(folder / name))
            self._writers.append(index.writer(heap_size=_HEAP_BYTES, num_threads=1))
        self._sessions, self._lines = self._writers

    def put(self, number: int, document: Document) -> None:
        made = tantivy.Document()
        made.add_text("text", "\n".join(text_of(document)))
        made.add_unsigned("number", number)
        made.add_unsigned("started_at_ms", document.started_at_ms)
        for name in dict.fromkeys(each.name for each in document.participants):
            made.add_text("speaker", name)
        for said in document.transcript.utterances if document.transcript else ():
            self._put_line(number, "transcript", said.speaker, said.start_ms, said.text)
        for typed in document.chat.messages if document.chat else ():
            made.add_text("chat", typed.text)
            self._put_line(number, "chat", typed.speaker, typed.at_ms or 0, typed.text)
        for text in document.summary.text.splitlines() if document.summary else ():
            self._put_line(number, "summary", "", 0, text)
        self._sessions.add_document(made)

    def _put_line(self, number: int, kind: str, speaker: str, start_ms: int, text: str) -> None:
        made = tantivy.Document()
        made.add_text("text", text)
        made.add_text("speaker", speaker)
        made.add_text("kind", kind)
        made.add_unsigned("session", number)
        made.add_unsigned("start_ms", start_ms)
        self._lines.add_document(made)

    def close(self) -> None:
        for writer in self._writers:
            writer.commit()
            writer.wait_merging_threads()


def build(root: Path, documents: Iterable[Document]) -> None:
    """Index these sessions in this folder."""
    writers: dict[str, _Writer] = {}
    for number, document in enumerate(documents):
        app_id = document.app_id
        if app_id not in writers:
            writers[app_id] = _Writer(root / app_id)
        writers[app_id].put(number, document)
    for writer in writers.values():
        writer.close()


class Peer:
    """The reading side."""

    def __init__(self, root: Path) -> None:
        self._apps = {
            folder.name: tuple(tantivy.Index.open(str(folder / part)) for part in _PARTS)
            for folder in root.iterdir()
        }
        self._searchers = {
            app_id: tuple(index.searcher() for index in indexes)
            for app_id, indexes in self._apps.items()
        }

    def search(self, asked: Asked, moments: str, marks: str) -> tuple[int, Moments]:
        """How many sessions match, and the moments of the best."""
        sessions, lines = self._apps[asked.app]
        ranking, finding = self._searchers[asked.app]
        found = ranking.search(
            _ranked(sessions.schema, asked),
            limit=LIMIT,
            count=True,
            order_by_field="started_at_ms" if asked.newest else None,
        )
        best: list[Any] = ranking.fast_field_values("number", [each for _, each in found.hits])
        query = _in_lines(lines.schema, asked)
        by_session: dict[int, list[tantivy.DocAddress]] = {each: [] for each in best}
        if moments == "a set":
            _by_set(finding, lines.schema, query, by_session)
        else:
            _one_by_one(finding, lines.schema, query, by_session)
        held = {
            number: [finding.doc(each) for each in addresses]
            for number, addresses in by_session.items()
        }
        if marks == "looked for":
            return found.count, _looked_for(held, asked)  # type: ignore[attr-defined]
        generator = tantivy.SnippetGenerator.create(finding, query, lines.schema, "text")
        return found.count, _snippets(held, generator)  # type: ignore[attr-defined]


_PARTS = ("sessions", "lines")


def _ranked(schema: tantivy.Schema, asked: Asked) -> tantivy.Query:
    conditions = [(_MUST, _words(schema, asked, "chat" if asked.kind else "text"))]
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


def _in_lines(schema: tantivy.Schema, asked: Asked) -> tantivy.Query:
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


def _looked_for(held: dict[int, list[tantivy.Document]], asked: Asked) -> Moments:
    """Marks by finding the words in all lines at once."""
    texts = [str(each.get_first("text")) for documents in held.values() for each in documents]
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
    marked = iter(zip(texts, marks, strict=True))
    return {number: [next(marked) for _ in documents] for number, documents in held.items()}


def _snippets(
    held: dict[int, list[tantivy.Document]], generator: tantivy.SnippetGenerator
) -> Moments:
    made = {
        number: [generator.snippet_from_doc(each) for each in documents]
        for number, documents in held.items()
    }
    return {
        number: [
            (each.fragment(), [(mark.start, mark.end) for mark in each.highlighted()])
            for each in snippets
        ]
        for number, snippets in made.items()
    }
