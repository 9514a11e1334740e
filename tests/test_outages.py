"""An S3 server that dies under load loses nothing: the short part of `tests.outage_campaign`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.archiver.archive.stores.here import needs
from tests.outage_campaign import play

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("server", [pytest.param("radosgw", marks=needs("radosgw"))])
def test_a_server_killed_under_load(server: str, tmp_path: Path) -> None:
    """Gateway, store and monitor are killed and come back; the worker waits, goes on, and loses nothing."""
    result = play(tmp_path, sessions=16, kills=1, seed=20261120)

    assert result.findings == []
    assert result.killed == 1
    assert result.pending_at_kills[0] > 0
