"""The whole way into a real S3 server, with settings that every AWS tool reads."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from archiver.archive.keys import parse_key
from tests.archiver.archive.stores.conftest import (
    Variant,
    make_bucket,
    ministack_url,
    moto_url,
    raw_client,
    use_server,
)
from tests.archiver.archive.stores.gaps import GAPS
from tests.archiver.archive.stores.here import SERVERS, needs
from tests.archiver.archive.stores.servers import ScriptedServer, without_header
from tests.console import console

if TYPE_CHECKING:
    from pathlib import Path

    from tests.archiver.archive.stores.here import Running

__all__ = ["ministack_url", "moto_url"]  # fixtures


@pytest.mark.parametrize("server", [pytest.param(each, marks=needs(each)) for each in SERVERS])
@pytest.mark.parametrize("kind", ["plain", "versioned", "locked"])
def test_from_a_session_into_a_bucket_and_back(
    server: str,
    kind: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    s3_servers: Running,
) -> None:
    """`sync`, `verify`, `export` and `rebuild` work on a bucket as on a folder, byte for byte.

    A bucket that ignores put-if-absent is refused to a worker that was not declared the only one.
    """
    url = s3_servers.urls(server)[0]
    raw = raw_client(url)
    bucket = make_bucket(
        raw, Variant(server=server, versioned=kind != "plain", locked=kind == "locked")
    )
    with console(tmp_path, capsys, monkeypatch, meetings=2) as shell:
        use_server(monkeypatch, url)
        shell.set(RTK_ARCHIVE_STORE=f"s3://{bucket}/meetings")
        if "put-if-absent in a versioned bucket" in GAPS[server] and kind != "plain":
            refused = shell.run("sync")
            assert (refused.code, "RTK_ARCHIVE_SOLE_WORKER=1" in refused.err) == (1, True)
            assert shell.source.counts["sessions"] == 0
            shell.set(RTK_ARCHIVE_SOLE_WORKER="1")
        assert shell.run("sync").code == 0
        assert shell.run("sync").code == 0
        checked = shell.run("verify", "--json")
        assert (checked.code, checked.document["sessions"]) == (0, 2)
        argv = ("--format", "ocfl", "--reason", "a test", "--app", shell.source.apps[0].app_id)
        exported = shell.run("export", "out", *argv, "--query", "contract", "--json")
        assert (exported.code, exported.document["sessions"]) == (0, 2)
        assert shell.run("export", "everything", *argv[:4], "--json").document["sessions"] == 2
        assert shell.run("export", "out", "--check").code == 0
        found = shell.answer("contract")
        assert shell.run("rebuild", "all").code == 0
        assert shell.answer("contract") == found
        served = {
            hashlib.sha256(shell.source.artifact_bytes(each, kind_, format_) or b"").hexdigest()
            for each in shell.source.session_ids
            for kind_, format_ in (
                ("transcript", "JSON"), ("transcript", "CSV"), ("chat", ""), ("summary", "")
            )
        }  # fmt: skip

    listed = raw.list_objects_v2(Bucket=bucket, Prefix="meetings/")["Contents"]
    digests = set()
    for each in listed:
        parsed = parse_key(each["Key"].removeprefix("meetings/"))
        if parsed is not None and parsed.digest:
            body = raw.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
            digests.add(hashlib.sha256(body).hexdigest())
    raw.close()
    assert served <= digests


@pytest.mark.parametrize("kind", ["plain", "versioned", "locked"])
def test_a_server_that_ignores_put_if_absent(
    kind: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    moto_url: str,
) -> None:
    """It is refused to all but the only worker, who overwrites nothing and leaves no damage."""
    raw = raw_client(moto_url)
    bucket = make_bucket(
        raw, Variant(server="moto", versioned=kind != "plain", locked=kind == "locked")
    )
    careless = ScriptedServer(without_header(moto_url, "If-None-Match"))
    with careless.running() as url, console(tmp_path, capsys, monkeypatch, meetings=1) as shell:
        use_server(monkeypatch, url)
        shell.set(RTK_ARCHIVE_STORE=f"s3://{bucket}/x")
        refused = shell.run("sync")
        assert (refused.code, "RTK_ARCHIVE_SOLE_WORKER=1" in refused.err) == (1, True)
        shell.set(RTK_ARCHIVE_SOLE_WORKER="1")
        assert [shell.run("sync").code for _ in range(2)] == [0, 0]
        assert shell.run("verify").code == 0
        assert shell.source.summary_posts.total() <= 1
    versions = raw.list_object_versions(Bucket=bucket, Prefix="x/")["Versions"]
    raw.close()

    records = [each["Key"] for each in versions if "/canaries/" not in each["Key"]]
    assert len(records) == len(set(records))


@pytest.mark.parametrize(
    "server", [pytest.param(each, marks=needs(each)) for each in SERVERS if each != "moto"]
)
def test_what_is_archived_is_locked_and_verified_so(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    s3_servers: Running,
    server: str,
) -> None:
    """Every object is locked as the settings say; one that is locked less is named by `verify`."""
    url = s3_servers.urls(server)[0]
    raw = raw_client(url)
    bucket = make_bucket(raw, Variant(server=server, versioned=True, locked=True))
    with console(tmp_path, capsys, monkeypatch, meetings=1) as shell:
        use_server(monkeypatch, url)
        shell.set(RTK_ARCHIVE_STORE=f"s3://{bucket}/x", RTK_ARCHIVE_LOCK="governance:90d")
        shell.set(RTK_ARCHIVE_SOLE_WORKER="1")  # radosgw needs it
        assert shell.run("sync").code == 0
        checked = shell.run("verify", "--json")
        assert (checked.code, checked.document["findings"]) == (0, [])
        assert checked.document["locked"] >= 5

        keys = [each["Key"] for each in raw.list_objects_v2(Bucket=bucket)["Contents"]]
        kept = [each for each in keys if "canaries" not in each]
        for key in kept:
            head = raw.head_object(Bucket=bucket, Key=key)
            left = head["ObjectLockRetainUntilDate"] - datetime.now(UTC)
            assert head["ObjectLockMode"] == "GOVERNANCE"
            assert timedelta(days=89) < left <= timedelta(days=90, seconds=1)
        shortened = [
            next(each for each in kept if part in each)
            for part in ("/chat.", "/inventory-0001", "/seals/", "/format.json")
        ]
        for key in shortened:
            raw.put_object_retention(
                Bucket=bucket,
                Key=key,
                BypassGovernanceRetention=True,
                Retention={
                    "Mode": "GOVERNANCE",
                    "RetainUntilDate": datetime.now(UTC) + timedelta(days=2),
                },
            )
        found = shell.run("verify", "--json")
    raw.close()

    assert found.code == 4
    assert {(each["key"], each["damage"]) for each in found.document["findings"]} == {
        (key.removeprefix("x/"), "retention") for key in shortened
    }


def test_a_bucket_without_locks_is_refused_where_locks_are_asked_for(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    moto_url: str,
) -> None:
    """Before anything is captured, in one line that says what to do."""
    raw = raw_client(moto_url)
    bucket = make_bucket(raw, Variant(server="moto"))
    raw.close()
    with console(tmp_path, capsys, monkeypatch, meetings=1) as shell:
        use_server(monkeypatch, moto_url)
        shell.set(RTK_ARCHIVE_STORE=f"s3://{bucket}/x", RTK_ARCHIVE_LOCK="compliance:1d")
        ran = shell.run("sync")

    assert ran.code == 1
    assert "has no Object Lock" in ran.err
    assert len(ran.err.splitlines()) == 1


def test_how_it_is_kept_is_said_with_every_put(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    ministack_url: str,
) -> None:
    """Encryption and storage class are those of the settings; a folder takes neither."""
    raw = raw_client(ministack_url)
    bucket = make_bucket(raw, Variant(server="ministack"))
    with console(tmp_path, capsys, monkeypatch, meetings=1) as shell:
        use_server(monkeypatch, ministack_url)
        key = "arn:aws:kms:us-east-1:000000000000:key/6d1b1c7e-0c4b-4c1e-9d0a-1f2e3d4c5b6a"
        shell.set(
            RTK_ARCHIVE_SSE="aws:kms",
            RTK_ARCHIVE_SSE_KMS_KEY=key,
            RTK_ARCHIVE_STORAGE_CLASS="STANDARD_IA",
        )
        refused = shell.run("sync")
        assert (refused.code, "a folder has no encryption" in refused.err) == (1, True)
        shell.set(RTK_ARCHIVE_STORE=f"s3://{bucket}/x")
        assert shell.run("sync").code == 0
        for each in raw.list_objects_v2(Bucket=bucket, Prefix="x/")["Contents"]:
            head = raw.head_object(Bucket=bucket, Key=each["Key"])
            assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
            assert head["StorageClass"] == "STANDARD_IA"
        shell.set(RTK_ARCHIVE_SSE="")
        refused = shell.run("sync")
        assert (refused.code, "RTK_ARCHIVE_SSE=aws:kms" in refused.err) == (1, True)
    raw.close()


def test_a_bucket_that_is_not_there(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    moto_url: str,
) -> None:
    """It is named, in one line."""
    with console(tmp_path, capsys, monkeypatch, meetings=1) as shell:
        use_server(monkeypatch, moto_url)
        shell.set(RTK_ARCHIVE_STORE="s3://there-is-no-such-bucket/x")
        ran = shell.run("sync")

    assert ran.code == 1
    assert len(ran.err.splitlines()) == 1
    assert "s3://there-is-no-such-bucket/x" in ran.err
