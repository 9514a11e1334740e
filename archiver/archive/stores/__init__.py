"""The object stores: one protocol, a directory and S3 behind it, opened by a URL."""

from __future__ import annotations

import re
from pathlib import Path

from archiver.archive.stores.store import (
    CANARIES,
    Capabilities,
    ObjectInfo,
    Store,
    Stored,
    WrongDigestError,
    check_key,
)
from archiver.errors import SettingsError, StoreError

__all__ = [
    "CANARIES",
    "Capabilities",
    "ObjectInfo",
    "Store",
    "Stored",
    "WrongDigestError",
    "open_store",
]

_S3_URL = re.compile(r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,254})(?:/(?P<prefix>.*))?\Z")
_HINT = "RTK_ARCHIVE_STORE takes file:PATH or s3://BUCKET/PREFIX"


def open_store(url: str, *, connections: int = 32) -> Store:
    """The store this URL names; nothing is read, made or connected to before its first use."""
    if url.startswith("file:"):
        return _open_directory(url.removeprefix("file:"), connections)
    match = _S3_URL.match(url)
    if match is None:
        # The value is not repeated: a URL that is not understood may hold a password.
        raise SettingsError("the store's URL is neither a folder nor a bucket", hint=_HINT)
    return _open_s3(match["bucket"], (match["prefix"] or "").strip("/"), connections)


def _open_directory(path: str, connections: int) -> Store:
    from archiver.archive.stores.directory import DirectoryStore

    if path.startswith("//"):  # file:///PATH is a URL for /PATH; file://HOST/PATH is not for us
        path = path.removeprefix("//") if path.startswith("///") else ""
    if not path or "\0" in path:
        raise SettingsError("the store's URL names no folder", hint=_HINT)
    return DirectoryStore(Path(path).expanduser(), threads=connections)


def _open_s3(bucket: str, prefix: str, connections: int) -> Store:
    if prefix:
        try:
            check_key(prefix)
        except StoreError as error:
            raise SettingsError("the store's prefix cannot begin a key", hint=_HINT) from error
    # botocore takes long to import, and most commands on a folder never need it.
    from archiver.archive.stores.s3 import S3Store
    from archiver.archive.stores.s3_bucket import S3Options

    return S3Store(bucket, prefix, options=S3Options(connections=connections))
