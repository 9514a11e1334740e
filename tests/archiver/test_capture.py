"""Captures that meet trouble: what is recorded, what it costs, and what is never forgotten."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive.archive import Archive
from archiver.archive.inventory import Inventory
from archiver.archive.keys import parse_key
from archiver.archive.stores import open_store
from archiver.capture import Fetching
from archiver.errors import (
    LedgerError,
    SourceDeniedError,
    SourceUnavailableError,
    StoreFullError,
)
from archiver.model import ArtifactId, TranscriptFormat
from archiver.realtimekit import RealtimeKit
from archiver.schedule import PLANNED_AHEAD_MAX
from archiver.simulated import Faults, SummaryMode, generate_meeting
from archiver.verify import verify
from tests.rig import NOW, rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.rig import Rig

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def newest(one: Rig) -> dict[str, dict[str, Any]]:
    """The newest inventory of every session, by session id."""
    found: dict[str, dict[str, Any]] = {}
    for key, data in sorted((await one.objects()).items()):
        parsed = parse_key(key)
        if parsed is not None and parsed.version:
            found[parsed.session_id.session_id] = json.loads(data)
    return found


def outcomes(inventory: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Outcome and reason of every artifact, by kind and format."""
    return {
        f"{each['kind']} {each.get('format', '')}".strip(): (
            each["outcome"],
            each.get("reason", ""),
        )
        for each in inventory["artifacts"]
    }


async def only(one: Rig) -> dict[str, tuple[str, str]]:
    """The outcomes of the only session there is."""
    (inventory,) = (await newest(one)).values()
    return outcomes(inventory)


def ended_just_now(one: Rig) -> str:
    """A session that ended this moment; nothing of it has been made yet."""
    app_id = one.source.add_app("Simulated app")
    started_at = one.clock.now() - HOUR
    return one.source.add_session(app_id=app_id, started_at=started_at, ended_at=one.clock.now())


# ------------------------------------------------------------------------------- what is evidence


async def test_what_was_not_asked_about_for_days_is_lost_not_absent(tmp_path: Path) -> None:
    """One 404 a moment after the end says nothing of the seven days nobody asked."""
    async with rig(tmp_path, meetings=()) as one:
        ended_just_now(one)
        await one.sync()
        one.clock.advance(timedelta(days=9).total_seconds())
        await one.sync()

        found = await only(one)
        assert found["chat"] == found["transcript JSON"] == ("lost", "no healthy answer")


@pytest.mark.parametrize("last", [500, 404])
async def test_asked_to_the_end_it_is_absent_whatever_the_last_answer(
    last: int, tmp_path: Path
) -> None:
    """A failure after the deadline takes nothing from what was said before it."""
    faults = Faults()
    faults.on(kind="chat", never=True)
    async with rig(tmp_path, meetings=1, faults=faults) as one:
        (session_id,) = one.source.session_ids
        ended_at = one.source.session(session_id).ended_at
        assert ended_at is not None
        while one.clock.now() < ended_at + 7 * DAY - 2 * HOUR:
            await one.sync()
            one.clock.advance(6 * 3600)
        one.clock.advance((ended_at + 7 * DAY - one.clock.now()).total_seconds())
        if last == 500:
            faults.fail("get_chat", status=500, times=1000)
        await one.sync()

        assert (await only(one))["chat"] == ("absent", "source has none")


async def test_a_page_that_is_no_answer_is_no_evidence(tmp_path: Path) -> None:
    """HTML with status 200 is neither a chat nor the absence of one, and no reason to POST."""
    faults = Faults()
    faults.on(kind="chat", html_times=1_000_000)
    faults.on(kind="summary", html_times=1_000_000)
    async with rig(tmp_path, meetings=1, faults=faults) as one:
        for _ in range(30):
            await one.sync()
            one.clock.advance(6 * 3600)

        found = await only(one)
        assert found["chat"] == found["summary"] == ("lost", "no healthy answer")
        assert one.source.summary_posts.total() == 0


async def test_a_download_that_failed_is_not_forgotten(tmp_path: Path) -> None:
    """Offered once and never had it is lost, though the source then failed and at last said none."""
    faults = Faults()
    broken = faults.on(kind="chat", error_times=1_000_000)
    async with rig(tmp_path, meetings=1, faults=faults) as one:
        await one.sync()
        one.clock.advance(3600)
        faults.fail("get_chat", status=500, times=20)
        await one.sync()
        broken.never = True
        await one.sync_until_settled(step=timedelta(hours=6))

        assert (await only(one))["chat"] == ("lost", "download failed")


async def test_late_a_summary_is_not_asked_for(tmp_path: Path) -> None:
    """What is first seen after its deadline is looked for once, and nothing is started for it."""
    faults = Faults()
    faults.on(kind="summary", never=True)
    async with rig(tmp_path, meetings=1, faults=faults) as one:
        one.source.timing = type(one.source.timing)(retention=30 * DAY)
        one.clock.advance(timedelta(days=8).total_seconds())
        await one.sync()

        assert (await only(one))["summary"] == ("lost", "expired before seen")
        assert one.source.summary_posts.total() == 0


