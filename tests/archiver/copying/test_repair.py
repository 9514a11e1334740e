"""A repair puts back what an intact chain names, from bytes that fit, and touches nothing else."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from archiver.archive import keys
from archiver.archive.archive import Archive
from archiver.copying import Trouble, compare
from archiver.errors import ArchiveMismatchError
from tests.archiver.copying.test_copy import key_of, one, troubles
from tests.archiver.copying.world import (
    MADE,
    Moving,
    add_session,
    contents,
    make_archive,
    session_of,
    verified,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from archiver.archive.stores.directory import DirectoryStore


@pytest.fixture
async def moving(tmp_path: Path) -> AsyncIterator[Moving]:
    """An archive in `here`, and its copy in `there`."""
    made = Moving(tmp_path)
    archive = await make_archive(made.place("here"))
    await made.copy(archive, made.place("there"))
    yield made
    await archive.close()


@pytest.fixture
def here(moving: Moving) -> DirectoryStore:
    return moving.place("here")


@pytest.fixture
def there(moving: Moving) -> DirectoryStore:
    return moving.place("there")


def artifact(moving: Moving) -> list[Path]:
    return [one(moving, "chat.*", "here")]


def first_inventory(moving: Moving) -> list[Path]:
    return [one(moving, "inventory-0001.json", "here")]


def middle_inventory(moving: Moving) -> list[Path]:
    return [one(moving, "inventory-0003.json", "here").with_name("inventory-0002.json")]


def cut_tail(moving: Moving) -> list[Path]:
    last = one(moving, "inventory-0003.json", "here")
    return [last, last.with_name("inventory-0002.json")]


def whole_session(moving: Moving) -> list[Path]:
    return list(one(moving, "inventory-0001.json", "here").parent.iterdir())


def summary_request(moving: Moving) -> list[Path]:
    return [one(moving, "summary-request-1.json", "here")]


def last_seal(moving: Moving) -> list[Path]:
    return [moving.folder / "here/_archive/seals/00000002.json"]


def first_seal(moving: Moving) -> list[Path]:
    return [moving.folder / "here/_archive/seals/00000001.json"]


def format_record(moving: Moving) -> list[Path]:
    return [moving.folder / "here/_archive/format.json"]


def everything(moving: Moving) -> list[Path]:
    return [each for each in (moving.folder / "here").rglob("*") if each.is_file()]


@pytest.mark.parametrize(
    "lost",
    [
        artifact, first_inventory, middle_inventory, cut_tail, whole_session, summary_request,
        last_seal, first_seal, format_record, everything,
    ],
    ids=lambda each: each.__name__,
)  # fmt: skip
async def test_what_is_missing_is_put_back(
    lost: Callable[[Moving], list[Path]],
    moving: Moving,
    here: DirectoryStore,
    there: DirectoryStore,
) -> None:
    """Byte for byte; the repaired side says so in a record, and a copy carries that record on."""
    paths = lost(moving)
    for path in paths:
        path.unlink()

    repaired = await moving.repair(here, there)

    assert troubles(repaired.problems) == []
    assert repaired.copied == len(paths)
    after = await contents(here)
    assert {key: data for key, data in after.items() if key != repaired.record} == await contents(
        there
    )
    assert json.loads(after[repaired.record])["what"] == "repair"
    assert (await verified(here)).findings == []
    again = await moving.repair(here, there)
    assert (again.copied, again.problems.count, again.record) == (0, 0, "")
    copied = await moving.copy(await Archive.open(here), there)
    assert copied.problems.count == 0
    assert await contents(here) == await contents(there)


async def test_damaged_bytes_are_left_to_a_person(
    moving: Moving, here: DirectoryStore, there: DirectoryStore
) -> None:
    """They are named with what to do; once they are moved away, the next repair puts it right."""
    chat = one(moving, "chat.*", "here")
    chat.write_bytes(b"damaged")

    repaired = await moving.repair(here, there)

    (problem,) = repaired.problems
    assert (problem.trouble, problem.key) == (Trouble.CORRUPT, key_of(moving, chat, "here"))
    assert str(chat) in problem.detail
    assert chat.read_bytes() == b"damaged"
    shutil.move(chat, moving.folder / "aside")
    assert (await moving.repair(here, there)).copied == 1
    assert (await verified(here)).findings == []


async def test_bytes_that_do_not_fit_are_not_put_back(
    moving: Moving, here: DirectoryStore, there: DirectoryStore
) -> None:
    """What both sides lack, and what is damaged there, stays missing here, and is named."""
    chat, summary = one(moving, "chat.*", "here"), one(moving, "summary.*.md", "here")
    chat.unlink()
    summary.unlink()
    one(moving, "chat.*", "there").write_bytes(b"damaged as well")
    one(moving, "summary.*.md", "there").unlink()

    repaired = await moving.repair(here, there)

    assert sorted(troubles(repaired.problems)) == [
        (Trouble.CORRUPT, key_of(moving, chat, "here")),
        (Trouble.MISSING, key_of(moving, summary, "here")),
    ]
    assert not chat.exists()


async def test_a_forged_chain_there_is_not_taken_over(
    moving: Moving, here: DirectoryStore, there: DirectoryStore
) -> None:
    """An inventory that does not go on from ours is no reason to put anything."""
    folder = one(moving, "inventory-0003.json", "here").parent
    for version in (2, 3):
        (folder / f"inventory-000{version}.json").unlink()
    forged = moving.folder / "there" / key_of(moving, folder, "here") / "inventory-0001.json"
    forged.chmod(0o600)
    forged.write_bytes(forged.read_bytes().replace(b'"n":"1"', b'"n":"7"'))

    repaired = await moving.repair(here, there)

    assert [each for each, _ in troubles(repaired.problems)] == [Trouble.CHAIN]
    assert not (folder / "inventory-0002.json").exists()


async def test_another_archive_repairs_nothing(moving: Moving, here: DirectoryStore) -> None:
    """Even if it holds sessions of the same names."""
    other = moving.place("other")
    await make_archive(other)
    before = await contents(here)

    with pytest.raises(ArchiveMismatchError):
        await moving.repair(here, other)

    assert await contents(here) == before


async def test_what_was_destroyed_is_not_put_back(
    moving: Moving, here: DirectoryStore, there: DirectoryStore
) -> None:
    """After a tombstone nothing of the session is: the copy's bytes stay where they are."""
    from archiver.archive.inventory import Inventory

    archive = await Archive.open(here)
    folder = keys.folder(session_of(0).id, session_of(0).started_at)
    chain = await archive.chain(folder)
    assert chain is not None
    assert chain.newest is not None
    await archive.commit(
        Inventory(
            archive_id=archive.id,
            account="account",
            session=chain.newest.inventory.session,
            version=chain.newest.inventory.version + 1,
            previous=chain.newest.digest,
            entries=chain.newest.inventory.entries,
            made=MADE,
            tombstone=True,
        )
    )
    gone = list((moving.folder / "here" / folder).glob("chat.*"))
    gone[0].unlink()

    repaired = await moving.repair(here, there)

    assert (repaired.copied, repaired.problems.count) == (0, 0)
    assert not gone[0].exists()


