"""When each key was last used: known on this machine alone, and to the minute."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.archive.canonical import canonical_json
from archiver.filesystems import replace_private
from archiver.model import format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from archiver.clock import Clock

log = logging.getLogger("archiver.access")

FILE = "last-used.json"
WRITTEN_EVERY = timedelta(minutes=1)


class Usage:
    """The last use of each key, by its id."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._path = folder / FILE
        self._clock = clock
        self._seen: dict[str, datetime] = {}
        self._written_at: datetime | None = None

    def note(self, key_id: str, now: datetime) -> None:
        """A key was used."""
        self._seen[key_id] = now

    def flush(self, *, at_once: bool = False) -> None:
        """Write down what was noted, once a minute at most unless it is the last time."""
        now, before = self._clock.now(), self._written_at
        early = before is not None and abs(now - before) < WRITTEN_EVERY and not at_once
        if not self._seen or early:
            return
        merged = dict(self.read())
        for key_id, moment in self._seen.items():  # other processes write here as well
            merged[key_id] = max(moment, merged.get(key_id, moment))
        document = {key_id: format_time(moment) for key_id, moment in merged.items()}
        try:
            replace_private(self._path, canonical_json(document))
        except OSError as error:
            log.warning("usage.unwritten", extra={"error": error.strerror})
            return
        self._seen, self._written_at = {}, now

    def read(self) -> Mapping[str, datetime]:
        """What is written down."""
        try:
            document = json.loads(self._path.read_bytes())
            return {str(name): parse_time(text) for name, text in document.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}
