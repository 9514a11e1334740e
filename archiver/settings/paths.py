"""What lies where in the data folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Paths:
    """The places below a data folder."""

    data: Path

    @property
    def spool(self) -> Path:
        """Where downloads under way lie."""
        return self.data / "spool"

    @property
    def ledger_path(self) -> Path:
        return self.data / "ledger.db"

    @property
    def index_path(self) -> Path:
        return self.data / "index"

    @property
    def audit_path(self) -> Path:
        """Where the record of reads is written."""
        return self.data / "audit"
