"""Several workers on one bucket: each has its share of the sessions, and may take over another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from archiver.arguments import share
from archiver.ledger import Share
from tests.archiver.archive.stores.conftest import Variant, make_bucket, raw_client, use_server
from tests.archiver.archive.stores.here import quick_server
from tests.console import console
from tests.fleet import fleet

if TYPE_CHECKING:
    from pathlib import Path

    from tests.archiver.archive.stores.here import Running

SESSIONS = 16


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("2/4", (2,)), ("1-3/4", (1, 2, 3)), ("4,1/4", (1, 4)), ("1-2,2,4/4", (1, 2, 4))],
)
def test_a_share_is_a_part_or_several(text: str, numbers: tuple[int, ...]) -> None:
    """A worker that takes over another's part says so: `1-2/4`."""
    assert share(text) == Share(numbers, 4)


def test_shares_take_every_session_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--share` limits what is captured, not what is discovered; a larger share takes what is left."""
    with console(tmp_path, capsys, monkeypatch, meetings=12) as shell:
        parts = [shell.run("sync", "--share", part, "--json").document for part in ("3/3", "1-2/3")]
        left = shell.run("status").code

    assert [each["sessions_listed"] for each in parts] == [12, 12]
    assert sum(each["sessions_settled"] for each in parts) == 12
    assert all(each["sessions_settled"] for each in parts)
    assert left == 0


@pytest.fixture
def bucket(s3_servers: Running, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket that all workers of a test share."""
    server = quick_server()
    (url, *_) = s3_servers.urls(server)
    raw = raw_client(url)
    made = make_bucket(raw, Variant(server=server))
    raw.close()
    use_server(monkeypatch, url)
    return f"s3://{made}/x"


async def test_two_workers_capture_everything_together(tmp_path: Path, bucket: str) -> None:
    """Each takes its share, into one bucket; what the other had is followed, and nothing asked twice."""
    async with fleet(tmp_path, SESSIONS, 1, store=bucket) as workers:
        await workers.start("data", "--share", "1/2")
        await workers.start("another", "--share", "2/2")
        await workers.work_on("data")
        await workers.work_on("another")
        left = [await workers.pending(data) for data in ("data", "another")]
        await workers.stop()
        await workers.settle()

    assert left == [0, 0]
    assert workers.findings == []


async def test_a_dead_workers_part_is_taken_over(tmp_path: Path, bucket: str) -> None:
    """One is killed amid its work; the other, with both parts now, captures what is left."""
    async with fleet(tmp_path, SESSIONS, 2, store=bucket) as workers:
        await workers.start("data", "--share", "1/2")
        await workers.start("another", "--share", "2/2")
        await workers.arrivals.wait(40)
        await workers.kill("another")
        left = await workers.pending("another")
        await workers.stop()
        await workers.start("data", "--share", "1-2/2")
        await workers.work_on("data")
        await workers.stop()
        await workers.settle()

    assert left > 0
    assert workers.findings == []
