"""What a pass of the worker did: for people, and for the exit code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.model import Outcome

if TYPE_CHECKING:
    from archiver.capture import Attempt


@dataclass(slots=True)
class Report:
    """What a pass did: for people, and for the exit code."""

    apps: int = 0
    listed: int = 0
    malformed: int = 0  #: rows of the source's lists that could not be read
    new: int = 0
    attempted: int = 0
    settled: int = 0
    pending: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    problems: dict[str, str] = field(default_factory=dict)  #: by session id
    damaged: int = 0  #: sessions whose records in the bucket contradict each other

    def add(self, attempt: Attempt) -> None:
        """Count an attempt, and the outcomes it brought."""
        self.attempted += 1
        self.settled += attempt.settled
        self.pending += not attempt.settled
        for artifact, state in attempt.states.items():
            before = attempt.before.get(artifact)
            if before is None or before.outcome is not state.outcome:
                self.outcomes[state.outcome] += 1

    @property
    def lost(self) -> int:
        return self.outcomes[Outcome.LOST]
