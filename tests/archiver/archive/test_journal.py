"""The archive's own records: numbered, linked, written once, and read only as far as they link."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive.archive import Archive, Origin
from archiver.archive.canonical import parse_with_own_digest, sha256, with_own_digest
from archiver.archive.journal import BEGINNING, Journal, Link
from archiver.archive.stores.directory import DirectoryStore
from archiver.errors import ArchiveError, CommitConflictError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ORIGIN = Origin(base_url="https://api.example/v4", account="account", simulated=False)
MADE = {"at": "2026-11-01T00:00:00.000Z", "release": "1"}


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    opened = await Archive.open(DirectoryStore(tmp_path / "archive"), origin=ORIGIN)
    yield opened
    await opened.close()


@pytest.fixture
def journal(archive: Archive) -> Journal:
    return Journal(archive, "reports")


async def read(journal: Journal, after: Link = BEGINNING) -> list[dict[str, Any]]:
    return [dict(each.body) async for each in journal.records(after)]


def file_of(tmp_path: Path, sequence: int) -> Path:
    return tmp_path / f"archive/_archive/reports/{sequence:08}.json"


async def test_records_are_read_in_the_order_they_were_written(journal: Journal) -> None:
    """Each names the digest of the one before; from any of them on, the rest can be read."""
    links = [await journal.write({"number": number}, MADE) for number in range(12)]

    assert [each["number"] for each in await read(journal)] == list(range(12))
    assert [each["number"] for each in await read(journal, links[9])] == [10, 11]
    assert await journal.head() == links[-1]
    assert await journal.head(links[3]) == links[-1]


async def test_a_record_can_be_checked_by_hand(journal: Journal, tmp_path: Path) -> None:
    """The file is one line of JSON; its SHA-256 is what the next one names."""
    await journal.write({"number": 1}, MADE)
    await journal.write({"number": 2}, MADE)
    first, second = (file_of(tmp_path, number).read_bytes() for number in (1, 2))

    assert json.loads(first)["previous"] is None
    assert json.loads(second)["previous"] == sha256(first)


async def test_of_two_that_follow_the_same_record_one_is_refused(journal: Journal) -> None:
    """The other one starts again from what is there; the same bytes again are no conflict."""
    first = await journal.append(BEGINNING, {"by": "a"}, MADE)

    assert await journal.append(BEGINNING, {"by": "a"}, MADE) == first
    with pytest.raises(CommitConflictError):
        await journal.append(BEGINNING, {"by": "b"}, MADE)
    second = await journal.write({"by": "b"}, MADE)
    assert second.sequence == 2


def forge(path: Path) -> None:
    """Another record in its place, whole in itself."""
    path.write_bytes(with_own_digest({**parse_with_own_digest(path.read_bytes()), "number": 99}))


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda files: files[1].unlink(), "00000002.json is missing"),
        (lambda files: files[1].write_bytes(b"{}"), "00000002.json cannot be read"),
        (lambda files: files[1].write_bytes(files[0].read_bytes()), "00000002.json is not"),
        (lambda files: files[1].write_bytes(b"\xff" * 9), "00000002.json cannot be read"),
        (
            lambda files: files[0].write_bytes(files[0].read_bytes().replace(b":7", b":8")),
            "00000001.json cannot be read",
        ),
        (
            lambda files: files[0].write_bytes(b" " + files[0].read_bytes()),
            "00000001.json cannot be read",
        ),
        (lambda files: forge(files[0]), "00000002.json does not name"),
    ],
    ids=["gone", "emptied", "swapped", "no JSON", "changed", "spelled otherwise", "forged"],
)
async def test_what_does_not_link_is_named(
    journal: Journal, tmp_path: Path, harm: Any, told: str
) -> None:
    """Reading stops at the first record that is missing, changed or foreign, and says which."""
    for number in range(7, 10):
        await journal.write({"number": number}, MADE)
    harm([file_of(tmp_path, number) for number in range(1, 4)])

    with pytest.raises(ArchiveError, match=told):
        await read(journal)
