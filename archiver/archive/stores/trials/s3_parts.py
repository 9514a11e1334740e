"""Uploads in parts on trial: whole, on condition, with checksums, locked, and cleared away."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from archiver.archive.keys import CANARIES
from archiver.archive.stores.s3_bucket import lock_arguments
from archiver.archive.stores.s3_errors import FAILURES, translated
from archiver.archive.stores.s3_multipart import Put, checksum, put_in_parts
from archiver.archive.stores.trials.asking import Refusal
from archiver.archive.stores.trials.canaries import LEFT_BEHIND
from archiver.checks import Check, failed, ok, unknown, weak
from archiver.errors import StoreError
from archiver.model import LOCK_SLACK, UNLOCKED, Lock

if TYPE_CHECKING:
    from archiver.archive.stores.trials.scene import Scene

#: The smallest part S3 takes, but for the last.
_PART_BYTES = 5 * 1024 * 1024
_SECOND = b"the second"
_ALONE = "let one worker alone write to it and say so with RTK_ARCHIVE_SOLE_WORKER=1"


async def parts(scene: Scene) -> list[Check]:
    """What an upload in parts is locked by, whether it is whole, and a second that must be refused."""
    checks, wanted, body = [], _wanted(scene), b"the first"
    version_id = await _put(scene, "in-parts", body, wanted)
    kept = False  #: whether the bucket's own lock keeps it, for years perhaps
    if wanted:
        found = await scene.lock_of("in-parts", version_id)
        kept = found.until is not None and found.until > scene.now() + timedelta(hours=1)
        checks.append(await _locked(scene, version_id, wanted, found))
    name = "in-parts"
    if not kept:
        name, body = "two-parts", bytes(_PART_BYTES) + b"the last part"
        await _put(scene, name, body, scene.corner.lock())
    fixity = await scene.store.fixity(scene.corner.key(name))
    if fixity.digest != sha256(body).hexdigest():
        return [
            failed(
                "upload in parts",
                "what is read is not what was put",
                "archive nothing large here; ask whoever runs the store",
                endangers=True,
            )
        ]
    sizes = "one part" if kept else "two parts"
    checks.append(ok("upload in parts", f"an object of {sizes} is whole, byte for byte"))
    return [*checks, *await _second_upload(scene)]


async def _put(scene: Scene, name: str, body: bytes, lock: Lock) -> str:
    """Upload a canary in parts as the server takes it; returns its version id."""
    with translated(scene.bucket.url):
        put = Put(
            place=scene.place(name),
            body=body,
            digest=sha256(body).hexdigest(),
            size_bytes=len(body),
            arguments=lock_arguments(lock),
        )
        stored = await put_in_parts(scene.client, put, part_bytes=_PART_BYTES)
    return stored.get("VersionId", "")


def _wanted(scene: Scene) -> Lock:
    """A lock worth asking for: where the settings ask for one, or the bucket has its own."""
    if scene.corner.is_locked or scene.claims.lock.mode:
        return scene.brief()
    return UNLOCKED


async def _locked(scene: Scene, version_id: str, wanted: Lock, found: Lock) -> Check:
    name = "lock of parts"
    dropped = found.until is None or abs(found.until - (wanted.until or found.until)) > LOCK_SLACK
    if found.covers(wanted) and dropped:
        return ok(name, "the bucket's own took the place of the one that was asked for")
    if found.covers(wanted):
        return ok(name, "asked for as the upload began, and there when it was whole")
    key = scene.corner.key("in-parts")
    kept = await scene.store.keep(key, scene.brief(), version_id=version_id)
    if kept:
        return weak(
            name,
            "dropped by the server without a word, and put right by us just after",
            "give the bucket a default retention: it holds from the first moment",
        )
    return failed(
        name,
        "dropped by the server, and not to be put right",
        "give the bucket a default retention, and allow s3:PutObjectRetention",
        endangers=bool(scene.claims.lock),
    )


async def _second_upload(scene: Scene) -> list[Check]:
    """The same key again: a wrong part first, then a completion that must be refused."""
    place, body = scene.place("in-parts"), _SECOND
    with translated(scene.bucket.url):
        created = await scene.client.create_multipart_upload(
            **place, ChecksumAlgorithm="SHA256", **lock_arguments(scene.corner.lock())
        )
    upload = place | {"UploadId": created["UploadId"]}
    right, wrong = (checksum(sha256(each).hexdigest()) for each in (body, b"mistaken"))
    try:
        mistaken = await scene.refused(
            scene.client.upload_part(**upload, PartNumber=1, Body=body, ChecksumSHA256=wrong)
        )
        with translated(scene.bucket.url):
            sent = await scene.client.upload_part(
                **upload, PartNumber=1, Body=body, ChecksumSHA256=right
            )
        part: Any = {"PartNumber": 1, "ETag": sent["ETag"], "ChecksumSHA256": right}
        completed = await scene.refused(
            scene.client.complete_multipart_upload(
                **upload, MultipartUpload={"Parts": [part]}, IfNoneMatch="*"
            )
        )
    finally:
        await _abort(scene, upload)
    return [_checksum(mistaken), await _condition(scene, completed)]


def _checksum(refusal: Refusal | None) -> Check:
    if refusal is not None:
        return ok(
            "checksum of parts", f"a part that is not what its SHA-256 says was refused ({refusal})"
        )
    return weak(
        "checksum of parts",
        "a part that is not what its SHA-256 says was let through",
        "`verify` what is larger than 64 MB soon after it was captured",
    )


async def _condition(scene: Scene, refusal: Refusal | None) -> Check:
    name = "put-if-absent in parts"
    if refusal is not None:
        return ok(name, f"a second upload of a key was refused as it was completed ({refusal})")
    info = await scene.store.head(scene.corner.key("in-parts"))
    if info is not None and info.size_bytes != len(_SECOND):
        return weak(name, "a second upload became a later version; the first is the record", _ALONE)
    observed = "a second upload of a key took the place of the first"
    if scene.claims.sole_worker:
        return weak(name, observed, "keep it at one worker")
    return failed(name, observed, _ALONE, endangers=True)


async def left_behind(scene: Scene) -> list[Check]:
    """An upload that is never finished must be seen, or nobody clears it away, and can be aborted."""
    name = "uploads left behind"
    place = scene.place("left-behind")
    with translated(scene.bucket.url):
        created = await scene.client.create_multipart_upload(**place)
    upload = place | {"UploadId": created["UploadId"]}
    try:
        listed = await scene.asked(
            scene.client.list_multipart_uploads(Bucket=scene.bucket.name, Prefix=place["Key"])
        )
    finally:
        refusal = await _abort(scene, upload)
    if isinstance(listed, Refusal):
        return [
            unknown(name, f"may not be listed ({listed})", "allow s3:ListBucketMultipartUploads")
        ]
    if refusal is not None:
        return [weak(name, f"may not be aborted ({refusal})", "allow s3:AbortMultipartUpload")]
    if not listed.get("Uploads"):
        return [
            weak(name, "one was begun, and is not listed", "look for them with the server's tools")
        ]
    old = await _count_old(scene)
    if old:
        return [
            weak(
                name,
                f"{old} are older than a day: paid for, and no object",
                "abort them with the server's tools, and add a lifecycle rule that does",
            )
        ]
    return [ok(name, "an upload that was begun is listed, and can be aborted; none is old")]


async def _count_old(scene: Scene) -> int:
    since = scene.now() - LEFT_BEHIND * 24
    return len([each async for each in scene.store.uploads() if each.begun_at < since])


async def _abort(scene: Scene, upload: dict[str, Any]) -> Refusal | None:
    refusal = await scene.refused(scene.client.abort_multipart_upload(**upload))
    return None if refusal is not None and refusal.status == 404 else refusal


async def abort_old(scene: Scene) -> None:
    """Abort uploads of canaries that an examination left behind an hour ago or longer."""
    prefix = scene.bucket.prefix + CANARIES
    try:
        page = await scene.asked(
            scene.client.list_multipart_uploads(Bucket=scene.bucket.name, Prefix=prefix)
        )
        uploads = [] if isinstance(page, Refusal) else page.get("Uploads", [])
        for each in uploads:
            if each["Key"].startswith(prefix) and each["Initiated"] < scene.now() - LEFT_BEHIND:
                await _abort(
                    scene,
                    {"Bucket": scene.bucket.name, "Key": each["Key"], "UploadId": each["UploadId"]},
                )
    except (StoreError, *FAILURES):
        return  # told by the trial of what is left behind
