"""The metrics: every number against a ledger of which it is known, nobody's name, a file that is whole."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from archiver import metrics
from archiver.clock import SystemClock
from archiver.ledger import LISTED, Ledger
from archiver.metrics import FAMILIES, IndexFacts, exposition
from archiver.model import Kind, Outcome
from archiver.realtimekit import Budget
from archiver.rebuild import rebuild_ledger
from archiver.release import version
from archiver.runtime import open_archive
from archiver.simulated import Faults, SettableClock
from tests.console import console
from tests.exposed import read
from tests.rig import NOW, Rig, rig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.console import Console

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FACTS = IndexFacts(sessions=7, lag_inventories=2, lag_s=61.5, unread=1)


def told(one: Rig, **more: object) -> dict[str, float]:
    """What the ledger of a rig tells now."""
    with closing(Ledger.open(one.configured().ledger_path, read_only=True)) as ledger:
        return read(exposition(ledger, one.clock.now(), **more))  # type: ignore[arg-type]  # by name


def add_session(one: Rig, *, ended: timedelta) -> None:
    """A session of an hour that ended so long ago; less than no time: it is live."""
    apps = one.source.apps
    app_id = apps[0].app_id if apps else one.source.add_app("Simulated app")
    ended_at = one.clock.now() - ended
    one.source.add_session(app_id=app_id, started_at=ended_at - HOUR, ended_at=ended_at)


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Console]:
    """A shell for an account with one ended session."""
    with console(tmp_path, capsys, monkeypatch, meetings=1) as found:
        yield found


def told_in(shell: Console) -> dict[str, float]:
    """What the ledger of a shell tells now."""
    with closing(Ledger.open(shell.folder / "data/ledger.db", read_only=True)) as ledger:
        return read(exposition(ledger, SystemClock().now()))


# ---------------------------------------------------------------------- the numbers


async def test_an_account_that_is_settled(tmp_path: Path) -> None:
    """Sessions by state, artifacts by kind and outcome, requests by operation and status."""
    async with rig(tmp_path, meetings=3) as one:
        await one.sync_until_settled()
        found = told(one)
        async with one.runtime() as runtime:
            requests = runtime.ledger.requests()

    states = {state: found[f"sessions{{state={state}}}"] for state in ("known", "live", "pending")}
    assert states == {"known": 3, "live": 0, "pending": 0}
    assert found["sessions{state=lost}"] == 0
    assert found["artifacts{kind=chat,outcome=archived}"] == 3
    assert found["artifacts{kind=transcript,outcome=archived}"] == 6
    assert found["artifacts{kind=peer-reports,outcome=excluded}"] == 3
    told_of = {each: n for each, n in found.items() if each.startswith("requests_total")}
    assert told_of == {
        f"requests_total{{operation={operation},status={status}}}": n
        for (operation, status), n in requests.items()
    }
    assert found["oldest_unarchived_age_seconds"] == found["late_sessions"] == 0
    assert "nearest_deadline_seconds" not in found


async def test_a_session_that_is_held_up(tmp_path: Path) -> None:
    """The age of the oldest, the nearest deadline, and how many have waited for more than a day."""
    faults = Faults()
    faults.fail("get_chat", status=500, times=100_000)
    async with rig(tmp_path, meetings=(), faults=faults) as one:
        for ended in (30 * HOUR, 25 * HOUR, 2 * HOUR, -HOUR / 2):
            add_session(one, ended=ended)
        await one.sync()
        found = told(one)
        late_s = (one.clock.now() - NOW).total_seconds()
        one.clock.advance(6 * DAY.total_seconds())
        past = told(one)

    assert found["sessions{state=known}"] == 4
    assert found["sessions{state=live}"] == 1
    assert found["sessions{state=pending}"] == 3
    assert found["oldest_unarchived_age_seconds"] == 30 * 3600 + late_s
    assert found["nearest_deadline_seconds"] == (7 * 24 - 1 - 31) * 3600 - late_s
    assert found["late_sessions"] == 2
    assert past["nearest_deadline_seconds"] == -8 * 3600 - late_s
    assert past["late_sessions"] == 3


async def test_what_the_source_says_it_has_not_worries_nobody(tmp_path: Path) -> None:
    """A meeting without a transcript is looked at for seven days, and is not late."""
    faults = Faults()
    faults.on(kind="transcript", never=True)
    async with rig(tmp_path, meetings=(), faults=faults) as one:
        add_session(one, ended=30 * HOUR)
        await one.sync()
        found = told(one)

    assert found["sessions{state=pending}"] == 1
    assert found["artifacts{kind=transcript,outcome=pending}"] == 2
    assert found["late_sessions"] == found["oldest_unarchived_age_seconds"] == 0
    assert "nearest_deadline_seconds" not in found


async def test_a_session_that_was_never_tried_or_put_off_counts(tmp_path: Path) -> None:
    """What is known only from the list, and what the store kept us from, is not archived."""
    async with rig(tmp_path, meetings=1) as one:
        async with one.runtime() as runtime:
            await runtime.worker.discovery.discover(one.clock.now() - 14 * DAY)
            (session_id,) = runtime.ledger.due(one.clock.now(), 10)
            age = told(one)["oldest_unarchived_age_seconds"]
            await runtime.worker.sync()
            runtime.ledger.postpone(session_id, one.clock.now() + HOUR, "no space left")
        again = told(one)

    assert age > 0
    assert again["oldest_unarchived_age_seconds"] > 0


async def test_something_lost(tmp_path: Path) -> None:
    """What was deleted before the first look is lost, by kind and by session."""
    async with rig(tmp_path, meetings=()) as one:
        add_session(one, ended=8 * DAY)
        await one.sync()
        found = told(one)

    assert found["sessions{state=lost}"] == 1
    assert found["artifacts{kind=chat,outcome=lost}"] == 1


async def test_every_artifact_series_is_there_from_the_start(tmp_path: Path) -> None:
    """An increase can only be seen of what was told before; an empty ledger tells zeros."""
    with closing(Ledger.open(tmp_path / "ledger.db")) as ledger:
        found = read(exposition(ledger, NOW))

    assert {each: n for each, n in found.items() if each.startswith("artifacts")} == {
        f"artifacts{{kind={kind},outcome={outcome}}}": 0
        for kind in Kind
        for outcome in Outcome
        if outcome is not Outcome.DESTROYED
    }
    assert found["sessions{state=known}"] == found["late_sessions"] == 0
    assert not {each for each in found if "timestamp" in each or "budget" in each}


def test_without_a_ledger_only_the_release_is_told() -> None:
    """Nothing is invented about what is not known."""
    assert read(exposition(None, NOW)) == {f"build_info{{version={version()}}}": 1}


async def test_what_a_process_alone_knows_is_handed_in(tmp_path: Path) -> None:
    """How far the index has come, and which webhooks were refused."""
    async with rig(tmp_path, meetings=1) as one:
        await one.sync()
        found = told(one, index=FACTS, refused={"bad-signature": 3, "not-now": 0})

    assert found["index_sessions"] == 7
    assert found["index_lag_inventories"] == 2
    assert found["index_lag_seconds"] == 61.5
    assert found["unread_artifacts"] == 1
    assert found["webhooks_refused_total{reason=bad-signature}"] == 3
    assert found["webhooks_refused_total{reason=not-now}"] == 0


def test_webhooks_are_told_by_event_and_verdict(tmp_path: Path) -> None:
    """As the ledger counts them, over all days."""
    with closing(Ledger.open(tmp_path / "ledger.db")) as ledger:
        for days in (0, 0, 1):
            ledger.events.count("meeting.ended", "accepted", NOW + days * DAY)
        ledger.events.count("meeting.ended", "foreign", NOW)
        found = read(exposition(ledger, NOW))

    assert found["webhooks_total{event=meeting.ended,verdict=accepted}"] == 3
    assert found["webhooks_total{event=meeting.ended,verdict=foreign}"] == 1


# ---------------------------------------------------------------------- signs of life


async def test_a_worker_that_runs_says_so(tmp_path: Path) -> None:
    """When it was last seen, what is left of the budget, and when it last looked at everything."""
    async with rig(tmp_path, meetings=1) as one:
        await one.work(timedelta(minutes=5))
        found = told(one)
        stopped_at = one.clock.now().timestamp()
        one.clock.advance(121)
        later = told(one)

    assert 0 <= stopped_at - found["worker_seen_timestamp_seconds"] <= 30
    assert 0 <= found["listed_timestamp_seconds"] - NOW.timestamp() <= 30
    assert 0 < found["budget_left_requests"] <= 1_000_000
    assert found["budget_pause_seconds"] == 0
    assert later["worker_seen_timestamp_seconds"] == found["worker_seen_timestamp_seconds"]
    assert "budget_left_requests" not in later
    assert "budget_pause_seconds" not in later


async def test_a_pause_the_source_asked_for_is_told(tmp_path: Path) -> None:
    """Nothing may leave, for so many seconds."""
    async with rig(tmp_path, meetings=()) as one, one.runtime() as runtime:
        runtime.budget.pause(3600)
        telling = runtime.worker._show_signs_of_life()
        runtime.worker.tell = stop_here
        with pytest.raises(StopError):
            await telling
        found = told(one)

    assert found["budget_left_requests"] == 0
    assert found["budget_pause_seconds"] == 3600


class StopError(Exception):
    """One round is enough."""


async def stop_here() -> None:
    raise StopError


def test_a_pause_ends() -> None:
    """No pause is zero seconds."""
    clock = SettableClock(NOW)
    budget = Budget(5, 1.0, clock)
    budget.pause(10)
    clock.advance(4)
    assert budget.pause_left_s() == 6
    clock.advance(6)
    assert budget.pause_left_s() == 0


async def test_only_a_whole_look_that_succeeded_counts(tmp_path: Path) -> None:
    """Not one that left out an app or a time, nor one that the source broke off."""
    faults = Faults()
    async with rig(tmp_path, meetings=1, faults=faults) as one:
        async with one.runtime() as runtime:
            now = one.clock.now()
            await runtime.worker.sync(since=now - DAY)
            await runtime.worker.sync(until=now)
            await runtime.worker.sync(every_app=False)
            faults.fail("list_sessions", status=404)
            with pytest.raises(Exception, match="app"):
                await runtime.worker.sync()
            assert LISTED not in runtime.ledger.vitals()
            now = one.clock.now()
            await runtime.worker.sync(since=now - 30 * DAY)
        assert told(one)["listed_timestamp_seconds"] == now.timestamp()


def test_a_whole_verification_is_noted(shell: Console) -> None:
    """How much damage it found, and when; a part of one says nothing of the whole."""
    shell.run("sync")
    assert shell.run("verify", "--sample", "99%").code == 0
    (session_id,) = shell.source.session_ids
    assert shell.run("verify", "--session", session_id).code == 0
    assert "fixity_failures" not in told_in(shell)

    assert shell.run("verify").code == 0
    found = told_in(shell)
    assert found["fixity_failures"] == 0
    assert 0 <= SystemClock().now().timestamp() - found["verified_timestamp_seconds"] < 60
    victim = next((shell.folder / "data/archive").rglob("chat.*.csv"))
    victim.unlink()
    assert shell.run("verify").code == 4
    assert told_in(shell)["fixity_failures"] == 1


def test_verify_makes_no_ledger_and_leaves_anothers_alone(shell: Console) -> None:
    """It reads; a ledger that is not there, or not of this archive, is none of its business."""
    shell.run("sync")
    assert shell.run("--data", "none", "--store", "file:data/archive", "verify").code == 0
    assert not (shell.folder / "none").exists()
    shell.run("--data", "other", "--store", "file:other-archive", "sync")
    assert shell.run("--data", "other", "--store", "file:data/archive", "verify").code == 0
    with closing(Ledger.open(shell.folder / "other/ledger.db")) as ledger:
        assert "verified" not in ledger.vitals()


def test_verify_needs_no_ledger_that_can_be_used(shell: Console) -> None:
    """What it found is told all the same, and its exit code says nothing of the ledger."""
    shell.run("sync")
    for each in (shell.folder / "data").glob("ledger.db*"):
        each.unlink()
    (shell.folder / "data/ledger.db").write_bytes(b"no database at all, though a long one " * 99)

    ran = shell.run("verify")

    assert (ran.code, ran.out.count("no damage")) == (0, 1)
    assert "rebuild ledger" in ran.err


async def test_a_ledger_made_again_keeps_its_vitals(tmp_path: Path) -> None:
    """The bucket does not tell them, and no alarm falls silent over it."""
    async with rig(tmp_path, meetings=1) as one:
        await one.sync()
        settings = one.configured()
        with closing(Ledger.open(settings.ledger_path)) as ledger:
            ledger.note("fixity_failures", 3, NOW)
        async with open_archive(settings) as archive:
            await rebuild_ledger(archive, settings.ledger_path, one.clock)
        assert told(one)["fixity_failures"] == 3


# ---------------------------------------------------------------------- the text


async def test_nobody_and_no_session_is_named(tmp_path: Path) -> None:
    """No id, title or name of the source stands anywhere in the text."""
    async with rig(tmp_path, meetings=5) as one:
        await one.work(timedelta(minutes=5))
        with closing(Ledger.open(one.configured().ledger_path)) as ledger:
            text = exposition(ledger, one.clock.now(), index=FACTS).decode()
        secrets = {one.source.account_id, one.source.token, *one.source.session_ids}
        secrets |= {part for app in one.source.apps for part in (app.app_id, app.name)}
        for session_id in one.source.session_ids:
            meeting = one.source.session(session_id).meeting
            secrets |= {meeting.title, *(each.name for each in meeting.participants)}

    assert len(secrets) > 10
    assert not {each for each in secrets if each in text}


async def test_help_and_type_of_every_metric(tmp_path: Path) -> None:
    """What ends in _total is a counter, everything else a gauge, and each says what it means."""
    faults = Faults()
    faults.fail("get_chat", status=500, times=100_000)
    async with rig(tmp_path, meetings=1, faults=faults) as one:
        await one.work(timedelta(minutes=5))
        with closing(Ledger.open(one.configured().ledger_path)) as ledger:
            ledger.events.count("meeting.ended", "accepted", NOW)
            for name in ("fixity_failures", "verified"):
                ledger.note(name, 0, NOW)
            text = exposition(ledger, one.clock.now(), index=FACTS, refused={"not-now": 1})

    for line in text.decode().splitlines():
        assert line.startswith(("# HELP rtk_archive_", "# TYPE rtk_archive_", "rtk_archive_"))
    types = {each.name: each.type for each in text_string_to_metric_families(text.decode())}
    assert types == {
        f"{metrics.PREFIX}{each.name.removesuffix('_total')}": "counter"
        if each.name.endswith("_total")
        else "gauge"
        for each in FAMILIES
    }
    assert len({each.meaning for each in FAMILIES}) == len(FAMILIES)


def test_who_needs_no_metrics_does_not_load_them() -> None:
    """The client library is loaded with the first text that is made, and not before."""
    script = "import sys, search.cli, search.web; sys.exit('prometheus_client' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
