"""Verification: every kind of damage is named by key and kind, and nothing undamaged is accused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive.archive import Archive
from archiver.archive.inventory import Inventory, canonical_json
from archiver.archive.stores import open_store
from archiver.errors import ArchiveError
from archiver.model import CHAT, Fetched, SessionId
from archiver.rebuild import rebuild_ledger
from archiver.verify import Damage, Verification, verify
from tests.archiver.archive.stores.conftest import (
    Variant,
    make_bucket,
    moto_url,
    raw_client,
    use_server,
)
from tests.rig import rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

__all__ = ["moto_url"]  # a fixture


@dataclass
class Bench:
    """An archive of three sessions in a folder, to be damaged."""

    root: Path
    archive: Archive

    @property
    def folders(self) -> list[Path]:
        return sorted(each.parent for each in self.root.rglob("inventory-0001.json"))

    def one(self, pattern: str, folder: int = 0) -> Path:
        """The object of this name in a session's folder, made writable."""
        (path,) = self.folders[folder].glob(pattern)
        path.chmod(0o600)
        return path

    def key(self, path: Path) -> str:
        key = str(path.relative_to(self.root))
        return key + "/" if path.is_dir() else key

    async def verify(self, **more: Any) -> Verification:
        return await verify(self.archive, **more)


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    async with rig(folder, meetings=3) as one:
        await one.sync_until_settled()
    store = open_store(f"file:{folder / 'archive'}")
    try:
        yield Bench(folder / "archive", await Archive.open(store))
    finally:
        await store.close()


Damaged = tuple["Path", Damage]


def flipped(made: Bench) -> Damaged:
    path = made.one("chat.*.csv")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return path, Damage.CORRUPT


def cut(made: Bench) -> Damaged:
    path = made.one("transcript.*.json")
    path.write_bytes(path.read_bytes()[:-1])
    return path, Damage.CORRUPT


def emptied(made: Bench) -> Damaged:
    path = made.one("summary.*.md")
    path.write_bytes(b"")
    return path, Damage.CORRUPT


def deleted(made: Bench) -> Damaged:
    path = made.one("session.*.json")
    path.unlink()
    return path, Damage.MISSING


def linked(made: Bench) -> Damaged:
    path = made.one("summary.*.md")
    target = path.with_suffix(".away")
    path.rename(made.root.parent / target.name)
    path.symlink_to(made.root.parent / target.name)
    return path, Damage.CORRUPT


def piped(made: Bench) -> Damaged:
    path = made.one("summary.*.md")
    path.unlink()
    os.mkfifo(path)
    return path, Damage.CORRUPT


def added_to_a_session(made: Bench) -> Damaged:
    path = made.folders[0] / "notes.txt"
    path.write_text("x")
    return path, Damage.UNEXPLAINED


def added_with_a_strange_name(made: Bench) -> Damaged:
    path = made.folders[0] / "chat ü.csv"
    path.write_text("x")
    return path, Damage.UNEXPLAINED


def added_to_an_app(made: Bench) -> Damaged:
    path = made.folders[0].parents[3] / "notes.txt"
    path.write_text("x")
    return path, Damage.UNEXPLAINED


def added_at_the_top(made: Bench) -> Damaged:
    path = made.root / "notes.txt"
    path.write_text("x")
    return path, Damage.UNEXPLAINED


def added_among_the_records(made: Bench) -> Damaged:
    path = made.root / "_archive/secrets/notes.json"
    path.parent.mkdir()
    path.write_text("{}")
    return path, Damage.UNEXPLAINED


def added_under_a_false_digest(made: Bench) -> Damaged:
    path = made.folders[0] / f"chat.{'0' * 64}.csv"
    path.write_text("x")
    return path, Damage.UNEXPLAINED


def inventory_edited(made: Bench) -> Damaged:
    path = made.one("inventory-0001.json")
    path.write_bytes(path.read_bytes().replace(b'"archived"', b'"absent"', 1))
    os.link(path, path.with_name("inventory-0002.json"))
    return path.parent, Damage.CHAIN


def inventory_of_another_session(made: Bench) -> Damaged:
    path = made.one("inventory-0001.json")
    shutil.copy(made.one("inventory-0001.json", 1), path)
    return path.parent, Damage.CHAIN


