"""Which version of a key counts: pages of versions and delete markers, folded to the oldest."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archiver.archive.stores.store import ObjectInfo

if TYPE_CHECKING:
    from types_aiobotocore_s3.type_defs import (
        ListObjectVersionsOutputTypeDef,
        ObjectVersionTypeDef,
    )


@dataclass(slots=True)
class _Versions:
    """What a listing has shown of one key so far; S3 lists the newest first."""

    oldest: ObjectVersionTypeDef | None = None
    count: int = 0
    marked_at: list[datetime] = field(default_factory=list)


class OldestVersions:
    """Takes pages in their order; gives each key's oldest version once all of that key was seen."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._pending: dict[str, _Versions] = {}

    def add(self, page: ListObjectVersionsOutputTypeDef) -> list[ObjectInfo]:
        """The keys that this page completes, ascending; the last key may go on in the next page."""
        for version in page.get("Versions", []):
            seen = self._pending.setdefault(version["Key"], _Versions())
            seen.oldest = version
            seen.count += 1
        for marker in page.get("DeleteMarkers", []):
            seen = self._pending.setdefault(marker["Key"], _Versions())
            seen.marked_at.append(marker["LastModified"])
        last = max(self._pending, default="") if page.get("IsTruncated") else None
        done = sorted(key for key in self._pending if key != last)
        return [info for key in done if (info := self._info(key, self._pending.pop(key)))]

    def _info(self, key: str, seen: _Versions) -> ObjectInfo | None:
        if seen.oldest is None:
            return None
        stored_at = seen.oldest["LastModified"]
        # A marker from before the first version lies under it: a delete of what was not there yet.
        markers = sum(marked_at >= stored_at for marked_at in seen.marked_at)
        return ObjectInfo(
            key=key.removeprefix(self._prefix),
            size_bytes=seen.oldest["Size"],
            modified_at=stored_at.astimezone(UTC),
            etag=seen.oldest["ETag"].strip('"'),
            version_id=seen.oldest["VersionId"],
            later_versions=seen.count - 1 + markers,
        )
