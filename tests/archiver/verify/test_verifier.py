"""A verification that is stopped goes on; one that runs by the clock covers everything in time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive.journal import Journal
from archiver.archive.stores import Upload
from archiver.errors import StoreDeniedError, StoreUnavailableError
from archiver.ledger import FIXITY_FAILURES
from archiver.ledger.roster import Roster
from archiver.model import Lock, LockMode
from archiver.verify import Damage, Rounds, Verifier
from tests.archiver.verify.bench import DAY_S, Bench, bench, made

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


async def finish(one: Bench, path: Path) -> Any:
    roster = Roster.open(path)
    verifier = Verifier(one.archive, roster, one.clock)
    await verifier.begin(one.ledger)
    await verifier.go_on()
    result = await verifier.finish()
    roster.delete()
    return result


@pytest.mark.parametrize("after", [0, 1, 2])
async def test_it_goes_on_where_it_was_stopped(after: int, tmp_path: Path) -> None:
    """In two parts it finds what it finds in one: nothing twice, and nothing left out."""
    async with bench(tmp_path) as one:
        for folder in range(3):
            one.one("chat.*.csv", folder).write_bytes(b"damaged")
        (one.root / "notes.txt").write_text("x")
        whole = await one.verify(ledger=one.ledger)
        path = tmp_path / "roster.db"
        roster = Roster.open(path)
        verifier = Verifier(one.archive, roster, one.clock)
        await verifier.begin(one.ledger)
        assert not await verifier.go_on(after)
        roster.close()

        again = await finish(one, path)

        assert (again.findings, again.objects) == (whole.findings, whole.objects)
        assert (again.sessions, again.resumed, again.size_bytes) == (3, 1, whole.size_bytes)
        assert not path.exists()


async def test_a_store_that_fails_leaves_it_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of reach is no damage: the error says so, and the next try goes on from there."""
    async with bench(tmp_path) as one:
        path = tmp_path / "roster.db"
        good = one.archive.store.fixity
        folder = one.key(one.folders[1])

        async def unreachable(key: str, *, version_id: str = "") -> Any:
            if key.startswith(folder):
                raise StoreUnavailableError("the bucket cannot be reached")
            return await good(key, version_id=version_id)

        monkeypatch.setattr(one.archive.store, "fixity", unreachable)
        with pytest.raises(StoreUnavailableError):
            await finish(one, path)
        monkeypatch.undo()
        result = await finish(one, path)

        assert (result.sessions, result.findings, result.resumed) == (3, [], 1)


async def test_uploads_left_behind_are_told_of_where_they_may_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old ones are named, and are no damage; where we may not ask, it is said that nobody looked."""
    async with bench(tmp_path) as one:
        day = timedelta(days=1)

        async def uploads() -> AsyncGenerator[Upload]:
            yield Upload(key="left", begun_at=one.clock.now() - 2 * day)
            yield Upload(key="under way", begun_at=one.clock.now())

        monkeypatch.setattr(one.archive.store, "uploads", uploads)
        result = await one.verify()
        assert (result.uploads, result.findings) == (["left"], [])

        async def denied() -> AsyncGenerator[Upload]:
            raise StoreDeniedError("access denied")
            yield

        monkeypatch.setattr(one.archive.store, "uploads", denied)
        result = await one.verify()
        assert result.findings == []
        assert any("unfinished uploads" in each for each in result.not_checked)


async def test_what_is_locked_less_than_its_record_says_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder locks nothing: a seal that says it was locked is told of, until its time is over."""
    async with bench(tmp_path) as one:
        until = one.clock.now() + timedelta(days=30)
        lock = Lock(mode=LockMode.COMPLIANCE, until=until)
        one.archive.lock_for = lambda _app: lock
        one.clock.advance(DAY_S)
        link = await one.seal()

        (finding,) = (await one.verify()).findings
        assert finding.key == f"_archive/seals/{link.sequence:08}.json"
        assert finding.damage == Damage.RETENTION

        one.clock.advance(40 * DAY_S)
        assert (await one.verify()).findings == []


async def rounds_of(one: Bench, tmp_path: Path, days: int = 3) -> Rounds:
    return Rounds(
        one.archive,
        one.ledger,
        one.clock,
        path=tmp_path / "rounds.db",
        every=timedelta(days=days),
        made=made,
    )


async def reports_of(one: Bench) -> list[dict[str, Any]]:
    return [dict(each.body) async for each in Journal(one.archive, "reports").records()]


async def test_a_round_covers_everything_in_its_time_and_is_reported(tmp_path: Path) -> None:
    """Spread over its days, then a report in the bucket, then the next round when it is due."""
    async with bench(tmp_path) as one:
        rounds = await rounds_of(one, tmp_path)
        read: list[int] = []
        for _ in range(3 * 24):
            await rounds.go_on()
            read.append(len(await reports_of(one)))
            one.clock.advance(3600)
        assert read[0] == 2
        assert 2 not in read[-6:]
        report = (await reports_of(one))[-1]
        assert report["result"]["sessions"] == 3
        assert report["result"]["findings"] == {"count": 0, "first": []}
        assert one.ledger.vitals()[FIXITY_FAILURES].value == 0

        one.one("chat.*.csv").write_bytes(b"damaged")
        for _ in range(3 * 24 + 1):
            await rounds.go_on()
            one.clock.advance(3600)
        report = (await reports_of(one))[-1]
        assert report["result"]["findings"]["count"] == 1
        assert one.ledger.vitals()[FIXITY_FAILURES].value == 1
        assert (await one.verify(ledger=one.ledger)).damaged == 1


async def test_no_round_where_none_is_wanted(tmp_path: Path) -> None:
    """Turned off, nothing is read and nothing written."""
    async with bench(tmp_path) as one:
        await (await rounds_of(one, tmp_path, days=0)).go_on()

        assert not (tmp_path / "rounds.db").exists()
