"""Downloaded files become archived sessions that say so, and never take a captured one's place."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from archiver.model import format_time
from archiver.simulated import generate_meetings
from tests.console import console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.console import Console, Ran

ID = "05e57591-aaaa-4bbb-8ccc-000000000001"
APP = "my-app"
OLD = datetime(2026, 1, 3, 10, tzinfo=UTC)
TRANSCRIPT = b'"1000","p","u","c","Alice","hello zanzibar"\n'


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Console]:
    """A shell whose archive holds a captured session."""
    with console(tmp_path, capsys, monkeypatch, meetings=1) as found:
        assert found.run("sync").code == 0
        yield found


def session_json(session_id: str = ID, started_at: datetime = OLD, **more: Any) -> bytes:
    said = {
        "id": session_id,
        "meeting_display_name": "Imported one",
        "associated_id": "meeting-1",
        "status": "ENDED",
        "created_at": format_time(started_at),
        "started_at": format_time(started_at),
        "ended_at": format_time(started_at + timedelta(hours=1)),
        **more,
    }
    return json.dumps({"success": True, "data": {"session": said}}).encode()


def write(shell: Console, files: dict[str, bytes]) -> Path:
    root = shell.folder / "files"
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def take(shell: Console, *more: str, app: str = APP) -> Ran:
    return shell.run("import", "files", "--app", app, "--json", *more)


def inventories(shell: Console, session_id: str = ID) -> list[dict[str, Any]]:
    found = sorted((shell.folder / "data/archive").rglob(f"{session_id}/inventory-*.json"))
    return [json.loads(each.read_bytes()) for each in found]


def entries(inventory: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{each['kind']}/{each.get('format', '')}": each for each in inventory["artifacts"]}


def objects(shell: Console) -> dict[str, bytes]:
    root = shell.folder / "data/archive"
    return {
        str(each.relative_to(root)): each.read_bytes()
        for each in root.rglob("*")
        if each.is_file() and "canaries" not in str(each)
    }


def test_files_become_a_session_that_can_be_searched(shell: Console) -> None:
    """The very bytes, their provenance, and a search hit; a second import changes nothing."""
    files = {
        f"{ID}/transcript.csv": TRANSCRIPT,
        f"{ID}/summary.txt": b"# zanzibar",
        f"{ID}/chat.csv": b"",
        f"{ID}/session.json": session_json(),
    }
    root = write(shell, files)
    os.utime(root / ID / "chat.csv", (1_700_000_000, 1_700_000_000))

    ran = take(shell)

    assert (ran.code, ran.document["new"], ran.document["artifacts"]) == (0, 1, 4)
    assert ran.document["indexed"] == 1
    (inventory,) = inventories(shell)
    found = entries(inventory)
    assert (inventory["made"]["command"], inventory["settings"]) == ("import", {"imported": "on"})
    assert (inventory["meeting"], inventory["started_at"]) == ("meeting-1", format_time(OLD))
    for kind, path in (("transcript/CSV", "transcript.csv"), ("summary/", "summary.txt")):
        entry = found[kind]
        assert (entry["origin"], entry["outcome"]) == ("import", "archived")
        assert entry["digest"] == sha256(files[f"{ID}/{path}"]).hexdigest()
        assert "host" not in entry
        assert "fetched_at" not in entry
    assert found["chat/"]["outcome"] == "empty"
    assert found["chat/"]["source"] == {"file_modified_at": "2023-11-14T22:13:20.000Z"}
    assert found["transcript/JSON"]["outcome"] == "excluded"
    assert "Imported" not in json.dumps(inventory)
    hits = shell.run("search", "zanzibar", "--json").document["hits"]
    assert [(each["session_id"], each["meeting_title"]) for each in hits] == [(ID, "Imported one")]
    assert shell.run("show", ID).code == 0
    assert shell.run("verify").code == 0
    assert shell.run("status").code == 0

    before = objects(shell)
    again = take(shell)
    assert (again.code, again.document["held"], again.document["unchanged"]) == (0, 4, 1)
    assert objects(shell) == before
    assert (root / ID / "chat.csv").stat().st_nlink == 1
    assert not list((shell.folder / "data/spool").iterdir())
    assert shell.run("rebuild", "all").code == 0
    assert shell.run("search", "zanzibar", "--json").document["hits"]


def test_a_dry_run_changes_nothing(shell: Console) -> None:
    """It says what would be imported, down to the same numbers."""
    write(shell, {f"{ID}/chat.csv": b"id\n1", f"{ID}/session.json": session_json()})
    before = objects(shell)

    ran = take(shell, "--dry-run")

    assert (ran.code, ran.document["new"], ran.document["artifacts"]) == (0, 1, 2)
    assert objects(shell) == before
    assert take(shell).document["artifacts"] == 2


def test_no_link_is_followed(shell: Console) -> None:
    """A link to a file, to a folder, and what is no file at all: named, and nothing of them archived."""
    secret = shell.folder / "secret"
    secret.mkdir()
    (secret / "summary.md").write_text("# very secret")
    root = write(shell, {f"{ID}/session.json": session_json()})
    (root / ID / "summary.md").symlink_to(secret / "summary.md")
    (root / "linked-session").symlink_to(secret)
    os.mkfifo(root / ID / "chat.csv")

    ran = take(shell)

    assert ran.code == 3
    left_out = {each["path"]: each["reason"] for each in ran.document["left_out"]}
    assert set(left_out) == {f"{ID}/summary.md", f"{ID}/chat.csv", "linked-session"}
    assert "link" in left_out[f"{ID}/summary.md"]
    assert not any(b"very secret" in each for each in objects(shell).values())


def test_hostile_names_reach_no_other_place(shell: Console) -> None:
    """Ids become folder names of their own, and nothing in a name steers a terminal."""
    write(
        shell,
        {
            "_archive/chat.csv": b"id\n1",
            "..%2F..%2Fx/chat.csv": b"id\n2",
            "\x1b[31m/chat.csv": b"id\n3",
            "a b é/chat.csv": b"id\n4",
            "import.json": json.dumps(
                [
                    {"session": each, "started_at": format_time(OLD)}
                    for each in ("_archive", "..%2F..%2Fx", "a b é")
                ]
            ).encode(),
        },
    )

    ran = take(shell, app="..")

    assert ran.document["new"] == 3
    assert [each["path"] for each in ran.document["left_out"]] == ["\x1b[31m/chat.csv"]
    new = [each for each in objects(shell) if "inventory" in each and "2026/01/03" in each]
    assert {each.split("/")[0] for each in new} == {"%2E%2E"}
    assert {each.split("/")[4] for each in new} == {
        "%5Farchive", "%2E%2E%252F%2E%2E%252Fx", "a%20b%20%C3%A9",
    }  # fmt: skip
    assert "\x1b" not in shell.run("import", "files", "--app", "..").out
    assert shell.run("verify").code == 0


def test_what_cannot_be_placed_is_named(shell: Console) -> None:
    """No start, another session's record, a live one, two files for one artifact, a file too large."""
    shell.set(RTK_ARCHIVE_DOWNLOAD_MAX="10kB")
    write(
        shell,
        {
            "unknown/chat.csv": b"id\n1",
            "other/chat.csv": b"id\n1",
            "other/session.json": session_json("somebody-else"),
            "live/session.json": session_json("live", status="LIVE", ended_at=None),
            f"{ID}/session.json": session_json(),
            f"{ID}/transcript-1.csv": TRANSCRIPT,
            f"{ID}/transcript-2.csv": TRANSCRIPT * 2,
            f"{ID}/summary.md": b"x" * 20_000,
        },
    )

    ran = take(shell)

    assert ran.code == 3
    named = [each["path"] for each in ran.document["left_out"]]
    assert named == [
        f"{ID}/summary.md", f"{ID}/transcript-1.csv", f"{ID}/transcript-2.csv",
        "live", "live/session.json", "other", "other/session.json", "unknown",
    ]  # fmt: skip
    assert all(each["reason"] for each in ran.document["left_out"])
    assert ran.document["new"] == 1


