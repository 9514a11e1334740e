"""Sessions in a list: each with its title, when it was, who spoke; and the apps they may be of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from search.lag import positions_of
from search.web.listing import listed
from search.web.pages.places import session_url
from search.web.pages.times import span_text
from search.web.pages.words import name_of, title_of
from search.web.params import SessionsRequest

if TYPE_CHECKING:
    from search.web.services import Services
    from search.web.shapes import Card

SPEAKERS_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """A session in a list."""

    url: str
    session_id: str
    title: str
    when: datetime | None
    length: str
    speakers: list[str]
    others: int  #: speakers beside those
    attachments: int


def card_view(document: Card) -> CardView:
    """A session of the API's list, as a page shows it."""
    when, ended = _time(document["started_at"]), _time(document["ended_at"])
    names = [name_of(each) for each in document["speakers"] if each.strip()]
    return CardView(
        url=session_url(document["session_id"]),
        session_id=document["session_id"],
        title=title_of(document["meeting_title"]),
        when=when,
        length=span_text(ended - when) if when and ended and ended >= when else "",
        speakers=names[:SPEAKERS_SHOWN],
        others=max(len(names) - SPEAKERS_SHOWN, 0),
        attachments=document["attachments"],
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def newest(services: Services, apps: tuple[str, ...] | None, count: int) -> list[CardView]:
    """The newest sessions. Blocks; raises what the index raises."""
    asked = SessionsRequest(
        apps=(), speaker="", after_ms=None, before_ms=None, outcome="", limit=count, cursor=""
    )
    return [card_view(each) for each in listed(services, asked, apps)[0]]


def apps_of(services: Services, scope: tuple[str, ...] | None) -> list[str]:
    """The apps there are to choose from; none where there is only one. Blocks."""
    known = set(positions_of(services.index) or _apps_in_ledger(services))
    names = sorted(each for each in known if scope is None or each in scope)
    return names if len(names) > 1 else []


def _apps_in_ledger(services: Services) -> list[str]:
    with services.reading_ledger() as there:
        return [] if there is None else there.ledger.apps()
