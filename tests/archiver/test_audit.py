"""The record of reads: written first, chained, sealed into the bucket; tampering shows."""

from __future__ import annotations

import asyncio
import json
import os
import resource
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from archiver.access import LOCAL
from archiver.archive import keys
from archiver.archive.canonical import (
    canonical_json,
    sha256,
)
from archiver.archive.journal import Journal
from archiver.audit import Keeper, Reads, Spot, check_audit
from archiver.audit import trail as trails
from archiver.audit.sealed import Sealed, batch_of
from archiver.audit.shelf import trails_in
from archiver.errors import AuditError
from archiver.verify import verify
from tests.archiver.audited import place
from tests.rig import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path


async def test_each_read_is_a_line_that_names_the_one_before(tmp_path: Path) -> None:
    """Canonical JSON, numbered, chained, for its owner alone; on the file once `record` returns."""
    async with place(tmp_path) as one:
        trail = one.trail()
        trail.record(LOCAL, "search", asked={"q": ["naïve \ud800 query"]}, hits=2, sessions=["a"])
        trail.record(LOCAL, "session", session="a", status=200)

        first, second = (json.loads(each) for each in one.lines())
        assert [first["seq"], second["seq"]] == [1, 2]
        assert (first["previous"], second["previous"]) == ("", sha256(one.lines()[0]))
        assert [canonical_json(each) for each in (first, second)] == one.lines()
        assert first["asked"] == {"q": ["naïve \\ud800 query"]}
        assert first["who"] == {"kind": "local", "name": "local", "role": "local"}
        (path,) = trails_in(one.folder)
        assert (path.stat().st_mode & 0o777, one.folder.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_what_cannot_be_written_is_refused_and_leaves_no_half_line(tmp_path: Path) -> None:
    """On a full disk an AuditError; once there is room again the chain goes on whole."""
    async with place(tmp_path) as one:
        trail = one.trail()
        trail.record(LOCAL, "search", asked={"q": ["first"]})
        size = trails_in(one.folder)[0].stat().st_size
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        try:
            for room in (0, 50):  # nothing fits; half of it does
                resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, before[1]))
                with pytest.raises(AuditError, match="cannot be written"):
                    trail.record(LOCAL, "search", asked={"q": ["second"]})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        trail.record(LOCAL, "search", asked={"q": ["third"]})

        assert [json.loads(each)["asked"]["q"] for each in one.lines()] == [["first"], ["third"]]
        assert await one.damages() == set()


async def test_what_is_too_long_to_be_read_back_is_not_written(tmp_path: Path) -> None:
    """It would hold up all that follows."""
    async with place(tmp_path) as one:
        trail = one.trail()
        with pytest.raises(AuditError, match="too long"):
            trail.record(LOCAL, "search", asked={"q": ["x" * 2**20]})
        trail.record(LOCAL, "search")

        assert await one.sealer().seal() == 1


async def test_a_folder_that_cannot_be_made_refuses_every_read(tmp_path: Path) -> None:
    """As a full disk does."""
    async with place(tmp_path) as one:
        (tmp_path / "data").write_bytes(b"a file")
        with pytest.raises(AuditError):
            one.trail().record(LOCAL, "search")


async def test_turned_off_it_says_so_in_the_chain(tmp_path: Path) -> None:
    """One record for each process, whatever it reads, and nothing of what it read."""
    async with place(tmp_path) as one:
        trail = one.trail(enabled=False)
        trail.record(LOCAL, "search", asked={"q": ["secret"]})
        trail.record(LOCAL, "search", asked={"q": ["secret"]})

        (line,) = one.lines()
        assert json.loads(line)["action"] == "audit off"
        assert b"secret" not in line


async def test_the_bucket_has_every_read_once(tmp_path: Path) -> None:
    """In parts that follow each other, whoever seals, and however often; leftovers too."""
    async with place(tmp_path) as one:
        trail = await one.read(batches=2, reads=3)
        dead = one.trail()
        dead.record(LOCAL, "show", session="x")
        dead.close()
        assert await one.sealer().seal() == 1
        assert await one.sealer().seal() == 0
        (one.folder / "sealed.json").unlink()  # the note is lost
        trail.record(LOCAL, "search", asked={"q": ["after"]})
        assert await one.sealer().seal() == 1

        records = [each async for each in Journal(one.archive, keys.AUDIT).records()]
        assert [len(batch_of(each).records) for each in records] == [3, 3, 1, 1]
        checked = await check_audit(one.archive, one.folder)
        assert (checked.records, checked.unsealed, checked.findings) == (8, 0, [])
        assert (await verify(one.archive)).damaged == 0


