"""`doctor` as a user runs it: every verdict, with what to do; nothing made, nothing given away."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from archiver.exits import DONE, LOST, PENDING
from archiver.registrations import PATH
from archiver.simulated import Faults
from archiver.simulated.faults import Operation
from tests.console import console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.console import Console

ENDPOINT = "https://hooks.example.com"


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Console]:
    """A shell for an account with one ended session, and no proxy in its environment."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with console(tmp_path, capsys, monkeypatch, meetings=1, faults=Faults()) as found:
        origin = found.source.origin
        found.set(RTK_ARCHIVE_WEBHOOK_KEY_URL=f"{origin}/.well-known/webhooks.json")
        yield found


def checks_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The checks of a report, by area and name."""
    found = {f"{each['area']}: {each['name']}": each for each in document["checks"]}
    assert len(found) == len(document["checks"])
    return found


def verdict_of(shell: Console, name: str) -> tuple[int, str, str]:
    """The exit code, and what is said of one check, with what to do."""
    ran = shell.run("doctor", "--json")
    check = checks_of(ran.document)[name]
    return ran.code, check["verdict"], f"{check['observed']} -> {check['advice']}"


def test_before_the_first_capture(shell: Console) -> None:
    """Everything passes, in under ten requests, and neither archive nor data folder is made."""
    ran = shell.run("doctor", "--json")

    assert ran.code == DONE, ran.out
    checks = checks_of(ran.document)
    assert {each["verdict"] for each in checks.values()} == {"ok", "not applicable"}
    assert {name for name, each in checks.items() if each["verdict"] != "ok"} == {
        "store: object lock",
        "store: archive",
        "account: webhooks",
        "machine: ledger",
        "machine: index",
    }
    assert len(shell.source.requests) < 10
    assert list(shell.folder.iterdir()) == []
    (posted,) = [each for each in shell.source.requests if each.method == "POST"]
    assert posted.session_id not in shell.source.session_ids


def test_with_an_archive(shell: Console) -> None:
    """It is named, and ledger and index are checked; not a byte of it changes."""
    shell.run("sync")
    shell.run("webhooks", "register", ENDPOINT)

    def files() -> dict[str, bytes]:
        archive = shell.folder / "data/archive"
        return {str(path): path.read_bytes() for path in archive.rglob("*") if path.is_file()}

    before = files()
    ran = shell.run("doctor", "--json")

    assert ran.code == DONE, ran.out
    checks = checks_of(ran.document)
    for name in ("store: archive", "machine: ledger", "machine: index", "account: webhooks"):
        assert checks[name]["verdict"] == "ok", checks[name]
    assert re.fullmatch("[0-9a-f]{32}", ran.document["archive"])
    assert before == files()


def test_the_table_says_what_the_document_says(shell: Console) -> None:
    """Every fact and every advice of `--json` is in the table, and neither holds the token."""
    shell.set(COLUMNS="70")
    document = shell.run("doctor", "--json").document
    # The source's clock stands still: how long the first run took is nothing the second should tell.
    shell.source.clock.set(datetime.now(UTC))  # type: ignore[attr-defined]
    table = shell.run("doctor").out

    def squeezed(text: str) -> str:
        return re.sub(r"\s+", "", text)

    rows = squeezed(re.sub(r"^ {20,}", "", table, flags=re.MULTILINE))
    passing = re.compile(r"\d+\.\d (ms|GiB)")
    for check in document["checks"]:
        assert check["area"] in table
        words = [*passing.sub("", check["observed"]).split(), *check["advice"].split()]
        for word in (check["name"], check["verdict"], *words):
            assert squeezed(word) in rows, (check, word)
    for secret in (shell.source.token,):
        assert secret not in table + str(document)
    assert document["release"] in " ".join(table.split())
    assert document["code"] == 0


def test_a_token_that_is_not_accepted(shell: Console) -> None:
    """The token fails; what needs none, and the store, are tried all the same."""
    shell.set(CLOUDFLARE_API_TOKEN="wrong-token")
    ran = shell.run("doctor", "--json")
    checks = checks_of(ran.document)

    assert ran.code == PENDING
    assert checks["account: token"]["verdict"] == "failed"
    assert "permission" in checks["account: token"]["advice"]
    assert checks["account: webhook key"]["verdict"] == "ok"
    assert checks["store: put-if-absent"]["verdict"] == "ok"
    assert "wrong-token" not in ran.out + ran.err


def test_no_token_and_half_of_one(shell: Console) -> None:
    """Without any, nothing of the account is claimed; with a token and no account it cannot work."""
    shell.set(CLOUDFLARE_API_TOKEN="")
    assert verdict_of(shell, "account: token")[:2] == (PENDING, "failed")
    shell.set(CLOUDFLARE_ACCOUNT_ID="")
    assert verdict_of(shell, "account: token")[:2] == (DONE, "not applicable")


def test_no_right_to_ask_for_summaries(shell: Console) -> None:
    """Told by a POST for a session that does not exist; where none is asked for, none is sent."""
    shell.source.faults.fail(Operation.POST_SUMMARY, status=403, times=9)

    code, verdict, said = verdict_of(shell, "account: summaries")
    assert (code, verdict) == (PENDING, "failed")
    assert "RTK_ARCHIVE_SUMMARIES=collect" in said
    shell.set(RTK_ARCHIVE_SUMMARIES="collect")
    assert verdict_of(shell, "account: summaries")[:2] == (DONE, "not applicable")


def test_apps_that_are_not_there(shell: Console) -> None:
    """One that is named and not the account's fails, by name."""
    shell.set(RTK_ARCHIVE_APPS="no-such-app")

    code, verdict, said = verdict_of(shell, "account: apps")
    assert (code, verdict) == (PENDING, "failed")
    assert "no-such-app" in said


