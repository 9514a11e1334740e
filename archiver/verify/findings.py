"""What a verification read and found: for people, for programs, and for the record of it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Any

from archiver.ledger import FIXITY_FAILURES, VERIFIED, Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from archiver.archive.archive import Archive

#: More than so many lines of one kind help nobody: the rest is counted.
KEPT_MAX = 10_000
#: So many findings are named in a report that is kept.
REPORTED_MAX = 1_000


class Damage(StrEnum):
    """What can be wrong with an object."""

    MISSING = "missing"  #: a record names it, and it is not there
    CORRUPT = "corrupt"  #: its bytes are not those its digest is of
    CHAIN = "chain"  #: a record that cannot be read, or is not linked to the one before
    LATER_VERSION = "later-version"  #: something was written or deleted on top of it
    RETENTION = "retention"  #: it is locked less than its record says
    UNEXPLAINED = "unexplained"  #: nothing says why it is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, by key."""

    key: str
    damage: Damage
    detail: str = ""


@dataclass(slots=True)
class Verification:
    """What a verification read, and what it found."""

    sessions: int = 0
    objects: int = 0
    size_bytes: int = 0
    locked: int = 0  #: objects that were found under a lock
    damaged: int = 0  #: findings, those beyond `KEPT_MAX` included
    skipped_sessions: int = 0  #: left out by sampling: not checked
    seal: str = ""  #: the last seal the bucket was held against, SEQ:DIGEST
    sealed_sessions: int = 0  #: sessions that seals name
    started_at: str = ""
    finished_at: str = ""  #: "" until it is
    resumed: int = 0  #: how often it was interrupted and went on
    unreferenced: list[str] = field(default_factory=list)  #: whole, but no record names it
    unknown: list[str] = field(default_factory=list)  #: written by a later release
    uploads: list[str] = field(default_factory=list)  #: in parts, begun and never finished
    not_checked: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def accuse(self, key: str, damage: Damage, detail: str = "") -> None:
        """Take note of one thing that is wrong."""
        self.damaged += 1
        if len(self.findings) < KEPT_MAX:
            self.findings.append(Finding(key=key, damage=damage, detail=detail))

    def add(self, part: Verification) -> None:
        """Take in what was found in one part of the bucket."""
        self.sessions += part.sessions
        self.objects += part.objects
        self.size_bytes += part.size_bytes
        self.locked += part.locked
        self.damaged += part.damaged
        self.skipped_sessions += part.skipped_sessions
        for name in ("unreferenced", "unknown", "uploads", "not_checked", "findings"):
            kept: list[Any] = getattr(self, name)
            kept += getattr(part, name)[: KEPT_MAX - len(kept)]

    def document(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)

    def report(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        """For the record that is kept in the bucket."""
        document = self.document()
        for name in ("unreferenced", "unknown", "uploads", "not_checked", "findings"):
            document[name] = {"count": len(document[name]), "first": document[name][:REPORTED_MAX]}
        document["findings"]["count"] = self.damaged
        return {"scope": dict(scope), "result": document}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Verification:
        """What `document` gave."""
        findings = [
            Finding(key=each["key"], damage=Damage(each["damage"]), detail=each["detail"])
            for each in document["findings"]
        ]
        return cls(**{**document, "findings": findings})


def summary_lines(result: Verification) -> list[str]:
    """The findings, a line each, damage first."""
    damage = (f"{each.damage}: {each.key} {each.detail}".rstrip() for each in result.findings)
    more = result.damaged - len(result.findings)
    return list(
        chain(
            damage,
            [f"and {more} more"] * bool(more),
            _told("unreferenced (no damage)", result.unreferenced),
            _told("unfinished upload (no damage)", result.uploads),
            _told("written by a later release", result.unknown),
            _told("not checked", result.not_checked),
        )
    )


def _told(what: str, lines: Iterable[str]) -> Iterable[str]:
    return (f"{what}: {each}" for each in lines)


def note_result(result: Verification, archive: Archive, ledger: Path, now: datetime) -> None:
    """Take note of a whole verification in the ledger of this archive, if there is one.

    Raises LedgerError where it cannot be used.
    """
    if not ledger.exists():
        return
    with closing(Ledger.open(ledger)) as opened:
        if opened.about("archive") == archive.id:
            note_in(opened, result, now)


def note_in(ledger: Ledger, result: Verification, now: datetime) -> None:
    """Take note of a whole verification."""
    ledger.note(FIXITY_FAILURES, result.damaged, now)
    ledger.note(VERIFIED, now.timestamp(), now)
