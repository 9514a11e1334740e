"""Who writes the records: one process, and what it was told to do."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.archive.canonical import made_by
from archiver.release import commit, version

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Who writes the records: one process, and what it was told to do."""

    instance: str
    command: str

    @classmethod
    def of(cls, command: str) -> Maker:
        """Whoever runs this command now, under a name of its own."""
        return cls(instance=uuid.uuid4().hex[:12], command=command)

    def made(self, now: datetime) -> dict[str, str]:
        """The `made` of a record written now."""
        return made_by(
            now, release=version(), commit=commit(), instance=self.instance, command=self.command
        )
