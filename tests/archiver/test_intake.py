"""Webhooks from the door to the archive: what counts, what it costs, and what it changes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from archiver.errors import LedgerError
from archiver.intake import Intake, Verdict
from archiver.model import CHAT, SUMMARY, Outcome
from archiver.simulated import EventShape, Timing, sent
from tests.rig import rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from archiver.ledger import Ledger
    from archiver.runtime import Runtime
    from tests.rig import Rig

HOUR = timedelta(hours=1)
ALL = ("meeting.ended", "meeting.chatSynced", "meeting.transcript", "meeting.summary")


@dataclass(slots=True)
class Door:
    """A worker that runs, and the intake beside it in the same process."""

    rig: Rig
    runtime: Runtime
    intake: Intake

    def tell(self, session_id: str, name: str, **more: Any) -> Verdict:
        """Deliver this event of the source."""
        delivery = sent(self.rig.source, session_id, name, **more)
        headers = delivery.headers
        verdict = self.intake.take(
            delivery.body, webhook_id=headers["rtk-webhook-id"], uuid=headers["rtk-uuid"]
        )
        self.intake.wake()
        return verdict

    async def later(self, for_: timedelta) -> None:
        await self.rig.clock.sleep(for_.total_seconds())

    def outcomes(self, session_id: str) -> dict[str, str]:
        (known,) = self.ledger.find(session_id)
        return {str(each): s.outcome for each, s in self.ledger.state(known).states.items()}

    @property
    def ledger(self) -> Ledger:
        return self.runtime.ledger

    def asked(self, session_id: str) -> Counter[str]:
        """What the API was asked about this session; downloads cost no budget."""
        return Counter(
            str(each.operation)
            for each in self.rig.source.requests
            if each.session_id == session_id and each.operation != "download"
        )


@asynccontextmanager
async def door(one: Rig, *, running: bool = True, **settings: object) -> AsyncIterator[Door]:
    async with one.runtime("data", **settings) as runtime:
        told = runtime.worker.discovery.told.set
        intake = Intake(runtime.settings, one.clock, offers=runtime.offers, told=told)
        stop = asyncio.Event()
        work = asyncio.create_task(runtime.worker.run(stop)) if running else None
        if work is None:
            await runtime.worker.discovery.discover(one.clock.now() - timedelta(days=14))
        else:
            await one.clock.sleep(20)
        yield Door(one, runtime, intake)
        stop.set()
        if work is not None:
            await work


def ends_now(one: Rig) -> str:
    """A session that ends this moment."""
    (app_id,) = [each.app_id for each in one.source.apps]
    now = one.clock.now()
    return one.source.add_session(app_id=app_id, started_at=now - HOUR, ended_at=now)


async def test_a_session_that_arrives_wholly_by_webhook_costs_at_most_three_requests(
    tmp_path: Path,
) -> None:
    """The session, its participants, and the transcript in the one format webhooks do not link."""
    async with rig(tmp_path, meetings=0) as one, door(one) as at:
        one.source.add_session()  # another, told of an hour ago: webhooks arrive here
        at.tell(one.source.session_ids[0], "meeting.ended")
        await at.later(HOUR)
        session_id = ends_now(one)
        for name, wait_s in zip(ALL, (2, 40, 90, 60), strict=True):
            await at.later(timedelta(seconds=wait_s))
            assert at.tell(session_id, name) is Verdict.ACCEPTED
        await at.later(timedelta(minutes=3))

        assert set(at.outcomes(session_id).values()) == {"archived", "excluded"}
        assert at.asked(session_id).total() <= 3, at.asked(session_id)


async def test_a_transcript_that_takes_its_time_is_waited_for(tmp_path: Path) -> None:
    """With webhooks nobody asks for it every few minutes, and its summary is not asked for too soon."""
    async with rig(tmp_path, meetings=0) as one, door(one) as at:
        one.source.timing = Timing(transcript_s=1500, summary_s=60)
        session_id = ends_now(one)
        at.tell(session_id, "meeting.ended")
        await at.later(timedelta(seconds=40))
        at.tell(session_id, "meeting.chatSynced")
        await at.later(timedelta(seconds=1500))
        at.tell(session_id, "meeting.transcript")
        await at.later(timedelta(seconds=60))
        at.tell(session_id, "meeting.summary")
        await at.later(timedelta(minutes=5))

        assert set(at.outcomes(session_id).values()) == {"archived", "excluded"}
        assert at.asked(session_id)["post_summary"] == 0
        # One look for the summary when it might have been asked for; there was no transcript yet.
        assert at.asked(session_id).total() <= 4, at.asked(session_id)


@pytest.mark.parametrize("heard", [True, False])
async def test_lost_webhooks_change_nothing_but_latency(heard: bool, tmp_path: Path) -> None:
    """Polling still finds everything, whether the end was told of or nothing at all."""
    async with rig(tmp_path, meetings=0) as one, door(one) as at:
        session_id = ends_now(one)
        if heard:
            at.tell(session_id, "meeting.ended")
        await at.later(timedelta(hours=2))
        assert set(at.outcomes(session_id).values()) == {"archived", "excluded"}


@pytest.mark.parametrize("order", [ALL[::-1], (*ALL, *ALL), ALL[2:]])
async def test_in_any_order_and_more_than_once(order: tuple[str, ...], tmp_path: Path) -> None:
    """Reordered, doubled or in part, everything is archived and no summary is asked for twice."""
    async with rig(tmp_path, meetings=0) as one, door(one) as at:
        session_id = ends_now(one)
        await at.later(timedelta(minutes=4))
        for name in order:
            at.tell(session_id, name)
        await at.later(timedelta(hours=2))
        assert set(at.outcomes(session_id).values()) == {"archived", "excluded"}
        assert one.source.summary_posts[session_id] <= 1


@pytest.mark.parametrize("number", [0, 1])
async def test_a_delivery_that_comes_again(number: int, tmp_path: Path) -> None:
    """Is known by its webhook and body, or by its id: with the same bytes or written otherwise."""
    async with rig(tmp_path, meetings=1) as one, door(one, running=False) as at:
        (session_id,) = one.source.session_ids
        first = sent(one.source, session_id, "meeting.summary", number=0)
        again = sent(one.source, session_id, "meeting.summary", number=number)
        uuids = ("u-1", "u-2") if number == 0 else ("u-1", "u-1")
        assert (first.body == again.body) == (number == 0)

        taken = [
            at.intake.take(each.body, webhook_id="w", uuid=uuid)
            for each, uuid in zip((first, again), uuids, strict=True)
        ]
        assert taken == [Verdict.ACCEPTED, Verdict.DUPLICATE]


async def test_an_unsigned_header_hides_no_other_event(tmp_path: Path) -> None:
    """Whoever sends a delivery under another's id keeps that other one from nothing."""
    async with rig(tmp_path, meetings=2) as one, door(one, running=False) as at:
        for session_id in one.source.session_ids:
            body = sent(one.source, session_id, "meeting.summary").body
            assert at.intake.take(body, webhook_id="w", uuid="same") is Verdict.ACCEPTED


