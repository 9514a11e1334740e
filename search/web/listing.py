"""Sessions newest first: as the index lists them, or, by outcome, as the ledger does."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from archiver.ledger import Range
from archiver.model import to_ms
from search.index import cursors
from search.web import answers
from search.web.sessions import card_of

if TYPE_CHECKING:
    from archiver.model import Session
    from search.web.params import SessionsRequest
    from search.web.services import Services
    from search.web.shapes import Card

Listed = tuple[list["Card"], str | None]


def listed(services: Services, asked: SessionsRequest, apps: tuple[str, ...] | None) -> Listed:
    """One page of sessions, and the cursor of the next. Blocks."""
    if asked.outcome:
        return _by_outcome(services, asked, apps)
    cards, following = services.index.sessions(
        apps=apps,
        after_ms=asked.after_ms,
        before_ms=asked.before_ms,
        speaker=asked.speaker,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    public_url = services.settings.public_url
    return [answers.card_answer(each, public_url) for each in cards], following


def _by_outcome(services: Services, asked: SessionsRequest, apps: tuple[str, ...] | None) -> Listed:
    """Sessions with an artifact of this outcome: what is pending or lost may not be indexed at all."""
    belongs_to = hashlib.sha256(f"{asked.outcome} {apps}".encode()).hexdigest()[:16]
    after = cursors.decode(asked.cursor, belongs_to).after
    with services.reading_ledger() as there:
        if there is None:
            return [], None
        ledger = there.ledger
        names = tuple(ledger.apps()) if apps is None else apps
        if not names:  # to the ledger, no apps would mean all of them
            return [], None
        of = Range(apps=names, since_ms=asked.after_ms, until_ms=asked.before_ms)
        found = ledger.with_outcome(asked.outcome, of, asked.limit + 1, after)
    page = found[: asked.limit]
    following = None
    if len(found) > len(page):
        place = cursors.Cursor(after=(to_ms(page[-1].started_at), page[-1].session_id))
        following = cursors.encode(place, belongs_to)
    return [_answer(services, each) for each in page], following


def _answer(services: Services, session: Session) -> Card:
    card = card_of(services.index, session.session_id, (session.app_id,))
    public_url = services.settings.public_url
    if card is None:
        return answers.unindexed_answer(session, public_url)
    return answers.card_answer(card, public_url)
