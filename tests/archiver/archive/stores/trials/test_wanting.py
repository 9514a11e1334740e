"""Servers that silently do not do what they are asked, each found out by the trial that is for it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive.keys import CANARIES
from archiver.archive.stores import Claims
from archiver.archive.stores.s3 import S3Store
from archiver.archive.stores.s3_bucket import S3Options
from archiver.archive.stores.trials import s3_locks, s3_parts, s3_rights, s3_settings
from archiver.archive.stores.trials.canaries import Corner, attempted, sweep, tidied
from archiver.archive.stores.trials.scene import Scene
from archiver.archive.stores.trials.writing import try_writing
from archiver.checks import Check, Verdict
from archiver.clock import SystemClock
from tests.archiver.archive.stores.conftest import Variant, make_bucket, raw_client, use_server
from tests.archiver.archive.stores.servers import Answer, Request, refusal
from tests.archiver.archive.stores.trials.altered import altered, has, less, with_headers
from tests.archiver.archive.stores.trials.test_servers import BRIEF, asked_for, contents, examined

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

PLAIN = Variant(server="moto")
VERSIONED = Variant(server="moto", versioned=True)
LOCKED = Variant(server="moto", versioned=True, locked=True)


def unchanged(request: Request) -> Request:
    return request


@pytest.fixture
def raw(moto_url: str) -> Iterator[Any]:
    client = raw_client(moto_url)
    yield client
    client.close()


@asynccontextmanager
async def scene_at(
    url: str,
    bucket: str,
    change: Callable[[Request], Request | Answer] = unchanged,
    claims: Claims | None = None,
    **more: Any,
) -> AsyncIterator[Scene]:
    """A bucket on trial behind a server that makes this change."""
    with altered(url, change, **more) as changed, pytest.MonkeyPatch.context() as patch:
        use_server(patch, changed)
        store = S3Store(bucket, "meetings", options=S3Options(attempts=2, read_timeout_s=20))
        inner = store._bucket
        claims = claims or Claims(brief=BRIEF)
        try:
            yield Scene(store, inner, await inner.client(), Corner(store), claims, SystemClock())
        finally:
            await store.close()


async def tried(
    scene: Scene, *trials: Callable[[Scene], Awaitable[Sequence[Check]]]
) -> dict[str, Check]:
    """What these trials find."""
    found = [check for trial in trials for check in await attempted("trial", trial(scene))]
    return {check.name: check for check in found}


async def written(scene: Scene) -> dict[str, Check]:
    """What the trials of writing find."""
    async with aclosing(try_writing(scene.corner, scene.claims)) as checks:
        return {check.name: check async for check in checks}


def is_danger(check: Check) -> bool:
    return check.verdict == Verdict.FAILED and check.endangers


async def test_conditions_ignored(moto_url: str, raw: Any) -> None:
    """Several of those that race are told that they were first: a danger, unless one works alone."""

    def change(request: Request) -> Request:
        return less(request, "if-none-match")

    async with scene_at(moto_url, make_bucket(raw, PLAIN), change) as scene:
        several = await written(scene) | await tried(scene, s3_parts.parts)
    alone_claimed = Claims(sole_worker=True)
    async with scene_at(moto_url, make_bucket(raw, PLAIN), change, alone_claimed) as scene:
        alone = await written(scene) | await tried(scene, s3_parts.parts)

    for name in ("put-if-absent", "overwrite", "put-if-absent in parts"):
        assert is_danger(several[name]), name
        assert "RTK_ARCHIVE_SOLE_WORKER" in several[name].advice
        assert alone[name].verdict == Verdict.WEAK, name


async def test_later_versions_let_through(moto_url: str, raw: Any) -> None:
    """In a versioned bucket the first stands, and the others lie on top: weak."""
    bucket = make_bucket(raw, VERSIONED)
    change = lambda request: less(request, "if-none-match")  # noqa: E731
    async with scene_at(moto_url, bucket, change) as scene:
        checks = await written(scene)
        await scene.corner.clear()

    assert checks["put-if-absent"].verdict == checks["overwrite"].verdict == Verdict.WEAK
    assert "15 more" in checks["put-if-absent"].observed
    assert contents(raw, bucket) == []


async def test_a_lock_dropped(moto_url: str, raw: Any) -> None:
    """A server that takes the headers of a lock and forgets them, and is not to be told later."""

    def change(request: Request) -> Request | Answer:
        if request.method == "PUT" and has(request, "retention"):
            return Answer()
        return less(request, "x-amz-object-lock")

    bucket = make_bucket(raw, LOCKED)
    raw.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
    )
    async with scene_at(moto_url, bucket, change, asked_for()) as scene:
        checks = await tried(scene, s3_locks.retention, s3_parts.parts)

    assert is_danger(checks["lock"])
    assert "not read back, and the delete was let through" in checks["lock"].observed
    assert is_danger(checks["lock of parts"])


async def test_a_delete_let_through(moto_url: str, raw: Any) -> None:
    """A lock that is shown and not held is no lock."""

    def change(request: Request) -> Request:
        if request.method == "DELETE":
            return with_headers(request, x_amz_bypass_governance_retention="true")
        return request

    async with scene_at(moto_url, make_bucket(raw, LOCKED), change, asked_for()) as scene:
        checks = await tried(scene, s3_locks.retention)

    assert is_danger(checks["lock"])
    assert "read back, and the delete was let through" in checks["lock"].observed


async def test_refused_by_permission_is_no_lock(moto_url: str, raw: Any) -> None:
    """Where nothing may be deleted, that a locked canary is not deleted proves nothing."""

    def change(request: Request) -> Request | Answer:
        return refusal(403, "AccessDenied") if request.method == "DELETE" else request

    async with scene_at(moto_url, make_bucket(raw, LOCKED), change, asked_for()) as scene:
        checks = await tried(
            scene, s3_locks.retention, s3_locks.legal_hold, s3_rights.delete_outside
        )
        await s3_locks.lift_holds(scene)

    assert checks["lock"].verdict == checks["legal hold"].verdict == Verdict.UNKNOWN
    assert "not proven" in checks["lock"].advice
    assert checks["delete"].verdict == Verdict.OK
    assert "AKIASECRET" not in str(checks)


async def test_canaries_that_may_not_be_deleted(moto_url: str, raw: Any) -> None:
    """Stay, and the permission is named."""

    def change(request: Request) -> Request | Answer:
        return refusal(403, "AccessDenied") if request.method == "DELETE" else request

    async with scene_at(moto_url, make_bucket(raw, PLAIN), change) as scene:
        await scene.corner.put("one", b"canary")
        check = await tidied(scene.corner, await sweep(scene.store, scene.now()), scene.now())

    assert check.verdict == Verdict.WEAK
    assert "s3:DeleteObjectVersion" in check.advice


async def test_settings_that_may_not_be_asked_for(moto_url: str, raw: Any) -> None:
    """Each is unknown and names the permission; what can be tried is tried all the same."""
    asked = {
        "versioning": ("versioning", "s3:GetBucketVersioning"),
        "object lock": ("object-lock", "s3:GetBucketObjectLockConfiguration"),
        "lifecycle": ("lifecycle", "s3:GetLifecycleConfiguration"),
        "public access": ("policyStatus", "s3:GetBucketPolicyStatus"),
        "uploads left behind": ("uploads", "s3:ListBucketMultipartUploads"),
    }

    def change(request: Request) -> Request | Answer:
        denied = any(has(request, query) for query, _ in asked.values())
        return refusal(403, "AccessDenied") if denied and request.method == "GET" else request

    bucket = make_bucket(raw, LOCKED)
    async with scene_at(moto_url, bucket, change, asked_for()) as scene:
        scene.corner.lock, scene.corner.is_locked = scene.brief, True
        checks = await tried(
            scene,
            s3_settings.versioning,
            s3_settings.object_lock,
            s3_settings.lifecycle,
            s3_settings.public_access,
            s3_parts.left_behind,
            s3_locks.retention,
        )

    for name, (_, permission) in asked.items():
        assert checks[name].verdict == Verdict.UNKNOWN, name
        assert permission in checks[name].advice
    assert checks["lock"].verdict == Verdict.OK


async def test_canaries_that_would_stay_are_not_put(moto_url: str, raw: Any) -> None:
    """Where the bucket locks by itself and a lock of seconds is refused, nothing is put at all."""

    def change(request: Request) -> Request | Answer:
        locks = any(name.lower().startswith("x-amz-object-lock") for name in request.headers)
        return refusal(403, "AccessDenied") if locks else request

    bucket = make_bucket(raw, LOCKED)
    async with scene_at(moto_url, bucket, change) as scene:
        checks = await examined(scene.store)  # type: ignore[arg-type]  # an S3Store

    assert checks["canaries"].verdict == Verdict.UNKNOWN
    assert "for 1 day," in checks["canaries"].observed
    assert checks["versioning"].verdict == Verdict.OK
    assert "put-if-absent" not in checks
    assert contents(raw, bucket) == []


async def test_what_the_settings_ask_for(moto_url: str, raw: Any) -> None:
    """Locks without Object Lock are a danger; Object Lock that nobody uses is weak."""
    bare = f"bare-{make_bucket(raw, PLAIN)}"
    raw.create_bucket(Bucket=bare, ObjectLockEnabledForBucket=True)

    async def object_lock(bucket: str, claims: Claims | None = None) -> Check:
        async with scene_at(moto_url, bucket, claims=claims) as scene:
            scene.default, scene.default_unknown = await s3_settings.default_retention(scene)
            return (await s3_settings.object_lock(scene))[0]

    missing = await object_lock(make_bucket(raw, PLAIN), asked_for())
    unused = await object_lock(bare)
    by_default = await object_lock(make_bucket(raw, LOCKED))
    asked = await object_lock(make_bucket(raw, LOCKED), asked_for())
    shorter = await object_lock(make_bucket(raw, LOCKED), asked_for(days=0))

    assert is_danger(missing)
    assert unused.verdict == Verdict.WEAK
    assert by_default.verdict == asked.verdict == Verdict.OK
    assert "governance for 1 day" in by_default.observed
    assert "less than asked for, and does no harm" in asked.observed
    assert shorter.verdict == Verdict.WEAK
    assert "in its place" in shorter.observed


async def test_a_bucket_lock_of_r2(moto_url: str, raw: Any) -> None:
    """It holds without Object Lock; what cannot be known of it is said."""

    def change(request: Request) -> Request | Answer:
        held = request.method == "DELETE"
        return refusal(403, "ObjectLockedByBucketPolicy") if held else request

    async with scene_at(moto_url, make_bucket(raw, PLAIN), change) as scene:
        checks = await tried(scene, s3_locks.retention)

    assert checks["lock"].verdict == Verdict.OK
    assert "cannot be asked" in checks["lock"].observed


async def test_a_bucket_that_is_open(moto_url: str, raw: Any) -> None:
    """Public by its ACL, with versioning suspended, and with a rule that deletes: three dangers."""
    bucket = make_bucket(raw, VERSIONED)
    raw.put_bucket_acl(Bucket=bucket, ACL="public-read")
    raw.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    rule = {
        "ID": "tidy",
        "Status": "Enabled",
        "Filter": {"Prefix": "meetings/"},
        "Expiration": {"Days": 30},
    }
    raw.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})

    async with scene_at(moto_url, bucket) as scene:
        checks = await tried(
            scene, s3_settings.public_access, s3_settings.versioning, s3_settings.lifecycle
        )

    assert all(is_danger(each) for each in checks.values())
    assert len(checks) == 3
    assert "tidy" in checks["lifecycle"].observed


async def test_strangers(moto_url: str, raw: Any) -> None:
    """Told by what a request without credentials gets; moto lets everybody in."""

    def change(request: Request) -> Request | Answer:
        return request if "Authorization" in request.headers else refusal(403, "AccessDenied")

    bucket = make_bucket(raw, PLAIN)
    async with scene_at(moto_url, bucket) as scene:
        let_in = (await s3_rights.strangers(scene))[0]
    async with scene_at(moto_url, bucket, change) as scene:
        kept_out = (await s3_rights.strangers(scene))[0]

    assert is_danger(let_in)
    assert kept_out.verdict == Verdict.OK


async def test_a_delete_that_marks_what_never_was(moto_url: str, raw: Any) -> None:
    """Whatever the server makes of it, the trial of our rights leaves no marker."""
    bucket = make_bucket(raw, VERSIONED)

    def change(request: Request) -> Request:
        """A server that overlooks the version named, the first time."""
        if request.method == "DELETE" and "versionId=null" in request.path:
            return Request(
                method="DELETE",
                path=request.path.split("?")[0],
                headers=request.headers,
                body=request.body,
            )
        return request

    async with scene_at(moto_url, bucket, change) as scene:
        (check,) = await s3_rights.delete_outside(scene)

    assert check.verdict == Verdict.WEAK
    assert contents(raw, bucket) == []


async def test_a_server_whose_clock_is_off(moto_url: str, raw: Any) -> None:
    """Locks end by the server's clock: they are reckoned by it, and the difference is told."""

    def later(answer: Answer) -> Answer:
        moment = SystemClock().now() + timedelta(minutes=5)
        return Answer(
            status=answer.status,
            headers={**answer.headers, "Date": format_datetime(moment, usegmt=True)},
            body=answer.body,
        )

    async with scene_at(moto_url, make_bucket(raw, PLAIN), after=later) as scene:
        assert await scene.compare_clocks()
        ahead = scene.now() - scene.clock.now()

    assert timedelta(minutes=4, seconds=58) < ahead < timedelta(minutes=5, seconds=2)


async def test_a_bucket_that_is_not_there(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One check, that says what to do."""
    use_server(monkeypatch, moto_url)
    store = S3Store("no-such-bucket-here")
    checks = await examined(store)
    await store.close()

    assert [each.verdict for each in checks.values()] == [Verdict.FAILED]
    assert "RTK_ARCHIVE_STORE" in checks["reach"].advice


@pytest.mark.parametrize("stop_after", [3, 8])
async def test_stopped_halfway(
    moto_url: str, raw: Any, monkeypatch: pytest.MonkeyPatch, stop_after: int
) -> None:
    """Whoever stops it leaves no canary behind that could be removed."""
    bucket = make_bucket(raw, PLAIN)
    use_server(monkeypatch, moto_url)
    store, seen = S3Store(bucket), asyncio.Event()

    async def run() -> None:
        count = 0
        async with aclosing(store.examine(Claims(brief=BRIEF), SystemClock())) as checks:
            async for _ in checks:
                count += 1
                if count == stop_after:
                    seen.set()

    task = asyncio.create_task(run())
    await seen.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await store.close()

    assert not [key for key, *_ in contents(raw, bucket) if key.startswith(CANARIES)]