async def test_an_old_note_of_what_is_sealed_seals_nothing_twice(tmp_path: Path) -> None:
    """What the bucket has beyond it is taken note of first."""
    async with place(tmp_path) as one:
        trail = await one.read(batches=1)
        old = (one.folder / "sealed.json").read_bytes()
        trail.record(LOCAL, "search")
        await one.sealer().seal()
        (one.folder / "sealed.json").write_bytes(old)

        assert await one.sealer().seal() == 0
        assert await one.damages() == set()


async def test_a_long_trail_goes_on_in_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which names where the first one ended; both are sealed."""
    monkeypatch.setattr(trails, "FILE_BYTES_MAX", 1000)
    async with place(tmp_path) as one:
        trail = one.trail()
        for number in range(8):
            trail.record(LOCAL, "search", asked={"q": [str(number)]})
            one.clock.advance(1)
        first, second, *_ = trails_in(one.folder)
        last = first.read_bytes().splitlines(keepends=True)[-1]
        begun = json.loads(second.read_bytes().splitlines()[0])

        assert begun["action"] == "continued"
        assert begun["asked"]["digest"] == sha256(last)
        await one.sealer().seal()
        assert (await check_audit(one.archive, one.folder)).unsealed == 0


async def test_old_trails_are_deleted_once_they_are_in_the_bucket(tmp_path: Path) -> None:
    """Not sooner, not those of living processes, and nothing of them is lost."""
    async with place(tmp_path) as one:
        ended, living = one.trail(), one.trail()
        for each in (ended, living):
            each.record(LOCAL, "search")
        ended.close()
        for path in trails_in(one.folder):
            os.utime(path, (0, 0))
        await one.sealer(timedelta(days=400_000)).seal()
        assert len(trails_in(one.folder)) == 2
        await one.sealer().seal()

        assert [path.stat().st_mtime for path in trails_in(one.folder)] == [0]
        living.record(LOCAL, "search")
        await one.sealer().seal()
        checked = await check_audit(one.archive, one.folder)
        assert (checked.records, checked.findings) == (3, [])


async def test_reads_are_told_newest_first_and_page_by_page(tmp_path: Path) -> None:
    """What is not in the bucket yet, then the bucket; from any place on, and in parts."""
    async with place(tmp_path) as one:
        trail = await one.read(batches=2, reads=2)
        trail.record(LOCAL, "search", asked={"q": ["query 2.0"]}, hits=0)
        reads = Reads(one.archive, one.folder)
        whole = [each async for each in reads.newest_first()]
        queries = [record["asked"]["q"][0] for _, record in whole if record is not None]

        assert queries == ["query 2.0", "query 1.1", "query 1.0", "query 0.1", "query 0.0"]
        for at, (spot, _) in enumerate(whole):
            behind = Spot.of(str(spot))
            rest = [record async for _, record in reads.newest_first(behind)]
            assert rest == [record for _, record in whole[at + 1 :]]
        part = [each async for each in reads.newest_first(fetched=1)]
        assert [record is None for _, record in part] == [False, False, False, True]
        rest = [record async for _, record in reads.newest_first(part[-1][0])]
        assert rest == [record for _, record in whole[3:]]


async def test_the_note_of_another_archive_is_not_believed(tmp_path: Path) -> None:
    """A data folder that was used for another bucket before begins anew."""
    async with place(tmp_path) as one:
        await one.read(batches=1)

        assert Sealed.read(one.folder, "another").head.sequence == 0
        assert Sealed.read(one.folder, one.archive.id).head.sequence == 1


@dataclass
class UntilClock:
    """A clock that comes so far, and no further; `begun` is called at the first wait."""

    begun: Callable[[], None]
    limit_s: float
    passed_s: float = 0.0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)

    async def sleep(self, seconds: float) -> None:
        if not self.passed_s:
            self.begun()
        if self.passed_s + seconds > self.limit_s:
            self.reached.set()
            await asyncio.Event().wait()
        self.passed_s += seconds


@pytest.mark.parametrize(("limit_s", "sealed"), [(895, 0), (905, 1)])
async def test_it_is_in_the_bucket_every_quarter_of_an_hour(
    tmp_path: Path, limit_s: float, sealed: int
) -> None:
    """Not sooner; and at once when the process stops."""
    async with place(tmp_path) as one:
        trail = one.trail()
        clock = UntilClock(begun=lambda: trail.record(LOCAL, "search"), limit_s=limit_s)
        keeper = Keeper(trail, one.sealer(), clock)
        keeping = asyncio.create_task(keeper.run())
        await clock.reached.wait()
        keeping.cancel()
        assert (await check_audit(one.archive, one.folder)).records == sealed
        trail.record(LOCAL, "search")
        await keeper.stop()

        assert (await check_audit(one.archive, one.folder)).records == 2
