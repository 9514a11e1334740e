"""A copy keeps every promise at its target, at any moment, and both sides tell of it."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, cast

import pytest

from archiver.archive import keys
from archiver.archive.archive import Archive
from archiver.archive.inventory import Inventory, parse_inventory
from archiver.copying import Problem, Trouble
from archiver.errors import ArchiveMismatchError, StoreUnavailableError
from tests.archiver.copying.world import (
    MADE,
    ORIGIN,
    Broken,
    Moving,
    add_session,
    contents,
    make_archive,
    seal,
    session_of,
    verified,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from archiver.archive.stores import Store
    from archiver.archive.stores.directory import DirectoryStore


@pytest.fixture
def moving(tmp_path: Path) -> Moving:
    return Moving(tmp_path)


@pytest.fixture
async def source(moving: Moving) -> AsyncIterator[Archive]:
    archive = await make_archive(moving.place("source"))
    yield archive
    await archive.close()


@pytest.fixture
async def target(moving: Moving) -> AsyncIterator[DirectoryStore]:
    store = moving.place("target")
    yield store
    await store.close()


def one(moving: Moving, pattern: str, store: str = "source") -> Path:
    """The first file of this name in a store, made writable."""
    path = sorted((moving.folder / store).rglob(pattern))[0]
    path.chmod(0o600)
    return path


def key_of(moving: Moving, path: Path, store: str = "source") -> str:
    return str(path.relative_to(moving.folder / store))


def troubles(problems: Any) -> list[tuple[str, str]]:
    return [(each.trouble, each.key) for each in cast("list[Problem]", list(problems))]


async def test_both_sides_hold_the_same_afterwards(
    moving: Moving, source: Archive, target: DirectoryStore
) -> None:
    """Byte for byte, the record of the copy among it; and the target verifies clean."""
    copied = await moving.copy(source, target)

    assert (copied.problems.count, copied.sessions, copied.found) == (0, 5, 0)
    there = await contents(target)
    assert there == await contents(source.store)
    record = json.loads(there["_archive/copies/00000001.json"])
    assert record["what"] == "copy"
    assert (record["from"], record["to"]) == (source.store.url, target.url)
    assert (
        record["copied"] == copied.copied - 4
    )  # the records follow it: two seals, a report, itself
    result = await verified(target)
    assert (result.findings, result.sessions) == ([], 5)
    assert not list(moving.spool.iterdir())


async def test_what_was_copied_is_not_read_again(
    moving: Moving, source: Archive, target: DirectoryStore
) -> None:
    """A second copy passes over what is listed as before, records nothing, and changes nothing."""
    await moving.copy(source, target)
    before = await contents(target)
    counting = Broken(target, at=10**9)

    again = await moving.copy(source, cast("Store", counting))

    assert (again.copied, again.found, again.record) == (0, 0, "")
    assert again.passed == len([each for each in before if not each.startswith("_archive/")])
    assert counting.calls < 30
    assert await contents(target) == before == await contents(source.store)


async def test_news_are_copied_and_nothing_else(
    moving: Moving, source: Archive, target: DirectoryStore
) -> None:
    """A session that came, and a version that came, cost their own objects and a record."""
    await moving.copy(source, target)
    await add_session(source, 99)
    await add_session(source, 2, versions=3)  # as it is already
    chain = await source.chain(keys.folder(session_of(0).id, session_of(0).started_at))
    assert chain is not None
    assert chain.newest is not None
    last = chain.newest.inventory
    await source.commit(
        Inventory(
            archive_id=source.id,
            account="account",
            session=last.session,
            version=last.version + 1,
            previous=chain.newest.digest,
            entries=last.entries[:1],
        )
    )

    again = await moving.copy(source, target)

    assert again.copied == 5 + 1 + 1
    assert again.found == 5  # of the folder that changed
    assert await contents(target) == await contents(source.store)


@pytest.mark.parametrize("seed", range(12))
async def test_an_interrupted_copy_goes_on(moving: Moving, seed: int) -> None:
    """Cut at random points on either side, the target holds its promises; in the end all is there."""
    rng = random.Random(seed)
    source = await make_archive(moving.place("source"), sessions=6)
    target = moving.place("target")
    cuts, done = 0, False
    while not done:
        here = Broken(source.store, rng.randrange(1, 40 + 10 * cuts))
        there = Broken(target, rng.randrange(1, 30 + 10 * cuts))
        opened = await Archive.open(source.store)
        opened.store = cast("Store", here)
        try:
            done = (await moving.copy(opened, cast("Store", there))).problems.count == 0
        except StoreUnavailableError:
            cuts += 1
        if (moving.folder / "target" / keys.FORMAT_KEY).exists():
            result = await verified(target)
            assert result.findings == []
        assert cuts < 60
    assert await contents(target) == await contents(source.store)
    assert cuts
    await source.close()
    await target.close()


async def test_a_session_is_never_ahead_of_its_artifacts(
    moving: Moving, source: Archive, target: DirectoryStore
) -> None:
    """`format.json` is put first, an inventory after all it names, a seal after everything."""
    order: list[str] = []
    put = target.put

    async def noting(key: str, *args: Any, **more: Any) -> Any:
        order.append(key)
        return await put(key, *args, **more)

    target.put = noting  # type: ignore[method-assign]
    await moving.copy(source, target)

    order = [each for each in order if "/canaries/" not in each]
    assert order[0] == keys.FORMAT_KEY
    for key, data in (await contents(target)).items():
        parsed = keys.parse_key(key)
        if parsed is not None and parsed.version:
            inventory = parse_inventory(data, key)
            before = [parsed.folder + name for name in inventory.named()]
            if parsed.version > 1:
                before.append(parsed.folder + keys.inventory_name(parsed.version - 1))
            assert all(order.index(each) < order.index(key) for each in before)
    assert [each for each in order if "/seals/" in each] == order[-2:]


async def test_damaged_bytes_are_not_copied(
    moving: Moving, source: Archive, target: DirectoryStore
) -> None:
    """They are named; the inventories go along, so that the target says what is missing."""
    chat, summary = one(moving, "chat.*"), one(moving, "summary.*.md")
    chat.write_bytes(chat.read_bytes() + b"x")
    summary.unlink()

    copied = await moving.copy(source, target)

    assert sorted(troubles(copied.problems)) == sorted(
        [
            (Trouble.CORRUPT, key_of(moving, chat)),
            (Trouble.MISSING, key_of(moving, summary)),
        ]
    )
    result = await verified(target)
    assert sorted((each.damage.value, each.key) for each in result.findings) == sorted(
        [("missing", key_of(moving, chat)), ("missing", key_of(moving, summary))]
    )
    record = json.loads((await contents(target))["_archive/copies/00000001.json"])
    assert (record["problems"], len(record["first_problems"])) == (2, 2)


async def test_a_broken_chain_is_copied_as_far_as_it_links(
    moving: Moving, source: Archive, target: DirectoryStore
) -> None:
    """What does not link stays behind, and is named."""
    last = one(moving, "inventory-0003.json")
    victim = last.with_name("inventory-0002.json")
    victim.chmod(0o600)
    victim.write_bytes(victim.read_bytes().replace(b'"n":"2"', b'"n":"9"'))

    copied = await moving.copy(source, target)

    there = await contents(target)
    assert [each for each, _ in troubles(copied.problems)] == [Trouble.CHAIN]
    # The changed version links to the one before it; the next one no longer links to it.
    assert key_of(moving, victim) in there
    assert key_of(moving, last) not in there


async def test_what_the_target_holds_already_is_never_overwritten(
    moving: Moving, source: Archive, target: DirectoryStore
) -> None:
    """Something else under a key is a conflict, named, and stays; versions after it are not put."""
    await moving.copy(source, target)
    chat = one(moving, "chat.*", "target")
    chat.write_bytes(b"something else")
    inventory = one(moving, "inventory-0002.json", "target")
    inventory.write_bytes(b"{}" + b" " * (inventory.stat().st_size - 2))

    copied = await moving.copy(source, target)

    assert sorted(troubles(copied.problems)) == sorted(
        [
            (Trouble.CONFLICT, key_of(moving, chat, "target")),
            (Trouble.CONFLICT, key_of(moving, inventory, "target")),
        ]
    )
    assert chat.read_bytes() == b"something else"


async def test_rot_that_leaves_no_trace_is_found_when_asked_for(
    moving: Moving, source: Archive, target: DirectoryStore
) -> None:
    """Bytes that changed under the same size and date are passed over, and not with `check`."""
    import os

    await moving.copy(source, target)
    chat = one(moving, "chat.*", "target")
    stat = chat.stat()
    chat.write_bytes(b"X" * stat.st_size)
    os.utime(chat, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    assert (await moving.copy(source, target)).problems.count == 0
    checked = await moving.copy(source, target, check=True)
    assert troubles(checked.problems) == [(Trouble.CONFLICT, key_of(moving, chat, "target"))]


async def test_strange_objects_stay_behind(
    moving: Moving, source: Archive, target: DirectoryStore
) -> None:
    """What nothing explains is named and not copied; what a crash left is copied like the rest."""
    (moving.folder / "source/strange").write_text("x")
    folder = one(moving, "inventory-0001.json").parent
    (folder / "notes.txt").write_text("x")
    link = folder / "linked"
    link.symlink_to("/etc/hostname")
    left_over = b"left over"
    from hashlib import sha256

    (folder / f"chat.{sha256(left_over).hexdigest()}.csv").write_bytes(left_over)

    copied = await moving.copy(source, target)

    assert {each for each, _ in troubles(copied.problems)} == {Trouble.UNEXPLAINED}
    assert copied.problems.count == 3
    assert left_over in (await contents(target)).values()


async def test_a_target_that_is_something_else_is_refused(
    moving: Moving, source: Archive, target: DirectoryStore
) -> None:
    """Another archive, or a folder with other things in it: nothing is put there."""
    other = moving.place("other")
    await make_archive(other, sessions=1)
    before = await contents(other)
    with pytest.raises(ArchiveMismatchError, match="another archive"):
        await moving.copy(source, other)
    assert await contents(other) == before

    (moving.folder / "target").mkdir()
    (moving.folder / "target/letter.txt").write_text("x")
    with pytest.raises(ArchiveMismatchError, match="is no archive"):
        await moving.copy(source, target)
    assert set(await contents(target)) == {"letter.txt"}


async def test_two_copies_at_once(moving: Moving, source: Archive, target: DirectoryStore) -> None:
    """Both end well, with a record each, and everything is there once."""
    import asyncio

    one_, other = await asyncio.gather(
        moving.copy(source, target), moving.copy(source, moving.place("target"))
    )

    assert one_.problems.count == other.problems.count == 0
    await moving.copy(source, target)
    assert await contents(target) == await contents(source.store)
    assert (await verified(target)).findings == []


async def test_another_copy_may_begin_in_between(
    moving: Moving, source: Archive, target: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not there a moment ago is looked for again before what is there is called foreign."""
    get = target.get

    async def late(key: str) -> bytes:
        try:
            return await get(key)
        finally:
            monkeypatch.setattr(target, "get", get)
            await moving.copy(source, moving.place("target"))

    monkeypatch.setattr(target, "get", late)
    copied = await moving.copy(source, target)

    assert copied.problems.count == 0
    assert await contents(target) == await contents(source.store)


