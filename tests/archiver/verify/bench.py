"""An archive with one object of every kind, to be damaged."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from archiver.archive.archive import Archive
from archiver.archive.journal import Journal, Link
from archiver.archive.stores import open_store
from archiver.ledger import Ledger
from archiver.model import SUMMARY, Outcome
from archiver.records import states_of
from archiver.sealing import Sealer
from archiver.simulated import SettableClock
from archiver.verify import Verification, verify
from tests.rig import NOW, rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime
    from pathlib import Path

DAY_S = 86_400.0


def made(now: datetime) -> Mapping[str, str]:
    return {"at": now.isoformat(), "release": "0", "command": "test"}


@dataclass
class Bench:
    """An archive of three sessions in a folder; the first has two inventories and a request."""

    root: Path
    archive: Archive
    ledger: Ledger
    clock: SettableClock

    @property
    def folders(self) -> list[Path]:
        return sorted(each.parent for each in self.root.rglob("inventory-0001.json"))

    def one(self, pattern: str, folder: int = 0) -> Path:
        """The object of this name in a session's folder, made writable."""
        (path,) = self.folders[folder].glob(pattern)
        path.chmod(0o600)
        return path

    def record(self, name: str) -> Path:
        """One of the archive's own records, made writable."""
        path = self.root / "_archive" / name
        path.chmod(0o600)
        return path

    def key(self, path: Path) -> str:
        return str(path.relative_to(self.root))

    async def verify(self, **more: Any) -> Verification:
        return await verify(self.archive, clock=self.clock, **more)

    def sealer(self) -> Sealer:
        return Sealer(self.archive, self.ledger, self.clock, made=made, every=timedelta(hours=24))

    async def seal(self) -> Link:
        return await self.sealer().seal()

    async def commit_again(self, folder: int = 0, *, requests: bool = False) -> None:
        """Give a session its next inventory, as a worker would: in the bucket, and in the ledger."""
        chain = await self.archive.chain(f"{self.key(self.folders[folder])}/")
        assert chain is not None
        assert chain.newest is not None
        before = chain.newest.inventory
        entries = tuple(
            replace(each, attempts={**each.attempts, "requests": [1]})
            if requests and each.artifact == SUMMARY
            else replace(each, reason="looked at again")
            if each.outcome == Outcome.EXCLUDED
            else each
            for each in before.entries
        )
        after = replace(
            before, version=before.version + 1, previous=chain.newest.digest, entries=entries
        )
        if requests:
            said = {"archive": self.archive.id, "app": before.session.app_id, "number": 1}
            record = {**said, "session": before.session.session_id, "made": {}, "format": "x/1"}
            assert await self.archive.claim_summary(before.session, 1, record)
        committed = await self.archive.commit(after)
        states = states_of(after, NOW)
        assert self.ledger.adopt(committed, states, next_attempt_at=None, now=NOW)


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    """Three sessions, three seals, two reports."""
    async with rig(folder, meetings=3) as one:
        await one.sync_until_settled()
    store = open_store(f"file:{folder / 'archive'}")
    ledger = Ledger.open(folder / "data/ledger.db")
    try:
        archive = await Archive.open(store)
        clock = SettableClock(NOW, settle_s=0)
        one_bench = Bench(folder / "archive", archive, ledger, clock)
        await one_bench.commit_again(requests=True)
        clock.advance(DAY_S)
        await one_bench.seal()
        for number in range(2):
            await Journal(archive, "reports").write({"number": number}, made(clock.now()))
        clock.advance(10 * DAY_S)
        await one_bench.seal()
        yield one_bench
    finally:
        ledger.close()
        await store.close()
