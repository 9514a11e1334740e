"""Several workers on one bucket: each has its share of the sessions, and may take over another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from archiver.arguments import share
from archiver.ledger import Share
from tests.console import console

if TYPE_CHECKING:
    from pathlib import Path


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
