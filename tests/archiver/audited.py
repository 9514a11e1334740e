"""An archive, and a data folder in which reads are recorded."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.access import LOCAL
from archiver.archive.archive import Archive, Origin
from archiver.archive.stores import open_store
from archiver.audit import Trail, TrailSealer, check_audit
from archiver.audit.shelf import trails_in
from archiver.ledger import Ledger
from archiver.sealing import Sealer
from archiver.simulated import SettableClock
from tests.rig import NOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime
    from pathlib import Path


def made(now: datetime) -> dict[str, str]:
    return {"at": now.isoformat(), "command": "test"}


@dataclass
class Place:
    """An archive, and a data folder in which reads are recorded."""

    root: Path
    archive: Archive
    clock: SettableClock
    open: list[Trail] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.root / "data/audit"

    @property
    def bucket(self) -> Path:
        return self.root / "archive/_archive/audit"

    def trail(self, *, enabled: bool = True) -> Trail:
        self.open.append(Trail(self.folder, self.clock, enabled=enabled))
        return self.open[-1]

    def sealer(self, keep: timedelta = timedelta(days=30)) -> TrailSealer:
        return TrailSealer(self.archive, self.folder, self.clock, made=made, keep=keep)

    async def read(self, *, batches: int = 3, reads: int = 4) -> Trail:
        """A trail of which so many parts are in the bucket, each of so many reads."""
        trail = self.trail()
        for batch in range(batches):
            for number in range(reads):
                trail.record(LOCAL, "search", asked={"q": [f"query {batch}.{number}"]}, hits=number)
                self.clock.advance(1)
            await self.sealer().seal()
        return trail

    async def seal_archive(self) -> None:
        ledger = Ledger.open(self.root / "ledger.db")
        every = timedelta(hours=24)
        await Sealer(self.archive, ledger, self.clock, made=made, every=every).seal()
        ledger.close()

    def lines(self) -> list[bytes]:
        (path,) = trails_in(self.folder)
        return path.read_bytes().splitlines(keepends=True)

    def rewrite(self, change: Callable[[list[bytes]], list[bytes]]) -> None:
        (path,) = trails_in(self.folder)
        path.write_bytes(b"".join(change(self.lines())))

    def object(self, number: int) -> Path:
        path = self.bucket / f"{number:08d}.json"
        path.chmod(0o600)
        return path

    async def damages(self) -> set[str]:
        return {
            str(each.damage) for each in (await check_audit(self.archive, self.folder)).findings
        }


@asynccontextmanager
async def place(root: Path) -> AsyncIterator[Place]:
    origin = Origin(base_url="http://127.0.0.1:1", account="acc", simulated=True)
    archive = await Archive.open(open_store(f"file:{root / 'archive'}"), origin=origin)
    found = Place(root, archive, SettableClock(NOW))
    try:
        yield found
    finally:
        for each in found.open:
            each.close()
        await archive.close()
