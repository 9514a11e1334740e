"""A whole archive copied to another store, so that every promise holds there at any moment.

`format.json` first, then session by session, artifacts before inventories, then the archive's own
records. Everything is put if absent; what is there already is compared, and never overwritten.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.archive import Archive
from archiver.archive.journal import Journal
from archiver.archive.lanes import in_order
from archiver.archive.stores.store import first_key
from archiver.copying import journals
from archiver.copying.position import Checked, fingerprint
from archiver.copying.results import Copied, Moved
from archiver.copying.sessions import copy_folder
from archiver.copying.transfer import Transfer, probed
from archiver.copying.walk import Pair, side_by_side
from archiver.errors import ArchiveMismatchError, ObjectMissingError, SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine
    from pathlib import Path
    from typing import Any

    from archiver.archive.archive import LockFor
    from archiver.archive.stores import Store
    from archiver.capture import Maker
    from archiver.clock import Clock

SESSIONS_AT_ONCE = 16
#: Folders behind one that takes long wait for their line in the list of what was checked.
_FOLDERS_AHEAD = 64
_LOOKED_AT_ONCE = 32


class Copying:
    """Copies one archive to one store; nothing is written there before it is known to be fit for it."""

    def __init__(
        self,
        source: Archive,
        target: Store,
        *,
        lock_for: LockFor,
        spool: Path,
        checked: Path,
        maker: Maker,
        clock: Clock,
        sole_worker: bool = False,
        unlocked: bool = False,
        check: bool = False,
    ) -> None:
        """`checked` is the folder where it is noted what was checked; `check` looks at all of it again.

        `unlocked`: the target need not lock what is locked in the source.
        """
        self._source = source
        self._target = target
        self._lock_for = lock_for
        self._spool = spool
        self._checked = checked
        self._maker = maker
        self._clock = clock
        self._sole_worker = sole_worker
        self._unlocked = unlocked
        self._check = check
        self._turns = asyncio.Semaphore(SESSIONS_AT_ONCE)

    async def run(self, progress: Callable[[int], None] = lambda _done: None) -> Copied:
        """Copy what the target lacks; everything the source held when this began is there afterwards.

        Raises ArchiveMismatchError where the target belongs to something else, SettingsError where
        it would keep less than the source does, StoreError where a store fails: what was copied by
        then stays, and the next run goes on from there.
        """
        source, target = self._source.store, self._target
        copied = Copied(source=source.url, target=target.url, started_at=self._clock.now())
        # What is sealed by now names sessions that the listing is going to show.
        sealed = await journals.last_number(source, keys.SEALS)
        transfer = await self._prepare()
        there = await self._begin(transfer, copied)
        with Checked(self._checked, self._source.id, target.url) as checked:
            pairs = self._pairs(transfer, checked)
            async with aclosing(in_order(pairs, _FOLDERS_AHEAD)) as done:
                async for pair, moved, said in done:
                    copied.sessions += bool(pair.here and pair.here.session_id)
                    copied.add(moved)
                    if said:
                        checked.note(pair.name, said)
                    progress(copied.sessions)
        await self._finish(transfer, there, copied, sealed)
        return copied

    # ------------------------------------------------------------------ before anything is copied

    async def _prepare(self) -> Transfer:
        """Find out what the target does, and refuse one that keeps less than the source."""
        found = await probed(self._target, sole_worker=self._sole_worker)
        transfer = Transfer(
            self._source.store,
            self._target,
            lock_for=self._lock_for,
            spool=self._spool,
            clock=self._clock,
        )
        transfer.lock_by(found, unlocked=self._unlocked)
        if found.locked is False and not self._unlocked:
            key = "" if self._lock_for("") else await self._first_locked(transfer)
            if key is not None:
                what = f"{key} in {self._source.store.url} is" if key else "the settings want it"
                raise SettingsError(
                    f"{self._target.url} has no Object Lock, and {what} locked",
                    hint="use a bucket that was made with Object Lock, or say --unlocked: the record"
                    " of the copy then tells of it",
                )
        return transfer

    async def _first_locked(self, transfer: Transfer) -> str | None:
        """An object of the source whose lock still runs; None where there is none."""
        source = self._source.store
        if await source.locks() is False:
            return None

        async def is_locked(key: str) -> str:
            return key if await transfer.lock_here(key) else ""

        async def looks() -> AsyncGenerator[Coroutine[Any, Any, str]]:
            async for info in source.list(""):
                if not info.key.startswith(keys.CANARIES):
                    yield is_locked(info.key)

        async with aclosing(in_order(looks(), _LOOKED_AT_ONCE)) as found:
            async for key in found:
                if key:
                    return key
        return None

    async def _begin(self, transfer: Transfer, copied: Copied) -> Archive:
        """The archive in the target: the same one, begun by its `format.json` where there is none."""
        target, record = self._target, await self._source.store.get(keys.FORMAT_KEY)
        moved = Moved()
        found = await format_of(target)
        if found is None:
            await transfer.move_record(keys.FORMAT_KEY, record, moved, is_there=False)
        else:
            if found != record:
                raise ArchiveMismatchError(
                    f"{target.url} is another archive than {self._source.store.url}",
                    hint="copy into an empty folder or prefix",
                )
            # Looked at for its lock; that it is there was never in doubt.
            await transfer.move_record(keys.FORMAT_KEY, record, moved, is_there=True)
            moved.found = 0
        copied.add(moved)
        return await Archive.open(target, lock_for=self._lock_for)

    # ------------------------------------------------------------------ session by session

    async def _pairs(
        self, transfer: Transfer, checked: Checked
    ) -> AsyncGenerator[Coroutine[Any, Any, tuple[Pair, Moved, str]]]:
        async with aclosing(side_by_side(self._source.store, self._target)) as pairs:
            async for pair in pairs:
                yield self._copy(transfer, pair, checked.of(pair.name))

    async def _copy(self, transfer: Transfer, pair: Pair, known: str) -> tuple[Pair, Moved, str]:
        """Copy one folder, unless it is as it was when it was checked last."""
        ours = pair.here.objects if pair.here else []
        theirs = pair.there.objects if pair.there else []
        if known and not self._check and known == fingerprint(ours, theirs):
            return pair, Moved(passed=len(ours), only_there=len(theirs) - len(ours)), known
        async with self._turns:
            moved = await copy_folder(transfer, self._source.id, pair)
            if moved.problems or not ours:
                return pair, moved, ""
            if moved.copied:
                theirs = [info async for info in self._target.list(pair.name)]
        return pair, moved, fingerprint(ours, theirs)

    # ------------------------------------------------------------------ the archive's own records

    async def _finish(
        self, transfer: Transfer, there: Archive, copied: Copied, sealed: int
    ) -> None:
        """Record the copy, then bring the records over: that of this copy is among them."""
        source = self._source
        copied.finished_at = self._clock.now()
        if copied.did_something or await self._are_records_behind():
            await journals.bring_back_copies(source, there)
            link = await Journal(source, keys.COPIES).write(
                copied.body("copy"), self._maker.made(self._clock.now())
            )
            copied.record = keys.record_key(keys.COPIES, link.sequence)
        for name in journals.JOURNALS:
            until = sealed if name == keys.SEALS else 10**12
            copied.add(
                await journals.copy_journal(
                    transfer, source, there, name, until=until, check=self._check
                )
            )
            copied.add(await journals.copy_others(transfer, name))
        copied.left = max(await journals.last_number(source.store, keys.SEALS) - sealed, 0)

    async def _are_records_behind(self) -> bool:
        for name in journals.JOURNALS:
            ours = await journals.last_number(self._source.store, name)
            if ours != await journals.last_number(self._target, name):
                return True
        return False


async def format_of(target: Store) -> bytes | None:
    """What an archive begins with; None where there is nothing at all.

    Raises ArchiveMismatchError where there is something, and no archive.
    """
    try:
        return await target.get(keys.FORMAT_KEY)
    except ObjectMissingError:
        key = await first_key(target)
    if key is None:
        return None
    try:
        return await target.get(keys.FORMAT_KEY)  # somebody else may have begun it in between
    except ObjectMissingError:
        raise ArchiveMismatchError(
            f"{target.url} holds {key!a}, and is no archive",
            hint="copy into an empty folder or prefix",
        ) from None
