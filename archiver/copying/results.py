"""What came of moving an archive: what was copied, and what could not be, by key."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from archiver.model import format_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

#: More than this are counted and not named: a record and a result stay readable.
NAMED_MAX = 10_000
RECORDED_MAX = 100


class Trouble(StrEnum):
    """Why an object was not copied."""

    CORRUPT = "corrupt"  #: its bytes are not those its digest is of
    MISSING = "missing"  #: an inventory names it, and it is not there
    CHAIN = "chain"  #: a record is missing, unreadable, or not linked to the one before
    CONFLICT = "conflict"  #: the other side holds something else under this key
    UNEXPLAINED = "unexplained"  #: nothing says why it is there
    UNLOCKED = "unlocked"  #: the other side does not keep it as long, or as strictly


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One object that was not copied, or not as it should be."""

    key: str
    trouble: Trouble
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.trouble}: {self.key} {self.detail}".rstrip()


class Problems:
    """The problems so far: all of them counted, the first of them named."""

    def __init__(self) -> None:
        self.named: list[Problem] = []
        self.count = 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.named)

    def add(self, problems: Iterable[Problem]) -> None:
        """Take note of these."""
        for each in problems:
            self.count += 1
            if len(self.named) < NAMED_MAX:
                self.named.append(each)

    def documents(self, limit: int = NAMED_MAX) -> list[dict[str, str]]:
        """As answers and records tell of them."""
        return [{"key": each.key, "problem": each.trouble} for each in self.named[:limit]]


@dataclass(slots=True)
class Moved:
    """What came of one folder, journal or object."""

    copied: list[tuple[str, str]] = field(default_factory=list)  #: key and digest
    copied_bytes: int = 0
    found: int = 0  #: there already, read, and the same
    passed: int = 0  #: there already, and checked by an earlier copy
    unlocked: int = 0  #: put without the lock they are under, as it was asked for
    only_there: int = 0
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class Copied:
    """What came of a whole copy, or of a repair."""

    source: str
    target: str
    started_at: datetime
    finished_at: datetime | None = None
    sessions: int = 0
    copied: int = 0
    copied_bytes: int = 0
    found: int = 0
    passed: int = 0
    unlocked: int = 0
    only_there: int = 0
    left: int = 0  #: seals that were made meanwhile: for the next copy
    problems: Problems = field(default_factory=Problems)
    record: str = ""  #: the key of the record of this copy; "" where nothing was done
    _listed: Any = field(default_factory=sha256, repr=False)

    def add(self, moved: Moved) -> None:
        """Count what came of a part; parts come in the order of their keys."""
        for key, digest in sorted(moved.copied):
            self._listed.update(f"{digest}  {key}\n".encode())
        self.copied += len(moved.copied)
        self.copied_bytes += moved.copied_bytes
        self.found += moved.found
        self.passed += moved.passed
        self.unlocked += moved.unlocked
        self.only_there += moved.only_there
        self.problems.add(moved.problems)

    @property
    def did_something(self) -> bool:
        """Whether there is anything that a record would tell."""
        return bool(self.copied or self.found or self.problems)

    def body(self, what: str) -> dict[str, Any]:
        """What the record of it says."""
        return {
            "what": what,
            "from": self.source,
            "to": self.target,
            "started_at": format_time(self.started_at),
            "finished_at": format_time(self.finished_at or self.started_at),
            "sessions": self.sessions,
            "copied": self.copied,
            "copied_bytes": self.copied_bytes,
            "copied_digest": self._listed.hexdigest(),
            "found": self.found,
            "passed": self.passed,
            "unlocked": self.unlocked,
            "problems": self.problems.count,
            "first_problems": self.problems.documents(RECORDED_MAX),
        }

    def document(self) -> dict[str, Any]:
        """What a command answers."""
        return {
            "from": self.source,
            "to": self.target,
            "sessions": self.sessions,
            "copied": self.copied,
            "copied_bytes": self.copied_bytes,
            "found": self.found,
            "passed": self.passed,
            "unlocked": self.unlocked,
            "only_there": self.only_there,
            "left": self.left,
            "record": self.record,
            "problems": self.problems.documents(),
            "problem_count": self.problems.count,
        }
