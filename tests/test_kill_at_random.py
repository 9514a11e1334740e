"""A worker killed at random loses nothing: the short part of `tests.kill_campaign`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.archiver.archive.stores.here import quick_server
from tests.kill_campaign import Campaign, Result, s3_campaign

if TYPE_CHECKING:
    from pathlib import Path

    from tests.archiver.archive.stores.here import Running

SEED = 20261120


def _played(campaign: Campaign, rounds: int) -> Result:
    total = Result()
    for number in range(1, rounds + 1):
        total.add(campaign.round(number))
    return total


def test_killed_at_random_over_a_folder(tmp_path: Path) -> None:
    """Nothing is damaged, nothing missing, and no summary asked for without a record."""
    total = _played(Campaign("directory", tmp_path, SEED, kills=1), 4)

    assert total.findings == []
    assert total.killed > 0


def test_killed_at_random_over_a_bucket(tmp_path: Path, s3_servers: Running) -> None:
    """The same on a real S3 server, in buckets that are plain, versioned and locked."""
    url = s3_servers.urls(quick_server())[0]
    with s3_campaign(url, tmp_path, SEED, kills=1) as campaign:
        total = _played(campaign, 3)

    assert total.findings == []
    assert total.killed > 0
