"""What a speaker or a meeting that is being typed may be called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.text import phrase_terms

if TYPE_CHECKING:
    from migrations.sqlite import Connection

FIELDS = ("speaker", "meeting")

_STATEMENTS = {
    "speaker": "select name, sum(sessions) from speaker"
    " where id in (select rowid from names where names match ?)"
    " group by name order by 2 desc, 1 limit ?",
    "meeting": "select title, count(*) from session"
    " where id in (select rowid from titles where titles match ?)"
    " group by title order by 2 desc, 1 limit ?",
}


def completions(db: Connection, field: str, text: str, limit: int) -> list[tuple[str, int]]:
    """Names or titles that hold these words, the last of them as a beginning; by how many sessions."""
    terms, _ = phrase_terms(text)
    if not terms:
        return []
    expression = f'"{" ".join(terms)}"*'
    return [(row[0], int(row[1])) for row in db.execute(_STATEMENTS[field], [expression, limit])]
