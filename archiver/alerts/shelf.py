"""The saved searches there are, as the bucket tells them, read again every few seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.alerts.records import Searches
from archiver.archive import keys
from archiver.archive.following import Following, follow
from archiver.errors import SearchesStaleError

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from archiver.archive.archive import Archive
    from archiver.clock import Clock

FILE = "searches.json"


async def read_searches(archive: Archive) -> Searches:
    """Every saved search of an archive; raises RecordError or StoreError."""
    return await follow(archive, keys.SEARCHES, Searches())


class Shelf(Following[Searches]):
    """The saved searches of an archive, for a process that goes on asking."""

    def __init__(
        self, archive: Archive, folder: Path, clock: Clock, *, patience: timedelta
    ) -> None:
        super().__init__(
            archive,
            keys.SEARCHES,
            Searches(),
            copy=folder / FILE,
            clock=clock,
            patience=patience,
        )

    @property
    def known(self) -> Searches:
        """Every search, if the bucket was read lately; else raises SearchesStaleError."""
        found = self.lately
        if found is None:
            raise SearchesStaleError(
                "the saved searches cannot be read from the bucket",
                hint="nothing is lost: alerts wait until they can",
            )
        return found