def test_a_key_that_cannot_be_had(shell: Console) -> None:
    """A weakness, and a failure where webhooks are to be let in."""
    shell.source.faults.fail(Operation.WEBHOOK_KEY, status=503, times=9)

    assert verdict_of(shell, "account: webhook key")[:2] == (DONE, "weak")
    shell.set(RTK_ARCHIVE_WEBHOOK_LISTEN="127.0.0.1:8001")
    assert verdict_of(shell, "account: webhook key")[:2] == (PENDING, "failed")


def test_a_clock_that_is_wrong(shell: Console) -> None:
    """More than a minute off the source's fails."""
    shell.source.clock.advance(timedelta(minutes=3).total_seconds())  # type: ignore[attr-defined]

    code, verdict, said = verdict_of(shell, "account: clock")
    assert (code, verdict) == (PENDING, "failed")
    assert "180 s ahead" in said or "179 s ahead" in said or "181 s ahead" in said


def test_the_archive_of_another_account(shell: Console) -> None:
    """Is told before anything is captured into it."""
    shell.run("sync")
    shell.set(CLOUDFLARE_ACCOUNT_ID="another")

    assert verdict_of(shell, "store: archive")[:2] == (PENDING, "failed")


def test_locks_asked_of_a_folder(shell: Console) -> None:
    """Exit code 4: what is archived is not kept as the settings claim."""
    shell.set(RTK_ARCHIVE_LOCK="compliance:7y")

    code, verdict, _ = verdict_of(shell, "store: object lock")
    assert (code, verdict) == (LOST, "failed")
    assert "what is archived is in danger" in shell.run("doctor").out


def test_a_damaged_ledger(shell: Console) -> None:
    """Found by SQLite's own check, with how to make it again."""
    shell.run("sync")
    path = shell.folder / "data/ledger.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 6] = b"\xff" * (4096 * 4)
    path.write_bytes(content)

    code, verdict, said = verdict_of(shell, "machine: ledger")
    assert (code, verdict) == (PENDING, "failed")
    assert "rebuild all" in said


def test_what_this_machine_could_do_better(shell: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder open to others, and a proxy that is not used: its password is not shown."""
    (shell.folder / "data").mkdir(mode=0o755)
    (shell.folder / "data").chmod(0o755)
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2@proxy.example.com:3128")
    ran = shell.run("doctor", "--json")
    checks = checks_of(ran.document)

    assert ran.code == DONE
    assert checks["machine: data privacy"]["verdict"] == "weak"
    assert checks["machine: proxies"]["verdict"] == "weak"
    assert "hunter2" not in ran.out


def test_webhooks_registered_by_halves(shell: Console) -> None:
    """One that asks for other events, or points elsewhere, is not ours."""
    shell.set(RTK_ARCHIVE_WEBHOOK_LISTEN="127.0.0.1:8001")
    code, verdict, said = verdict_of(shell, "account: webhooks")
    assert (code, verdict) == (DONE, "weak")
    assert "webhooks register URL" in said
    shell.run("webhooks", "register", ENDPOINT + PATH)
    assert verdict_of(shell, "account: webhooks")[:2] == (DONE, "ok")
