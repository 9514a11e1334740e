"""What tantivy keeps of a corpus: of each app an index of sessions, which rank, and one of lines.

A session has its words, who was there and when it began, a line its text; what else is told of either
stands in one stored field each, which is the quickest to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tantivy

from benchmarks.corpus import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from search.index.seam import Document

PARTS = ("sessions", "lines")
_BETWEEN = "\t"
_HEAP_BYTES = 256 * 2**20


def about(document: tantivy.Document) -> list[str]:
    """What is told of a session or of a line, in the order of its schema."""
    stored = document.get_first("about")
    assert isinstance(stored, bytes)
    return stored.decode().split(_BETWEEN)


def _session_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text")
    builder.add_text_field("chat")
    builder.add_text_field("speaker", tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("number", fast=True, indexed=True)
    builder.add_unsigned_field("started_at_ms", fast=True, indexed=True)
    # Its number, its ids, its title, and when it began and ended.
    builder.add_bytes_field("about", stored=True)
    return builder.build()


def _line_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", stored=True)
    builder.add_text_field("speaker", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("kind", tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("session", fast=True, indexed=True)
    # Its number in the session, its kind, who said it, and from when to when.
    builder.add_bytes_field("about", stored=True)
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
        for typed in document.chat.messages if document.chat else ():
            made.add_text("chat", typed.text)
        _tell(
            made,
            number,
            document.session_id,
            document.meeting_id,
            document.title,
            document.started_at_ms,
            document.ended_at_ms or "",
        )
        self._sessions.add_document(made)
        for line, (text, kind, speaker, *times_ms) in enumerate(_lines_of(document)):
            made = tantivy.Document()
            made.add_text("text", text)
            made.add_text("speaker", speaker)
            made.add_text("kind", kind)
            made.add_unsigned("session", number)
            _tell(made, line, kind, speaker, *times_ms)
            self._lines.add_document(made)

    def close(self) -> None:
        for writer in self._writers:
            writer.commit()
            writer.wait_merging_threads()


def _tell(made: tantivy.Document, *what: object) -> None:
    made.add_bytes("about", _BETWEEN.join(map(str, what)).encode())


def _lines_of(document: Document) -> Iterator[tuple[str, str, str, int, int]]:
    """Each line's text, kind and speaker, and from when to when it lasts."""
    for said in document.transcript.utterances if document.transcript else ():
        yield said.text, "transcript", said.speaker, said.start_ms, said.end_ms or said.start_ms
    for typed in document.chat.messages if document.chat else ():
        yield typed.text, "chat", typed.speaker, typed.at_ms or 0, typed.at_ms or 0
    for text in document.summary.text.splitlines() if document.summary else ():
        yield text, "summary", "", 0, 0


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
