"""Finding one session in all that knows of it: the index, the ledger, and its newest inventory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.model import Session, from_ms
from search.errors import IndexMissingError, SessionMissingError

if TYPE_CHECKING:
    from archiver.archive.inventory import Inventory
    from archiver.ledger import SessionState
    from search.index.seam import SessionCard
    from search.web.services import AppRequest, Services

SESSION_ID_LIMIT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A session, by what is known of it."""

    session: Session
    card: SessionCard | None  #: None: not indexed yet, or nothing in it to index
    state: SessionState | None  #: looked up only where there is no card or no inventory
    inventory: Inventory | None


async def find(request: AppRequest) -> Found:
    """The session the path names; raises SessionMissingError where none may be seen by this id."""
    services, threads = request.state["services"], request.state["threads"]
    session_id, apps = session_id_of(request), request.state["apps"]
    card = await threads.run(lambda: _card(services, session_id, apps))
    state = None
    if card is None:
        state = await threads.run(lambda: _state(services, session_id, apps))
        if state is None:
            raise missing(session_id)
    session = state.session if state is not None else _session_of(card)
    inventory = await _inventory(services, session)
    if inventory is None and state is None:
        state = await threads.run(lambda: _state(services, session_id, (session.app_id,)))
    return Found(session=session, card=card, state=state, inventory=inventory)


def session_id_of(request: AppRequest) -> str:
    """The session id in the path."""
    session_id = str(request.path_params["session_id"])
    if len(session_id) > SESSION_ID_LIMIT:
        raise missing(session_id)
    return session_id


def missing(session_id: str) -> SessionMissingError:
    """The error for a session that is not there, or may not be seen: the two look the same."""
    return SessionMissingError(f"there is no session {session_id[:100]!a}")


def _card(services: Services, session_id: str, apps: tuple[str, ...] | None) -> SessionCard | None:
    try:
        return services.index.session(session_id, apps=apps)
    except IndexMissingError:
        return None  # the first session may well be archived before there is an index


def _state(
    services: Services, session_id: str, apps: tuple[str, ...] | None
) -> SessionState | None:
    with services.reading_ledger() as there:
        if there is None:
            return None
        ledger = there.ledger
        found = [each for each in ledger.find(session_id) if apps is None or each.app_id in apps]
        return ledger.state(found[0]) if found else None


def _session_of(card: SessionCard | None) -> Session:
    """What the index knows of a session, enough to find its folder."""
    assert card is not None
    started_at = from_ms(card.started_at_ms)
    return Session(
        app_id=card.app_id,
        session_id=card.session_id,
        meeting_id=card.meeting_id,
        started_at=started_at,
        ended_at=None if card.ended_at_ms is None else from_ms(card.ended_at_ms),
        created_at=started_at,
        ended=True,
    )


async def _inventory(services: Services, session: Session) -> Inventory | None:
    if services.archive is None:
        return None
    committed = await services.archive.newest(session)
    return committed.inventory if committed is not None else None
