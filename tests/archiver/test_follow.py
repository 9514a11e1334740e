"""What another worker archived in the same bucket comes into this ledger, without asking the source."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive.archive import Archive
from archiver.archive.inventory import Entry
from archiver.archive.stores.directory import DirectoryStore
from archiver.follow import follow
from archiver.model import CHAT, Outcome
from archiver.runtime import open_ledger
from archiver.simulated import Faults
from tests.rig import NOW, rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from archiver.archive.inventory import Inventory
    from archiver.ledger import Ledger
    from tests.rig import Rig

WEEK = timedelta(days=7)


class CountingStore(DirectoryStore):
    """A store that counts the objects that are read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads = 0

    async def get(self, key: str, **more: Any) -> bytes:
        self.reads += 1
        return await super().get(key, **more)


class Follower:
    """A ledger that follows, and has no source."""

    def __init__(self, one: Rig, archive: Archive, store: CountingStore, ledger: Ledger) -> None:
        self.one = one
        self.archive = archive
        self.store = store
        self.ledger = ledger

    async def follow(self, *, since: timedelta = WEEK, apps: list[str] | None = None) -> int:
        """How many sessions were adopted, begun no longer ago than this."""
        now = self.one.clock.now()
        wanted = [each.app_id for each in self.one.source.apps] if apps is None else apps
        return await follow(self.archive, self.ledger, wanted, since=now - since, now=now)

    @property
    def facts(self) -> list[Any]:
        return facts(self.ledger)

    @property
    def commits(self) -> int:
        """How many inventories the index would be told of."""
        return sum(
            self.ledger.count_inventories_after(each.app_id, 0) for each in self.one.source.apps
        )


def facts(ledger: Ledger) -> list[Any]:
    """What a ledger knows of every session, but for when it asks next."""
    return [
        (
            each.session,
            each.inventory_version,
            each.inventory_digest,
            sorted((str(k), v.outcome, v.digest, v.attempts) for k, v in each.states.items()),
        )
        for each in ledger.all_states()
    ]


@asynccontextmanager
async def followed(one: Rig) -> AsyncIterator[Follower]:
    """The data folder of a second worker, on the archive of the first."""
    store = CountingStore(one.folder / "archive")
    settings = one.configured("second")
    settings.ledger_path.parent.mkdir(parents=True, exist_ok=True)
    async with open_ledger(settings) as ledger:
        archive = await Archive.open(store)
        ledger.bind(archive.id)
        yield Follower(one, archive, store, ledger)
    await store.close()


async def facts_of(one: Rig, data: str) -> list[Any]:
    async with open_ledger(one.configured(data)) as ledger:
        return facts(ledger)


async def end(archive: Archive, *, entries: tuple[Entry, ...] | None = None) -> Inventory:
    """Put a tombstone on the chain of the only session."""
    (chain,) = [each async for each in archive.chains()]
    assert chain.newest is not None
    newest = chain.newest.inventory
    gone = tuple(
        Entry(artifact=each.artifact, outcome=Outcome.DESTROYED) for each in newest.entries
    )
    tombstone = replace(
        newest,
        version=newest.version + 1,
        previous=chain.newest.digest,
        entries=gone if entries is None else entries,
        tombstone=True,
    )
    return (await archive.commit(tombstone)).inventory


async def test_what_another_worker_archived_is_adopted(tmp_path: Path) -> None:
    """Every session, outcome and digest of the other's ledger, without a request to the source."""
    async with rig(tmp_path) as one:
        await one.sync("first")
        asked = one.source.counts.copy()
        async with followed(one) as second:
            assert second.facts == []
            assert await second.follow() == 3
            assert second.facts == await facts_of(one, "first")
            assert second.commits == 3
        assert one.source.counts == asked


async def test_nothing_is_adopted_twice(tmp_path: Path) -> None:
    """What is known already is neither read nor told of again, be it another's or one's own."""
    async with rig(tmp_path) as one:
        await one.sync("first")
        await one.sync("second")
        async with followed(one) as second:
            reads, commits, known = second.store.reads, second.commits, second.facts

            assert [await second.follow() for _ in range(3)] == [0, 0, 0]
            assert (second.store.reads, second.commits, second.facts) == (reads, commits, known)


