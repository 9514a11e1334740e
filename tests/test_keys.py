"""`keys` as a user runs it, and what a key then opens."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

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
    """A shell for an account with one session, archived."""
    with console(tmp_path, capsys, monkeypatch, meetings=1) as found:
        assert found.run("sync").code == 0
        yield found


def test_a_key_is_made_listed_and_revoked(shell: Console) -> None:
    """The secret is all that `create` prints, and `list` never tells it; names are unique."""
    made = shell.run("keys", "create", "crm", "--app", "a", "--app", "b", "--expires", "90d")
    assert (made.code, made.out.count("\n")) == (0, 1)
    secret = made.out.strip()
    assert secret.startswith("rtka_")
    assert shell.run("keys", "create", "crm").code == 1
    admin = shell.run("keys", "create", "boss", "--role", "admin", "--json").document
    assert admin["secret"].startswith("rtka_")

    listed = shell.run("keys", "list", "--json").document
    assert [(each["name"], each["role"], each["apps"]) for each in listed] == [
        ("crm", "reader", ["a", "b"]),
        ("boss", "admin", None),
    ]
    assert "digest" not in listed[0]
    revoked = shell.run("keys", "revoke", "crm")
    assert (revoked.code, "revoked" in revoked.out) == (0, True)
    assert shell.run("keys", "revoke", "crm").code == 1
    told = shell.run("keys", "list").out
    assert "crm" in told
    assert secret not in told
    held = b"".join(each.read_bytes() for each in shell.folder.rglob("*") if each.is_file())
    assert secret.encode() not in held


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("create", "two words"), "no key's name"),
        (("create", "x", "--role", "records"), "reserved"),
        (("create", "x", "--role", "root"), "reader, auditor, admin"),
        (("create", "x", "--expires", "2020-01-01"), "past"),
        (("create", "x", "--role", "auditor", "--app", "a"), "only a reader"),
        (("frobnicate",), "invalid choice"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(
    shell: Console, argv: tuple[str, ...], told: str
) -> None:
    """Exit code 2, what is wrong with it, and nothing is written."""
    ran = shell.run("keys", *argv)

    assert (ran.code, told in ran.err) == (2, True)
    assert not (shell.folder / "data/archive/_archive/access").exists()


def test_the_chain_of_keys_is_sealed_and_verified(shell: Console) -> None:
    """A key's record that is changed or cut off is named by `verify`, and no key is listed then."""
    shell.run("keys", "create", "crm")
    shell.run("keys", "revoke", "crm")
    assert shell.run("seal").code == 0
    assert shell.run("verify").code == 0
    (_, last) = sorted((shell.folder / "data/archive/_archive/access").iterdir())
    last.unlink()

    verified = shell.run("verify", "--json")
    assert verified.code == 4
    assert [(each["key"], each["damage"]) for each in verified.document["findings"]] == [
        ("_archive/access/00000002.json", "missing")
    ]
    last.with_name("00000001.json").chmod(0o600)
    last.with_name("00000001.json").write_text(json.dumps({}))
    listed = shell.run("keys", "list")
    assert (listed.code, "00000001.json" in listed.err) == (1, True)


def test_a_key_opens_an_endpoint_that_others_reach(shell: Console) -> None:
    """Beyond loopback only once there is a key; then with it, and this machine too only with it."""
    refused = shell.run("--config", str(settings_file(shell)), "serve")
    assert (refused.code, "keys create NAME" in refused.err) == (1, True)
    secret = shell.run("keys", "create", "crm").out.strip()
    process, url = serving(shell, "0.0.0.0")
    with process:
        request = urllib.request.Request(f"{url}/v1/search?q=meeting")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(request)
        request.add_header("Authorization", f"Bearer {secret}")
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
        process.terminate()
        assert process.wait(timeout=30) == 0

    (listed,) = shell.run("keys", "list", "--json").document
    assert listed["last_used_at"]


def settings_file(shell: Console) -> Path:
    """Settings that would have others reach the endpoint."""
    path = shell.folder / "others.toml"
    path.write_text('listen = "0.0.0.0:0"\n')
    path.chmod(0o600)
    return path
