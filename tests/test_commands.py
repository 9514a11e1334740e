"""The commands as a user runs them: what they write, where, and the exit code they leave."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from archiver.simulated import Faults, generate_meetings
from tests.console import console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.console import Console, Ran


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Console]:
    """A shell for an account with three ended sessions."""
    with console(tmp_path, capsys, monkeypatch) as found:
        yield found


def assert_one_line(ran: Ran, *words: str) -> None:
    """An error is one line that names the thing, and no traceback."""
    said = [each for each in ran.err.splitlines() if not each.startswith(("capturing", "{"))]
    assert len(said) == 1, ran.err
    assert all(each in said[0] for each in words), said[0]
    assert "Traceback" not in ran.err
    assert ran.out == ""


# ------------------------------------------------------------------------------------ the main job


def test_from_a_session_to_a_search_hit(shell: Console) -> None:
    """`sync` captures and indexes everything; search, show, status and verify then tell of it."""
    synced = shell.run("sync", "--json")
    assert synced.code == 0
    assert synced.document["sessions_indexed"] == synced.document["sessions_settled"] == 3
    assert synced.document["outcomes"]["archived"] == 5 * 3

    session_id = shell.source.session_ids[0]
    word = shell.source.session(session_id).meeting.title.split()[-1]
    found = shell.run("search", word, "--json")
    hits = found.document["hits"]
    assert [each["session_id"] for each in hits] == [session_id]
    assert found.document["coverage"]["pending"] == found.document["coverage"]["lost"] == 0
    assert hits[0]["moments"][0]["speaker"]
    assert shell.run("search", word).out.count(session_id) == 1

    shown = shell.run("show", session_id)
    assert shown.code == 0
    assert "archived" in shown.out
    said = shell.run("show", session_id, "--transcript", "--json").document["transcript"]
    assert len(said) == 40
    inventory = shell.run("show", session_id, "--inventory").out
    assert json.loads(inventory)["session"]

    counted = shell.run("status", "--json").document
    assert counted["sessions"] == {"sessions": 3, "live": 0, "pending": 0, "lost": 0}
    assert counted["index"] == {"sessions": 3, "behind": 0, "unread": 0}
    assert shell.run("status").code == 0
    checked = shell.run("verify", "--json")
    assert (checked.code, checked.document["findings"]) == (0, [])


def test_whatever_is_made_is_for_its_owner_alone(shell: Console) -> None:
    """Every folder 0700 and every file 0600: the archive, the ledger, the index, the way there."""
    shell.run("sync")
    shell.run("seal")
    shell.run("verify")
    made = [shell.folder / "data", *(shell.folder / "data").rglob("*")]
    open_to_others = [
        path.relative_to(shell.folder) for path in made if path.stat().st_mode & 0o077
    ]

    assert open_to_others == []


def test_a_report_is_kept_unless_the_reports_themselves_are_damaged(shell: Console) -> None:
    """It says where; and of damaged reports what is damaged, as of anything else."""
    shell.run("sync")
    kept = shell.run("verify", "--report")
    assert (kept.code, "kept as report 1:" in kept.err) == (0, True)
    (report,) = (shell.folder / "data/archive/_archive/reports").iterdir()
    assert json.loads(report.read_bytes())["result"]["sessions"] == 3
    report.chmod(0o600)
    report.write_bytes(b"{}")
    again = shell.run("verify", "--report", "--json")

    assert again.code == 4
    assert [each["key"] for each in again.document["findings"]] == [
        "_archive/reports/00000001.json"
    ]
    assert "the report is not kept" in again.err


def test_one_session_one_app_and_a_range(shell: Console) -> None:
    """`sync --session` captures that one alone, `--since` leaves the older ones."""
    first, *_ = shell.source.session_ids
    app_id = shell.source.apps[0].app_id

    assert shell.run("sync", "--session", first, "--json").document["sessions_attempted"] == 1
    assert shell.run("sync", "--since", "1h", "--json").document["sessions_attempted"] == 0
    assert shell.run("sync", "--app", app_id, "--json").document["sessions_attempted"] == 2
    assert shell.run("status", "--since", "1h", "--json").document["sessions"]["sessions"] == 0
    assert shell.run("verify", "--session", first, "--json").document["sessions"] == 1


def test_views_made_again_give_the_same_answers(shell: Console) -> None:
    """With both SQLite files deleted, `rebuild all` answers every search as before."""
    shell.run("sync")
    queries = ("renewal contract", "speaker:ana budget", "ren*", "in:chat", "pla* -contract", "x")
    before = [shell.answer(each) for each in queries]
    status = shell.run("status", "--json").document
    assert all(each["hits"] for each in before[:3])
    shutil.rmtree(shell.folder / "data/index")
    for path in (shell.folder / "data").glob("ledger.db*"):
        path.unlink()

    rebuilt = shell.run("rebuild", "all")

    assert rebuilt.code == 0
    assert "ledger: 3 sessions" in rebuilt.out
    assert "index: 3 sessions" in rebuilt.out
    assert [shell.answer(each) for each in queries] == before
    again = shell.run("status", "--json").document
    only_local: dict[str, Any] = {"requests": {}, "coverage": {}}
    assert {**status, **only_local} == {**again, **only_local}


def test_search_filters_and_formats(shell: Console) -> None:
    """Every option of `search` narrows the same way as the query language does."""
    shell.run("sync")
    app_id = shell.source.apps[0].app_id

    def total(*argv: str) -> int:
        found: int = shell.run("search", *argv, "--json").document["total"]["sessions"]
        return found

    assert total("contract") == total("contract", "--app", app_id) == 3
    assert total("contract", "--app", "nowhere") == 0
    assert total("contract", "--after", "10d") == 3
    assert total("contract", "--before", "10d") == 0
    assert total("contract", "--in", "summary") == total("in:summary contract")
    assert total("contract", "--speaker", "ana") == total("speaker:ana contract")
    limited = shell.run("search", "contract", "--limit", "1", "--sort", "newest", "--json").document
    assert len(limited["hits"]) == 1
    assert limited["next"]


# -------------------------------------------------------------------------------------- exit codes


def test_3_is_something_pending(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A summary that was asked for and is not there yet: done, but something is outstanding."""
    faults = Faults()
    faults.on(kind="summary", never=True)
    with console(tmp_path, capsys, monkeypatch, faults=faults) as shell:
        assert shell.run("sync").code == 3
        assert shell.run("status").code == 3
        assert shell.run("verify").code == 0


