"""How far one app's index has followed a ledger's list, as the index itself says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.index.seam import Position

if TYPE_CHECKING:
    from migrations.sqlite import Connection


def position_in(db: Connection) -> Position:
    """Where this index stands, in the state that its transaction sees."""
    archive, epoch, seq = db.execute(
        "select (select value from about where name = 'archive'),"
        " (select value from about where name = 'epoch'),"
        " (select value from about where name = 'seq')"
    ).fetchone()
    return Position(archive=archive or "", epoch=epoch or "", seq=int(seq or 0))
