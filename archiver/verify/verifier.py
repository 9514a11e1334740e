"""Going through the bucket: from where it was left, a part at a time, every part held to its records."""

from __future__ import annotations

import json
import random
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

from archiver.archive import keys
from archiver.archive.folders import folders
from archiver.archive.journal import BEGINNING
from archiver.archive.lanes import in_order
from archiver.clock import SystemClock
from archiver.errors import StoreError
from archiver.ledger.roster import Promise, Roster
from archiver.model import format_time
from archiver.verify.findings import Damage, Verification
from archiver.verify.folders import FolderCheck, accuse_later
from archiver.verify.journals import OTHERS, JournalCheck, Told

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from archiver.archive.archive import Archive
    from archiver.archive.folders import Folder
    from archiver.archive.journal import Link
    from archiver.archive.stores import ObjectInfo
    from archiver.clock import Clock
    from archiver.ledger import Ledger
    from archiver.model import SessionId
    from archiver.verify.folders import Checked

#: Folders under way at the same time.
LANES = 16
#: How far it has come is kept this often.
SAVE_EVERY = 200
#: Sorts behind every name an object has.
_BEHIND_ALL = "~" * 8
#: By then every session that the source listed has an inventory, even if nothing was had.
ACCOUNTED_AFTER = timedelta(days=8)
#: An upload that is younger may be under way.
UPLOAD_MAX = timedelta(hours=24)
PROMISES_AT_ONCE = 1000


#: A folder, and what was found in it; nothing of what lies in no session's folder.
Looked: TypeAlias = "tuple[Folder, Checked | None]"


