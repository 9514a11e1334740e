"""`searches` as a user runs it, the README's watch list, and alerts that outlive `kill -9`."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archiver.alerts.signing import headers_of, secret_of
from tests.console import console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.console import Console

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
HOOK = "https://hooks.example.com/rtk"
SECRET = "0123456789abcdef" * 2


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Console]:
    """A shell for an account with sessions of which none is archived yet, but for the first."""
    with console(tmp_path, capsys, monkeypatch, meetings=3) as found:
        first, *_ = found.source.session_ids
        assert found.run("sync", "--session", first).code in {0, 3}
        yield found


def noting(shell: Console, script: str) -> Path:
    """A settings file that names a command `note`, which is this script."""
    path = shell.folder / "note.sh"
    path.write_text(script)
    file = shell.folder / "rtk-archive.toml"
    file.write_text(f'alert_commands = ["note=/bin/sh {path}"]')
    file.chmod(0o600)
    return shell.folder / "noted"


def marked(name: str, language: str) -> str:
    match = re.search(rf"<!-- {name} -->\n```{language}\n(.*?)\n```", README, re.DOTALL)
    assert match is not None
    return match[1]


def test_the_watch_list_of_the_readme(shell: Console) -> None:
    """Its three commands, word for word."""
    settings, *commands = marked("watch list", "sh").splitlines()
    printed = subprocess.run(
        ["sh", "-c", f"{settings.partition('#')[0]}; env"],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [each for each in printed.stdout.splitlines() if each.startswith("RTK_ARCHIVE_ALERT")]
    shell.set(**dict(each.partition("=")[::2] for each in lines))
    ran = [shell.run(*shlex.split(each, comments=True)[1:]) for each in commands]

    assert [each.code for each in ran] == [0, 0], ran
    search_id, secret = ran[0].out.split()
    assert secret.startswith("whsec_")
    assert f"{search_id}  prices" in ran[1].out
    held = b"".join(each.read_bytes() for each in shell.folder.rglob("*") if each.is_file())
    assert secret.encode() not in held


def test_the_signature_is_checked_as_the_readme_says() -> None:
    """Its lines let in what is ours, and nothing that was changed."""
    import time

    from standardwebhooks.webhooks import WebhookVerificationError

    names: dict[str, Any] = {}
    exec(marked("verify an alert", "python"), names)
    secret, body = secret_of(SECRET, "0" * 32), b'{"type":"session.matched"}'
    headers = headers_of(secret, "msg_1", int(time.time()), body)

    assert names["alert_of"](secret, body, headers) == {"type": "session.matched"}
    for other in (secret_of(SECRET, "1" * 32), secret_of(SECRET[::-1], "0" * 32)):
        with pytest.raises(WebhookVerificationError):
            names["alert_of"](other, body, headers)
    with pytest.raises(WebhookVerificationError):
        names["alert_of"](secret, body.replace(b"matched", b"removed"), headers)


def test_a_search_is_saved_listed_and_deleted(shell: Console) -> None:
    """With a key or without; what is listed says how its alerts stand."""
    shell.set(RTK_ARCHIVE_ALERT_SECRET=SECRET, RTK_ARCHIVE_ALERT_HOSTS="hooks.example.com")
    shell.run("keys", "create", "crm")
    made = shell.run(
        *("searches", "create", "prices", "renewal", "price", "--webhook", HOOK),
        *("--key", "crm", "--match", "best", "--json"),
    ).document
    assert shell.run("searches", "create", "prices", "x", "--webhook", HOOK).code == 0
    listed = shell.run("searches", "list", "--json").document

    assert [(each["name"], each["query"], each["match"]) for each in listed] == [
        ("prices", "renewal price", "best"),
        ("prices", "x", "all"),
    ]
    assert [each["key"] and each["key"]["name"] for each in listed] == ["crm", None]
    shell.run("keys", "revoke", "crm")
    assert "rests: its key is revoked" in shell.run("searches", "list").out
    assert shell.run("searches", "delete", made["id"]).code == 0
    again = shell.run("searches", "delete", made["id"])
    assert (again.code, "no such saved search" in again.err) == (1, True)
    assert len(shell.run("searches", "list", "--json").document) == 1
    assert shell.run("seal").code == 0
    assert shell.run("verify").code == 0


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("x", "a", "--webhook", HOOK), "RTK_ARCHIVE_ALERT_SECRET is not set"),
        (("x", "a", "--command", "note"), "names no command note"),
        (("x", "a AND", "--command", "known"), "AND"),
        (("x", "…", "--command", "known"), "asks for nothing"),
        (("x", "a", "--command", "known", "--key", "nobody"), "no key nobody"),
        (("x", "a"), "required"),
        (("x", "a", "--command", "known", "--webhook", HOOK), "not allowed with"),
        (("a\nb", "a", "--command", "known"), "visible characters"),
    ],
)
def test_what_cannot_be_saved_says_what_to_do(
    shell: Console, argv: tuple[str, ...], told: str
) -> None:
    """One line, and nothing is saved."""
    file = shell.folder / "rtk-archive.toml"
    file.write_text('alert_commands = ["known=/bin/true"]')
    file.chmod(0o600)
    ran = shell.run("searches", "create", *argv)

    assert ran.code in {1, 2}
    assert told in ran.last_line
    assert shell.run("searches", "list", "--json").document == []


def test_a_sync_tells_what_it_has_indexed(shell: Console) -> None:
    """A command gets the alert as JSON, and nothing of our environment; what came before is not told."""
    noted = noting(shell, f"(env; cat) > {shell.folder}/$RTK_ALERT_ID.noted")
    shell.set(RTK_ARCHIVE_ALERT_SECRET=SECRET)
    assert shell.run("searches", "create", "all", "in:transcript", "--command", "note").code == 0
    assert shell.run("sync").code == 0

    told = [each.read_text() for each in noted.parent.glob("*.noted")]
    assert len(told) == 2
    for text in told:
        *environment, body = text.splitlines()
        assert json.loads(body)["type"] == "session.matched"
        names = {each.partition("=")[0] for each in environment} - {"PWD", "SHLVL", "_", "OLDPWD"}
        assert names <= {"HOME", "LANG", "LC_ALL", "PATH", "TZ", "RTK_ALERT_ID"}
    (row,) = shell.run("searches", "list", "--json").document
    assert (row["delivered"], row["pending"], row["failed"]) == (2, 0, 0)
    assert shell.run("sync").code == 0
    assert len(list(noted.parent.glob("*.noted"))) == 2


def test_an_alert_outlives_a_kill(shell: Console) -> None:
    """`kill -9` while a command is being called: it is called again, and knows that it was."""
    noted = noting(
        shell,
        f'echo "$RTK_ALERT_ID $$" >> {shell.folder}/noted\n'
        f"cat > /dev/null\n[ -e {shell.folder}/calm ] || sleep 600",
    )
    assert shell.run("searches", "create", "all", "in:transcript", "--command", "note").code == 0
    os.mkfifo(noted)
    process = subprocess.Popen(
        [sys.executable, "-m", "search", "work"], cwd=shell.folder, stderr=subprocess.DEVNULL
    )
    with noted.open(encoding="ascii") as told:
        first, group = told.readline().split()
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.killpg(int(group), signal.SIGKILL)  # the command itself is not ours to outlive
    noted.unlink()
    (shell.folder / "calm").touch()
    assert shell.run("sync").code == 0

    again = [each.split()[0] for each in noted.read_text().splitlines()]
    assert first in again
    assert len(set(again)) == len(again) == 2