def inventory_of_another_archive(made: Bench) -> Damaged:
    path = made.one("inventory-0001.json")
    document = json.loads(path.read_bytes())
    path.write_bytes(canonical_json({**document, "archive": "another"}))
    return path.parent, Damage.CHAIN


def inventory_of_an_unknown_format(made: Bench) -> Damaged:
    path = made.one("inventory-0001.json")
    document = json.loads(path.read_bytes())
    path.write_bytes(canonical_json({**document, "format": "realtimekit-archive/inventory/9"}))
    return path.parent, Damage.CHAIN


def inventory_that_is_a_link(made: Bench) -> Damaged:
    path = made.one("inventory-0001.json")
    path.unlink()
    path.symlink_to("/etc/hostname")
    return path.parent, Damage.CHAIN


def inventory_missing_before_another(made: Bench) -> Damaged:
    path = made.one("inventory-0001.json")
    path.rename(path.with_name("inventory-0003.json"))
    return path.parent, Damage.CHAIN


def format_rewritten(made: Bench) -> Damaged:
    path = made.root / "_archive/format.json"
    path.chmod(0o600)
    path.write_text("{}")
    return path, Damage.CORRUPT


MATRIX: list[Callable[[Bench], Damaged]] = [
    flipped, cut, emptied, deleted, linked, piped,
    added_to_a_session, added_with_a_strange_name, added_to_an_app, added_at_the_top,
    added_among_the_records, added_under_a_false_digest,
    inventory_edited, inventory_of_another_session, inventory_of_another_archive,
    inventory_of_an_unknown_format, inventory_that_is_a_link, inventory_missing_before_another,
    format_rewritten,
]  # fmt: skip


@pytest.mark.parametrize("damage", MATRIX, ids=lambda each: each.__name__)
async def test_damage_is_named_by_key_and_kind(
    damage: Callable[[Bench], Damaged], tmp_path: Path
) -> None:
    """One thing is wrong, and exactly that is found, by `verify` of all and of the session alone."""
    async with bench(tmp_path) as made:
        clean = await made.verify()
        assert (clean.sessions, clean.findings, clean.unreferenced) == (3, [], [])
        path, kind = damage(made)
        key = made.key(path)

        result = await made.verify()

        assert [(each.key, each.damage) for each in result.findings] == [(key, kind)]
        assert result.sessions == 3
        if len(parts := key.split("/")) >= 6:
            alone = await made.verify(session=SessionId(parts[0], parts[4]))
            assert [(each.key, each.damage) for each in alone.findings] == [(key, kind)]
        rebuilt = await rebuild_ledger(made.archive, tmp_path / "again.db", _Clock())
        assert rebuilt.sessions >= 2


class _Clock:
    """The time does not matter here."""

    def now(self) -> Any:
        from datetime import UTC, datetime

        return datetime(2026, 11, 30, tzinfo=UTC)

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


async def test_swapped_bytes_are_two_findings(tmp_path: Path) -> None:
    """Two whole objects under each other's names are both corrupt."""
    async with bench(tmp_path) as made:
        first, second = made.one("chat.*.csv"), made.one("summary.*.md")
        one, other = first.read_bytes(), second.read_bytes()
        first.write_bytes(other)
        second.write_bytes(one)
        result = await made.verify()

        assert sorted((each.key, each.damage) for each in result.findings) == sorted(
            [(made.key(first), Damage.CORRUPT), (made.key(second), Damage.CORRUPT)]
        )


async def test_what_a_crash_leaves_is_no_damage(tmp_path: Path) -> None:
    """An object whose name is its digest, and that no inventory names, is reported as just that."""
    async with bench(tmp_path) as made:
        data = b"left over"
        path = made.folders[0] / f"chat.{hashlib.sha256(data).hexdigest()}.csv"
        path.write_bytes(data)
        result = await made.verify()

        assert (result.findings, result.unreferenced) == ([], [made.key(path)])


async def test_a_sample_says_what_it_left_out(tmp_path: Path) -> None:
    """Sampled and skipped sessions add up, and the same seed draws the same."""
    async with bench(tmp_path) as made:
        results = [await made.verify(sample=0.5, seed=seed) for seed in range(6)]
        again = await made.verify(sample=0.5, seed=3)

        assert {each.sessions + each.skipped_sessions for each in results} == {3}
        assert len({each.sessions for each in results}) > 1
        assert again.sessions == results[3].sessions


