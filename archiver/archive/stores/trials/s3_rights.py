"""What these credentials could do that they should not, and what strangers can."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from archiver.archive.stores.trials.asking import Refusal
from archiver.checks import Check, failed, ok, unknown, weak

if TYPE_CHECKING:
    from archiver.archive.stores.trials.scene import Scene

_LEAST = "leave s3:DeleteObject and s3:DeleteObjectVersion to _archive/canaries/* alone"


async def unconditional_put(scene: Scene) -> list[Check]:
    """What becomes of a key that somebody puts who does not ask for it to be free."""
    name = "overwrite without condition"
    await scene.put("unguarded", b"first")
    refusal = await scene.refused(
        scene.client.put_object(
            **scene.place("unguarded"), Body=b"second", **scene.checked(b"second")
        )
    )
    if refusal is not None:
        return [ok(name, f"refused ({refusal}), even where the writer does not ask for it")]
    if await scene.store.get(scene.corner.key("unguarded")) == b"first":
        return [ok(name, "adds a version; the first is still there, and is the record")]
    return [
        weak(
            name,
            "replaces what is there: only the writers' own care prevents it",
            "turn versioning on, or demand If-None-Match in the bucket's policy",
        )
    ]


async def delete_outside(scene: Scene) -> list[Check]:
    """Whether we may delete what is archived: asked with a key that nobody has.

    In a versioned bucket a version is named that cannot be there: a marker would hide the key.
    """
    key = f"doctor-{secrets.token_hex(16)}/2000/01/01/none/inventory-0001.json"
    place = scene.bucket.place(key)
    versioned = (await scene.bucket.kind()).versioned
    named = scene.bucket.place(key, "null") if versioned else place
    refusal = await scene.refused(scene.client.delete_object(**named))
    if versioned:
        await _unmark(scene, key)
    if refusal is None:
        return [weak("delete", "these credentials may delete what is archived", _LEAST)]
    if refusal.denied:
        return [ok("delete", "these credentials may delete nothing outside the canaries")]
    return [unknown("delete", f"an answer that tells nothing ({refusal})", _LEAST)]


async def _unmark(scene: Scene, key: str) -> None:
    """Some servers mark as deleted what was never there: that marker is ours."""
    place = scene.bucket.place(key)
    page = await scene.asked(
        scene.client.list_object_versions(Bucket=place["Bucket"], Prefix=place["Key"])
    )
    if isinstance(page, Refusal):
        return
    for marker in page.get("DeleteMarkers", []):
        if marker["Key"] == place["Key"]:
            await scene.refused(scene.client.delete_object(**place, VersionId=marker["VersionId"]))


async def strangers(scene: Scene) -> list[Check]:
    """What somebody without credentials gets to see."""
    await scene.put("unseen", secrets.token_bytes(16))
    async with scene.bucket.as_stranger() as client:
        reading = await scene.asked(client.get_object(**scene.place("unseen")))
        listing = await scene.asked(
            client.list_objects_v2(Bucket=scene.bucket.name, Prefix=scene.bucket.prefix, MaxKeys=1)
        )
    if not isinstance(reading, Refusal):
        reading["Body"].close()
    can = [
        does
        for does, answer in (("read", reading), ("list", listing))
        if not isinstance(answer, Refusal)
    ]
    if can:
        return [
            failed(
                "strangers",
                f"whoever has no credentials can {' and '.join(can)} what is archived",
                "make the bucket private: block public access, and mend its policy and ACL",
                endangers=True,
            )
        ]
    return [ok("strangers", "a request without credentials may neither read nor list")]