# ------------------------------------------------------------------------------------ what it costs


async def test_a_generated_summary_costs_at_most_ten_requests(tmp_path: Path) -> None:
    """A worker that runs all the time asks for a session's end, its parts, and the summary it wants."""
    async with rig(tmp_path, meetings=()) as one:
        meeting = replace(generate_meeting(1), summary_mode=SummaryMode.ON_REQUEST)
        session_id = one.source.add_session(meeting)
        one.clock.advance(300)
        await one.work(timedelta(minutes=40))
        asked = Counter(
            str(each.operation)
            for each in one.source.requests
            if each.session_id == session_id and each.operation != "download"
        )

        assert asked["post_summary"] == 1
        assert asked.total() <= 9, asked  # and its listing


async def test_an_empty_file_that_changes_is_not_asked_for_without_end(tmp_path: Path) -> None:
    """A smaller empty body than the one that is kept is no news, and no reason to hurry."""
    async with rig(tmp_path, meetings=1) as one:
        (session_id,) = one.source.session_ids
        one.source.put_artifact(session_id, "chat", b"\xef\xbb\xbf\r\n\r\n")
        await one.sync()
        one.source.put_artifact(session_id, "chat", b"")
        one.source.requests.clear()
        await one.work(timedelta(minutes=5))
        chats = [each for each in one.source.requests if each.operation == "get_chat"]

        assert len(chats) <= 4
        assert (await only(one))["chat"][0] == "empty"


async def test_content_replaces_emptiness_though_it_has_fewer_bytes(tmp_path: Path) -> None:
    """A header alone is longer than a short chat, and says less."""
    header = b"id,participantId,sessionId,meetingId,displayName,pinned,isEdited,payloadType,payload,createdAt"
    async with rig(tmp_path, meetings=1) as one:
        (session_id,) = one.source.session_ids
        one.source.put_artifact(session_id, "chat", header)
        await one.sync()
        assert (await only(one))["chat"][0] == "empty"
        one.source.put_artifact(session_id, "chat", b"m1,p1,s1,mt1,Ana,,,T,hi,2026")
        one.clock.advance(3600)
        await one.sync()

        assert (await only(one))["chat"][0] == "archived"
        async with one.runtime() as runtime:
            assert (await verify(runtime.archive)).findings == []