async def test_what_was_destroyed_is_not_missing(tmp_path: Path) -> None:
    """A chain that ends in a tombstone may name objects that are gone; nothing may follow it."""
    async with bench(tmp_path) as made:
        chain = await made.archive.chain(made.key(made.folders[0]))
        assert chain is not None
        assert chain.newest is not None
        last = chain.newest.inventory

        def after(previous: str, version: int, *, tombstone: bool) -> Inventory:
            return Inventory(
                archive_id=made.archive.id,
                account=last.account,
                session=last.session,
                version=version,
                previous=previous,
                entries=last.entries,
                tombstone=tombstone,
            )

        ended = await made.archive.commit(after(chain.newest.digest, 2, tombstone=True))
        for each in ("chat.*", "summary.*", "transcript.*.json", "transcript.*.csv", "session.*"):
            made.one(each).unlink()
        assert (await made.verify()).findings == []

        await made.archive.commit(after(ended.digest, 3, tombstone=False))
        (finding,) = (await made.verify()).findings
        assert (finding.damage, "tombstone" in finding.detail) == (Damage.CHAIN, True)


async def test_other_bytes_under_a_key_are_not_taken_for_ours(tmp_path: Path) -> None:
    """A refused put of the same size is compared by digest before it counts as done."""
    async with bench(tmp_path) as made:
        chain = await made.archive.chain(made.key(made.folders[0]))
        assert chain is not None
        assert chain.newest is not None
        session = chain.newest.inventory.session
        body = tmp_path / "body"
        body.write_bytes(b"good")
        digest = hashlib.sha256(b"good").hexdigest()
        (made.folders[0] / f"chat.{digest}.csv").write_bytes(b"EVIL")
        fetched = Fetched(
            body=body,
            size_bytes=4,
            digest=digest,
            media_type="text/csv",
            encoding="",
            host="h",
            fetched_at=session.started_at,
        )

        with pytest.raises(ArchiveError, match="taken by something else"):
            await made.archive.put_artifact(session, CHAT, fetched)
        (made.folders[0] / f"chat.{digest}.csv").write_bytes(b"good")
        assert (await made.archive.put_artifact(session, CHAT, fetched))[0] == f"chat.{digest}.csv"


async def test_what_lies_on_top_of_a_version_is_damage_and_never_read(
    tmp_path: Path, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Overwritten and deleted in a versioned bucket: reported, while the oldest version is read."""
    raw = raw_client(moto_url)
    bucket = make_bucket(raw, Variant(server="moto", versioned=True))
    use_server(monkeypatch, moto_url)
    async with rig(tmp_path, meetings=1, store=f"s3://{bucket}/x") as one:
        await one.sync_until_settled()
    store = open_store(f"s3://{bucket}/x")
    archive = await Archive.open(store)
    keys = [each["Key"] for each in raw.list_objects_v2(Bucket=bucket)["Contents"]]
    chat, summary, inventory = (
        next(each for each in keys if part in each) for part in ("chat.", "summary.", "inventory-")
    )
    format_key = "x/_archive/format.json"
    for key in (chat, inventory, format_key):
        raw.put_object(Bucket=bucket, Key=key, Body=b"{}")
    raw.delete_object(Bucket=bucket, Key=summary)
    result = await verify(archive)
    await store.close()

    assert sorted((each.key, each.damage) for each in result.findings) == sorted(
        (key.removeprefix("x/"), Damage.LATER_VERSION)
        for key in (chat, summary, inventory, format_key)
    )
    # The record itself goes: what lay on top is all there is now, and it is not what was stored.
    versions = raw.list_object_versions(Bucket=bucket, Prefix=chat)["Versions"]
    raw.delete_object(Bucket=bucket, Key=chat, VersionId=versions[-1]["VersionId"])
    store = open_store(f"s3://{bucket}/x")
    again = await verify(await Archive.open(store))
    await store.close()
    raw.close()

    assert (chat.removeprefix("x/"), Damage.CORRUPT) in {
        (each.key, each.damage) for each in again.findings
    }
