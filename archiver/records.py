"""Between the ledger's states and the inventory's entries: the same facts in two spellings; pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archiver.archive.canonical import lock_document
from archiver.archive.inventory import IMPORT, Entry, Inventory
from archiver.model import ArtifactId, Fetched, Outcome, format_time, parse_time
from archiver.schedule import ArtifactState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from archiver.archive.stores import Stored


_KNOWN = frozenset(each.value for each in Outcome)


def entry_of(state: ArtifactState) -> Entry:
    """The entry of an artifact that has no object, or whose object an earlier entry names."""
    pending = state.outcome is Outcome.PENDING
    return Entry(
        artifact=state.artifact,
        outcome=state.outcome,
        reason="" if pending else state.reason,
        attempts=_attempts(state),
    )


def stored_entry(state: ArtifactState, fetched: Fetched, name: str, stored: Stored) -> Entry:
    """The entry of an artifact whose bytes were stored just now."""
    source = {"date": fetched.source_date, "etag": fetched.source_etag}
    store = {"date": stored.date, "etag": stored.etag, "version_id": stored.version_id}
    return Entry(
        artifact=state.artifact,
        outcome=state.outcome,
        name=name,
        size_bytes=fetched.size_bytes,
        digest=fetched.digest,
        encoding=fetched.encoding,
        media_type=_ascii(fetched.media_type),
        host=fetched.host,
        fetched_at=format_time(fetched.fetched_at),
        source={key: _ascii(value) for key, value in source.items() if value},
        store={key: value for key, value in store.items() if value},
        lock=lock_document(stored.lock),
        attempts=_attempts(state),
    )


def _ascii(header: str) -> str:
    """A header as served, cut to what a record may hold."""
    return header.encode("ascii", "replace").decode()[:200]


def _attempts(state: ArtifactState) -> dict[str, object]:
    if state.first_attempt_at is None or state.last_attempt_at is None:
        return {}
    return {
        "first_at": format_time(state.first_attempt_at),
        "last_at": format_time(state.last_attempt_at),
        "count": state.attempts,
        "last_status": state.last_status,
    }


def states_of(inventory: Inventory, now: datetime) -> dict[ArtifactId, ArtifactState]:
    """The states an inventory tells of, for the known outcomes; what is not settled is due now.

    After a tombstone nothing is: whatever it says, it is the end.
    """
    if inventory.tombstone:
        return {
            each.artifact: ArtifactState(artifact=each.artifact, outcome=Outcome.DESTROYED)
            for each in inventory.entries
        }
    states = {
        entry.artifact: _state_of(entry)
        if not is_still_asked_for(entry, inventory, now)
        else ArtifactState(artifact=entry.artifact)
        for entry in inventory.entries
        if entry.outcome in _KNOWN
    }
    return {
        artifact: due_again(state, now, inventory.session.final_at)
        for artifact, state in states.items()
    }


def is_still_asked_for(entry: Entry, inventory: Inventory, now: datetime) -> bool:
    """Whether an artifact that was imported is one the source may still serve itself."""
    return entry.origin == IMPORT and now < inventory.session.final_at


def due_again(state: ArtifactState, now: datetime, final_at: datetime) -> ArtifactState:
    """The state, due at once if it is one that is still looked at."""
    if state.outcome is Outcome.PENDING or (state.outcome is Outcome.EMPTY and now < final_at):
        return replace(state, next_attempt_at=now)
    return state


def _state_of(entry: Entry) -> ArtifactState:
    attempts = entry.attempts
    return ArtifactState(
        artifact=entry.artifact,
        outcome=Outcome(entry.outcome),
        reason=entry.reason,
        digest=entry.digest,
        size_bytes=entry.size_bytes,
        attempts=_count(attempts.get("count")),
        first_attempt_at=_time(attempts.get("first_at")),
        last_attempt_at=_time(attempts.get("last_at")),
        last_status=str(attempts.get("last_status", "")),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _time(value: object) -> datetime | None:
    try:
        return parse_time(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _stored_elsewhere(
    recorded: ArtifactState, own: ArtifactState, inventory: Inventory, now: datetime
) -> ArtifactState:
    """What is recorded, with how often we asked ourselves and when we ask again."""
    if recorded.outcome is not Outcome.EMPTY or own.outcome is not Outcome.EMPTY:
        return due_again(recorded, now, inventory.session.final_at)
    return replace(recorded, attempts=own.attempts, next_attempt_at=own.next_attempt_at)


def adopt_entries(
    states: Mapping[ArtifactId, ArtifactState], inventory: Inventory, now: datetime
) -> dict[ArtifactId, ArtifactState]:
    """These states, brought in line with what the inventory says is stored."""
    if inventory.tombstone:
        return states_of(inventory, now)
    merged = dict(states)
    for entry in inventory.entries:
        state = merged.get(entry.artifact)
        if state is None or entry.outcome not in _KNOWN:
            continue
        if is_still_asked_for(entry, inventory, now) and state.outcome is Outcome.PENDING:
            continue
        recorded = _state_of(entry)
        if entry.has_object and state.digest != entry.digest:
            merged[entry.artifact] = _stored_elsewhere(recorded, state, inventory, now)
        elif entry.has_object and recorded.outcome == state.outcome:
            merged[entry.artifact] = replace(state, reason=recorded.reason)
        elif recorded.settled and not entry.has_object and recorded.outcome != state.outcome:
            merged[entry.artifact] = recorded
    return merged
