"""The file of metrics: as the worker writes it, whole at any moment, and in nobody's way."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archiver import metrics
from archiver.clock import SystemClock
from archiver.ledger import WORKER_SEEN, Ledger
from archiver.metrics import MetricsFile, replace_file
from archiver.simulated import SettableClock
from archiver.worker import Worker
from tests.archiver.test_metrics import FACTS, StopError, shell, stop_here
from tests.exposed import read
from tests.rig import NOW, rig

if TYPE_CHECKING:
    import asyncio

    from tests.console import Console

__all__ = ["shell"]  # a fixture


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_a_worker_writes_its_file(tmp_path: Path) -> None:
    """Whole, readable to all, with nothing beside it, and as old as the worker's last sign of life."""
    file = tmp_path / "collected" / "rtk-archive.prom"
    file.parent.mkdir()
    async with rig(tmp_path, meetings=1) as one, one.runtime() as runtime:
        settings = one.configured(metrics_file=file)
        tell = metrics.teller(settings, one.clock, lambda _ledger, _now: FACTS)
        runtime.ledger.note(WORKER_SEEN, NOW.timestamp(), NOW)
        umask = os.umask(0o077)
        try:
            await tell()
            await tell()
        finally:
            os.umask(umask)

    found = read(file.read_bytes())
    assert found["worker_seen_timestamp_seconds"] == NOW.timestamp()
    assert found["index_lag_inventories"] == 2
    assert mode_of(file) == 0o644
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_a_pass_writes_the_file_too(shell: Console) -> None:
    """`sync` from a timer is watched the same way; without the setting there is no file."""
    shell.run("sync")
    assert not list(shell.folder.glob("*.prom"))
    shell.set(RTK_ARCHIVE_METRICS_FILE="rtk-archive.prom")
    assert shell.run("sync").code == 0

    found = read((shell.folder / "rtk-archive.prom").read_bytes())
    assert found["sessions{state=known}"] == found["index_sessions"] == 1
    assert found["index_lag_seconds"] == found["index_lag_inventories"] == 0


@pytest.mark.parametrize("command", ["work", "run"])
def test_a_worker_for_ever_writes_it_as_often_as_it_says_that_it_lives(
    command: str, shell: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With how far the index has come, though the archiver has never heard of one."""

    async def one_round(self: Worker, stop: asyncio.Event) -> None:
        tell = self.tell

        async def tell_and_stop() -> None:
            await tell()
            await stop_here()

        self.tell = tell_and_stop
        with pytest.raises(StopError):
            await self._show_signs_of_life()

    monkeypatch.setattr(Worker, "run", one_round)
    shell.set(RTK_ARCHIVE_METRICS_FILE="rtk-archive.prom", RTK_ARCHIVE_LISTEN="127.0.0.1:0")
    assert shell.run(command).code == 0

    found = read((shell.folder / "rtk-archive.prom").read_bytes())
    assert found["index_lag_inventories"] == found["index_sessions"] == 0
    assert found["budget_left_requests"] == 599  # its first request is whether it is let in
    assert abs(SystemClock().now().timestamp() - found["worker_seen_timestamp_seconds"]) < 60


async def test_a_file_that_cannot_be_written_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once, and again only after it worked in between."""
    folder = tmp_path / "collected"
    Ledger.open(tmp_path / "ledger.db").close()
    file = MetricsFile(folder / "a.prom", tmp_path / "ledger.db", SettableClock(NOW), None)

    for there in (False, False, True, False):
        if there:
            folder.mkdir()
        elif folder.exists():
            (folder / "a.prom").unlink()
            folder.rmdir()
        await file.write()

    said = [each for each in caplog.records if each.message == "metrics.failed"]
    assert len(said) == 2
    (tmp_path / "ledger.db").write_bytes(b"no database, though it is long enough to be one " * 99)
    folder.mkdir()
    await file.write()
    assert not list(folder.iterdir())


def test_what_stood_there_stays_until_the_new_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that fails leaves the old file, and nothing beside it."""
    path = tmp_path / "a.prom"
    replace_file(path, b"old")
    seen: list[bytes] = []
    replace = Path.replace

    def fail(self: Path, target: Path) -> Path:
        seen.extend((path.read_bytes(), self.read_bytes()))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        replace_file(path, b"new")
    monkeypatch.setattr(Path, "replace", replace)

    assert seen == [b"old", b"new"]
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"old"]


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    """Whoever may write to the folder cannot have another file overwritten."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    path = tmp_path / "a.prom"
    path.with_name(f".a.prom.{os.getpid()}.new").symlink_to(victim)
    path.symlink_to(victim)

    replace_file(path, b"new")

    assert (victim.read_bytes(), path.read_bytes()) == (b"precious", b"new")
    assert not path.is_symlink()
