"""Verification: every kind of damage is named by key and kind, and nothing undamaged is accused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archiver.archive.archive import Archive
from archiver.archive.canonical import canonical_json, parse_with_own_digest, with_own_digest
from archiver.archive.inventory import Inventory
from archiver.archive.stores import open_store
from archiver.errors import ArchiveError
from archiver.model import CHAT, Fetched, SessionId
from archiver.verify import Damage, verify
from tests.archiver.archive.stores.conftest import (
    Variant,
    make_bucket,
    moto_url,
    raw_client,
    use_server,
)
from tests.archiver.verify.bench import Bench, bench
from tests.rig import rig

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["moto_url"]  # a fixture


#: One object of every kind, by the name of what it is.
KINDS: dict[str, Callable[[Bench], Path]] = {
    "session": lambda made: made.one("session.*.json"),
    "transcript": lambda made: made.one("transcript.*.json"),
    "chat": lambda made: made.one("chat.*.csv"),
    "summary": lambda made: made.one("summary.*.md"),
    "request": lambda made: made.one("summary-request-1.json"),
    "first inventory": lambda made: made.one("inventory-0001.json"),
    "last inventory": lambda made: made.one("inventory-0002.json"),
    "only inventory": lambda made: made.one("inventory-0001.json", 1),
    "format": lambda made: made.record("format.json"),
    "first seal": lambda made: made.record("seals/00000001.json"),
    "last seal": lambda made: made.record("seals/00000003.json"),
    "first report": lambda made: made.record("reports/00000001.json"),
    "last report": lambda made: made.record("reports/00000002.json"),
}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def delete(path: Path) -> None:
    path.unlink()


def replace_by_a_link(path: Path) -> None:
    away = Path(tempfile.mkdtemp()) / path.name
    path.rename(away)
    path.symlink_to(away)


def replace_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


HARMS = [flip, cut, empty, delete, replace_by_a_link, replace_by_a_pipe]


@pytest.mark.parametrize("known", ["with the ledger", "without it"])
@pytest.mark.parametrize("harm", HARMS, ids=lambda each: each.__name__)
async def test_whatever_is_damaged_is_named_and_nothing_else(
    harm: Callable[[Path], None], known: str, tmp_path: Path
) -> None:
    """Every kind of object, one at a time: exactly that key is accused, and of the right thing."""
    async with bench(tmp_path) as made:
        ledger = made.ledger if known == "with the ledger" else None
        assert (await made.verify(ledger=ledger)).findings == []
        for kind, find in KINDS.items():
            path = find(made)
            shutil.copy(path, tmp_path / "kept")
            harm(path)

            result = await made.verify(ledger=ledger)

            accused = [(each.key, each.damage) for each in result.findings]
            wanted = [(made.key(path), Damage.MISSING if harm is delete else Damage.CORRUPT)]
            if kind == "format":
                wanted = [(made.key(path), Damage.CORRUPT)]
            if kind == "last seal" and harm is delete and ledger is None:
                wanted = []  # nobody is left who knows of it: see --expect
            assert accused == wanted, kind
            assert result.sessions == 3
            path.unlink(missing_ok=True)
            shutil.copy(tmp_path / "kept", path)
        assert (await made.verify(ledger=ledger)).findings == []


async def test_swapped_bytes_are_two_findings(tmp_path: Path) -> None:
    """Two whole objects under each other's names are both corrupt, whatever kind they are of."""
    async with bench(tmp_path) as made:
        names = [name for name in KINDS if name != "format"]
        for first, second in pairwise([*names, names[0]]):
            pair = [KINDS[first](made), KINDS[second](made)]
            one, other = (each.read_bytes() for each in pair)
            pair[0].write_bytes(other)
            pair[1].write_bytes(one)
            result = await made.verify(ledger=made.ledger)

            accused = [each.key for each in result.findings]
            assert accused == sorted(map(made.key, pair)), (first, second)
            pair[0].write_bytes(one)
            pair[1].write_bytes(other)


