"""What a bucket's own settings say, where nothing can be tried without waiting for years."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from archiver.archive.keys import CANARIES
from archiver.archive.stores.trials.asking import Refusal
from archiver.archive.stores.trials.lifecycle import Effects, effects
from archiver.checks import Check, failed, not_applicable, ok, unknown, weak
from archiver.model import Lock

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from archiver.archive.stores.trials.scene import Scene

_STRANGERS = ("/global/AllUsers", "/global/AuthenticatedUsers")
_R2 = ".r2.cloudflarestorage.com"


def _not_allowed(name: str, permission: str) -> Check:
    return unknown(
        name, "these credentials may not ask", f"allow {permission}, or look for yourself"
    )


async def _asked(
    scene: Scene, name: str, permission: str, request: Awaitable[Any], *, absent: str = ""
) -> tuple[dict[str, Any], Check | None]:
    """What the server says; or the check that says why it does not. `absent` is a code for nothing."""
    answer = await scene.asked(request)
    if not isinstance(answer, Refusal):
        return dict(answer), None
    if absent and (answer.code == absent or answer.status == 404):
        return {}, None
    if answer.denied:
        return {}, _not_allowed(name, permission)
    if answer.unheard_of or 400 <= answer.status < 500:
        return {}, not_applicable(name, f"this server does not know the question ({answer})")
    return {}, unknown(name, f"no answer ({answer})")


async def versioning(scene: Scene) -> list[Check]:
    """Suspended versioning keeps one version that whoever comes next replaces."""
    answer, instead = await _asked(
        scene,
        "versioning",
        "s3:GetBucketVersioning",
        scene.client.get_bucket_versioning(Bucket=scene.bucket.name),
    )
    if instead is not None:
        return [instead]
    status = answer.get("Status", "")
    if status == "Enabled":
        return [ok("versioning", "enabled: what is overwritten or deleted stays as a version")]
    if status == "Suspended":
        return [
            failed(
                "versioning",
                "suspended: what is put now can be overwritten and deleted without a trace",
                "enable it again; then run `rtk-archive verify`",
                endangers=True,
            )
        ]
    return [
        weak(
            "versioning",
            "never enabled: what is overwritten or deleted by others is gone",
            "enable it: the oldest version of a key is the record",
        )
    ]


async def default_retention(scene: Scene) -> tuple[tuple[Lock, timedelta] | None, bool]:
    """The lock the bucket itself puts on everything, with its length; and whether we may not ask."""
    answer = await scene.asked(scene.client.get_object_lock_configuration(Bucket=scene.bucket.name))
    if isinstance(answer, Refusal):
        return None, answer.denied
    rule = answer.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention", {})
    days = rule.get("Days") or 365 * rule.get("Years", 0)
    if not days:
        return None, False
    length = timedelta(days=days)
    return (Lock(mode=rule.get("Mode", ""), until=scene.now() + length), length), False


async def object_lock(scene: Scene) -> list[Check]:
    """What the settings ask for, against what the bucket is made for."""
    name, wanted = "object lock", scene.claims.lock
    locked = (await scene.bucket.kind()).locked
    if locked is None:
        return [_not_allowed(name, "s3:GetBucketObjectLockConfiguration")]
    if not locked and wanted:
        return [
            failed(
                name,
                "the settings ask for locks, and the bucket has no Object Lock",
                "use a bucket that was made with it, or leave RTK_ARCHIVE_LOCK and"
                " RTK_ARCHIVE_LEGAL_HOLD off",
                endangers=True,
            )
        ]
    if not locked:
        return [
            weak(
                name,
                "the bucket has none: what is archived can be deleted by whoever may delete",
                "where records must be kept, use a bucket with Object Lock and RTK_ARCHIVE_LOCK"
                " (on R2, a bucket lock)",
            )
        ]
    default = _default_text(scene)
    if wanted.mode:
        asked = f"asked for: {_text(wanted, scene)}; {default}"
        if scene.default is not None and not wanted.covers(scene.default[0]):
            return [
                weak(
                    name,
                    f"{asked}, and S3 takes what is asked for in its place",
                    "make RTK_ARCHIVE_LOCK no shorter and no weaker than the bucket's default, or"
                    " leave it off",
                )
            ]
        return [ok(name, asked)]
    if scene.default is None:
        return [
            weak(
                name,
                f"enabled; {default}, and the settings ask for no lock: nothing is locked",
                "set RTK_ARCHIVE_LOCK, or give the bucket a default retention",
            )
        ]
    return [ok(name, f"enabled; {default}")]


def _text(lock: Lock, scene: Scene) -> str:
    days = (lock.until - scene.now()).days + 1 if lock.until is not None else 0
    return f"{lock.mode.lower()} for {days_text(days)}"


def days_text(count: int) -> str:
    """So many days."""
    return f"{count} day{'s' * (count != 1)}"


def _default_text(scene: Scene) -> str:
    if scene.default is None:
        return "the bucket has no default retention"
    lock, length = scene.default
    shorter = scene.claims.lock.mode and not lock.covers(scene.claims.lock)
    less = ", which is less than asked for, and does no harm" if shorter else ""
    return f"the bucket's default is {lock.mode.lower()} for {days_text(length.days)}{less}"


async def public_access(scene: Scene) -> list[Check]:
    """What opens the bucket to everybody, or could."""
    name, bucket, client = "public access", scene.bucket.name, scene.client
    policy, instead = await _asked(
        scene,
        name,
        "s3:GetBucketPolicyStatus",
        client.get_bucket_policy_status(Bucket=bucket),
        absent="NoSuchBucketPolicy",
    )
    grants, no_grants = await _asked(
        scene, name, "s3:GetBucketAcl", client.get_bucket_acl(Bucket=bucket)
    )
    opened = ["its policy"] if policy.get("PolicyStatus", {}).get("IsPublic") else []
    grantees = [each.get("Grantee", {}).get("URI", "") for each in grants.get("Grants", [])]
    opened += ["its ACL"] if any(each.endswith(_STRANGERS) for each in grantees) else []
    if opened:
        return [
            failed(
                name,
                f"{' and '.join(opened)} let{'s' * (len(opened) == 1)} strangers in",
                "make the bucket private, and block public access",
                endangers=True,
            )
        ]
    block, no_block = await _asked(
        scene,
        name,
        "s3:GetBucketPublicAccessBlock",
        client.get_public_access_block(Bucket=bucket),
        absent="NoSuchPublicAccessBlockConfiguration",
    )
    if unanswered := instead or no_grants or no_block:
        return [unanswered]
    blocks = block.get("PublicAccessBlockConfiguration", {})
    if len(blocks) >= 4 and all(blocks.values()):
        return [ok(name, "neither policy nor ACL is public, and public access is blocked")]
    return [
        weak(
            name,
            "neither policy nor ACL is public, but nothing blocks one that would be",
            "block public access, all four kinds, on the bucket or the account",
        )
    ]


async def lifecycle(scene: Scene) -> list[Check]:
    """Rules that would delete, hide or freeze what is archived, and the one that clears up."""
    answer, instead = await _asked(
        scene,
        "lifecycle",
        "s3:GetLifecycleConfiguration",
        scene.client.get_bucket_lifecycle_configuration(Bucket=scene.bucket.name),
        absent="NoSuchLifecycleConfiguration",
    )
    if instead is not None:
        return [instead]
    prefix = scene.bucket.prefix
    return [_judged(effects(answer.get("Rules", []), prefix, prefix + CANARIES))]


def _judged(found: Effects) -> Check:
    name = "lifecycle"
    if found.expiring:
        return failed(
            name,
            f"would delete what is archived: {', '.join(found.expiring)}",
            "take these rules away, or keep them off this prefix",
            endangers=True,
        )
    if found.noncurrent:
        return weak(
            name,
            "would delete the oldest version of a key, which is the record, once another lies on"
            f" top: {', '.join(found.noncurrent)}",
            "take NoncurrentVersionExpiration off this prefix",
        )
    if found.cold:
        return weak(
            name,
            f"moves what is archived to where it cannot be read at once: {', '.join(found.cold)}",
            "move it to GLACIER_IR instead: `verify`, `rebuild` and search have to read",
        )
    if not found.aborting:
        return weak(
            name,
            "no rule deletes what is archived; none clears away uploads that were left behind",
            "add a rule AbortIncompleteMultipartUpload of some days",
        )
    return ok(name, "no rule deletes what is archived, and one clears away uploads left behind")


async def at_rest(scene: Scene) -> list[Check]:
    """How a canary was really encrypted and classed, against what the settings ask for."""
    await scene.corner.put("at-rest", b"at rest")
    seen = await scene.head("at-rest") or {}
    wanted = scene.bucket.options
    encryption = str(seen.get("ServerSideEncryption", ""))
    key = str(seen.get("SSEKMSKeyId", ""))
    storage = str(seen.get("StorageClass") or "STANDARD")
    checks = []
    if wanted.encryption and encryption != wanted.encryption:
        checks.append(
            failed(
                "encryption",
                f"{wanted.encryption} was asked for, and {encryption or 'none'} is shown",
                "check RTK_ARCHIVE_SSE, and whether this server encrypts at all",
            )
        )
    elif encryption:
        named = " with a key of the account" if key else ""
        checks.append(ok("encryption", f"{encryption}{named}, as a canary shows"))
    elif (urlsplit(scene.client.meta.endpoint_url).hostname or "").endswith(_R2):
        checks.append(ok("encryption", "R2 encrypts everything, and shows nothing of it"))
    else:
        checks.append(
            weak(
                "encryption",
                "the server does not say that it encrypts",
                "set RTK_ARCHIVE_SSE=AES256, or make it the bucket's default",
            )
        )
    if wanted.storage_class and storage != wanted.storage_class:
        advice = "check RTK_ARCHIVE_STORAGE_CLASS"
        observed = f"{wanted.storage_class} was asked for, and {storage} is shown"
        return [*checks, weak("storage class", observed, advice)]
    return [*checks, ok("storage class", storage)]
