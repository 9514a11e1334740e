"""An archive, a ledger and an index that sessions come into, and saved searches that want to know."""

from __future__ import annotations

import hashlib
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from archiver.access import ApiKey, Role, create_key, revoke_key
from archiver.alerts import Search, Target, create_search, delete_search
from archiver.alerts.queue import FILE, Tally, tallies_in
from archiver.alerts.records import WEBHOOK
from archiver.archive.archive import Archive, Origin
from archiver.archive.inventory import Entry, Inventory
from archiver.archive.keys import artifact_name
from archiver.archive.stores import open_store
from archiver.archive.versions import next_version
from archiver.audit.shelf import trails_in
from archiver.ledger import Ledger
from archiver.model import SUMMARY, Outcome, format_time
from archiver.records import states_of
from archiver.settings import Secret, Settings
from archiver.settings.programs import Program
from archiver.simulated import SettableClock
from search.alerts import Alerter, open_alerter
from search.formats import Transcript, Utterance
from search.index.appfile import AppFile
from search.index.generations import Generations, app_path
from search.index.seam import Document, Position
from search.web.saved import new_search
from tests.archiver.realtimekit.servers import Script, answer, serving
from tests.search.web.world import APP, NOW, session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SECRET = "0123456789abcdef0123456789abcdef"
MADE = {"command": "test"}


def document(app_id: str, session_id: str, *texts: str, by: str = "Ana Souza") -> Document:
    """A session in which these things are said."""
    said = tuple(
        Utterance(1000 * at, 1000 * at + 900, by, "p1", "u1", "", text)
        for at, text in enumerate(texts)
    )
    return Document(
        app_id=app_id,
        session_id=session_id,
        meeting_id="weekly",
        title="Weekly sync",
        started_at_ms=1_790_000_000_000,
        ended_at_ms=1_790_001_800_000,
        version=1,
        digest="0" * 64,
        transcript=Transcript(utterances=said, layout="json-array", notes=()),
    )


@dataclass
class AlertWorld:
    """Everything an alerter works with."""

    root: Path
    archive: Archive
    ledger: Ledger
    clock: SettableClock
    settings: Settings
    receiver: Script
    url: str = ""
    made: list[Search] = field(default_factory=list)

    async def commit(self, session_id: str, app_id: str = APP) -> None:
        """A new version of a session's inventory, in the bucket and in the ledger's list."""
        now, which = self.clock.now(), session(session_id, app_id)
        base = Inventory(
            archive_id=self.archive.id,
            account="acc",
            session=which,
            version=1,
            previous="",
            entries=(),
            made={"at": format_time(now)},
        )
        before = await self.archive.newest(which)
        current = (before.inventory, before.digest) if before else None
        size_bytes = 1 + (before.inventory.version if before else 0)
        digest = hashlib.sha256(bytes(size_bytes)).hexdigest()
        entry = Entry(
            artifact=SUMMARY,
            outcome=Outcome.ARCHIVED,
            name=artifact_name(SUMMARY, digest),
            size_bytes=size_bytes,
            digest=digest,
        )
        inventory = next_version(current, base, (entry,))
        assert inventory is not None
        committed = await self.archive.commit(inventory)
        self.ledger.see([which], now)
        self.ledger.record(
            which.id,
            states_of(inventory, now),
            next_attempt_at=None,
            now=now,
            committed=committed,
        )

    def index(self, *documents: Document) -> None:
        """Put these into the index, which has then followed the whole list."""
        folder = Generations(self.settings.index_path).ensure()
        for app_id in {each.app_id for each in documents}:
            seq = self.ledger.newest_seq(app_id)
            here = Position(archive=self.archive.id, epoch=self.ledger.epoch, seq=seq)
            writer = AppFile.open(app_path(folder, app_id))
            writer.put([each for each in documents if each.app_id == app_id], here)
            writer.close()

    async def comes_in(
        self, session_id: str, *texts: str, app_id: str = APP, by: str = "Ana"
    ) -> None:
        """A session is archived and indexed."""
        await self.commit(session_id, app_id)
        self.index(document(app_id, session_id, *texts, by=by))

    async def save(
        self,
        query: str,
        *,
        name: str = "watch",
        key: ApiKey | None = None,
        match: str = "all",
        target: Target | None = None,
    ) -> Search:
        """Save a search, for this world's receiver unless said."""
        target = target or Target(kind=WEBHOOK, to=f"{self.url}/hook")
        search = new_search(name, query, match=match, key=key, target=target, now=self.clock.now())
        await create_search(self.archive, search, made=MADE)
        return search

    async def delete(self, search: Search) -> None:
        await delete_search(self.archive, search.id, key_id=None, now=self.clock.now(), made=MADE)

    async def key(self, name: str, *apps: str, **more: Any) -> ApiKey:
        options: dict[str, Any] = {"role": Role.READER, "expires_at": None, **more}
        now = self.clock.now()
        key, _ = await create_key(self.archive, name, apps=apps, now=now, made=MADE, **options)
        return key

    async def revoke(self, name: str) -> None:
        await revoke_key(self.archive, name, now=self.clock.now(), made=MADE)

    @asynccontextmanager
    async def alerter(self) -> AsyncIterator[Alerter]:
        """An alerter, as a process has it."""
        async with open_alerter(
            self.settings, self.archive, self.ledger, self.clock, exempt_base_url=self.url
        ) as alerter:
            assert alerter is not None
            yield alerter

    async def once(self) -> list[Any]:
        """A pass of a new process; returns what it told."""
        before = len(self.receiver.bodies)
        async with self.alerter() as alerter:
            await alerter.once()
        return [json.loads(each) for each in self.receiver.bodies[before:]]

    async def pass_time(self, **length: float) -> None:
        await self.clock.sleep(timedelta(**length).total_seconds())

    def tally(self, search: Search) -> Tally:
        return tallies_in(self.settings.data / FILE).get(search.id, Tally())

    def reads(self) -> list[dict[str, Any]]:
        """What is recorded of alerts."""
        found = trails_in(self.settings.audit_path)
        lines = [json.loads(line) for path in found for line in path.read_bytes().splitlines()]
        return [each for each in lines if each["action"] == "alert"]

    def set(self, **changes: Any) -> None:
        self.settings = replace(self.settings, **changes)


@asynccontextmanager
async def world(root: Path, *, now: datetime = NOW) -> AsyncIterator[AlertWorld]:
    """An empty archive, and a receiver that takes everything."""
    store = open_store(f"file:{root / 'archive'}")
    origin = Origin(base_url="http://127.0.0.1:1", account="acc", simulated=True)
    archive = await Archive.open(store, origin=origin)
    ledger = Ledger.open(root / "data" / "ledger.db")
    settings = Settings(
        data=root / "data",
        alert_secret=Secret(SECRET),
        alert_commands=(Program("note", ("/bin/sh", str(root / "note.sh"))),),
        public_url="https://meetings.example.com",
    )
    receiver = Script([answer("")])
    async with serving(receiver) as url:
        yield AlertWorld(root, archive, ledger, SettableClock(now), settings, receiver, url)
    ledger.close()
    await archive.close()


def told(messages: list[Any]) -> set[tuple[str, str]]:
    """Which searches told of which sessions."""
    return {(each["search"]["name"], each["session"]["session_id"]) for each in messages}