async def test_comparing_names_every_difference(
    moving: Moving, here: DirectoryStore, there: DirectoryStore
) -> None:
    """What one side lacks and what differs, by key; of all, or of one session."""
    assert [each async for each in compare(here, there)] == []
    chat, summary = one(moving, "chat.*", "here"), one(moving, "summary.*.md", "there")
    chat.write_bytes(b"x" * chat.stat().st_size)
    summary.unlink()
    seal = moving.folder / "here/_archive/seals/00000002.json"
    seal.unlink()
    await add_session(await Archive.open(here), 77)

    found = [each async for each in compare(here, there)]

    assert [each.key for each in found] == sorted(each.key for each in found)
    kinds = {each.key: each.kind for each in found}
    assert kinds[key_of(moving, chat, "here")] == "differs"
    assert kinds[key_of(moving, summary, "there")] == "missing there"
    assert kinds["_archive/seals/00000002.json"] == "missing here"
    assert len(kinds) == 3 + 5
    alone = [each async for each in compare(here, there, session=session_of(77).id)]
    assert {each.kind for each in alone} == {"missing there"}
    assert len(alone) == 5


async def test_a_request_that_is_damaged_on_the_other_side_is_not_put_back(
    moving: Moving, here: DirectoryStore, there: DirectoryStore
) -> None:
    """It is named: bytes that were changed never take the place of what is missing."""
    (path,) = summary_request(moving)
    path.unlink()
    other = moving.folder / "there" / path.relative_to(moving.folder / "here")
    data = bytearray(other.read_bytes())
    data[len(data) // 2] ^= 1
    other.chmod(0o600)
    other.write_bytes(data)

    repaired = await moving.repair(here, there)

    (problem,) = repaired.problems
    assert problem.key == str(path.relative_to(moving.folder / "here"))
    assert not path.exists()