async def test_an_event_for_a_settled_session_costs_nothing(tmp_path: Path) -> None:
    """No request, no download, no inventory."""
    async with rig(tmp_path, meetings=1) as one:
        await one.sync_until_settled()
        async with door(one) as at:
            (session_id,) = one.source.session_ids
            before = at.asked(session_id), await _of_sessions(one), one.source.counts["download"]
            for name in ALL:
                at.tell(session_id, name)
            await at.later(HOUR)
            after = at.asked(session_id), await _of_sessions(one), one.source.counts["download"]
            assert before == after


async def _of_sessions(one: Rig) -> int:
    """How many objects there are, besides the archive's own records."""
    return sum(not key.startswith("_archive/") for key in await one.objects())


async def test_another_customers_event_is_counted_and_dropped(tmp_path: Path) -> None:
    """Though the source signed it: nothing is stored, asked for or fetched."""
    async with rig(tmp_path, meetings=1) as one, door(one) as at:
        (session_id,) = one.source.session_ids
        requests = one.source.counts.total()
        body = {
            "event": "meeting.summary",
            "meeting": {"sessionId": session_id, "organizedBy": {"id": "somebody-else"}},
            "summaryDownloadUrl": f"{one.source.origin}/files/theirs",
        }
        assert at.intake.take(json.dumps(body).encode()) is Verdict.FOREIGN
        assert one.source.counts.total() == requests
        assert at.ledger.events.unconfirmed(one.clock.now(), 10) == []
        assert at.ledger.events.counts() == {("meeting.summary", "foreign"): 1}


