"""The inventory of an attempt: the next version of its session's chain, whoever else writes it too."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.canonical import lock_document
from archiver.archive.inventory import Entry, Inventory
from archiver.archive.versions import next_version
from archiver.errors import CommitConflictError, InventoryError
from archiver.model import SUMMARY, Outcome
from archiver.records import entry_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from archiver.archive.archive import Archive
    from archiver.archive.chains import Committed
    from archiver.capture.maker import Maker
    from archiver.model import ArtifactId, Session
    from archiver.schedule import ArtifactState, Expectation

log = logging.getLogger("archiver.capture")

#: A race for an inventory version is run again this often before the session waits for its next turn.
COMMIT_TRIES = 5


class Commits:
    """Writes inventories, under the settings that decide what is expected of a session."""

    def __init__(self, *, archive: Archive, expectation: Expectation, maker: Maker) -> None:
        self._archive = archive
        self._expectation = expectation
        self._maker = maker

    async def commit(
        self,
        session: Session,
        states: Mapping[ArtifactId, ArtifactState],
        stored: Mapping[ArtifactId, Entry],
        now: datetime,
        *,
        known: bool,
        asked: Iterable[int] = (),
    ) -> Committed | None:
        """Write the next inventory; the race for it is run again while somebody else is faster.

        `stored` has the entries of what this attempt put; `known` says whether the session is known
        to have an inventory, `asked` which requests for a summary are recorded. Returns the newest there is afterwards. Raises CommitConflictError
        where others are faster too often, InventoryError where the chain is broken.
        """
        entries = tuple(
            _asked(_decided(stored.get(artifact), state), asked)
            for artifact, state in states.items()
        )
        base = self._base(session, now)
        # A session nobody is known to have recorded is recorded at once: if somebody did, this put is
        # refused, and the next try starts from theirs.
        current = await self._archive.newest(session) if known else None
        for _ in range(COMMIT_TRIES):
            _refuse_nameless(entries, current, session)
            pair = (current.inventory, current.digest) if current else None
            inventory = next_version(pair, base, entries)
            if inventory is None:
                return current
            try:
                committed = await self._archive.commit(inventory)
                _tell_of_less(inventory, current)
                return committed
            except CommitConflictError:
                current = await self._archive.newest(session)
        raise CommitConflictError(
            f"{keys.folder(session.id, session.started_at)} is written by others too often"
        )

    def _base(self, session: Session, now: datetime) -> Inventory:
        expectation = self._expectation
        lock = self._archive.lock_for(session.app_id)
        return Inventory(
            archive_id=self._archive.id,
            account=self._archive.origin.account,
            session=session,
            version=1,
            previous="",
            entries=(),
            made=self._maker.made(now),
            settings={
                "formats": [str(each) for each in expectation.formats],
                "summaries": expectation.summaries,
                "peer_reports": "on" if expectation.peer_reports else "off",
                # What this very record is put under: it cannot tell what is read back of itself.
                **({"lock": lock_document(lock)} if lock else {}),
            },
        )


def _tell_of_less(inventory: Inventory, before: Committed | None) -> None:
    """The alarm for a body that came later and held less: it is kept, and never takes the place."""
    held = before.inventory if before else None
    for entry in inventory.entries:
        known = held.entry(entry.artifact) if held else None
        if len(entry.later) > len(known.later if known else ()):
            log.warning(
                "artifact.less_came_later",
                extra={"session": inventory.session.session_id, "artifact": str(entry.artifact)},
            )


def _decided(entry: Entry | None, state: ArtifactState) -> Entry:
    """The entry of an artifact: as stored in this attempt, with the outcome of its conclusion."""
    if entry is None:
        return entry_of(state)
    if (entry.outcome, entry.reason) == (state.outcome, state.reason):
        return entry
    return replace(entry, outcome=state.outcome, reason=state.reason)


def _asked(entry: Entry, numbers: Iterable[int]) -> Entry:
    """A summary's entry names the requests for it that are recorded in the folder."""
    recorded = sorted(numbers)
    if entry.artifact != SUMMARY or not recorded:
        return entry
    return replace(entry, attempts={**entry.attempts, "requests": recorded})


def _refuse_nameless(
    entries: tuple[Entry, ...], current: Committed | None, session: Session
) -> None:
    """An inventory never says that something is stored without naming it."""
    held = current.inventory if current else None
    for entry in entries:
        if entry.outcome not in {Outcome.ARCHIVED, Outcome.EMPTY} or entry.has_object:
            continue
        before = held.entry(entry.artifact) if held else None
        if before is None or not before.has_object:
            raise InventoryError(
                f"the inventory that named {entry.artifact} of {session.session_id} is gone",
                hint="run `rtk-archive verify`, then `rtk-archive rebuild ledger`",
            )
