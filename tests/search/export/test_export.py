"""An export holds what was asked for, byte for byte, and says who asked, why, and what is not in it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive.canonical import canonical_json
from archiver.simulated import Faults
from tests.console import console
from tests.search.export.world import FORMATS, check, export, manifest

if TYPE_CHECKING:
    from tests.console import Console

ORIGINALS = ("files", "bagit", "ocfl")


def _objects(shell: Console) -> dict[str, bytes]:
    """Every object of a session in the bucket, by key."""
    root = shell.folder / "data/archive"
    files = (each for each in root.rglob("*") if each.is_file())
    found = {str(each.relative_to(root)): each.read_bytes() for each in files}
    return {key: data for key, data in found.items() if not key.startswith(("_archive/", ".tmp/"))}


@pytest.mark.parametrize("format_", ORIGINALS)
def test_every_object_is_there_byte_for_byte(shell: Console, format_: str) -> None:
    """All versions of every chain, requests and artifacts, each under its digest in the manifest."""
    ran = export(shell, format_, "--json")

    assert ran.code == 0
    out = shell.folder / f"out-{format_}"
    sessions = manifest(out)["sessions"]
    copies = {
        each["key"]: (out / each["path"]).read_bytes()
        for session in sessions
        for each in session["files"]
        if each["key"]
    }
    assert copies == _objects(shell)
    assert any(key.endswith("inventory-0002.json") for key in copies)
    assert any("summary-request-" in key for key in copies)
    for session in sessions:
        for each in session["files"]:
            data = (out / each["path"]).read_bytes()
            assert (each["digest"], each["size"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert ran.document["sessions"] == len(sessions) == 5
    assert check(shell, out.name) == {}


@pytest.mark.parametrize("format_", FORMATS)
def test_it_says_who_asked_why_and_for_what(shell: Console, format_: str) -> None:
    """In canonical JSON, and on a page for people."""
    export(shell, format_, "--requested-by", "Ana <b>", "--since", "2020-01-01")

    out = shell.folder / f"out-{format_}"
    document = manifest(out)
    assert document["asked"]["requested_by"] == "Ana <b>"
    assert document["asked"]["reason"] == "a test"
    assert document["asked"]["user"]
    assert document["selection"]["since"] == "2020-01-01T00:00:00.000Z"
    assert document["not_covered"]["pending"] == []
    assert document["not_covered"]["ledger"]["source"]["listed_through"]
    assert document["not_covered"]["artifacts"] == {"excluded": 5}
    (path,) = out.rglob("export.json")
    assert path.read_bytes() == canonical_json(document)
    (index,) = out.rglob("index.html")
    assert "Ana &lt;b&gt;" in index.read_text(encoding="utf-8")


@pytest.mark.parametrize("format_", FORMATS)
def test_only_its_owner_may_read_it(shell: Console, format_: str) -> None:
    """Files are 0600 and folders 0700, whatever the umask."""
    before = os.umask(0)
    try:
        export(shell, format_)
    finally:
        os.umask(before)

    out = shell.folder / f"out-{format_}"
    modes = {
        (stat.S_ISDIR(each.lstat().st_mode), stat.S_IMODE(each.lstat().st_mode))
        for each in (out, *out.rglob("*"))
    }
    assert modes == {(True, 0o700), (False, 0o600)}


def test_nothing_is_overwritten_and_no_link_followed(shell: Console) -> None:
    """A folder that holds anything, a link, a file, or what others may write to is refused."""
    full, open_, taken = (shell.folder / name for name in ("full", "open", "taken"))
    full.mkdir()
    (full / "note").write_text("mine")
    open_.mkdir()
    open_.chmod(0o777)
    taken.write_text("mine")
    (shell.folder / "empty").mkdir()
    (shell.folder / "link").symlink_to(shell.folder / "empty")

    for name in ("full", "open", "taken", "link", "not/there"):
        ran = export(shell, "files", to=name)
        assert (ran.code, ran.out) == (1, ""), name
        assert len(ran.err.splitlines()) == 1, ran.err
    assert (full / "note").read_text() == taken.read_text() == "mine"
    assert [*(shell.folder / "empty").iterdir()] == []
    assert export(shell, "files", to="empty").code == 0


def test_the_copied_archive_can_be_verified_as_one(shell: Console) -> None:
    """`archive/` is laid out as a bucket: `verify` reads it as it reads any other."""
    export(shell, "files")

    ran = shell.run("--store", "file:out-files/archive", "verify", "--json")
    assert (ran.code, ran.document["sessions"]) == (0, 5)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_damaged_object_is_named_and_the_rest_exported(shell: Console, format_: str) -> None:
    """4, the finding on every page and in the manifest, and the bytes as they were found."""
    key = next(each for each in _objects(shell) if "/transcript." in each)
    victim = shell.folder / "data/archive" / key
    victim.chmod(0o600)
    victim.write_bytes(b"x")
    gone = next(each for each in _objects(shell) if "/chat." in each)
    (shell.folder / "data/archive" / gone).unlink()

    ran = export(shell, format_)

    assert ran.code == 4
    assert f"corrupt: {key}" in ran.err
    assert f"missing: {gone}" in ran.err
    out = shell.folder / f"out-{format_}"
    document = manifest(out)
    assert {(each["damage"], each["key"]) for each in document["findings"]} == {
        ("corrupt", key),
        ("missing", gone),
    }
    assert len(document["sessions"]) == 5
    (index,) = out.rglob("index.html")
    assert key in index.read_text(encoding="utf-8")
    assert check(shell, out.name) == {}


def test_a_broken_chain_is_exported_as_far_as_it_goes(shell: Console) -> None:
    """What is in its folder is copied all the same, and what broke it is told."""
    second = next(each for each in _objects(shell) if each.endswith("inventory-0002.json"))
    first = shell.folder / "data/archive" / second.replace("-0002", "-0001")
    first.unlink()

    for format_ in ORIGINALS:
        ran = export(shell, format_)
        assert ran.code == 4
        assert "inventory-0001.json is missing" in ran.err
        document = manifest(shell.folder / f"out-{format_}")
        keys = {each["key"] for session in document["sessions"] for each in session["files"]}
        assert keys >= set(_objects(shell))
        assert check(shell, f"out-{format_}") == {}


def test_what_is_pending_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """3, and the sessions' names where the manifest tells what it does not cover."""
    faults = Faults()
    faults.on(kind="summary", never=True)
    with console(tmp_path, capsys, monkeypatch, meetings=2, faults=faults) as shell:
        assert shell.run("sync").code == 3

        ran = export(shell, "files")

    assert ran.code == 3
    assert "2 sessions of the selection are still pending" in ran.err
    missed = manifest(tmp_path / "out-files")["not_covered"]
    assert {each["session"] for each in missed["pending"]} == set(shell.source.session_ids)
    assert missed["artifacts"]["pending"] == 2