async def test_an_event_that_names_no_app_counts_once_the_api_knows_its_session(
    tmp_path: Path,
) -> None:
    """Ours is captured; another's is asked after a few times, and forgotten."""
    async with rig(tmp_path, meetings=0) as one, door(one, look_every=HOUR) as at:
        session_id = ends_now(one)
        at.tell(session_id, "meeting.ended", shape=EventShape.BARE)
        other = {"event": "meeting.ended", "sessionId": "11111111-2222-4333-8444-555555555555"}
        assert at.intake.take(json.dumps(other).encode()) is Verdict.ACCEPTED
        await at.later(timedelta(seconds=20))
        assert at.ledger.find(session_id)
        await at.later(timedelta(hours=5))
        assert at.ledger.find(other["sessionId"]) == []
        assert at.asked(other["sessionId"])["get_session"] <= 8


async def test_strangers_sessions_take_a_small_part_of_the_budget(tmp_path: Path) -> None:
    """A flood of signed events about nobody's sessions leaves the budget to ours."""
    async with rig(tmp_path, meetings=0) as one:
        from archiver.settings import RequestBudget

        async with door(one, budget=RequestBudget(600, 300.0)) as at:
            for number in range(500):
                name = f"11111111-2222-4333-8444-{number:012}"
                at.intake.take(json.dumps({"event": "meeting.ended", "sessionId": name}).encode())
            before = one.source.counts["get_session"]
            await at.later(timedelta(seconds=300))
            assert one.source.counts["get_session"] - before <= 60


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (b"no json", Verdict.MALFORMED),
        (b'{"event":"meeting.ended"}', Verdict.MALFORMED),
        (b'{"event":"meeting.exploded","sessionId":"s"}', Verdict.UNKNOWN),
        (b'{"event":"meeting.started","sessionId":"s"}', Verdict.IGNORED),
        (b'{"event":"livestreaming.statusUpdate","streamKey":"SECRET"}', Verdict.IGNORED),
    ],
)
async def test_what_is_of_no_use_is_accepted_and_counted(
    body: bytes, verdict: Verdict, tmp_path: Path
) -> None:
    """Sending it again would not help."""
    async with rig(tmp_path, meetings=1) as one, door(one, running=False) as at:
        assert at.intake.take(body) is verdict
        assert [key[1] for key in at.ledger.events.counts()] == [verdict]


async def test_no_url_title_or_stream_key_is_kept(tmp_path: Path) -> None:
    """The data folder holds none of it, in any file."""
    async with rig(tmp_path, meetings=1) as one, door(one, running=False) as at:
        (session_id,) = one.source.session_ids
        title = one.source.session(session_id).meeting.title
        for name in (*ALL, "livestreaming.statusUpdate", "meeting.participantJoined"):
            at.tell(session_id, name)
        kept = b"".join(each.read_bytes() for each in (tmp_path / "data").glob("ledger.db*"))
        for secret in (b"signature=", b"/files/", title.encode(), b"a-stream-key"):
            assert secret not in kept


async def test_a_ledger_that_cannot_be_written_confirms_nothing(tmp_path: Path) -> None:
    """The error is ours; the source sends the event again."""
    async with rig(tmp_path, meetings=1) as one:
        settings = one.configured()
        settings.ledger_path.parent.mkdir()
        settings.ledger_path.write_bytes(b"this is no database, and never was one" * 100)
        body = sent(one.source, one.source.session_ids[0], "meeting.ended").body
        with pytest.raises(LedgerError):
            Intake(settings, one.clock).take(body)


