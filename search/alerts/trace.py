"""When the index stood where, as it was seen: which sessions came in after a search was made; pure.

The index keeps no times of its own, and a session may be indexed long after it was committed. What was
seen every few seconds tells between which two looks a session was indexed.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

#: A search that was made so shortly after a look is taken for one that was there already.
CLOSE_MS = 10_000
#: Looks that are remembered, of each app: an hour of news at least.
_KEPT = 2_000


@dataclass(slots=True)
class _Look:
    first_at_ms: int
    last_at_ms: int
    seq: int


@dataclass(slots=True)
class Trace:
    """The looks at one app's index, under one epoch of the ledger."""

    epoch: str
    _looks: list[_Look] = field(default_factory=list)

    def saw(self, seq: int, at_ms: int) -> None:
        """At this moment the index stood here."""
        last = self._looks[-1] if self._looks else None
        if last is not None and last.seq == seq:
            last.last_at_ms = max(last.last_at_ms, at_ms)
        elif last is None or last.seq < seq:
            self._looks.append(_Look(at_ms, at_ms, seq))
            del self._looks[:-_KEPT]

    def stood_at(self, moment_ms: int) -> int | None:
        """Where the index stood at the last look that was no later; None where none was so early."""
        before = [each for each in self._looks if each.first_at_ms <= moment_ms]
        return before[-1].seq if before else None

    def seen_at(self, seq: int) -> int:
        """When the index was last seen to stand no further than here; 0 where it never was."""
        return max((each.last_at_ms for each in self._looks if each.seq <= seq), default=0)

    def is_news(self, seq: int, committed_at_ms: int, made_at_ms: int) -> bool:
        """Whether what stands here in the list came in after a search was made."""
        if committed_at_ms >= made_at_ms:
            return True
        at = bisect_left(self._looks, seq, key=lambda each: each.seq)
        if at < len(self._looks) and self._looks[at].first_at_ms < made_at_ms:
            return False  # by then it had been indexed
        return at > 0 and made_at_ms <= self._looks[at - 1].last_at_ms + CLOSE_MS
