"""Seals: daily, one chain however many make them, and made again from the bucket alone."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from archiver.archive.journal import Journal
from archiver.archive.keys import SEALS
from archiver.archive.seals import digest_of_ids, parse_seal
from archiver.errors import ArchiveError
from archiver.ledger import Delivery, Ledger
from archiver.rebuild import rebuild_ledger
from archiver.sealing import Sealer
from tests.archiver.verify.bench import DAY_S, Bench, bench, made
from tests.rig import NOW, rig

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.archive.seals import Seal

EVERY = timedelta(hours=24)


async def seals_of(one: Bench) -> list[Seal]:
    return [parse_seal(each) async for each in Journal(one.archive, SEALS).records()]


async def test_a_seal_names_what_was_committed_since_the_last(tmp_path: Path) -> None:
    """Each newest inventory once, the running count, the heads of other chains, and `format.json`."""
    async with bench(tmp_path) as one:
        first, second, third = await seals_of(one)

        assert [len(each.sealed) for each in (first, second, third)] == [3, 1, 0]
        assert [each.version for each in second.sealed] == [2]
        assert [each.sessions for each in (first, second, third)] == [3, 3, 3]
        assert second.heads == {}
        assert third.heads["reports"].sequence == 2
        assert len({each.format_digest for each in (first, second, third)}) == 1


async def test_a_seal_tells_what_the_source_itself_listed(tmp_path: Path) -> None:
    """The window, the count, and a digest that anybody can make of the ids."""
    async with bench(tmp_path) as one:
        (listing,) = (await seals_of(one))[0].listings
        ids = sorted(each.name for each in one.folders)

        assert (listing.count, listing.digest) == digest_of_ids(ids)
        assert listing.until == NOW
        assert (await seals_of(one))[1].listings == ()


async def test_it_is_due_once_a_day(tmp_path: Path) -> None:
    """Not sooner, whatever was committed; then even if nothing was; and by no clock that was ahead."""
    async with bench(tmp_path) as one:
        sealer = one.sealer()
        assert await sealer.seal_if_due() is None
        await one.commit_again(1)
        one.clock.advance(DAY_S - 1)
        assert await sealer.seal_if_due() is None
        one.clock.advance(1)
        fourth = await sealer.seal_if_due()
        one.clock.advance(DAY_S)
        fifth = await sealer.seal_if_due()
        assert [each and each.sequence for each in (fourth, fifth)] == [4, 5]

        one.ledger.sealing.take(
            (await seals_of(one))[-1], made_at=one.clock.now() + timedelta(days=300)
        )
        sixth = await sealer.seal_if_due()
        assert sixth is not None


async def test_two_that_seal_at_once_make_one_chain(tmp_path: Path) -> None:
    """Whoever is second takes note of the first one's seal, and seals what that did not name."""
    async with bench(tmp_path) as one:
        other = Ledger.open(tmp_path / "other.db")
        await one.commit_again(1)
        sealers = [
            one.sealer(),
            *(Sealer(one.archive, other, one.clock, made=made, every=EVERY) for _ in range(3)),
        ]
        links = await asyncio.gather(*(each.seal() for each in sealers))
        seals = await seals_of(one)
        other.close()

        assert {each.sequence for each in links} <= {each.link.sequence for each in seals}
        named = [each.folder for seal in seals[3:] for each in seal.sealed]
        assert len(named) == 1
        assert [each.sessions for each in seals] == [3] * len(seals)
        assert (await one.verify()).findings == []


async def test_a_new_ledger_learns_from_the_seals(tmp_path: Path) -> None:
    """What is sealed is not sealed again, and what the source listed then is known again."""
    async with bench(tmp_path) as one:
        path = tmp_path / "again.db"
        await rebuild_ledger(one.archive, path, one.clock)
        fresh = Ledger.open(path)
        assert fresh.coverage.spans(fresh.apps()[0]) == []
        link = await Sealer(one.archive, fresh, one.clock, made=made, every=EVERY).seal()
        spans = fresh.coverage.spans(fresh.apps()[0])
        fresh.close()
        last = (await seals_of(one))[-1]

        assert (last.link, last.sealed, last.sessions) == (link, (), 3)
        assert [until for _, until in spans] == [NOW]


async def test_a_chain_that_is_not_the_one_we_knew_is_not_followed(tmp_path: Path) -> None:
    """A last seal that was replaced is an error, and nothing is written behind it."""
    async with bench(tmp_path) as one:
        path = one.record("seals/00000003.json")
        path.unlink()
        other = Ledger.open(tmp_path / "other.db")
        one.clock.advance(1)
        await Sealer(one.archive, other, one.clock, made=made, every=EVERY).seal()
        other.close()

        with pytest.raises(ArchiveError, match="not the seal that was there"):
            await one.seal()


async def test_a_worker_seals(tmp_path: Path) -> None:
    """A pass seals what it committed; a running worker does so again a day later."""
    async with rig(tmp_path, meetings=2) as one:
        await one.sync_until_settled()
        assert "_archive/seals/00000001.json" in await one.objects()
        one.clock.advance(DAY_S)
        await one.work(timedelta(minutes=5))
        assert "_archive/seals/00000002.json" in await one.objects()


async def test_old_webhooks_are_forgotten_once_a_day(tmp_path: Path) -> None:
    """Whatever is too old to be delivered again goes when a seal is made; what is not stays."""
    async with rig(tmp_path, meetings=1) as one:
        await one.sync()
        async with one.runtime() as runtime:
            events = runtime.ledger.events
            for number, age_days in enumerate((61, 1)):
                delivery = Delivery(
                    name="meeting.ended",
                    app_id="",
                    session_id=f"session-{number}",
                    artifact=None,
                    body_digest=str(number),
                    webhook_id="webhook",
                    uuid="",
                )
                heard_at = one.clock.now() - timedelta(days=age_days)
                events.take(delivery, heard_at, summary_after=timedelta(0))
        one.clock.advance(DAY_S)
        await one.sync()
        with closing(Ledger.open(tmp_path / "data/ledger.db")) as ledger:
            known = [row[0] for row in ledger._db.execute("select session_id from event")]

    assert known == ["session-1"]


async def test_many_sessions_take_several_seals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seal names only so many; the next ones name the rest, at once."""
    monkeypatch.setattr("archiver.sealing.SEALED_AT_ONCE", 2)
    async with rig(tmp_path, meetings=5) as source:
        await source.sync_until_settled()
        objects = await source.objects()

    seals = [key for key in objects if key.startswith("_archive/seals/")]
    assert len(seals) >= 3
