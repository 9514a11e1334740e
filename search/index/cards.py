"""What is told of a session that was found, beside where it matches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations.sqlite import rows_in
from search.index.cache import Card

if TYPE_CHECKING:
    from migrations.sqlite import Connection
    from search.index.view import View


def cards_of(db: Connection, view: View, rows: list[int]) -> list[Card]:
    """What is told of these sessions; what has to be read is kept for whoever asks next."""
    cache = view.caches.cards
    known = [cache.get(view.key(each)) for each in rows]
    found = [each for each in known if each is not None]
    unknown = [row_id for row_id, card in zip(rows, known, strict=True) if card is None]
    columns = "id, session_id, meeting_id, title, ended_at_ms"
    for row in rows_in(db, f"select {columns} from session where id in", unknown):
        card = Card(*row)
        cache.put(view.key(card.row_id), card)
        found.append(card)
    return found
