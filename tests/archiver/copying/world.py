"""Archives made up in any store, and stores that break: what copying and repairing are tried on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from archiver.archive import keys
from archiver.archive.archive import Archive, Origin
from archiver.archive.inventory import Entry, Inventory
from archiver.archive.journal import BEGINNING, Journal
from archiver.archive.seals import Sealed, parse_seal, seal_body
from archiver.archive.stores.directory import DirectoryStore
from archiver.capture import Maker
from archiver.copying import Copied, Copying, Repairing
from archiver.errors import StoreUnavailableError
from archiver.model import CHAT, SUMMARY, UNLOCKED, Fetched, Outcome, Session, transcript
from archiver.verify import Verification, verify
from tests.rig import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from archiver.archive.archive import LockFor
    from archiver.archive.stores import Store

ORIGIN = Origin(base_url="https://api.example/v4", account="account", simulated=False)
MADE = {"at": "2026-11-20T00:00:00.000Z"}
APP = "app"


@dataclass
class Clock:
    """A clock that stands still."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


def session_of(number: int, app_id: str = APP) -> Session:
    started_at = datetime(2026, 11, 1, 9, tzinfo=UTC) + timedelta(hours=7 * number)
    return Session(
        app_id=app_id,
        session_id=f"session-{number:04}",
        meeting_id="meeting",
        started_at=started_at,
        ended_at=started_at + timedelta(hours=1),
        created_at=started_at,
        ended=True,
    )


def bodies_of(number: int) -> dict[Any, bytes]:
    return {
        CHAT: f"id,payload\n{number},hello".encode(),
        transcript("JSON"): f'[{{"sentence":"{number}"}}]'.encode() * (1 + number % 3),
        SUMMARY: f"# {number}".encode(),
    }


async def put_body(archive: Archive, session: Session, artifact: Any, body: bytes) -> Entry:
    digest = sha256(body).hexdigest()
    fetched = Fetched(
        body=body,
        size_bytes=len(body),
        digest=digest,
        media_type="text/plain",
        encoding="",
        host="host",
        fetched_at=NOW,
    )
    name, _ = await archive.put_artifact(session, artifact, fetched)
    return Entry(
        artifact=artifact,
        outcome=Outcome.ARCHIVED,
        name=name,
        size_bytes=len(body),
        digest=digest,
        media_type="text/plain",
    )


async def add_session(
    archive: Archive, number: int, *, versions: int = 1, app_id: str = APP
) -> Inventory:
    """A session with a summary request, and so many inventories."""
    session = session_of(number, app_id)
    entries: tuple[Entry, ...] = ()
    previous, inventory = "", None
    items = list(bodies_of(number).items())
    await archive.claim_summary(
        session,
        1,
        {
            "archive": archive.id,
            "app": app_id,
            "session": session.session_id,
            "number": 1,
        },
    )
    for version in range(1, versions + 1):
        count = len(items) if version == versions else min(version, len(items) - 1)
        entries = tuple(
            [await put_body(archive, session, artifact, body) for artifact, body in items[:count]]
        )
        inventory = Inventory(
            archive_id=archive.id,
            account="account",
            session=session,
            version=version,
            previous=previous,
            entries=entries,
            made={**MADE, "n": str(version)},
        )
        previous = (await archive.commit(inventory)).digest
    assert inventory is not None
    return inventory


async def make_archive(
    store: Store, sessions: int = 5, lock_for: LockFor | None = None, seals: int = 2
) -> Archive:
    """An archive of so many sessions, some of them with more than one inventory, and a few records."""
    archive = await Archive.open(store, origin=ORIGIN, made=MADE, lock_for=lock_for)
    for number in range(sessions):
        await add_session(archive, number, versions=1 + number % 3)
    await Journal(archive, "reports").write({"report": 1}, MADE)
    for _ in range(seals):
        await seal(archive)
    return archive


async def seal(archive: Archive) -> None:
    """A seal of all that is committed and not sealed yet, and of where the other journals end."""
    known = {
        (each.folder, each.version)
        async for record in Journal(archive, keys.SEALS).records()
        for each in parse_seal(record).sealed
    }
    chains = [each async for each in archive.chains()]
    sealed = [
        Sealed(folder=each.folder, version=each.newest.inventory.version, digest=each.newest.digest)
        for each in chains
        if each.newest is not None
    ]
    heads = {name: await Journal(archive, name).head() for name in ("copies", "reports")}
    body = seal_body(
        sealed=[each for each in sealed if (each.folder, each.version) not in known],
        sessions=len(chains),
        listings=[],
        heads={name: head for name, head in heads.items() if head != BEGINNING},
        format_digest=sha256(archive.record).hexdigest(),
    )
    await Journal(archive, keys.SEALS).write(body, MADE)


@dataclass
class Moving:
    """Two stores, and what is needed to copy between them."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    lock_for: LockFor = lambda _app: UNLOCKED

    def place(self, name: str) -> DirectoryStore:
        return DirectoryStore(self.folder / name)

    def _maker(self) -> Maker:
        return Maker(instance="test", command="copy")

    async def copy(self, source: Archive, target: Store, **more: Any) -> Copied:
        self.spool.mkdir(exist_ok=True)
        return await Copying(
            source,
            target,
            lock_for=self.lock_for,
            spool=self.spool,
            checked=self.folder / "checked",
            maker=self._maker(),
            clock=self.clock,
            **more,
        ).run()

    async def repair(self, store: Store, other: Store) -> Copied:
        self.spool.mkdir(exist_ok=True)
        return await Repairing(
            store,
            await Archive.open(other),
            lock_for=self.lock_for,
            spool=self.spool,
            maker=self._maker(),
            clock=self.clock,
        ).run()

    @property
    def spool(self) -> Path:
        return self.folder / "spool"


async def contents(store: Store) -> dict[str, bytes]:
    """Everything in a store but canaries, by key."""
    return {
        info.key: await store.get(info.key)
        async for info in store.list("")
        if "/canaries/" not in info.key
    }


async def verified(store: Store) -> Verification:
    return await verify(await Archive.open(store))


class Broken:
    """A store that fails, from one call on, as if its network were cut; or does something else then."""

    def __init__(self, store: Store, at: int, then: Callable[[], Any] | None = None) -> None:
        self._store = store
        self._left = at
        self._then = then
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in {"put", "get", "fixity", "head"}:
            return found

        async def call(*args: Any, **more: Any) -> Any:
            self.calls += 1
            if self._left <= 0 and self._then is None:
                raise StoreUnavailableError("the network is cut")
            if self._left == 0 and self._then is not None:
                self._left -= 1
                await self._then()
            self._left -= 1
            result = await found(*args, **more)
            if self._left == 0 and self._then is None and name == "put":
                raise StoreUnavailableError("the answer was lost")
            return result

        return call
