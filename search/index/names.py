"""What speakers are called, by their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrations.sqlite import Connection


class Names:
    """What speakers are called, looked up when it is asked for, and remembered in `known`."""

    def __init__(self, db: Connection, known: dict[int, str] | None = None) -> None:
        self._db = db
        self._known = {0: ""} if known is None else known

    def of(self, speaker: int) -> str:
        """The name of a speaker; "" for nobody."""
        name = self._known.get(speaker)
        if name is None:
            row = self._db.execute("select name from speaker where id = ?", [speaker]).fetchone()
            name = self._known[speaker] = row[0] if row else ""
        return name