def test_a_captured_session_is_not_shadowed(shell: Console) -> None:
    """Its bytes stay the record, whatever the folder has, and wherever it says that it began."""
    app_id = shell.source.apps[0].app_id
    (captured,) = shell.source.session_ids
    before = objects(shell)
    write(
        shell,
        {
            f"{captured}/chat.csv": b"id,payload\n1,forged and much longer " + b"x" * 100_000,
            f"{captured}/session.json": session_json(captured),
            f"{captured}/transcript.json": shell.source.artifact_bytes(
                captured, "transcript", "JSON"
            ),
        },
    )

    ran = take(shell, app=app_id)

    assert (ran.code, ran.document["artifacts"], ran.document["held"]) == (3, 0, 1)
    assert {each["path"] for each in ran.document["left_out"]} == {
        f"{captured}/chat.csv", f"{captured}/session.json",
    }  # fmt: skip
    assert objects(shell) == before


def test_what_was_lost_is_added(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An artifact that could not be had comes in a new version, by its origin."""
    (meeting,) = generate_meetings(1, days=1)
    too_old = (dataclasses.replace(meeting, days_ago=9),)
    with console(tmp_path, capsys, monkeypatch, meetings=too_old) as shell:
        (session_id,) = shell.source.session_ids
        app_id = shell.source.apps[0].app_id
        shell.run("sync")
        (before,) = inventories(shell, session_id)
        assert entries(before)["chat/"]["outcome"] == "lost"
        write(shell, {f"{session_id}/chat.csv": b"id,payload\n1,rescued"})

        ran = take(shell, app=app_id)

        assert (ran.code, ran.document["extended"]) == (0, 1)
        last = inventories(shell, session_id)[-1]
        assert entries(last)["chat/"]["origin"] == "import"
        assert entries(last)["transcript/JSON"] == entries(before)["transcript/JSON"]
        assert last["version"] == len(inventories(shell, session_id))
        assert shell.run("verify").code == 0


@pytest.mark.parametrize("same", [False, True], ids=["another body", "the same body"])
def test_what_the_source_serves_later_takes_its_place(
    same: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An imported session of this week is captured all the same; its new version says `source`."""
    with console(tmp_path, capsys, monkeypatch, meetings=2) as shell:
        first, second = shell.source.session_ids
        app_id = shell.source.apps[0].app_id
        assert shell.run("sync", "--session", second).code in {0, 3}
        body = shell.source.artifact_bytes(first, "chat")
        imported = body if same else body + b"and more that the source never served"
        started_at = shell.source.session(first).started_at
        write(
            shell,
            {
                f"{first}/chat.csv": imported,
                f"{first}/session.json": session_json(first, started_at),
            },
        )
        ran = take(shell, app=app_id)
        assert (ran.code, ran.document["artifacts"]) == (0, 2)
        assert shell.run("status").code == 3

        assert shell.run("sync").code == 0

        *_, last = inventories(shell, first)
        found = entries(last)
        assert found["chat/"]["origin"] == "source"
        assert found["chat/"]["digest"] == sha256(body).hexdigest()
        assert found["session/"]["origin"] == "source"
        assert {each["outcome"] for each in found.values()} <= {"archived", "excluded"}
        assert shell.run("verify").code == 0
        assert shell.run("status").code == 0
        shutil.rmtree(tmp_path / "data/index")
        (tmp_path / "data/ledger.db").unlink()
        assert shell.run("rebuild", "all").code == 0
        assert shell.run("status").code == 0


def test_an_archive_must_be_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is the archive of, a folder of files does not tell; nor is there a folder always."""
    with console(tmp_path, capsys, monkeypatch, meetings=generate_meetings(1, days=1)) as shell:
        write(shell, {f"{ID}/session.json": session_json()})
        ran = take(shell)
        assert ran.code == 1
        assert "there is no archive" in ran.last_line
        assert shell.run("import", "nowhere", "--app", APP).code == 1
        assert shell.run("import", "files").code == 2
