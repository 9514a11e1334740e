"""What is told of a session that was found, beside where it matches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations.sqlite import rows_in
from search.index.cache import Card

if TYPE_CHECKING:
    from migrations.sqlite import Connection
    from search.index.view import View


_SELECT = "select id, session_id, meeting_id, title, ended_at_ms from session where id in"


def cards_of(db: Connection, view: View, rows: list[int]) -> dict[int, Card]:
    """What is told of these sessions; what has to be read is kept for whoever asks next."""
    cache, keys = view.caches.cards, view.keys(rows)
    known = dict(zip(rows, map(cache.get, keys), strict=True))
    found = {row_id: card for row_id, card in known.items() if card is not None}
    if len(found) < len(known):
        for row_id, *rest in rows_in(db, _SELECT, [each for each in rows if each not in found]):
            found[row_id] = card = Card(*rest)
            cache.put(view.key(row_id), card)
    return found