def test_without_ledger_and_index_what_they_know_is_not_known(shell: Console) -> None:
    """The bucket is enough for an export; it says what it could not tell."""
    for path in (shell.folder / "data").glob("ledger.db*"):
        path.unlink()

    ran = export(shell, "files")

    assert ran.code == 0
    assert "no ledger" in ran.err
    missed = manifest(shell.folder / "out-files")["not_covered"]
    assert (missed["pending"], missed["ledger"]) == (None, None)


def test_lines_say_who_said_what_when_and_from_which_bytes(shell: Console) -> None:
    """Every utterance and message, a record for its session, and a last line that counts them."""
    assert export(shell, "jsonl").code == 0

    data = (shell.folder / "out-jsonl/sessions.jsonl").read_bytes()
    records = [json.loads(line) for line in data.splitlines()]
    first, *_, last = records
    assert first["record"] == "export"
    said = [each for each in records if each["record"] == "utterance"]
    assert last["utterances"] == len(said) > 4 * 40
    assert last["messages"] == sum(each["record"] == "message" for each in records)
    assert last["sessions"] == sum(each["record"] == "session" for each in records) == 5
    before = data[: data.rindex(b"\n", 0, -1) + 1]
    assert last["digest_of_lines"] == hashlib.sha256(before).hexdigest()
    sources = {key.rsplit(".", 2)[1] for key in _objects(shell) if "/transcript." in key}
    assert {each["source"] for each in said} <= sources
    assert all(each["at"] and each["speaker"] for each in said)