async def test_a_worker_goes_on_while_it_is_copied(
    moving: Moving, source: Archive, target: DirectoryStore
) -> None:
    """A session and a seal that come meanwhile: the seal is left for the next copy, which has both."""

    async def come() -> None:
        opened = await Archive.open(moving.place("source"))
        await add_session(opened, 0, app_id="an-app-before-all-others")
        await seal(opened)

    there = Broken(target, 25, come)
    copied = await moving.copy(source, cast("Store", there))

    assert (copied.problems.count, copied.left) == (0, 1)
    assert sorted(key for key in await contents(target) if "/seals/" in key)[-1].endswith("2.json")
    assert (await verified(target)).findings == []
    again = await moving.copy(source, target)
    assert again.left == 0
    assert await contents(target) == await contents(source.store)


async def test_a_tombstone_there_ends_it(
    moving: Moving, source: Archive, target: DirectoryStore
) -> None:
    """What was destroyed on the other side is not brought back; here, it is not copied at all."""
    await moving.copy(source, target)
    there = await Archive.open(target)
    folder = keys.folder(session_of(0).id, session_of(0).started_at)
    chain = await there.chain(folder)
    assert chain is not None
    assert chain.newest is not None
    last = chain.newest.inventory
    tombstone = Inventory(
        archive_id=there.id,
        account="account",
        session=last.session,
        version=last.version + 1,
        previous=chain.newest.digest,
        entries=last.entries,
        tombstone=True,
    )
    await there.commit(tombstone)
    for path in (moving.folder / "target" / folder).glob("[cst]*.*"):
        path.unlink()

    copied = await moving.copy(source, target)

    assert troubles(copied.problems) == [(Trouble.CONFLICT, folder)]
    assert not list((moving.folder / "target" / folder).glob("chat.*"))
    await source.commit(tombstone)
    assert (await moving.copy(source, target)).problems.count == 0
    assert not list((moving.folder / "target" / folder).glob("chat.*"))