class Verifier:
    """One verification; what it knows is in its roster, from which it goes on if it was stopped."""

    def __init__(
        self,
        archive: Archive,
        roster: Roster,
        clock: Clock,
        *,
        session: SessionId | None = None,
        sample: float = 1.0,
        seed: int = 0,
    ) -> None:
        self._archive = archive
        self._roster = roster
        self._clock = clock
        self._session = session
        self._sample = sample
        self._draw = random.Random(seed)  # noqa: S311 — a sample, not a secret
        self.result = Verification()
        self._position = ""

    @property
    def is_whole(self) -> bool:
        """Whether this looks at everything there is."""
        return self._session is None and self._sample >= 1

    async def begin(self, ledger: Ledger | None = None, *, expect: Link | None = None) -> None:
        """Take note of what must be there, by the seals and the ledger; or go on where it was left.

        `expect` is a seal that somebody kept elsewhere.
        """
        state = self._roster.state("result")
        if state and self._roster.state("archive") == self._archive.id and expect is None:
            self.result = Verification.of(json.loads(state))
            self._position = self._roster.state("position")
            self.result.resumed += 1
            return
        self._roster.clear()
        self.result.started_at = format_time(self._clock.now())
        check = JournalCheck(self._archive, self._roster, self._clock.now())
        known = ledger.sealing.head() if ledger is not None else BEGINNING
        told = [Told(known, "the ledger")] if known != BEGINNING else []
        told += [Told(expect, "--expect")] if expect is not None else []
        await check.check(self.result, expected=told)
        if ledger is None:
            self.result.not_checked.append("what a ledger knows: there is none here")
        else:
            self._expect_what_is_known(ledger)
        if not self.is_whole:
            self.result.not_checked.append("sessions that are missing as a whole: not all are read")
        await self._uploads()
        self._save()

    def _expect_what_is_known(self, ledger: Ledger) -> None:
        promises: list[Promise] = []
        for each in ledger.sealing.committed():
            promises.append(
                Promise(
                    folder=each.folder,
                    version=each.version,
                    digest=each.digest,
                    told_by="the ledger",
                )
            )
            if len(promises) >= PROMISES_AT_ONCE:
                self._roster.expect(promises)
                promises = []
        self._roster.expect(promises)

    async def _uploads(self) -> None:
        old = self._clock.now() - UPLOAD_MAX
        try:
            async with aclosing(self._archive.store.uploads()) as uploads:
                async for each in uploads:
                    if each.begun_at < old:
                        self.result.uploads.append(each.key)
        except StoreError as error:
            if error.transient:
                raise
            self.result.not_checked.append(f"unfinished uploads: {error.message}")

    def _save(self) -> None:
        self._roster.save(
            archive=self._archive.id,
            position=self._position,
            result=json.dumps(self.result.document()),
        )

    async def go_on(
        self,
        sessions: int | None = None,
        progress: Callable[[int], None] = lambda _sessions: None,
    ) -> bool:
        """Check so many sessions more, or all; True when the end of the bucket is reached."""
        left, ended = sessions, True
        check = FolderCheck(self._archive, self._clock.now())

        async def looks() -> AsyncGenerator[Coroutine[object, object, Looked]]:
            nonlocal left, ended
            async with aclosing(self._folders()) as found:
                async for folder in found:
                    if folder.session_id is not None:
                        if self._is_left_out():
                            self.result.skipped_sessions += 1
                            continue
                        if left == 0:
                            ended = False
                            return
                        left = None if left is None else left - 1
                    yield self._look(check, folder)

        unsaved = 0
        try:
            async with aclosing(in_order(looks(), LANES)) as looked:
                async for folder, checked in looked:
                    self._take(folder, checked)
                    progress(self.result.sessions)
                    unsaved += 1
                    if unsaved % SAVE_EVERY == 0:
                        self._save()
        finally:
            self._save()
        return ended

    def _is_left_out(self) -> bool:
        return self._sample < 1 and self._draw.random() >= self._sample

    async def _look(self, check: FolderCheck, folder: Folder) -> Looked:
        if folder.session_id is None:
            return folder, None
        return folder, await check.check(folder, self._roster.expected(folder.name))

    def _take(self, folder: Folder, checked: Checked | None) -> None:
        """Take in what was found in a folder; they come in the order of their keys."""
        if folder.session_id is None or checked is None:
            self._outside(folder.objects[0])
            self._position = folder.name
            return
        self.result.add(checked.result)
        self._roster.see(folder.name, folder.session_id, checked.started_at)
        self._position = folder.name + _BEHIND_ALL

    async def finish(self) -> Verification:
        """Name what is missing as a whole; the result is final then."""
        if self.is_whole:
            for each in self._roster.missing():
                key = each.folder + keys.inventory_name(each.version)
                if not await self._is_there(key):
                    self.result.accuse(key, Damage.MISSING, f"{each.told_by} names it")
            for prefix, told in self._roster.unaccounted(self._clock.now() - ACCOUNTED_AFTER):
                self.result.accuse(prefix, Damage.MISSING, told)
        self.result.findings.sort(key=lambda each: each.key)
        self.result.unreferenced.sort()
        self.result.finished_at = format_time(self._clock.now())
        return self.result

    async def _is_there(self, key: str) -> bool:
        """Whether what was not listed is there all the same: archived behind the place we were at."""
        return await self._archive.store.head(key) is not None

    # ------------------------------------------------------------------ what there is

    def _outside(self, info: ObjectInfo) -> None:
        """What lies in no session's folder: records that were looked at, canaries, else damage."""
        place = _reserved_place(info.key)
        if place in {keys.SEALS, *OTHERS}:
            return
        accuse_later(info, self.result)
        if place is None:
            self.result.accuse(info.key, Damage.UNEXPLAINED)
        elif place not in {"", "canaries"}:
            self.result.unknown.append(info.key)

    async def _folders(self) -> AsyncGenerator[Folder]:
        """What there is to look at from where we are."""
        prefix = keys.app_prefix(self._session.app_id) if self._session else ""
        listed = folders(self._archive.store, prefix, start_after=self._position)
        async with aclosing(listed) as found:
            async for folder in found:
                if self._session is None or folder.session_id == self._session:
                    yield folder


def _reserved_place(key: str) -> str | None:
    """Which of the archive's own folders a key lies in; "" for `format.json`, None for none."""
    if key == keys.FORMAT_KEY:
        return ""
    parts = key.split("/")
    if len(parts) > 2 and parts[0] == keys.ARCHIVE_FOLDER and parts[1] in keys.RESERVED_FOLDERS:
        return parts[1]
    return None


async def verify(
    archive: Archive,
    *,
    session: SessionId | None = None,
    sample: float = 1.0,
    seed: int = 0,
    ledger: Ledger | None = None,
    expect: Link | None = None,
    clock: Clock | None = None,
    progress: Callable[[int], None] = lambda _sessions: None,
) -> Verification:
    """Check every object below the archive, in one go.

    `sample` is the part of the sessions to check, from 0 to 1, drawn by `seed`; `expect` is a seal
    that must be there.
    """
    with TemporaryDirectory(prefix="rtk-archive-") as folder:
        roster = Roster.open(Path(folder) / "roster.db")
        try:
            verifier = Verifier(
                archive,
                roster,
                clock or SystemClock(),
                session=session,
                sample=sample,
                seed=seed,
            )
            await verifier.begin(ledger, expect=expect)
            await verifier.go_on(progress=progress)
            return await verifier.finish()
        finally:
            roster.close()