def test_the_seal_that_vouches_for_a_session_is_named(shell: Console) -> None:
    """The whole chain of seals is copied, and says of each session up to which version it is sealed."""
    before = export(shell, "files", "--json", to="before")
    first = shell.source.session_ids[0]
    sealed = {each["session"]: each["seal"] for each in _sessions(shell, "before")}
    assert (before.document["sealed"], sealed[first]["version"]) == (4, 1)
    said = shell.run("seal").out

    after = export(shell, "files", "--json")

    assert (after.code, after.document["sealed"]) == (0, 5)
    sealed = {each["session"]: each["seal"] for each in _sessions(shell, "out-files")}
    assert (sealed[first]["sequence"], sealed[first]["version"]) == (2, 2)
    assert f"2:{sealed[first]['digest']}" in said
    out = shell.folder / "out-files"
    newest = (out / "archive/_archive/seals/00000002.json").read_bytes()
    assert manifest(out)["seals"]["digest"] == hashlib.sha256(newest).hexdigest()
    assert "over version 2" in "".join(each.read_text() for each in out.rglob("session.html"))


def _sessions(shell: Console, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = manifest(shell.folder / name)["sessions"]
    return found


def test_a_seal_that_was_changed_vouches_for_nothing(shell: Console) -> None:
    """4: it is copied as it was found, and no session relies on it."""
    (seal,) = (shell.folder / "data/archive/_archive/seals").iterdir()
    seal.chmod(0o600)
    seal.write_bytes(seal.read_bytes().replace(b'"version":1', b'"version":2'))

    ran = export(shell, "bagit")

    assert ran.code == 4
    assert "chain: _archive/seals/00000001.json" in ran.err
    assert all(each["seal"] is None for each in _sessions(shell, "out-bagit"))
    assert check(shell, "out-bagit") == {}


def test_the_tables_for_spreadsheets(shell: Console) -> None:
    """UTF-8 with a mark that says so, and no cell that is a formula."""
    export(shell, "files")

    tables = [*(shell.folder / "out-files/readable").rglob("*.csv")]
    assert len(tables) == 2 * 5
    text = "".join(each.read_bytes().decode("utf-8-sig") for each in tables)
    assert all(each.read_bytes().startswith(b"\xef\xbb\xbf") for each in tables)
    assert "'=HYPERLINK" in text
    assert ",=HYPERLINK" not in text


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs sha256sum")
def test_sums_can_be_checked_by_anybody(shell: Console) -> None:
    """`sha256sum -c` reads the manifest of plain folders."""
    export(shell, "files")

    done = subprocess.run(
        ["sha256sum", "-c", "--quiet", "--strict", "manifest-sha256.txt"],
        cwd=shell.folder / "out-files",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_pages_link_to_each_other(shell: Console) -> None:
    """Every link of the list leads to a session's page, in each format that has pages."""
    for format_ in ORIGINALS:
        export(shell, format_)
        (index,) = (shell.folder / f"out-{format_}").rglob("index.html")
        hrefs = index.read_text(encoding="utf-8").split('href="')[1:]
        assert len(hrefs) == 5
        for each in hrefs:
            path = each.split('"')[0].replace("%25", "%")
            assert (index.parent / Path(path)).resolve().name == "session.html"
            assert (index.parent / path).exists()