async def test_a_chain_of_houses_has_one_chain_of_records(
    moving: Moving, source: Archive, target: DirectoryStore
) -> None:
    """From here to there, from there on, and again: no copy is a conflict for the next one."""
    third = moving.place("third")
    await moving.copy(source, target)
    await moving.copy(await Archive.open(target), third)
    await add_session(source, 50)

    again = await moving.copy(source, target)

    assert again.problems.count == 0
    assert again.record.endswith("00000003.json")
    assert await contents(target) == await contents(source.store)
    last = await moving.copy(await Archive.open(target), third)
    assert last.problems.count == 0
    assert await contents(target) == await contents(third)


async def test_a_large_body_passes_through_a_file(
    moving: Moving, source: Archive, target: DirectoryStore
) -> None:
    """Its bytes arrive, and nothing of it stays behind; cut, neither."""
    from archiver.model import CHAT
    from tests.archiver.copying.world import put_body

    body = b"0123456789abcdef" * 300_000
    await put_body(source, session_of(0), CHAT, body)

    copied = await moving.copy(source, target)

    assert copied.problems.count == 0
    assert body in (await contents(target)).values()
    assert not list(moving.spool.iterdir())


async def test_an_archive_of_nothing(moving: Moving, target: DirectoryStore) -> None:
    """Its `format.json` and the record of the copy are all there is."""
    empty = await Archive.open(moving.place("empty"), origin=ORIGIN, made=MADE)

    copied = await moving.copy(empty, target)

    assert (copied.sessions, copied.problems.count) == (0, 0)
    assert set(await contents(target)) == {keys.FORMAT_KEY, "_archive/copies/00000001.json"}
