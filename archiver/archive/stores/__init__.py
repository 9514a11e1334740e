"""The object stores: one protocol, a directory and S3 behind it, opened by a URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from archiver.archive.stores.store import (
    Capabilities,
    Fixity,
    ObjectInfo,
    Store,
    Stored,
    Upload,
    WrongDigestError,
    check_key,
)
from archiver.archive.stores.trials import Claims, Examinable
from archiver.errors import SettingsError, StoreError

__all__ = [
    "AtRest",
    "Capabilities",
    "Claims",
    "Examinable",
    "Fixity",
    "ObjectInfo",
    "Store",
    "Stored",
    "Upload",
    "WrongDigestError",
    "open_store",
    "overlap",
]

_S3_URL = re.compile(r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,254})(?:/(?P<prefix>.*))?\Z")
_HINT = "RTK_ARCHIVE_STORE takes file:PATH or s3://BUCKET/PREFIX"


@dataclass(frozen=True, slots=True, kw_only=True)
class AtRest:
    """How a bucket is to keep what is put into it; "" leaves it to the bucket's own settings."""

    encryption: str = ""  #: "AES256" (SSE-S3), "aws:kms" or "aws:kms:dsse"
    kms_key: str = ""  #: id, alias or ARN; the account's default key unless given
    storage_class: str = ""


AS_THE_BUCKET_DOES = AtRest()


def open_store(
    url: str,
    *,
    connections: int = 32,
    at_rest: AtRest = AS_THE_BUCKET_DOES,
    profile: str = "",
) -> Examinable:
    """The store this URL names; nothing is read, made or connected to before its first use.

    `profile` is the AWS profile to reach a bucket by; without one the environment decides. Raises
    SettingsError where the URL names none, or a folder is asked for what only buckets do.
    """
    if url.startswith("file:"):
        if at_rest != AS_THE_BUCKET_DOES:
            raise SettingsError(
                "a folder has no encryption and no storage class of its own",
                hint="leave RTK_ARCHIVE_SSE, RTK_ARCHIVE_SSE_KMS_KEY and"
                " RTK_ARCHIVE_STORAGE_CLASS unset, or name a bucket in RTK_ARCHIVE_STORE",
            )
        return _open_directory(url.removeprefix("file:"), connections)
    match = _S3_URL.match(url)
    if match is None:
        # The value is not repeated: a URL that is not understood may hold a password.
        raise SettingsError("the store's URL is neither a folder nor a bucket", hint=_HINT)
    prefix = (match["prefix"] or "").strip("/")
    return _open_s3(match["bucket"], prefix, connections, at_rest, profile)


def overlap(one: str, other: str) -> bool:
    """Whether these URLs name one place, or one that lies within the other."""
    places = [_place(each) for each in (one, other)]
    short, long = sorted(places, key=len)
    return long[: len(short)] == short


def _place(url: str) -> tuple[str, ...]:
    """Where a URL leads, step by step."""
    if (match := _S3_URL.match(url)) is not None:
        return ("s3:", match["bucket"], *filter(None, (match["prefix"] or "").split("/")))
    return ("file:", *_path(url.removeprefix("file:")).expanduser().resolve().parts)


def _path(path: str) -> Path:
    # file:///PATH is a URL for /PATH; file://HOST/PATH is not for us
    if path.startswith("//"):
        path = path.removeprefix("//") if path.startswith("///") else ""
    if not path or "\0" in path:
        raise SettingsError("the store's URL names no folder", hint=_HINT)
    return Path(path)


def _open_directory(path: str, connections: int) -> Examinable:
    from archiver.archive.stores.directory import DirectoryStore

    return DirectoryStore(_path(path).expanduser(), threads=connections)


def _open_s3(
    bucket: str, prefix: str, connections: int, at_rest: AtRest, profile: str
) -> Examinable:
    if prefix:
        try:
            check_key(prefix)
        except StoreError as error:
            raise SettingsError("the store's prefix cannot begin a key", hint=_HINT) from error
    # botocore takes long to import, and most commands on a folder never need it.
    from archiver.archive.stores.s3 import S3Store
    from archiver.archive.stores.s3_bucket import S3Options

    options = S3Options(
        connections=connections,
        profile=profile,
        encryption=at_rest.encryption,
        kms_key=at_rest.kms_key,
        storage_class=at_rest.storage_class,
    )
    return S3Store(bucket, prefix, options=options)
