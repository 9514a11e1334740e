"""What is gone as a whole: seals tell of it with every local file gone, the ledger sooner."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from archiver.archive.journal import Link
from archiver.verify import Damage
from tests.archiver.verify.bench import Bench, bench

if TYPE_CHECKING:
    from pathlib import Path


def accused(found: object) -> list[tuple[str, Damage]]:
    return [(each.key, each.damage) for each in found.findings]  # type: ignore[attr-defined]


async def test_a_session_that_was_taken_away_is_missed(tmp_path: Path) -> None:
    """Folder and all: its newest inventory is named, by the seals alone or by the ledger."""
    async with bench(tmp_path) as made:
        folder = made.folders[0]
        shutil.rmtree(folder)
        key = f"{made.key(folder)}/inventory-0002.json"

        for ledger in (None, made.ledger):
            result = await made.verify(ledger=ledger)
            assert accused(result) == [(key, Damage.MISSING)]
            assert result.sessions == 2


async def test_a_cut_tail_is_missed(tmp_path: Path) -> None:
    """The last inventory of a session, taken away: what is left is whole in itself, and is not all."""
    async with bench(tmp_path) as made:
        path = made.one("inventory-0002.json")
        path.unlink()

        for ledger in (None, made.ledger):
            assert accused(await made.verify(ledger=ledger)) == [(made.key(path), Damage.MISSING)]


async def test_what_no_seal_names_yet_is_known_to_the_ledger(tmp_path: Path) -> None:
    """Between two seals a cut is seen with the ledger, and is not claimed to be seen without."""
    async with bench(tmp_path) as made:
        await made.commit_again(1)
        path = made.one("inventory-0002.json", 1)
        path.unlink()

        assert accused(await made.verify()) == []
        assert accused(await made.verify(ledger=made.ledger)) == [(made.key(path), Damage.MISSING)]


async def test_the_last_seal_is_held_to_what_was_kept_elsewhere(tmp_path: Path) -> None:
    """Cut with all that it names, it is missed by whoever kept its number and digest."""
    async with bench(tmp_path) as made:
        last = made.ledger.sealing.head()
        assert accused(await made.verify(expect=last)) == []

        path = made.record("seals/00000003.json")
        path.unlink()
        assert accused(await made.verify()) == []
        assert accused(await made.verify(expect=last)) == [(made.key(path), Damage.MISSING)]
        assert accused(await made.verify(ledger=made.ledger)) == [(made.key(path), Damage.MISSING)]


async def test_another_seal_than_was_expected_is_named(tmp_path: Path) -> None:
    """A seal of the right number with another digest is not the one that was kept."""
    async with bench(tmp_path) as made:
        result = await made.verify(expect=Link(sequence=2, digest="0" * 64))

        assert accused(result) == [("_archive/seals/00000002.json", Damage.CORRUPT)]


async def test_reports_that_were_cut_are_missed(tmp_path: Path) -> None:
    """A seal tells where the archive's other chains ended."""
    async with bench(tmp_path) as made:
        for number in (1, 2):
            made.record(f"reports/0000000{number}.json").unlink()

        assert accused(await made.verify()) == [
            ("_archive/reports/00000001.json", Damage.MISSING),
            ("_archive/reports/00000002.json", Damage.MISSING),
        ]


async def test_what_the_source_listed_and_nobody_archived_is_missed(tmp_path: Path) -> None:
    """A session that the source's list held, of which there is no trace but the count."""
    async with bench(tmp_path) as made:
        folder = made.folders[2]
        shutil.rmtree(folder)
        for number in (1, 2, 3):
            made.record(f"seals/0000000{number}.json").unlink()
        _forget(made)
        made.clock.advance(86_400.0)
        await made.seal()
        app = made.key(folder).split("/")[0]

        result = await made.verify()

        # The ledger still names the session's inventory, and so does the seal made by it.
        assert accused(result) == [(f"{made.key(folder)}/inventory-0001.json", Damage.MISSING)]
        with made.ledger._db as db:
            db.execute("delete from inventory where session_id like ?", [f"{folder.name}%"])
        for path in (made.root / "_archive/seals").iterdir():
            path.unlink()
        _forget(made)
        made.clock.advance(86_400.0)
        await made.seal()
        made.clock.advance(10 * 86_400.0)
        (finding,) = (await made.verify()).findings
        assert (finding.key, finding.damage) == (f"{app}/", Damage.MISSING)
        assert "listed 3 sessions" in finding.detail


def _forget(made: Bench) -> None:
    """A ledger that knows of no seal."""
    with made.ledger._db as db:
        db.execute("delete from sealed")
        db.execute("delete from sealed_listing")
        db.execute("delete from about where name like 'seal%'")


async def test_without_a_seal_it_is_said_what_was_not_checked(tmp_path: Path) -> None:
    """No seal, no ledger: whole in itself, and nobody says that it is all."""
    async with bench(tmp_path) as made:
        shutil.rmtree(made.root / "_archive/seals")
        result = await made.verify()

        assert result.findings == []
        assert any("no seal" in each for each in result.not_checked)
        assert any("ledger" in each for each in result.not_checked)


@pytest.mark.parametrize("number", [1, 2])
async def test_a_seal_in_the_middle_is_missed(number: int, tmp_path: Path) -> None:
    """The chain of seals has a gap."""
    async with bench(tmp_path) as made:
        path = made.record(f"seals/0000000{number}.json")
        path.unlink()

        assert accused(await made.verify()) == [(made.key(path), Damage.MISSING)]
