"""Locks on trial: are they held against whoever may delete, and who can lift them.

A delete that is refused proves a lock only if the same credentials may delete what is not locked:
S3 answers AccessDenied to both.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.archive.stores.trials.asking import BUCKET_LOCK, Refusal
from archiver.checks import Check, failed, not_applicable, ok, unknown, weak
from archiver.errors import StoreDeniedError, StoreError
from archiver.model import LOCK_SLACK, UNLOCKED, Lock, LockMode

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.archive.stores.trials.scene import Scene

#: How long the canary is locked that must withstand everything.
HELD = timedelta(minutes=3)
_PUT_RETENTION = "allow s3:PutObjectRetention and s3:GetObjectRetention"
_NOT_HELD = "archive nothing here that must be kept: use a bucket that holds its locks"


@dataclass(frozen=True, slots=True)
class _Held:
    """The canary that is to withstand everything."""

    scene: Scene
    version_id: str
    lock: Lock
    at_once: bool  #: the put itself locked it
    readable: bool  #: the lock shows

    async def stands(self) -> bool:
        return await self.scene.head("held", self.version_id) is not None

    async def delete(self, *, bypass: bool = False) -> Refusal | None:
        """Try to delete this version."""
        scene = self.scene
        place = scene.place("held", self.version_id)
        if bypass:
            place["BypassGovernanceRetention"] = True
        return await scene.refused(scene.client.delete_object(**place))

    async def retain_until(self, until: datetime) -> bool:
        """Try to move the end of the lock; whether it was moved."""
        scene = self.scene
        await scene.refused(
            scene.client.put_object_retention(
                **scene.place("held", self.version_id),
                Retention={"Mode": LockMode(self.lock.mode).value, "RetainUntilDate": until},
            )
        )
        found = (await scene.lock_of("held", self.version_id)).until
        return found is not None and abs(found - until) <= LOCK_SLACK


async def retention(scene: Scene) -> list[Check]:
    """A canary under a lock of minutes, and all that must not get it away."""
    kind = await scene.bucket.kind()
    if kind.locked is False:
        return await _without_object_lock(scene)
    scene.may_delete = await _may_delete(scene)
    mode = scene.claims.lock.mode or LockMode.GOVERNANCE
    lock = Lock(mode=mode, until=(scene.now() + HELD).replace(microsecond=0))
    try:
        version_id = await scene.put("held", b"held", lock)
    except StoreDeniedError as error:
        return [_not_to_be_put(scene, error)]
    at_once = found = await scene.lock_of("held", version_id)
    if not found.covers(lock):
        found = await scene.store.keep(scene.corner.key("held"), lock, version_id=version_id)
    if found and not found.covers(lock):
        observed = (
            f"a {mode.lower()} lock of minutes was asked for, and {found.mode.lower()} was had"
        )
        return [_failed(scene, "lock", observed)]
    held = _Held(scene, version_id, lock, at_once=at_once.covers(lock), readable=found.covers(lock))
    first = await _against_delete(held)
    if not await held.stands():
        return [first]
    return [first, await _against_shortening(held), await _against_bypass(held)]


def _failed(scene: Scene, name: str, observed: str) -> Check:
    return failed(name, observed, _NOT_HELD, endangers=bool(scene.claims.lock))


def _not_to_be_put(scene: Scene, error: StoreDeniedError) -> Check:
    if scene.claims.lock.mode:
        return failed("lock", f"cannot be put: {error.message}", _PUT_RETENTION, endangers=True)
    return unknown("lock", f"cannot be put: {error.message}", _PUT_RETENTION)


async def _may_delete(scene: Scene) -> bool:
    """Whether we may delete a version that nothing holds, or nothing holds any longer."""
    lock = scene.brief() if scene.corner.is_locked else UNLOCKED
    version_id = await scene.put("free", b"free", lock)
    if lock.until is not None:
        over_in = lock.until - scene.now() + timedelta(seconds=1.5)
        await scene.clock.sleep(max(over_in.total_seconds(), 0))
    elif await scene.lock_of("free", version_id):
        return False  # locked by the bucket itself: its refusal would prove nothing
    return (
        await scene.refused(scene.client.delete_object(**scene.place("free", version_id))) is None
    )


async def _against_delete(held: _Held) -> Check:
    scene, what = held.scene, f"{held.lock.mode.lower()} lock of {HELD.seconds // 60} minutes"
    what += ": read back" if held.readable else ": not read back"
    refusal = await held.delete()
    if refusal is None or not await held.stands():
        return _failed(scene, "lock", f"{what}, and the delete was let through")
    if not scene.may_delete:
        return unknown(
            "lock",
            f"{what}; the delete was refused ({refusal}), but so it is without a lock",
            "not proven: allow s3:DeleteObject and s3:DeleteObjectVersion on _archive/canaries/*",
        )
    observed = f"{what}; the delete was refused ({refusal}), though without a lock we may"
    if not held.readable:
        return weak(
            "lock", observed, "allow s3:GetObjectRetention: else nothing is known as locked"
        )
    if not held.at_once:
        advice = "give the bucket a default retention: it holds from the first moment"
        return weak("lock", f"dropped with the put, and put right by us; then {observed}", advice)
    return ok("lock", observed)


async def _against_shortening(held: _Held) -> Check:
    name, until = "lock shortened", held.lock.until or held.scene.now()
    if await held.retain_until(until - timedelta(minutes=2)):
        return _failed(held.scene, name, "the end of a lock could be moved nearer")
    try:
        extended = await held.retain_until(until + timedelta(minutes=1))
    except StoreError:  # a server that fails at it proves nothing either
        extended = False
    if not extended:
        return unknown(name, "refused, but so is extending: not proven", _PUT_RETENTION)
    return ok(name, "refused, though the end of the lock may be moved further off")


async def _against_bypass(held: _Held) -> Check:
    scene, name = held.scene, "lock bypassed"
    refusal = await held.delete(bypass=True)
    if refusal is not None:
        return ok(name, f"refused ({refusal})")
    if held.lock.mode == LockMode.COMPLIANCE:
        return _failed(scene, name, "a compliance lock gave way to the bypass of governance locks")
    return weak(
        name,
        "these credentials can lift governance locks",
        "take s3:BypassGovernanceRetention away from them",
    )


async def _without_object_lock(scene: Scene) -> list[Check]:
    """R2's bucket locks hold without Object Lock: they show only in a refusal."""
    await scene.put("free", b"free", UNLOCKED)
    refusal = await scene.refused(scene.client.delete_object(**scene.place("free")))
    scene.may_delete = refusal is None
    if refusal is None or refusal.code != BUCKET_LOCK:
        return []  # told by the trial of Object Lock
    if scene.claims.lock:
        return []
    return [
        ok(
            "lock",
            "a bucket lock refused to delete a canary; for how long it holds cannot be asked here,"
            " and no object shows it",
        )
    ]


