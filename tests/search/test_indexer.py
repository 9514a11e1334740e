"""From the bucket to the index: whatever happens to the index's files, it comes back whole."""

from __future__ import annotations

import asyncio
import shutil
import threading
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from archiver.archive.archive import Archive
from archiver.archive.stores import open_store
from archiver.ledger import Ledger
from search.errors import CursorError, SearchError
from search.formats import Limits
from search.index.appfile import AppFile
from search.index.generations import Generations
from search.index.library import Library
from search.index.seam import SearchRequest
from search.indexer import Indexer
from search.query import parse
from tests.rig import rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from search.results import SearchResult
    from tests.rig import Rig

WORD = "contract"


@dataclass
class Bench:
    """An archive, the ledger of its worker, and an index that follows."""

    one: Rig
    archive: Archive
    ledger: Ledger
    root: Path
    indexer: Indexer
    library: Library

    def another(self, limits: Limits | None = None) -> Indexer:
        """An indexer as of another process."""
        return Indexer(self.archive, self.ledger, self.root, limits or Limits())

    def search(self, text: str = WORD, **more: object) -> SearchResult:
        return self.library.search(SearchRequest(query=parse(text), **more))  # type: ignore[arg-type]  # by name

    def ids(self, text: str = WORD) -> list[str]:
        return [each.session_id for each in self.search(text, limit=100).hits]

    @property
    def file(self) -> Path:
        """The one app's index file."""
        (path,) = self.root.glob("*/*.db")
        return path


@asynccontextmanager
async def bench(folder: Path, *, meetings: int = 4) -> AsyncIterator[Bench]:
    """So many archived sessions, indexed."""
    async with rig(folder, meetings=meetings) as one:
        await one.sync_until_settled()
        settings = one.configured()
        store = open_store(settings.store)
        archive = await Archive.open(store)
        ledger = Ledger.open(settings.ledger_path)
        root = settings.index_path
        indexer, library = Indexer(archive, ledger, root, Limits()), Library(root)
        try:
            await indexer.catch_up()
            yield Bench(one, archive, ledger, root, indexer, library)
        finally:
            library.close()
            indexer.close()
            ledger.close()
            await store.close()


async def test_nothing_new_is_read_twice(tmp_path: Path) -> None:
    """A second pass over the same list indexes nothing, nor does another process."""
    async with bench(tmp_path) as made:
        assert (await made.indexer.catch_up()).sessions == 0
        other = made.another()
        assert (await other.catch_up()).sessions == 0
        other.close()


@pytest.mark.parametrize("left", ["nothing", "companions"])
@pytest.mark.parametrize("running", [True, False])
async def test_a_file_deleted_at_any_time_comes_back(
    running: bool, left: str, tmp_path: Path
) -> None:
    """Whether its writer runs or not, and whether SQLite's companions were deleted with it."""
    async with bench(tmp_path) as made:
        before = made.ids()
        path = made.file
        for each in path.parent.glob(f"{path.name}*" if left == "nothing" else path.name):
            each.unlink()
        indexer = made.indexer if running else made.another()
        await indexer.catch_up()
        await indexer.catch_up()

        assert made.ids() == before
        indexer.close()


async def test_a_whole_index_deleted_comes_back(tmp_path: Path) -> None:
    """The folder with its pointer can go while the writer runs."""
    async with bench(tmp_path) as made:
        before = made.ids()
        shutil.rmtree(made.root)
        await made.indexer.catch_up()

        assert made.ids() == before


async def test_a_page_overwritten_is_made_again(tmp_path: Path) -> None:
    """Damage that SQLite notices leads to a rebuild, not to an end."""
    async with bench(tmp_path, meetings=12) as made:
        before = made.ids()
        made.indexer.close()
        path = made.file
        data = bytearray(path.read_bytes())
        data[4096:] = b"\xff" * (len(data) - 4096)
        path.write_bytes(data)
        await made.indexer.catch_up()

        assert made.ids() == before


async def test_an_index_of_another_archive_is_made_again(tmp_path: Path) -> None:
    """The index is never ahead of the bucket: what another archive held is not found in this one."""
    async with bench(tmp_path, meetings=2) as made:
        old = made.ids()
        made.indexer.close()
        other_folder = tmp_path / "other"
        async with rig(other_folder, meetings=1) as other:
            await other.sync_until_settled()
            settings = other.configured()
            store = open_store(settings.store)
            with closing(Ledger.open(settings.ledger_path)) as ledger:
                indexer = Indexer(await Archive.open(store), ledger, made.root, Limits())
                await indexer.catch_up()
                indexer.close()
            await store.close()

        assert len(old) == 2
        assert len(made.ids()) == 1


async def test_one_rebuild_at_a_time(tmp_path: Path) -> None:
    """The second is refused, and the first one's index is whole."""
    async with bench(tmp_path) as made:
        before = made.ids()
        other = made.another()
        with Generations(made.root).rebuilding(), pytest.raises(SearchError, match="already"):
            await other.rebuild()
        await other.rebuild()
        other.close()

        assert made.ids() == before
        assert len([each for each in made.root.iterdir() if each.is_dir()]) == 1


