"""What an export is made of: files that were written, sessions that were copied, what is wrong; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from archiver.model import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from archiver.archive.inventory import Inventory
    from archiver.model import SessionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file of the export, and the digests of what was written into it."""

    path: str  #: from the export's top; "" where it was only read
    size_bytes: int
    sha256: str
    sha512: str = ""  #: only where the layout asks for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asked for an export, when and why."""

    user: str  #: as the operating system knows them
    requested_by: str  #: as they say, "" where they do not
    reason: str
    at: datetime

    def document(self) -> dict[str, str]:
        """As the manifest has it."""
        return {
            "user": self.user,
            "requested_by": self.requested_by,
            "reason": self.reason,
            "at": format_time(self.at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """Which version of a session's inventory a seal names: it vouches for that and those before it."""

    sequence: int  #: of the seal
    digest: str  #: of the seal
    version: int  #: of the inventory

    def document(self) -> dict[str, Any]:
        """As the manifest has it."""
        return {"sequence": self.sequence, "digest": self.digest, "version": self.version}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong in the archive, by key; `damage` is a word of `verify`'s."""

    key: str
    damage: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.damage}: {self.key} {self.detail}".rstrip()

    def document(self) -> dict[str, str]:
        """As the manifest has it."""
        return {"key": self.key, "damage": self.damage, "detail": self.detail}


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """One session, as far as it could be copied."""

    session_id: SessionId
    folder: str
    newest: Inventory | None  #: of the whole part of the chain; None where nothing of it is whole
    digest: str  #: of the newest inventory
    problem: str  #: what broke the chain, "" where nothing did
    versions: Sequence[Inventory]  #: the whole part of the chain, where the layout asks for it
    written: Mapping[str, Written]  #: by the object's bare name
    unreferenced: Sequence[str]  #: whole, named by no inventory, and left behind
    findings: Sequence[Finding] = ()


@dataclass(slots=True, kw_only=True)
class Tally:
    """What an export holds, counted while it is written."""

    sessions: int = 0
    files: int = 0
    size_bytes: int = 0
    sealed: int = 0  #: sessions whose newest inventory a seal vouches for
    outcomes: dict[str, int] = field(default_factory=dict)  #: of the artifacts
    lines: dict[str, int] = field(default_factory=dict)  #: utterances, messages and summaries

    def document(self) -> dict[str, Any]:
        """As the manifest has it."""
        return {
            "sessions": self.sessions,
            "sealed": self.sealed,
            "outcomes": dict(self.outcomes),
            "lines": dict(self.lines),
        }
