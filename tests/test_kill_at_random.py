"""A worker killed at random loses nothing: the short part of `tests.kill_campaign`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.archiver.archive.stores import servers
from tests.archiver.archive.stores.conftest import ministack_url, moto_url
from tests.kill_campaign import Campaign, Result, s3_campaign

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

__all__ = ["ministack_url", "moto_url"]  # fixtures

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


def test_killed_at_random_over_a_bucket(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The same on a real S3 server, in buckets that are plain, versioned and locked."""
    server = "moto" if servers.find_ministack() is None else "ministack"
    with s3_campaign(request.getfixturevalue(f"{server}_url"), tmp_path, SEED, kills=1) as campaign:
        total = _played(campaign, 3)

    assert total.findings == []
    assert total.killed > 0
