"""What is told of a session that a saved search found, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.model import format_time
from search.web.answers import card_answer, hit_answer

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.alerts import Search
    from search.index.seam import SessionCard
    from search.results import Hit
    from search.web import alert_shapes

#: Moments of a session that are told.
MOMENTS = 10


def told(
    search: Search, card: SessionCard, hit: Hit, public_url: str, sent_at: datetime
) -> alert_shapes.Alert:
    """The message."""
    answered = hit_answer(hit, public_url)
    return {
        "type": "session.matched",
        "version": 1,
        "sent_at": format_time(sent_at),
        "search": {"id": search.id, "name": search.name, "query": search.query},
        "session": card_answer(card, public_url),
        "matches": answered["matches"],
        "moments": answered["moments"],
    }