async def legal_hold(scene: Scene) -> list[Check]:
    """A canary under a legal hold, where the settings ask for holds."""
    name = "legal hold"
    if not scene.claims.lock.hold:
        return [not_applicable(name, "the settings ask for none")]
    if (await scene.bucket.kind()).locked is False:
        return []  # told by the trial of Object Lock
    hold = replace(scene.corner.lock(), hold=True)
    advice = "allow s3:PutObjectLegalHold and s3:GetObjectLegalHold"
    scene.held.append(scene.place("on-hold"))
    try:
        version_id = await scene.put("on-hold", b"on hold", hold)
    except StoreDeniedError as error:
        return [failed(name, f"cannot be put: {error.message}", advice, endangers=True)]
    place = scene.place("on-hold", version_id)
    if not (await scene.lock_of("on-hold", version_id)).hold:
        return [failed(name, "asked for, and not read back", advice, endangers=True)]
    refusal = await scene.refused(scene.client.delete_object(**place))
    if refusal is None:
        return [_failed(scene, name, "read back, and the delete was let through")]
    if not scene.may_delete:
        return [unknown(name, f"the delete was refused ({refusal}), but so it is without a hold")]
    return [
        ok(name, f"read back; the delete was refused ({refusal}), though without a hold we may")
    ]


async def lift_holds(scene: Scene) -> None:
    """Take the holds off our own canaries: nobody else ever would."""
    while scene.held:
        with suppress(StoreError):
            await scene.refused(
                scene.client.put_object_legal_hold(**scene.held.pop(), LegalHold={"Status": "OFF"})
            )
