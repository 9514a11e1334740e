"""What the trials find of whole servers, in every kind of bucket: a table for each, and no trace."""

from __future__ import annotations

import os
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive.keys import CANARIES
from archiver.archive.stores import Claims
from archiver.archive.stores.directory import DirectoryStore
from archiver.archive.stores.s3 import S3Store
from archiver.checks import Verdict
from archiver.clock import SystemClock
from archiver.model import Lock
from tests.archiver.archive.stores.conftest import Variant, make_bucket, raw_client, use_server

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.archive.stores import Examinable
    from archiver.checks import Check

W, F, U, N = Verdict.WEAK, Verdict.FAILED, Verdict.UNKNOWN, Verdict.NOT_APPLICABLE
BRIEF = timedelta(seconds=2)

#: Of every bucket that was just made, by an account that may do everything.
_AS_MADE = {"delete": W, "public access": W, "lifecycle": W, "encryption": W}
_PLAIN = {"overwrite without condition": W, "versioning": W, "object lock": W, "legal hold": N}
_OPEN = {"strangers": F}  # both let everybody in unless they are told not to
_MOTO = {"checksum": W, "checksum of parts": W} | _OPEN

#: Whatever is not `ok`. A test fails when a server begins to do better, or worse.
EXPECTED: dict[str, dict[str, Verdict]] = {
    "moto-plain": _AS_MADE | _PLAIN | _MOTO,
    "moto-locked": _AS_MADE | _MOTO | {"lock shortened": F, "lock bypassed": W, "lock of parts": W},
    "ministack-plain": _AS_MADE | _PLAIN | _OPEN,
    "ministack-versioned": _AS_MADE | _OPEN | {"object lock": W, "legal hold": N},
    "ministack-locked": _AS_MADE | _OPEN | {"lock of parts": W},
}
VARIANTS = [
    Variant(server="moto"),
    Variant(server="moto", versioned=True, locked=True),
    Variant(server="ministack"),
    Variant(server="ministack", versioned=True),
    Variant(server="ministack", versioned=True, locked=True),
]


async def examined(store: Examinable, claims: Claims | None = None) -> dict[str, Check]:
    """Every check, by name; each has a name of its own."""
    claims = claims or Claims(brief=BRIEF)
    async with aclosing(store.examine(claims, SystemClock())) as checks:
        found = [check async for check in checks]
    assert len({check.name for check in found}) == len(found)
    return {check.name: check for check in found}


def wanting(checks: dict[str, Check]) -> dict[str, Verdict]:
    """Whatever is not `ok`."""
    assert all(check.observed for check in checks.values())
    assert all(check.advice for check in checks.values() if check.verdict in {W, F})
    return {name: each.verdict for name, each in checks.items() if each.verdict != Verdict.OK}


def contents(raw: Any, bucket: str) -> list[tuple[Any, ...]]:
    """Every version and marker there is."""
    page = raw.list_object_versions(Bucket=bucket)
    found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return sorted((each["Key"], each["VersionId"], each.get("ETag", "")) for each in found)


def asked_for(days: int = 90, mode: str = "GOVERNANCE", *, hold: bool = True) -> Claims:
    """What settings claim that ask for locks and holds."""
    until = datetime.now(UTC) + timedelta(days=days)
    return Claims(lock=Lock(mode=mode, until=until, hold=hold), brief=BRIEF)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
async def test_each_server_as_it_is(
    variant: Variant, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdicts are the table's; canaries alone come and go, and none stays but the locked one."""
    url = request.getfixturevalue(f"{variant.server}_url")
    raw = raw_client(url)
    bucket = make_bucket(raw, variant)
    for key in ("meetings/app/2026/01/01/one/inventory-0001.json", "another's/object"):
        raw.put_object(Bucket=bucket, Key=key, Body=b"{}", ChecksumAlgorithm="SHA256")
    before = contents(raw, bucket)
    use_server(monkeypatch, url)
    store = S3Store(bucket, "meetings")

    # A compliance lock stays, whatever is tried; a governance lock gives way to who may lift it.
    mode = "COMPLIANCE" if variant.server == "ministack" else "GOVERNANCE"
    checks = await examined(store, asked_for(mode=mode) if variant.locked else None)
    await store.close()

    assert wanting(checks) == EXPECTED[str(variant)]
    after = contents(raw, bucket)
    assert set(before) <= set(after)
    stays = [key for key, *_ in after if "/_archive/canaries/" in key]
    assert len(after) - len(before) == len(stays) == (str(variant) == "ministack-locked")
    assert ("1 locked until" in checks["canaries"].observed) == bool(stays)
    assert "Uploads" not in raw.list_multipart_uploads(Bucket=bucket)
    raw.close()


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def let_others_in(folder: Path) -> None:
    folder.chmod(0o755)


async def test_a_folder(tmp_path: Path) -> None:
    """A folder of ours passes, but that it locks nothing; nothing of the trials is left in it."""
    root = tmp_path / "archive"
    root.mkdir(mode=0o700)
    (root / "app").mkdir()
    (root / "app/inventory-0001.json").write_text("{}")

    checks = await examined(DirectoryStore(root))

    assert wanting(checks) == {"object lock": N}
    assert names_in(root) == ["app"]


async def test_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    """It is tried, and not made."""
    checks = await examined(DirectoryStore(tmp_path / "not/yet"))

    assert wanting(checks) == {"object lock": N}
    assert names_in(tmp_path) == []


async def test_a_folder_that_is_none(tmp_path: Path) -> None:
    """What is no folder fails at once, and is left alone."""
    (tmp_path / "file").write_text("mine")

    checks = await examined(DirectoryStore(tmp_path / "file"))

    assert wanting(checks) == {"reach": F}


async def test_a_folder_open_to_others(tmp_path: Path) -> None:
    """Is weak; that locks are asked of it is a failure that endangers what is archived."""
    let_others_in(tmp_path)

    checks = await examined(DirectoryStore(tmp_path), asked_for())

    assert wanting(checks) == {"object lock": F, "privacy": W}
    assert checks["object lock"].endangers


async def test_canaries_left_behind_are_cleared_away(tmp_path: Path) -> None:
    """Those older than an hour; the younger ones may be somebody's who is at it."""
    folder = tmp_path / CANARIES
    folder.mkdir(parents=True)
    old, young = folder / "old", folder / "young"
    for path in (old, young):
        path.write_bytes(b"canary")
    os.utime(old, (0, 0))

    checks = await examined(DirectoryStore(tmp_path))

    assert "1 of earlier runs removed" in checks["canaries"].observed
    assert names_in(folder) == ["young"]