async def test_a_second_page_that_fails_loses_nothing_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was listed is captured, though the next page cannot be had."""
    listed = RealtimeKit.sessions

    async def breaking(self: RealtimeKit, *args: Any, **more: Any) -> AsyncIterator[Any]:
        count = 0
        async for payload in listed(self, *args, **more):
            if count == 2:
                raise SourceUnavailableError("sessions: 500", operation="sessions", status=500)
            count += 1
            yield payload

    monkeypatch.setattr(RealtimeKit, "sessions", breaking)
    async with rig(tmp_path, meetings=6) as one:
        with pytest.raises(SourceUnavailableError):
            await one.sync()

        assert len(await newest(one)) == 2


# -------------------------------------------------------------------------- other views, other times


async def test_a_ledger_belongs_to_one_archive(tmp_path: Path) -> None:
    """With another store and the same folder nothing is taken for captured: it is refused by name."""
    async with rig(tmp_path, meetings=2) as one:
        await one.sync_until_settled()
        with pytest.raises(LedgerError, match=r"ledger\.db is of another archive.*rebuild all"):
            await one.sync(store=f"file:{tmp_path / 'other'}")
        await one.sync("other-data", store=f"file:{tmp_path / 'other'}")

        (format_file,) = (tmp_path / "other/_archive").glob("format.json")
        assert format_file.exists()
        assert len(list((tmp_path / "other").rglob("inventory-0001.json"))) == 2


async def test_a_new_ledger_believes_the_bucket_about_the_past(tmp_path: Path) -> None:
    """What was absent stays so for a worker that sees it for the first time after its deadline."""
    faults = Faults()
    faults.on(kind="chat", never=True)
    async with rig(tmp_path, meetings=2, faults=faults) as one:
        await one.sync_until_settled(step=timedelta(hours=6))
        before = await newest(one)
        one.source.requests.clear()
        report = await one.sync("fresh")

        assert {each["version"] for each in before.values()} == {
            each["version"] for each in (await newest(one)).values()
        }
        assert report.lost == 0
        assert {str(each.operation) for each in one.source.requests} <= {
            "list_apps",
            "list_sessions",
        }


async def test_a_tombstone_is_the_end(tmp_path: Path) -> None:
    """A session that was destroyed is not captured again by a worker that has never heard of it."""
    async with rig(tmp_path, meetings=1) as one:
        await one.sync_until_settled()
        store = open_store(f"file:{tmp_path / 'archive'}")
        archive = await Archive.open(store)
        async for chain in archive.chains():
            assert chain.newest is not None
            last = chain.newest.inventory
            await archive.commit(
                Inventory(
                    archive_id=archive.id,
                    account=last.account,
                    session=last.session,
                    version=last.version + 1,
                    previous=chain.newest.digest,
                    entries=last.entries,
                    tombstone=True,
                )
            )
        await store.close()
        before = await one.objects()
        for data in ("data", "fresh"):
            await one.sync(data)

        assert await one.objects() == before


async def test_a_format_that_is_wanted_later_is_captured_while_it_can_be(tmp_path: Path) -> None:
    """Sessions that were settled are looked at again when the settings ask for more."""
    async with rig(tmp_path, meetings=1) as one:
        await one.sync_until_settled()
        assert "transcript VTT" not in await only(one)
        await one.sync(formats=(TranscriptFormat.JSON, TranscriptFormat.CSV, TranscriptFormat.VTT))

        assert (await only(one))["transcript VTT"] == ("archived", "")


async def test_a_session_whose_end_nobody_saw_is_settled(tmp_path: Path) -> None:
    """Live when it was listed, ended and out of reach of any list since: it is asked for by name."""
    async with rig(tmp_path, meetings=()) as one:
        app_id = one.source.add_app("Simulated app")
        started_at = one.clock.now() - HOUR
        one.source.add_session(app_id=app_id, started_at=started_at, ended_at=NOW + HOUR)
        await one.sync()
        one.clock.advance(timedelta(days=20).total_seconds())
        await one.sync()

        async with one.runtime() as runtime:
            counts = runtime.ledger.session_counts()
        assert (counts["live"], counts["pending"], counts["lost"]) == (0, 0, 1)
        assert (await only(one))["chat"] == ("lost", "no healthy answer")


async def test_a_clock_that_ran_ahead_strands_nothing(tmp_path: Path) -> None:
    """What a wrong clock planned days ahead is due as soon as the clock is right."""
    faults = Faults()
    faults.on(kind="chat", never=True)
    async with rig(tmp_path, meetings=1, faults=faults) as one:
        await one.sync()
        async with one.runtime() as runtime:
            (session_id,) = runtime.ledger.find(one.source.session_ids[0])
            ahead = one.clock.now() + PLANNED_AHEAD_MAX + HOUR
            runtime.ledger.postpone(session_id, ahead, "")

            assert runtime.ledger.due(one.clock.now(), 10) == [session_id]


async def test_one_denied_session_does_not_undo_what_was_stored(tmp_path: Path) -> None:
    """403 stops the pass, and what it had captured of the session by then is recorded."""
    faults = Faults()
    faults.fail("get_chat", status=403, times=1000)
    async with rig(tmp_path, meetings=1, faults=faults) as one:
        with pytest.RaisesGroup(SourceDeniedError):
            await one.sync()

        assert (await only(one))["transcript JSON"] == ("archived", "")


@pytest.mark.parametrize("ticks", range(8))
async def test_a_worker_that_is_told_to_stop_stops(ticks: int, tmp_path: Path) -> None:
    """However shortly before it was woken."""
    async with rig(tmp_path, meetings=1) as one, one.runtime() as runtime:
        stop = asyncio.Event()
        running = asyncio.create_task(runtime.worker.run(stop))
        await one.clock.sleep(150)
        runtime.worker.discovery.news.set()
        for _ in range(ticks):
            await asyncio.sleep(0)
        stop.set()
        await asyncio.wait_for(running, 5)


async def test_a_full_store_is_not_hidden_by_a_source_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what goes wrong side by side, the graver is told: it is about more than this session."""

    async def unreachable(*_: object) -> Any:
        raise SourceUnavailableError("participants: no connection", sent=False)

    async def full(*_: object) -> Any:
        raise StoreFullError("no space left")

    monkeypatch.setattr(Fetching, "session_record", unreachable)
    monkeypatch.setattr(Archive, "put_artifact", full)
    async with rig(tmp_path, meetings=1) as one:
        with pytest.RaisesGroup(StoreFullError):
            await one.sync()


async def test_another_workers_shorter_body_is_kept_aside_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Never in place of the good one: a new version, an alarm in the log and in the status."""
    from archiver.ledger import EVERYTHING
    from archiver.verify import verify

    async with rig(tmp_path, meetings=1) as one:
        (session_id,) = one.source.session_ids
        await one.sync()
        first = one.source.artifact_bytes(session_id, "chat")
        one.source.put_artifact(session_id, "chat", first[: len(first) // 2])
        async with one.runtime("other") as other:
            # Its ledger has never heard of the session, and it is told that nobody has.
            other.archive.is_new = True
            await other.worker.sync()
            alarms = other.ledger.alarms(EVERYTHING, 10)
            chains = [each async for each in other.archive.chains()]
            assert (await verify(other.archive)).findings == []

    assert [(str(artifact), reason) for _, artifact, reason in alarms] == [
        ("chat", "a later body held less")
    ]
    assert [each.message for each in caplog.records] == ["artifact.less_came_later"]
    assert chains[0].newest is not None
    entry = chains[0].newest.inventory.entry(ArtifactId("chat"))
    assert entry is not None
    assert (entry.size_bytes, entry.later[0].size_bytes) == (len(first), len(first) // 2)