async def test_another_process_takes_the_webhook(tmp_path: Path) -> None:
    """`serve` beside `work`: the URL is not known there, the artifact is asked for soon all the same."""
    async with rig(tmp_path, meetings=0) as one, door(one) as at:
        session_id = ends_now(one)
        at.tell(session_id, "meeting.ended")
        await at.later(timedelta(minutes=4))
        apart = Intake(one.configured(), one.clock)
        for name in ALL[1:]:
            delivery = sent(one.source, session_id, name)
            apart.take(delivery.body, webhook_id="w", uuid=delivery.headers["rtk-uuid"])
        await at.later(timedelta(minutes=2))
        assert set(at.outcomes(session_id).values()) == {"archived", "excluded"}


@pytest.mark.parametrize("wrong", ["expired", "gone", "forbidden"])
async def test_a_url_that_is_of_no_use_is_asked_for_anew(wrong: str, tmp_path: Path) -> None:
    """Expired, refused or on a forbidden host: the source is asked, and the artifact archived."""
    async with rig(tmp_path, meetings=0) as one, door(one) as at:
        session_id = ends_now(one)
        at.tell(session_id, "meeting.ended")
        await at.later(timedelta(seconds=300))
        url = {
            "expired": one.source.signed_url(
                f"/files/{session_id}/chat.csv", one.clock.now() - HOUR
            ),
            "gone": f"{one.source.origin}/files/{session_id}/chat.csv?signature=0&expires=0",
            "forbidden": "http://169.254.169.254/latest/meta-data/",
        }[wrong]
        app_id = one.source.session(session_id).app_id
        body = {
            "event": "meeting.chatSynced",
            "sessionId": session_id,
            "organizedBy": {"id": app_id},
            "chatDownloadUrl": url,
        }
        assert at.intake.take(json.dumps(body).encode()) is Verdict.ACCEPTED
        at.intake.wake()
        await at.later(timedelta(minutes=2))
        assert at.outcomes(session_id)[str(CHAT)] == Outcome.ARCHIVED


async def test_better_news_promotes_what_was_given_up(tmp_path: Path) -> None:
    """An `absent` summary that a webhook offers after all is archived, as a new inventory version."""
    async with rig(tmp_path, meetings=1, summaries="collect") as one:
        (session_id,) = one.source.session_ids
        one.source.faults.on(session_id=session_id, kind="summary", never=True)
        one.source.timing = Timing(retention=timedelta(days=9))
        await one.sync_until_settled(step=timedelta(hours=6))
        async with door(one) as at:
            assert at.outcomes(session_id)[str(SUMMARY)] == Outcome.ABSENT
            one.source.faults.per_artifact.clear()
            (known,) = at.ledger.find(session_id)
            before = at.ledger.state(known).inventory_version
            assert at.tell(session_id, "meeting.summary") is Verdict.ACCEPTED
            await at.later(timedelta(minutes=2))
            assert at.outcomes(session_id)[str(SUMMARY)] == Outcome.ARCHIVED
            assert at.ledger.state(known).inventory_version == before + 1


async def test_an_event_that_comes_during_an_attempt_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the attempt records afterwards does not put off what was told meanwhile."""
    async with rig(tmp_path, meetings=0, webhook_wait=timedelta(hours=12)) as one, door(one) as at:
        session_id = ends_now(one)
        at.tell(session_id, "meeting.ended")
        fetching = at.runtime.worker._capture._fetching
        record = fetching.session_record

        async def told_meanwhile(*args: Any) -> Any:
            await one.clock.sleep(100)
            at.tell(session_id, "meeting.chatSynced")
            return await record(*args)

        monkeypatch.setattr(fetching, "session_record", told_meanwhile)
        await at.later(timedelta(minutes=10))
        assert at.outcomes(session_id)[str(CHAT)] == Outcome.ARCHIVED
