"""Whether our clock agrees with the source's, by the Date of its answers.

What a deadline decides is decided for good, so a clock that is wrong must decide nothing.
"""

from __future__ import annotations

from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

#: A clock further off than this is wrong.
OFF_MAX = timedelta(seconds=60)
#: A comparison older than this, by the clock that is in question, says nothing any more.
FRESH = timedelta(minutes=10)
#: A Date names a whole second.
_RESOLUTION = timedelta(seconds=1)


class Timekeeping:
    """The last comparison of the two clocks."""

    def __init__(self) -> None:
        self._compared_at: datetime | None = None
        self._agreed = False
        #: How far theirs was ahead of ours, to half a second; None until an answer told the time.
        self.offset: timedelta | None = None
        #: By how much that may be wrong, since the answer was under way for some time.
        self.doubt = timedelta()

    def compare(self, date: str, before: datetime, after: datetime) -> None:
        """Take note of an answer's Date header, and of our time when it was asked for and when it came.

        An answer without a readable Date says that the source was there, and nothing against our clock.
        """
        self._compared_at = after
        try:
            theirs = parsedate_to_datetime(date)
            self.offset = theirs + _RESOLUTION / 2 - (before + (after - before) / 2)
            self.doubt = (after - before) / 2
            self._agreed = before - OFF_MAX - _RESOLUTION <= theirs <= after + OFF_MAX
        except (ValueError, TypeError, OverflowError):
            self._agreed = True

    def agrees(self, now: datetime) -> bool:
        """Whether our clock was found right just now."""
        compared_at = self._compared_at
        return self._agreed and compared_at is not None and abs(now - compared_at) <= FRESH
