"""Workers that race for a session have one winner: the short part of `tests.race_campaign`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.archiver.archive.stores.here import needs, quick_server
from tests.race_campaign import Result, race_on

if TYPE_CHECKING:
    from pathlib import Path

    from tests.archiver.archive.stores.here import Running

SEED = 20261120
#: A recorded request for a summary, and two inventories.
RECORDS_EACH = 3


def _assert_one_winner_each(result: Result, rounds: int) -> None:
    assert result.findings == []
    assert (result.rounds, result.posts, result.records) == (rounds, rounds, RECORDS_EACH * rounds)
    assert result.lost > 0, "there was no race"


def test_a_race_over_a_folder(tmp_path: Path) -> None:
    """Every record has one writer, each session one POST, and nothing is damaged."""
    result = race_on("directory", (), tmp_path, rounds=3, racers=8, seed=SEED)

    _assert_one_winner_each(result, 3)


@pytest.mark.parametrize(
    "server",
    [pytest.param(each, marks=needs(each)) for each in dict.fromkeys((quick_server(), "radosgw"))],
)
def test_a_race_over_a_bucket(server: str, tmp_path: Path, s3_servers: Running) -> None:
    """The same on S3 servers; on radosgw each process has a gateway of its own."""
    result = race_on(server, s3_servers.urls(server), tmp_path, rounds=2, racers=6, seed=SEED)

    _assert_one_winner_each(result, 2)