async def test_a_rebuild_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made so far is gone, and readers never saw it."""
    async with bench(tmp_path) as made:
        before = made.ids()

        def fail(*_: object) -> None:
            raise SearchError("no space left")

        monkeypatch.setattr(AppFile, "optimize", fail)
        with pytest.raises(SearchError):
            await made.indexer.rebuild()

        assert made.ids() == before
        assert len([each for each in made.root.iterdir() if each.is_dir()]) == 1


async def test_search_keeps_answering_while_the_index_is_made_again(tmp_path: Path) -> None:
    """Every answer of readers in other threads is whole, however often the index is swapped."""
    async with bench(tmp_path) as made:
        expected = sorted(made.ids())
        wrong: list[object] = []
        answers = 0
        stop = threading.Event()

        def ask() -> None:
            nonlocal answers
            while not stop.is_set():
                try:
                    found = sorted(made.ids())
                except SearchError as error:
                    wrong.append(error)
                else:
                    answers += 1
                    if found != expected:
                        wrong.append(found)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for each in threads:
            each.start()
        for _ in range(12):
            await made.indexer.rebuild()
        stop.set()
        for each in threads:
            await asyncio.to_thread(each.join)

        assert wrong == []
        assert answers > 12


async def test_following_equals_building_afresh(tmp_path: Path) -> None:
    """New sessions, and new versions of old ones, are found as in an index made from nothing."""
    async with bench(tmp_path, meetings=3) as made:
        first, *_ = made.one.source.session_ids
        app_id = made.one.source.apps[0].app_id
        now = made.one.clock.now()
        made.one.source.add_session(app_id=app_id, started_at=now, ended_at=now)
        made.one.clock.advance(3600)
        await made.one.sync()
        await made.indexer.catch_up()
        followed = {
            text: made.search(text).hits for text in (WORD, "renewal plan", "in:chat", "th*")
        }
        await made.indexer.rebuild()

        assert followed == {text: made.search(text).hits for text in followed}
        assert len(made.ids("in:transcript")) == 4
        assert first in made.ids("in:transcript")


async def test_a_digest_is_checked_while_reading(tmp_path: Path) -> None:
    """Bytes that are not what their record says are not indexed, and said so."""
    async with bench(tmp_path) as made:
        victim = made.ids()[0]
        (path,) = (tmp_path / "archive").glob(f"*/*/*/*/{victim}/chat.*.csv")
        path.chmod(0o600)
        path.write_bytes(path.read_bytes() + b"smuggled")
        await made.indexer.rebuild()

        assert made.ids("smuggled") == []
        unread, count = made.library.unread(10)
        assert (count, unread[0].session_id, unread[0].name) == (1, victim, path.name)


async def test_what_could_not_be_read_is_told_until_it_can(tmp_path: Path) -> None:
    """An artifact beyond the limits is kept, counted, and found once the limit is raised."""
    async with bench(tmp_path, meetings=1) as made:
        small = made.another(Limits(size_bytes=1000))
        await small.rebuild()
        small.close()
        unread, count = made.library.unread(10)
        assert {each.name.partition(".")[0] for each in unread} >= {"session", "transcript"}
        assert count == len(unread)
        assert made.ids("in:transcript") == []

        await made.indexer.rebuild()
        assert made.library.unread(10) == ([], 0)
        assert len(made.ids("in:transcript")) == 1


async def test_a_damaged_inventory_falls_back_to_what_is_whole(tmp_path: Path) -> None:
    """Following finds what a rebuild finds: the newest whole version of the chain."""
    async with bench(tmp_path, meetings=2) as made:
        before = made.ids()
        line = made.ledger.inventories_after(made.ledger.apps()[0], 0, 10)[0]
        path = tmp_path / "archive" / line.key
        path.chmod(0o600)
        path.write_bytes(b"rubbish")
        shutil.rmtree(made.root)
        followed = await made.indexer.catch_up()
        found = made.ids()
        await made.indexer.rebuild()

        assert len(followed.problems) == 1
        assert found == made.ids()
        assert len(found) == len(before) - 1


async def test_a_fault_of_the_index_does_not_end_the_indexer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits and goes on: capture in the same process must not stop for it."""
    async with bench(tmp_path, meetings=1) as made:
        stop, tries = asyncio.Event(), 0

        async def fail(*_: object) -> None:
            nonlocal tries
            tries += 1
            if tries == 3:
                stop.set()
            raise SearchError("the index cannot be written: database is locked")

        monkeypatch.setattr(Indexer, "catch_up", fail)
        monkeypatch.setattr("search.indexer.FAULT_PAUSE_S", 0.001)
        await asyncio.wait_for(made.indexer.run(stop), 5)

        assert tries == 3


async def test_a_cursor_ends_with_its_index(tmp_path: Path) -> None:
    """By relevance it counts rows, which an index made again numbers anew: it says start again."""
    async with bench(tmp_path) as made:
        cursor = made.search(limit=2).next_cursor
        assert cursor
        dated = made.search(limit=2, sort="newest").next_cursor
        await made.indexer.rebuild()

        with pytest.raises(CursorError):
            made.search(limit=2, cursor=cursor)
        assert len(made.search(limit=2, sort="newest", cursor=dated).hits) == 2
