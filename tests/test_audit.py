"""The record of reads of the commands, and of an endpoint that is killed."""

from __future__ import annotations

import json
import os
import pwd
import signal
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.console import console, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.console import Console


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Console]:
    """A shell for an account with one session, archived and indexed."""
    with console(tmp_path, capsys, monkeypatch, meetings=1) as found:
        assert found.run("sync").code == 0
        yield found


def shown(shell: Console, *argv: str) -> list[dict[str, Any]]:
    """What `audit show` tells of, but for itself, the oldest first."""
    ran = shell.run("audit", "show", "--json", *argv)
    assert ran.code == 0
    rows = [json.loads(line) for line in ran.out.splitlines()]
    return [each for each in reversed(rows) if each["action"] != "audit show"]


def test_every_command_that_reads_is_recorded(shell: Console) -> None:
    """With the user of the system, what was asked and what was found, before anything is shown."""
    session_id = shell.source.session_ids[0]
    word = shell.source.session(session_id).meeting.title.split()[-1]
    shell.run("search", word, "--speaker", "ana", "--json")
    shell.run("show", session_id, "--transcript")
    shell.run("export", "out", "--format", "files", "--reason", "Case 17", "--query", word)
    shell.run("keys", "create", "crm", "--app", "a")
    shell.run("keys", "list")
    shell.run("verify")

    rows = shown(shell)
    assert [each["action"] for each in rows] == [
        "search", "show", "export", "keys create", "keys list", "verify",
    ]  # fmt: skip
    user = pwd.getpwuid(os.getuid()).pw_name
    assert {(each["who"]["kind"], each["who"]["name"]) for each in rows} == {("os", user)}
    assert rows[0]["asked"] == {
        "q": [word], "speaker": ["ana"], "sort": ["relevance"], "limit": ["10"],
    }  # fmt: skip
    assert rows[1]["session"] == session_id
    assert (rows[2]["asked"]["reason"], rows[2]["hits"]) == ("Case 17", 1)
    assert rows[3]["asked"] == {"name": "crm", "role": "reader", "app": ["a"]}
    assert shown(shell, "--who", "nobody") == []
    assert shown(shell, "--until", "2020") == []
    assert word in shell.run("audit", "show").out


def test_what_cannot_be_recorded_is_not_shown(shell: Console) -> None:
    """Exit code 1 and one line; nothing that was found, nothing made; `verify` may go on."""
    audit = shell.folder / "data/audit"
    assert not audit.exists()
    audit.write_bytes(b"a file where the folder should be")
    session_id = shell.source.session_ids[0]
    for argv in (
        ("search", "meeting"),
        ("show", session_id, "--transcript"),
        ("export", "out", "--format", "files", "--reason", "Case 17"),
        ("keys", "create", "crm"),
    ):
        ran = shell.run(*argv)
        assert (ran.code, ran.out) == (1, ""), argv
        assert "cannot be recorded is not answered" in ran.err
    assert not (shell.folder / "out").exists()
    assert not (shell.folder / "data/archive/_archive/access").exists()
    assert shell.run("verify").code == 0


def test_turned_off_it_is_silent_but_for_that(shell: Console) -> None:
    """RTK_ARCHIVE_AUDIT=off stands in the record, and no query does."""
    shell.set(RTK_ARCHIVE_AUDIT="off")
    shell.run("search", "confidential")

    assert [each["action"] for each in shown(shell)] == ["audit off", "audit off"]
    assert "RTK_ARCHIVE_AUDIT" in shell.run("audit", "verify").err
    held = b"".join(each.read_bytes() for each in (shell.folder / "data/audit").glob("*.jsonl"))
    assert b"confidential" not in held


def test_verify_tells_of_tampering_here_and_in_the_bucket(shell: Console) -> None:
    """Exit code 4 names what was done, where; sealed by `seal`, the archive's own verify does too."""
    shell.run("search", "one")
    shell.run("search", "two")
    assert shell.run("seal").code == 0
    whole = shell.run("audit", "verify", "--json")
    assert (whole.code, whole.document["findings"], whole.document["records"]) == (0, [], 2)
    trail = sorted((shell.folder / "data/audit").glob("*.jsonl"))[0]
    before = trail.read_bytes()
    trail.write_bytes(before.replace(b'"one"', b'"two"'))
    edited = shell.run("audit", "verify")
    assert (edited.code, f"edited: {trail.name}" in edited.out) == (4, True)
    trail.write_bytes(before)
    last = sorted((shell.folder / "data/archive/_archive/audit").iterdir())[-1]
    last.unlink()
    cut = shell.run("audit", "verify", "--json").document["findings"]
    assert next((each["damage"], each["place"]) for each in cut) == (
        "cut",
        f"_archive/audit/{last.name}",
    )
    assert shell.run("verify").code == 4


def test_a_read_outlives_the_process_that_answered_it(shell: Console) -> None:
    """Killed the moment its answer arrived, an endpoint has recorded it; the next one seals it."""
    process, url = serving(shell)
    with process:
        with urllib.request.urlopen(f"{url}/v1/search?q=meeting") as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGKILL)

    rows = shown(shell)
    assert [each["action"] for each in rows] == ["serving began", "search"]
    assert (rows[1]["asked"], rows[1]["status"]) == ({"q": ["meeting"]}, 200)
    assert shell.run("seal").code == 0
    assert shell.run("audit", "verify", "--json").document["records"] == 3
    assert [each["action"] for each in shown(shell)][:2] == ["serving began", "search"]


def test_an_endpoint_that_stops_leaves_nothing_behind(shell: Console) -> None:
    """Told to stop, it puts what it recorded into the bucket, and what commands left as well."""
    shell.run("search", "left behind")
    process, url = serving(shell)
    with process:
        with urllib.request.urlopen(f"{url}/v1/search?q=meeting") as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0

    checked = shell.run("audit", "verify", "--json").document
    assert (checked["records"], checked["unsealed"], checked["findings"]) == (4, 0, [])
    assert [each["action"] for each in shown(shell)][:4] == [
        "search", "serving began", "search", "serving ended",
    ]  # fmt: skip