async def test_only_what_moved_on_is_read(tmp_path: Path) -> None:
    """A session with a newer inventory is adopted again, and the others are left alone."""
    faults = Faults()
    async with rig(tmp_path, faults=faults) as one:
        late = one.source.session_ids[0]
        faults.on(session_id=late, kind="chat", not_found_times=1)
        await one.sync("first")
        async with followed(one) as second:
            assert await second.follow() == 3
            before, reads = second.facts, second.store.reads
            one.clock.advance(3600)
            await one.sync("first")

            assert await second.follow() == 1
            moved = [new for old, new in zip(before, second.facts, strict=True) if old != new]
            assert [each[0].session_id for each in moved] == [late]
            assert second.store.reads - reads == moved[0][1]
            assert second.facts == await facts_of(one, "first")


async def test_nothing_is_captured_again(tmp_path: Path) -> None:
    """A worker that followed downloads nothing and commits nothing that is there."""
    async with rig(tmp_path) as one:
        await one.sync("first")
        async with followed(one) as second:
            await second.follow()
        before, downloads = await one.objects(), one.source.counts["download"]
        report = await one.sync("second")

        assert one.source.counts["download"] == downloads
        assert await one.objects() == before
        assert report.new == 0


async def test_what_is_pending_is_due_here_too(tmp_path: Path) -> None:
    """An artifact the other worker could not have yet is looked for by this one as well."""
    faults = Faults()
    faults.on(kind="chat", not_found_times=1)
    async with rig(tmp_path, meetings=1, faults=faults) as one:
        await one.sync("first")
        async with followed(one) as second:
            await second.follow()
            (state,) = second.ledger.all_states()
            assert state.states[CHAT].outcome is Outcome.PENDING
        await one.sync("second")
        async with followed(one) as second:
            (state,) = second.ledger.all_states()
            assert state.states[CHAT].outcome is Outcome.ARCHIVED


async def test_how_far_back(tmp_path: Path) -> None:
    """Sessions of days before the first one looked at are not adopted."""
    async with rig(tmp_path, meetings=6) as one:
        await one.sync("first")
        started = [one.source.session(each).started_at for each in one.source.session_ids]
        since = NOW - timedelta(days=1)
        recent = sum(each.date() >= since.date() for each in started)
        async with followed(one) as second:
            assert 0 < recent < 6
            assert await second.follow(since=timedelta(days=1)) == recent
            assert await second.follow() == 6 - recent


async def test_apps_that_were_not_asked_for(tmp_path: Path) -> None:
    """Only the apps that were named are followed, and one without sessions is no error."""
    async with rig(tmp_path) as one:
        await one.sync("first")
        async with followed(one) as second:
            assert await second.follow(apps=[]) == 0
            assert await second.follow(apps=["another app"]) == 0


@pytest.mark.parametrize(
    ("known", "bare"),
    [(False, False), (True, False), (True, True)],
    ids=["new here", "known here", "known here and without artifacts"],
)
async def test_a_tombstone_settles_a_session(tmp_path: Path, known: bool, bare: bool) -> None:
    """A session whose chain ends in a tombstone is adopted as destroyed, and never due again."""
    faults = Faults()
    faults.on(kind="chat", not_found_times=9)
    async with rig(tmp_path, meetings=1, faults=faults) as one:
        await one.sync("first")
        async with followed(one) as second:
            if known:
                await second.follow()
            tombstone = await end(second.archive, entries=() if bare else None)

            assert await second.follow() == 1
            assert await second.follow() == 0
            (state,) = second.ledger.all_states()
            assert state.inventory_version == tombstone.version
            assert second.ledger.next_due_at(NOW) is None
            if not bare:
                assert {each.outcome for each in state.states.values()} == {Outcome.DESTROYED}
        before, downloads = await one.objects(), one.source.counts["download"]
        one.clock.advance(3600)
        await one.sync("second")

        assert await one.objects() == before
        assert one.source.counts["download"] == downloads


async def test_a_broken_chain_is_followed_as_far_as_it_links(tmp_path: Path) -> None:
    """Of a chain with a gap the whole part is adopted, once; the other sessions are not held up."""
    faults = Faults()
    async with rig(tmp_path, faults=faults) as one:
        late = one.source.session_ids[0]
        faults.on(session_id=late, kind="chat", not_found_times=1)
        await one.sync("first")
        one.clock.advance(3600)
        await one.sync("first")
        (second_version,) = (one.folder / "archive").glob(f"*/*/*/*/{late}/inventory-0002.json")
        second_version.write_bytes(b"{")
        async with followed(one) as second:
            assert await second.follow() == 3
            assert await second.follow() == 0
            assert {each.inventory_version for each in second.ledger.all_states()} == {1}