def test_4_is_something_lost_in_this_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sync` says so once, `status` for as long as it is in its range; it is no damage to `verify`."""
    with console(tmp_path, capsys, monkeypatch, meetings=()) as shell:
        app_id = shell.source.add_app("Simulated app")
        ended_at = shell.source.clock.now() - timedelta(days=8)
        began_at = ended_at - timedelta(hours=1)
        shell.source.add_session(app_id=app_id, started_at=began_at, ended_at=ended_at)

        assert shell.run("sync").code == 4
        assert shell.run("sync").code == 0
        status = shell.run("status")
        assert status.code == 4
        assert "expired before seen" in status.out
        assert shell.run("status", "--since", "7d").code == 0
        assert shell.run("verify").code == 0


def test_4_is_damage_to_verify(shell: Console) -> None:
    """A flipped byte is named by key and kind."""
    shell.run("sync")
    victim = next((shell.folder / "data/archive").rglob("chat.*.csv"))
    victim.chmod(stat.S_IRUSR | stat.S_IWUSR)
    victim.write_bytes(victim.read_bytes().replace(b"e", b"3", 1))

    ran = shell.run("verify")

    assert ran.code == 4
    assert f"corrupt: {victim.relative_to(shell.folder / 'data/archive')}" in ran.out


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("fly",),
        ("sync", "--since", "yesterdayish"),
        ("sync", "--share", "5/4"),
        ("sync", "--share", "3-2/4"),
        ("sync", "--share", "1-2-3/4"),
        ("sync", "--share", "1,,2/4"),
        ("verify", "--sample", "0"),
        ("search",),
        ("search", "x", "--in", "nothing"),
        ("rebuild", "everything"),
        ("search", "x", "--limit", "0"),
        ("search", "x", "--speaker", " "),
        ("sync", "--app", ""),
        ("demo", "--port", "99999"),
        ("show", "\udcff"),
    ],
)
def test_2_is_wrong_usage(shell: Console, argv: tuple[str, ...]) -> None:
    """What cannot be meant is refused before anything is done."""
    ran = shell.run(*argv)

    assert (ran.code, ran.out) == (2, "")
    assert ran.last_line.startswith("rtk-archive")
    assert not (shell.folder / "data").exists()


# ------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("RTK_ARCHIVE_FORMATS", "JSON,PDF", ("RTK_ARCHIVE_FORMATS", "JSON, CSV")),
        ("RTK_ARCHIVE_BUDGET", "many", ("RTK_ARCHIVE_BUDGET", "600/300")),
        ("RTK_ARCHIVE_STORE", "ftp://x", ("RTK_ARCHIVE_STORE", "file:PATH")),
        ("RTK_ARCHIVE_SUMARIES", "off", ("RTK_ARCHIVE_SUMARIES",)),
        ("CLOUDFLARE_BASE_URL", "http://example.com", ("CLOUDFLARE_BASE_URL", "HTTPS")),
        ("CLOUDFLARE_API_TOKEN", "", ("CLOUDFLARE_API_TOKEN", "demo")),
        ("CLOUDFLARE_API_TOKEN", "s3cr3t", ("401", "CLOUDFLARE_API_TOKEN")),
        ("CLOUDFLARE_ACCOUNT_ID", "", ("CLOUDFLARE_ACCOUNT_ID",)),
    ],
)
def test_a_bad_setting_is_one_line(
    shell: Console, variable: str, value: str, words: tuple[str, ...]
) -> None:
    """It names the setting and what it takes; the value of a secret is not repeated."""
    shell.set(**{variable: value})
    ran = shell.run("sync")

    assert ran.code == 1
    assert_one_line(ran, *words)
    assert "s3cr3t" not in ran.err


def test_a_settings_file_with_an_unknown_key_or_open_to_others(shell: Console) -> None:
    """Both are refused, by name."""
    path = shell.folder / "rtk-archive.toml"
    path.write_text('sumaries = "off"\n')
    assert_one_line(shell.run("status"), "rtk-archive.toml", "sumaries")

    path.write_text('summaries = "off"\n')
    path.chmod(0o666)
    assert_one_line(shell.run("status"), "rtk-archive.toml", "chmod")

    path.chmod(0o600)
    assert "off" in shell.run("settings").out


def test_nothing_captured_yet(shell: Console) -> None:
    """Reading commands say what to do first."""
    for argv in (("search", "x"), ("show", "x"), ("verify",), ("rebuild",), ("serve",)):
        ran = shell.run(*argv)
        assert ran.code == 1, argv
        assert_one_line(ran, "rtk-archive")


def test_a_session_that_is_not_there(shell: Console) -> None:
    """`show` and `verify` name it."""
    shell.run("sync")
    for argv in (("show", "nope"), ("verify", "--session", "nope")):
        ran = shell.run(*argv)
        assert ran.code == 1
        assert_one_line(ran, "nope")


@pytest.mark.parametrize("text", ["renewal AND", "(renewal", "before:yesterdayish", "re* AND r*"])
def test_a_query_that_cannot_mean_anything(shell: Console, text: str) -> None:
    """Its error says where, and what to write instead."""
    shell.run("sync")
    ran = shell.run("search", text)

    assert ran.code == 1
    assert_one_line(ran, "rtk-archive")


def test_a_source_that_is_not_there(shell: Console) -> None:
    """No connection is one line and 1."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        shell.set(CLOUDFLARE_BASE_URL=f"http://127.0.0.1:{free.getsockname()[1]}")
    ran = shell.run("sync")

    assert ran.code == 1
    assert_one_line(ran, "rtk-archive")


def test_a_corrupt_ledger(shell: Console) -> None:
    """It is named with the command that mends it, and that command does."""
    shell.run("sync")
    path = shell.folder / "data/ledger.db"
    path.write_bytes(os.urandom(8192))
    for each in path.parent.glob("ledger.db-*"):
        each.unlink()

    for argv in (("status",), ("sync",)):
        ran = shell.run(*argv)
        assert ran.code == 1
        assert_one_line(ran, "ledger.db", "rebuild ledger")
    assert shell.run("rebuild", "ledger").code == 0
    assert shell.run("status").code == 0
    assert len(list(path.parent.glob("ledger.db.damaged-*"))) == 1


def test_a_corrupt_or_missing_index(shell: Console) -> None:
    """A search says how to make it again; `sync` makes it again by itself."""
    shell.run("sync")
    (path,) = (shell.folder / "data/index").rglob("*.db")
    for each in path.parent.glob("*.db-*"):
        each.unlink()
    path.write_bytes(b"SQLite format 3\0" + os.urandom(8192))
    ran = shell.run("search", "contract")
    assert ran.code == 1
    assert_one_line(ran, "rebuild index")

    assert shell.run("sync").code == 0
    assert shell.run("search", "contract", "--json").document["total"]["sessions"] == 3


def test_a_newer_ledger_is_left_alone(shell: Console) -> None:
    """A ledger that a later release made is not touched, and the error says so."""
    shell.run("sync")
    path = shell.folder / "data/ledger.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at)"
            " values ('ledger', '9999_future', '2030-01-01')"
        )
        db.commit()
    ran = shell.run("status")

    assert ran.code == 1
    assert_one_line(ran, "ledger.db", "newer release")


def test_a_folder_that_cannot_be_written(shell: Console) -> None:
    """A data folder that is a file is one line."""
    (shell.folder / "data").write_text("not a folder")
    ran = shell.run("sync")

    assert ran.code == 1
    assert_one_line(ran, "data")


def test_a_bucket_that_does_not_exist(shell: Console) -> None:
    """Neither an endpoint that is not there nor a bucket is worth a traceback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shell.set(
        RTK_ARCHIVE_STORE="s3://no-such-bucket/x",
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="very-secret",
        AWS_REGION="us-east-1",
        AWS_MAX_ATTEMPTS="1",
    )
    ran = shell.run("sync")

    assert ran.code == 1
    assert_one_line(ran, "s3://no-such-bucket/x")
    assert "very-secret" not in ran.err


def test_a_port_in_use(shell: Console) -> None:
    """`serve`, `run` and `demo` say which, and what to do."""
    shell.run("sync")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        shell.set(RTK_ARCHIVE_LISTEN=f"127.0.0.1:{port}")
        ran = shell.run("serve")
        assert ran.code == 1
        assert_one_line(ran, str(port), "RTK_ARCHIVE_LISTEN")
        ran = shell.run("run")
        assert ran.code == 1
        assert_one_line(ran, str(port), "RTK_ARCHIVE_LISTEN")
        ran = shell.run("--data", "elsewhere", "demo", "--port", str(port), "--exit")
        assert ran.code == 1
        assert_one_line(ran, str(port), "--port")


def test_a_mistyped_account_binds_nothing(shell: Console) -> None:
    """What an archive is of is written once: only when the source has let us in."""
    account = os.environ["CLOUDFLARE_ACCOUNT_ID"]
    shell.set(CLOUDFLARE_ACCOUNT_ID="typo")
    assert shell.run("sync").code == 1
    assert not list((shell.folder / "data").glob("archive/_archive/format.json"))

    shell.set(CLOUDFLARE_ACCOUNT_ID=account)
    assert shell.run("sync").code == 0


def test_an_app_that_is_not_there_is_named(shell: Console) -> None:
    """The others are captured all the same."""
    app_id = shell.source.apps[0].app_id
    shell.set(RTK_ARCHIVE_APPS=f"nope,{app_id}")
    ran = shell.run("sync")

    assert ran.code == 1
    assert_one_line(ran, "app nope", "RTK_ARCHIVE_APPS")
    assert shell.run("status", "--json").document["sessions"]["pending"] == 0


def test_a_session_the_source_does_not_list(shell: Console) -> None:
    """`sync --session` says so instead of doing nothing."""
    ran = shell.run("sync", "--session", "nope")

    assert ran.code == 1
    assert_one_line(ran, "nope", "--since")


def test_status_without_an_index(shell: Console) -> None:
    """The ledger alone is told of, and that all of it is still to be indexed."""
    shell.run("sync")
    shutil.rmtree(shell.folder / "data/index")
    ran = shell.run("status", "--json")

    assert ran.code == 0
    assert ran.document["index"] == {"sessions": 0, "behind": 3, "unread": 0}


def test_an_index_of_another_release_is_made_again(shell: Console) -> None:
    """By `sync`; until then `status` tells what the ledger knows, and a search why there is none."""
    shell.run("sync")
    for path in (shell.folder / "data/index").rglob("*.db"):
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("update about set value = 'another' where name = 'analysis'")

    told = shell.run("status")
    assert told.code == 0
    assert "made by another release" in told.out
    index = shell.run("status", "--json").document["index"]
    assert (index["sessions"], index["behind"]) == (0, 3)
    searched = shell.run("search", "in:transcript")
    assert searched.code == 1
    assert_one_line(searched, "another release", "rtk-archive sync")

    assert shell.run("sync", "--json").document["sessions_indexed"] == 3
    assert shell.run("status", "--json").document["index"] == {
        "sessions": 3,
        "behind": 0,
        "unread": 0,
    }
    assert shell.run("search", "in:transcript").code == 0


def test_a_search_needs_no_ledger(shell: Console) -> None:
    """What it shows is the index's; only how much is missing, which JSON tells, is the ledger's."""
    shell.run("sync")
    (shell.folder / "data/ledger.db").write_bytes(b"no database" * 1000)

    assert "contract" in shell.run("search", "contract").out
    told = shell.run("search", "contract", "--json")
    assert told.code == 1
    assert_one_line(told, "ledger.db", "rtk-archive rebuild ledger")


def test_json_cannot_steer_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Controls, bidi overrides and tags of a meeting come escaped, and mean the same."""
    title = "evil \x1b[31m\x9b\u202e\u2066\x7f\U000e0041 title"
    meeting = dataclasses.replace(generate_meetings(1)[0], title=title)
    with console(tmp_path, capsys, monkeypatch, meetings=(meeting,)) as shell:
        shell.run("sync")
        ran = shell.run("search", "in:transcript", "--json")
        shown = shell.run("search", "in:transcript").out

    assert ran.document["hits"][0]["meeting_title"] == title
    for text in (ran.out, shown):
        assert all(each.isprintable() or each == "\n" for each in text)


def test_an_address_beyond_loopback_is_refused(shell: Console) -> None:
    """While there are no keys, only this machine may ask."""
    shell.run("sync")
    shell.set(RTK_ARCHIVE_LISTEN="0.0.0.0:0")
    ran = shell.run("serve")

    assert ran.code == 1
    assert_one_line(ran, "RTK_ARCHIVE_LISTEN", "loopback")


def test_settings_are_shown_with_their_origin_and_without_secrets(shell: Console) -> None:
    """Every setting, its value, and where it came from."""
    (shell.folder / "rtk-archive.toml").write_text('look_every = "5m"\n')
    (shell.folder / "rtk-archive.toml").chmod(0o600)
    ran = shell.run("--data", "here", "settings", "--json")
    rows = {each["variable"]: each for each in ran.document}

    assert rows["RTK_ARCHIVE_DATA"]["origin"] == "command line"
    assert rows["RTK_ARCHIVE_LOOK_EVERY"]["origin"] == "rtk-archive.toml"
    assert rows["CLOUDFLARE_ACCOUNT_ID"]["origin"] == "environment"
    assert rows["RTK_ARCHIVE_STORE"]["origin"] == "default"
    assert shell.source.token not in ran.out + shell.run("settings").out


# ------------------------------------------------------------------------------ whole processes


def _start(shell: Console, *argv: str, module: str = "search") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *argv],
        cwd=shell.folder,
        env={**os.environ, "RTK_ARCHIVE_LISTEN": "127.0.0.1:0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", ["run", "work"])
def test_stopped_cleanly(shell: Console, command: str, signal_: signal.Signals) -> None:
    """A worker that is told to stop says so, and leaves no traceback."""
    process = _start(shell, command)
    assert process.stderr is not None
    assert "stop with Ctrl-C" in process.stderr.readline()
    process.send_signal(signal_)
    _, said = process.communicate(timeout=20)

    assert process.returncode in {0, 3}
    assert said.strip().splitlines()[-1] == "stopped"
    assert "Traceback" not in said


@pytest.mark.parametrize("command", ["run", "work", "serve", "sync"])
def test_stopped_while_it_starts(shell: Console, command: str) -> None:
    """A bucket that takes the connection and never answers does not hold a command for ever."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        shell.set(
            RTK_ARCHIVE_STORE="s3://bucket/x",
            AWS_ENDPOINT_URL=f"http://127.0.0.1:{silent.getsockname()[1]}",
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="very-secret",
            AWS_REGION="us-east-1",
        )
        process = _start(shell, command)
        silent.settimeout(20)
        connection, _ = silent.accept()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=10)
        connection.close()

    assert process.returncode == 1
    assert "stopped" in said
    assert "Traceback" not in said


def test_the_capture_half_alone(shell: Console) -> None:
    """`python -m archiver` captures, tells and checks, and has never heard of an index."""
    for argv, code in ((("sync",), 0), (("status",), 0), (("verify",), 0), (("rebuild",), 0)):
        process = _start(shell, *argv, module="archiver")
        _, said = process.communicate(timeout=30)
        assert (process.returncode, "Traceback" in said) == (code, False)

    assert not (shell.folder / "data/index").exists()


def test_a_reader_that_goes_away(shell: Console) -> None:
    """Standard output closed early is no traceback."""
    shell.run("sync")
    process = _start(shell, "settings")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None

    assert "Traceback" not in process.stderr.read()
    assert process.wait(20) in {0, 1}
    process.stderr.close()


def test_the_demo(tmp_path: Path) -> None:
    """It shows captured sessions and a hit with speaker and time, needs nothing, and keeps no setting."""
    process = subprocess.run(
        [sys.executable, "-m", "search", "demo", "--exit"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "RTK_ARCHIVE_STORE": "rubbish"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert process.returncode == 0, process.stderr
    assert "Captured" in process.stderr
    assert "Ana" in process.stdout
    assert "[renewal] [price]" in process.stdout.replace("[renewal price]", "[renewal] [price]")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["rtk-archive-demo"]


def test_the_demo_where_it_is_told_to(shell: Console) -> None:
    """`--data` is its folder; one that is not a demo's is left alone."""
    assert shell.run("demo", "--data", "there", "--exit").code == 0
    assert (shell.folder / "there/archive/_archive/format.json").exists()
    (shell.folder / "mine").mkdir()
    (shell.folder / "mine/precious").write_text("x")
    ran = shell.run("demo", "--data", "mine", "--exit")
    assert ran.code == 1
    assert_one_line(ran, "mine", "--data")


def test_webhooks_are_registered_listed_and_removed(shell: Console) -> None:
    """At the source, in every app, for the four events that are used."""
    assert "register" in shell.run("webhooks", "list").err
    made = shell.run("webhooks", "register", "https://hooks.example.com", "--json").document
    assert [each["url"] for each in made] == ["https://hooks.example.com/webhooks/realtimekit"]
    assert len(made[0]["events"]) == 4
    again = shell.run("webhooks", "register", "https://hooks.example.com")
    assert (again.code, again.out.count("is registered already")) == (0, 1)
    assert shell.run("webhooks", "list").out.count(made[0]["id"]) == 1
    assert shell.run("webhooks", "delete", made[0]["id"]).code == 0
    gone = shell.run("webhooks", "delete", made[0]["id"])
    assert (gone.code, "no app has" in gone.last_line) == (1, True)
    shell.set(CLOUDFLARE_BASE_URL="http://127.0.0.1:9")
    refused = shell.run("webhooks", "register", "http://hooks.example.com")
    assert (refused.code, "https://" in refused.last_line) == (1, True)
    assert shell.run("webhooks").code == 2
