"""A corner of canaries for one examination, and how it is left: empty, or saying what has to stay."""

from __future__ import annotations

import secrets
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from archiver.archive.keys import CANARIES
from archiver.checks import Check, Verdict, failed, ok, unknown, weak
from archiver.errors import StoreDeniedError, StoreError, StoreFullError
from archiver.model import UNLOCKED, Lock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from archiver.archive.stores.store import ObjectInfo, Store, Stored

#: A canary older than this is nobody's any more.
LEFT_BEHIND = timedelta(hours=1)
#: So many of earlier examinations are looked at in one go.
SWEPT_MAX = 500
#: A canary that is kept longer than this should not have been.
_LONG = timedelta(hours=1)
_LONGEST_REASON = 200


class Corner:
    """Keys under which this examination alone puts canaries."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.prefix = f"{CANARIES}doctor-{secrets.token_hex(8)}/"
        #: The lock canaries are put under: a brief one, lest the bucket's own keep them for years.
        self.lock: Callable[[], Lock] = lambda: UNLOCKED
        self.is_locked = False

    def key(self, name: str) -> str:
        """The key of a canary."""
        return self.prefix + name

    async def put(
        self,
        name: str,
        body: bytes | Path,
        *,
        claimed: bytes | None = None,
        lock: Lock | None = None,
    ) -> Stored:
        """Put a canary, with the digest of its body or of what it is claimed to be."""
        content = claimed if claimed is not None else body
        data = content if isinstance(content, bytes) else content.read_bytes()
        return await self.store.put(
            self.key(name),
            body,
            digest=sha256(data).hexdigest(),
            size_bytes=len(data),
            media_type="application/octet-stream",
            lock=self.lock() if lock is None else lock,
        )

    async def clear(self) -> list[ObjectInfo]:
        """Remove every canary of this corner that can be; returns those that stay."""
        return await _remove(self.store, await _listed(self.store, self.prefix))


@dataclass(frozen=True, slots=True)
class Left:
    """Canaries of earlier examinations and start-ups."""

    removed: int
    stay: int


async def sweep(store: Store, now: datetime) -> Left:
    """Remove what was left behind an hour ago or longer: kept by a lock then, or by a kill."""
    old = [
        info
        for info in await _listed(store, CANARIES, most=SWEPT_MAX)
        if info.modified_at < now - LEFT_BEHIND
    ]
    stay = await _remove(store, old)
    return Left(removed=len(old) - len(stay), stay=len(stay))


async def _listed(store: Store, prefix: str, *, most: int = SWEPT_MAX) -> list[ObjectInfo]:
    """What is there; where that cannot be listed, which has a check of its own, what was seen."""
    found: list[ObjectInfo] = []
    with suppress(StoreError):
        async with aclosing(store.list(prefix)) as infos:
            async for info in infos:
                found.append(info)
                if len(found) >= most:
                    break
    return found


async def _remove(store: Store, canaries: Sequence[ObjectInfo]) -> list[ObjectInfo]:
    """Those that could not be removed: locked, or not ours to delete."""
    stay: list[ObjectInfo] = []
    for info in canaries:
        try:
            await store.remove(info.key)
        except StoreError:
            stay.append(info)
    return stay


async def tidied(corner: Corner, left: Left, now: datetime) -> Check:
    """Clear the corner, and say what stays in the store and why."""
    stay = [await _seen(corner.store, info) for info in await corner.clear()]
    untils = [info.lock.until for info in stay if info.lock.until is not None]
    facts = [f"{left.removed} of earlier runs removed" if left.removed else ""]
    if left.stay:
        facts.append(f"{left.stay} of earlier runs cannot be removed yet")
    if stay and len(untils) < len(stay):
        return weak(
            "canaries",
            f"{len(stay)} of this run cannot be removed",
            f"allow s3:DeleteObject and s3:DeleteObjectVersion on {CANARIES}*, and nowhere else;"
            " keep R2's bucket locks off it",
        )
    if untils:
        facts.append(f"{len(stay)} locked until {max(untils):%Y-%m-%d %H:%M:%S}Z, for a later run")
    observed = "; ".join(filter(None, facts)) or "all removed"
    if untils and max(untils) > now + _LONG:
        return weak(
            "canaries",
            observed,
            "allow s3:PutObjectRetention, so that they are kept for seconds; else leave them",
        )
    return ok("canaries", observed)


async def _seen(store: Store, info: ObjectInfo) -> ObjectInfo:
    """The canary with its lock, if that can be asked for."""
    with suppress(StoreError):
        return await store.head(info.key) or info
    return info


def reason_of(error: StoreError) -> str:
    """What went wrong, without the place: that stands in the head of the report."""
    return error.message.rpartition(": ")[2][:_LONGEST_REASON]


async def attempted(name: str, trial: Awaitable[Sequence[Check]]) -> Sequence[Check]:
    """A trial's checks; where the store fails instead, one that says so."""
    try:
        return await trial
    except StoreDeniedError as error:
        return [unknown(name, reason_of(error), error.hint)]
    except StoreFullError as error:
        return [failed(name, reason_of(error), error.hint)]
    except StoreError as error:
        verdict = Verdict.UNKNOWN if error.transient else Verdict.FAILED
        advice = error.hint or "run it again; if it stays so, ask whoever runs the store"
        return [Check(name=name, verdict=verdict, observed=reason_of(error), advice=advice)]
