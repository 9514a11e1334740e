"""One session in all that knows of it: the index, the ledger, and its newest inventory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.model import Session, from_ms
from search.errors import IndexDamagedError, IndexMissingError, SessionMissingError
from search.web import answers
from search.web.errors import ArtifactMissingError

if TYPE_CHECKING:
    from archiver.archive.inventory import Inventory
    from archiver.ledger import SessionState
    from search.formats import Participant
    from search.index.seam import IndexReader, Line, SessionCard
    from search.web import shapes
    from search.web.services import Asking, Services

SESSION_ID_LIMIT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A session, by what is known of it."""

    session: Session
    card: SessionCard | None  #: None: not indexed yet, or nothing in it to index
    state: SessionState | None  #: looked up only where there is no card or no inventory
    inventory: Inventory | None


async def find(asking: Asking, session_id: str) -> Found:
    """The session of this id; raises SessionMissingError where none may be seen by it."""
    services, threads, apps = asking["services"], asking["threads"], asking["apps"]
    _check(session_id)
    card = await threads.run(lambda: card_of(services.index, session_id, apps))
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


def _check(session_id: str) -> None:
    if len(session_id) > SESSION_ID_LIMIT:
        raise missing(session_id)


def missing(session_id: str) -> SessionMissingError:
    """The error for a session that is not there, or may not be seen: the two look the same."""
    return SessionMissingError(f"there is no session {session_id[:100]!a}")


def card_of(
    index: IndexReader, session_id: str, apps: tuple[str, ...] | None
) -> SessionCard | None:
    """What the index tells of a session; None where it holds none, or cannot be used. Blocks.

    The first session may well be archived before there is an index, and what is archived can be had
    while the index is made again.
    """
    try:
        return index.session(session_id, apps=apps)
    except (IndexMissingError, IndexDamagedError):
        return None


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


# ---------------------------------------------------------------------- what is told of it


async def session_answer(asking: Asking, session_id: str) -> shapes.Session:
    """The session of this id, its participants and artifacts; raises as `find` does."""
    services = asking["services"]
    found = await find(asking, session_id)
    participants: list[Participant] = []
    if (card := found.card) is not None:
        participants = await asking["threads"].run(lambda: services.index.participants(card))
    return {
        "session": _about(found, services.settings.public_url),
        "participants": [answers.participant_answer(each) for each in participants],
        "artifacts": _artifacts(found, services.settings.public_url),
    }


def _about(found: Found, public_url: str) -> shapes.IndexedCard:
    inventory = found.inventory
    return {
        **(
            answers.unindexed_answer(found.session, public_url)
            if found.card is None
            else answers.card_answer(found.card, public_url)
        ),
        "indexed": found.card is not None,
        "inventory_version": inventory.version if inventory is not None else None,
    }


def _artifacts(found: Found, public_url: str) -> list[shapes.Artifact]:
    """From the newest inventory; from the ledger where there is none to look at."""
    if found.inventory is not None:
        session_id = found.session.session_id
        entries = found.inventory.entries
        return [answers.entry_answer(each, session_id, public_url) for each in entries]
    states = found.state.states.values() if found.state is not None else ()
    return [answers.state_answer(each) for each in states]


async def lines_of(asking: Asking, session_id: str, kind: str) -> tuple[SessionCard, list[Line]]:
    """What the session of this id holds of this kind.

    Raises ArtifactMissingError where that is nothing, SessionMissingError as `find` does.
    """
    index, apps = asking["services"].index, asking["apps"]
    _check(session_id)

    def read() -> tuple[SessionCard, list[Line]] | None:
        card = index.session(session_id, apps=apps)
        return None if card is None else (card, index.lines(card, kind))

    found = await asking["threads"].run(read)
    if found is None:
        await find(asking, session_id)  # raises unless it is archived or expected
        raise ArtifactMissingError("this session is not indexed yet")
    if not found[1]:
        raise ArtifactMissingError(
            f"this session has no {kind} that could be read",
            hint=f"/v1/sessions/{session_id} says what became of it",
        )
    return found
