"""Copies from and to buckets of every kind: the same bytes, and never a shorter lock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive import keys
from archiver.archive.archive import Archive
from archiver.archive.stores import open_store
from archiver.archive.stores.s3 import S3Store
from archiver.archive.stores.s3_bucket import S3Options
from archiver.errors import SettingsError, StoreDeniedError
from archiver.model import UNLOCKED, Lock, LockMode
from tests.archiver.archive.stores.conftest import (
    OPTIONS,
    Variant,
    make_bucket,
    ministack_url,
    moto_url,
    raw_client,
    use_server,
)
from tests.archiver.copying.world import (
    Clock,
    Moving,
    add_session,
    contents,
    make_archive,
    verified,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from archiver.archive.stores import Store

__all__ = ["ministack_url", "moto_url"]  # fixtures

KINDS = {
    "plain": Variant(server=""),
    "versioned": Variant(server="", versioned=True),
    "locked": Variant(server="", versioned=True, locked=True),
}


class Servers:
    """Buckets of a server, as many as are asked for."""

    def __init__(self, url: str, server: str) -> None:
        self.raw: Any = raw_client(url)
        self.server = server
        self.stores: list[Store] = []

    def bucket(self, kind: str) -> S3Store:
        name = make_bucket(self.raw, replace(KINDS[kind], server=self.server))
        store = S3Store(name, "archive", options=replace(OPTIONS, page_size=100))
        self.stores.append(store)
        return store


@pytest.fixture
async def servers(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Servers]:
    server = getattr(request, "param", "moto")
    url = request.getfixturevalue(f"{server}_url")
    use_server(monkeypatch, url)
    made = Servers(url, server)
    yield made
    for store in made.stores:
        await store.close()
    made.raw.close()


@pytest.fixture
def moving(tmp_path: Path) -> Moving:
    return Moving(tmp_path, clock=Clock(datetime.now(UTC)))


@pytest.mark.parametrize("servers", ["moto", "ministack"], indirect=True)
@pytest.mark.parametrize("kind", list(KINDS))
async def test_into_a_bucket_and_back(moving: Moving, servers: Servers, kind: str) -> None:
    """Byte for byte, twice; what was copied is passed over, and both ends verify clean."""
    here = await make_archive(moving.place("here"), sessions=2)
    bucket = servers.bucket(kind)

    copied = await moving.copy(here, bucket)

    assert copied.problems.count == 0
    assert await contents(bucket) == await contents(here.store)
    assert (await verified(bucket)).findings == []
    assert (await moving.copy(here, bucket)).found == 0
    back = moving.place("back")
    returned = await moving.copy(await Archive.open(bucket), back, unlocked=True)
    assert returned.problems.count == 0
    assert bool(returned.unlocked) == (kind == "locked")  # its default retention
    assert await contents(back) == await contents(bucket)
    await here.close()


def far(days: int) -> Lock:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    return Lock(mode=LockMode.GOVERNANCE, until=until)


async def locks_of(store: S3Store) -> dict[str, Lock]:
    found = {}
    async for info in store.list(""):
        if not info.key.startswith(keys.CANARIES):
            head = await store.head(info.key)
            assert head is not None
            found[info.key] = head.lock
    return found


async def test_a_lock_is_never_shortened(moving: Moving, servers: Servers) -> None:
    """Each object is locked there as it is here, or as the settings say where that is longer."""
    source, target = servers.bucket("locked"), servers.bucket("locked")
    here = await make_archive(source, sessions=1, lock_for=lambda _app: far(40))
    here.lock_for = lambda _app: UNLOCKED  # what comes now is under the bucket's own day
    await add_session(here, 7)

    copied = await moving.copy(here, target)

    assert copied.problems.count == 0
    before, after = await locks_of(source), await locks_of(target)
    assert before.keys() == after.keys()
    assert all(after[key].covers(lock) for key, lock in before.items())
    assert {(lock.until or moving.clock.at) > moving.clock.at + timedelta(days=30)
            for lock in before.values()} == {True, False}  # fmt: skip
    # What is there already is locked longer where that is found wanting.
    longer = far(90)
    moving.lock_for = lambda _app: longer
    assert (await moving.copy(here, target, check=True)).problems.count == 0
    assert all(lock.covers(longer) for lock in (await locks_of(target)).values())


async def test_a_hold_goes_along_and_an_ended_retention_does_not(
    moving: Moving, servers: Servers
) -> None:
    """Only a lock that still runs binds the copy."""
    source = servers.bucket("locked")
    here = await make_archive(source, sessions=1, lock_for=lambda _app: Lock(hold=True))
    later = Moving(moving.folder, clock=Clock(datetime.now(UTC) + timedelta(days=400)))
    target = servers.bucket("locked")

    assert (await later.copy(here, target)).problems.count == 0

    before, after = await locks_of(source), await locks_of(target)
    assert any(each.hold for each in before.values())
    assert {key: each.hold for key, each in before.items()} == {
        key: each.hold for key, each in after.items()
    }
    with pytest.raises(SettingsError, match="has no Object Lock"):
        await later.copy(here, later.place("there"))


async def test_a_target_without_locks_is_refused_before_anything_is_copied(
    moving: Moving, servers: Servers
) -> None:
    """Unless it is said that it may be: then the record says so, too."""
    here = await make_archive(servers.bucket("locked"), sessions=1)
    target = servers.bucket("versioned")

    with pytest.raises(SettingsError, match="--unlocked"):
        await moving.copy(here, target)
    assert await contents(target) == {}

    copied = await moving.copy(here, target, unlocked=True)
    assert (copied.problems.count, copied.unlocked) == (0, copied.copied)
    assert b'"unlocked":0' not in (await contents(target))[copied.record]
    # Where the settings want a lock that the target does not know, it is refused as well.
    moving.lock_for = lambda _app: far(3)
    plain = await make_archive(moving.place("plain"), sessions=0)
    with pytest.raises(SettingsError, match="the settings want it locked"):
        await moving.copy(plain, servers.bucket("plain"))


async def test_the_oldest_version_is_what_is_copied(moving: Moving, servers: Servers) -> None:
    """What was written or deleted on top of a record is not: neither here nor there."""
    source = servers.bucket("versioned")
    here = await make_archive(source, sessions=1)
    before = await contents(source)
    bucket = source.url.removeprefix("s3://").split("/")[0]
    chat = next(each for each in before if "/chat." in each)
    summary = next(each for each in before if "/summary." in each)
    servers.raw.put_object(Bucket=bucket, Key=f"archive/{chat}", Body=b"on top")
    servers.raw.delete_object(Bucket=bucket, Key=f"archive/{summary}")

    copied = await moving.copy(here, moving.place("there"))

    assert copied.problems.count == 0
    there = await contents(moving.place("there"))
    assert {key: there[key] for key in before} == before


async def test_a_profile_is_the_whole_way_to_the_other_store(
    moving: Moving, moto_url: str, ministack_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From one server, named by the environment, to another, named by a profile, and no other way."""
    use_server(monkeypatch, moto_url)
    files = moving.folder / "aws"
    files.write_text(
        "[profile r2]\nregion = us-east-1\nservices = r2-services\n"
        "aws_access_key_id = other\naws_secret_access_key = other-secret\n"
        f"[services r2-services]\ns3 =\n  endpoint_url = {ministack_url}\n"
        f"[profile plain]\nregion = us-east-1\nendpoint_url = {ministack_url}\n"
        "aws_access_key_id = other\naws_secret_access_key = other-secret\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(files))
    near, far_away = raw_client(moto_url), raw_client(ministack_url)
    here = await make_archive(
        S3Store(make_bucket(near, Variant(server="moto")), "archive", options=OPTIONS), sessions=1
    )
    bucket = make_bucket(far_away, Variant(server="ministack"))
    for profile in ("r2", "plain"):
        target = open_store(f"s3://{bucket}/{profile}", profile=profile)
        assert (await moving.copy(here, target)).problems.count == 0
        assert await contents(target) == await contents(here.store)
        await target.close()
    listed = far_away.list_objects_v2(Bucket=bucket)["Contents"]
    assert {each["Key"].split("/")[0] for each in listed} == {"r2", "plain"}
    unknown = S3Store("bucket", "x", options=S3Options(profile="nobody"))
    with pytest.raises(StoreDeniedError, match="profile cannot be used"):
        await unknown.head("a")
    await here.close()
    near.close()
    far_away.close()