@pytest.mark.parametrize(
    "place",
    [
        "{folder}/notes.txt",
        "{folder}/chat ü.csv",
        "{folder}/chat." + "0" * 64 + ".csv",
        "{folder}/deeper/chat." + "0" * 64 + ".csv",
        "{app}/notes.txt",
        "notes.txt",
        "_archive/secrets/notes.json",
        "_archive/seals/notes.json",
        "_archive/reports/3.json",
        "_archive/notes.json",
    ],
)
async def test_what_was_added_is_unexplained(place: str, tmp_path: Path) -> None:
    """Whatever nothing says why it is there, wherever it is."""
    async with bench(tmp_path) as made:
        folder = made.folders[0]
        path = made.root / place.format(
            folder=folder.relative_to(made.root), app=folder.parents[3].name
        )
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
        (finding,) = (await made.verify()).findings

        assert (finding.key, finding.damage) == (made.key(path), Damage.UNEXPLAINED)
        if place.startswith("{folder}"):
            parts = finding.key.split("/")
            alone = await made.verify(session=SessionId(parts[0], parts[4]))
            assert [each.key for each in alone.findings] == [finding.key]


Forgery = tuple["Path", Damage]


def inventory_of_another_archive(made: Bench) -> Forgery:
    path = made.one("inventory-0001.json", 2)
    document = json.loads(path.read_bytes())
    path.write_bytes(canonical_json({**document, "archive": "another"}))
    return path, Damage.CORRUPT


def inventory_that_says_something_else(made: Bench) -> Forgery:
    path = made.one("inventory-0001.json")
    path.write_bytes(path.read_bytes().replace(b'"archived"', b'"absent"', 1))
    return path, Damage.CORRUPT


def inventory_that_follows_no_other(made: Bench) -> Forgery:
    path = made.folders[1] / "inventory-0002.json"
    document = json.loads(made.one("inventory-0002.json").read_bytes())
    known = json.loads(made.one("inventory-0001.json", 1).read_bytes())
    path.write_bytes(canonical_json({**document, "session": known["session"]}))
    return path, Damage.CHAIN


def inventory_of_an_unknown_format(made: Bench) -> Forgery:
    path = made.folders[1] / "inventory-0002.json"
    path.write_bytes(canonical_json({"format": "realtimekit-archive/inventory/9"}))
    return path, Damage.CHAIN


def seal_that_names_another_session(made: Bench) -> Forgery:
    path = made.record("seals/00000002.json")
    document = parse_with_own_digest(path.read_bytes())
    path.write_bytes(with_own_digest({**document, "sessions": 4}))
    return made.record("seals/00000003.json"), Damage.CHAIN


def report_that_says_something_else(made: Bench) -> Forgery:
    path = made.record("reports/00000002.json")
    document = parse_with_own_digest(path.read_bytes())
    path.write_bytes(with_own_digest({**document, "number": 99}))
    return path, Damage.CORRUPT


def request_for_another_session(made: Bench) -> Forgery:
    path = made.one("summary-request-1.json")
    document = parse_with_own_digest(path.read_bytes())
    path.write_bytes(with_own_digest({**document, "session": "another"}))
    return path, Damage.CORRUPT


FORGERIES = [
    inventory_of_another_archive,
    inventory_that_says_something_else,
    inventory_that_follows_no_other,
    inventory_of_an_unknown_format,
    seal_that_names_another_session,
    report_that_says_something_else,
    request_for_another_session,
]


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda each: each.__name__)
async def test_a_record_that_is_whole_and_wrong_is_named(
    forge: Callable[[Bench], Forgery], tmp_path: Path
) -> None:
    """What was written with care is found by what other records say of it."""
    async with bench(tmp_path) as made:
        path, damage = forge(made)
        result = await made.verify()

        assert (made.key(path), damage) in [(each.key, each.damage) for each in result.findings]
        assert len(result.findings) <= 3


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
        chain = await made.archive.chain(f"{made.key(made.folders[1])}/")
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
            made.one(each, 1).unlink()
        assert (await made.verify()).findings == []

        await made.archive.commit(after(ended.digest, 3, tombstone=False))
        (finding,) = (await made.verify()).findings
        assert (finding.damage, "tombstone" in finding.detail) == (Damage.CHAIN, True)


async def test_other_bytes_under_a_key_are_not_taken_for_ours(tmp_path: Path) -> None:
    """A refused put of the same size is compared by digest before it counts as done."""
    async with bench(tmp_path) as made:
        chain = await made.archive.chain(f"{made.key(made.folders[1])}/")
        assert chain is not None
        assert chain.newest is not None
        session = chain.newest.inventory.session
        body = tmp_path / "body"
        body.write_bytes(b"good")
        digest = hashlib.sha256(b"good").hexdigest()
        (made.folders[1] / f"chat.{digest}.csv").write_bytes(b"EVIL")
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
        (made.folders[1] / f"chat.{digest}.csv").write_bytes(b"good")
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
