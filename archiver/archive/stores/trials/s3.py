"""A bucket on trial: every trial in its order, and the canaries away again at the end."""

from __future__ import annotations

from contextlib import aclosing, suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from archiver.archive.stores.trials import s3_locks, s3_parts, s3_rights, s3_settings
from archiver.archive.stores.trials.canaries import Corner, attempted, reason_of, sweep, tidied
from archiver.archive.stores.trials.s3_settings import days_text
from archiver.archive.stores.trials.scene import Scene
from archiver.archive.stores.trials.writing import try_writing
from archiver.checks import Check, failed, ok, unknown, weak
from archiver.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from archiver.archive.stores.s3_bucket import Bucket
    from archiver.archive.stores.store import Store
    from archiver.archive.stores.trials import Claims
    from archiver.clock import Clock

#: A clock further off than this is wrong: S3 itself refuses requests at fifteen minutes.
CLOCK_OFF_MAX = timedelta(seconds=60)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_Trial = tuple[str, "Callable[[Scene], Awaitable[Sequence[Check]]]"]
_TRIALS: tuple[_Trial, ...] = (
    ("overwrite without condition", s3_rights.unconditional_put),
    ("upload in parts", s3_parts.parts),
    ("uploads left behind", s3_parts.left_behind),
    ("versioning", s3_settings.versioning),
    ("object lock", s3_settings.object_lock),
    ("lock", s3_locks.retention),
    ("legal hold", s3_locks.legal_hold),
    ("delete", s3_rights.delete_outside),
    ("strangers", s3_rights.strangers),
    ("public access", s3_settings.public_access),
    ("lifecycle", s3_settings.lifecycle),
    ("at rest", s3_settings.at_rest),
)

#: What can be found out where canaries would stay for years.
_PUTTING_NOTHING = tuple(
    each
    for each in _TRIALS
    if each[0] in {"versioning", "object lock", "delete", "public access", "lifecycle"}
)
_BRIEF_ADVICE = "allow s3:PutObjectRetention and s3:GetBucketObjectLockConfiguration"


async def examine_bucket(
    store: Store, bucket: Bucket, claims: Claims, clock: Clock
) -> AsyncGenerator[Check]:
    """Every trial of a bucket; where it cannot be reached, that one check."""
    corner = Corner(store)
    try:
        scene = Scene(store, bucket, await bucket.client(), corner, claims, clock)
        told = await scene.compare_clocks()
        would_stay = await _choose_lock(scene)
        if not would_stay:
            await corner.put("reached", b"reached")
            yield _reached(scene)
    except StoreError as error:
        yield failed("reach", reason_of(error), error.hint or "check RTK_ARCHIVE_STORE")
        await _clear(corner)
        return
    try:
        yield _transport(scene)
        yield _clock(scene, told=told)
        if would_stay:
            yield unknown("canaries", would_stay, _BRIEF_ADVICE)
            for name, trial in _PUTTING_NOTHING:
                for check in await attempted(name, trial(scene)):
                    yield check
            return
        left = await sweep(store, scene.now())
        await s3_parts.abort_old(scene)
        async with aclosing(try_writing(corner, claims)) as checks:
            async for check in checks:
                yield check
        for name, trial in _TRIALS:
            for check in await attempted(name, trial(scene)):
                yield check
        await s3_locks.lift_holds(scene)
        await _wait_for_brief_locks(scene)
        yield await tidied(corner, left, scene.now())
    except StoreError as error:
        yield unknown("canaries", reason_of(error), error.hint)
    finally:
        await s3_locks.lift_holds(scene)
        await _clear(corner)


async def _clear(corner: Corner) -> None:
    with suppress(StoreError):
        await corner.clear()


async def _choose_lock(scene: Scene) -> str:
    """Where the bucket locks by itself what is put, ask for less: canaries are not kept for years.

    Returns why nothing can be put, where that is refused; "" otherwise.
    """
    kind = await scene.bucket.kind()
    if kind.locked is False:
        return ""
    scene.default, scene.default_unknown = await s3_settings.default_retention(scene)
    if scene.default is None and not scene.default_unknown:
        return ""
    body = b"brief"
    refusal = await scene.refused(
        scene.client.put_object(
            **scene.place("brief"), Body=body, IfNoneMatch="*", **scene.checked(body, scene.brief())
        )
    )
    if refusal is None:
        scene.corner.lock, scene.corner.is_locked = scene.brief, True
        return ""
    scene.brief_until = None
    if scene.default is None and not refusal.denied:
        return ""  # what a bucket says that has no Object Lock
    kept = f"for {days_text(scene.default[1].days)}" if scene.default else "who knows how long"
    return f"would be kept {kept}, and a lock of seconds was refused ({refusal}): nothing was put"


async def _wait_for_brief_locks(scene: Scene) -> None:
    if scene.brief_until is not None:
        # A server tells the time in whole seconds, so that its clock is known to a second at best.
        over_in = scene.brief_until - scene.now() + timedelta(seconds=2)
        await scene.clock.sleep(max(over_in.total_seconds(), 0))


def _reached(scene: Scene) -> Check:
    named = f"; the server calls itself {scene.server}" if scene.server else ""
    return ok("reach", f"the credentials may write{named}")


def _transport(scene: Scene) -> Check:
    url = urlsplit(scene.client.meta.endpoint_url)
    if url.scheme == "https":
        return ok("transport", "encrypted")
    if url.hostname in _LOOPBACK:
        return ok("transport", "not encrypted, and never leaves this machine")
    return weak("transport", "not encrypted", "set AWS_ENDPOINT_URL to an https address")


def _clock(scene: Scene, *, told: bool) -> Check:
    if not told:
        return unknown(
            "clock", "the server does not tell the time", "keep this machine's clock set"
        )
    off_s = scene.offset.total_seconds()
    observed = f"the server's is {abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} ours"
    if abs(scene.offset) > CLOCK_OFF_MAX:
        return failed("clock", observed, "set this machine's clock; locks end by the server's")
    return ok("clock", observed)
