"""Download URLs that webhooks brought: in memory, used once, and never written anywhere."""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.clock import Clock
    from archiver.model import ArtifactId, SessionId
    from archiver.realtimekit import DownloadUrl

OFFERS_MAX = 5_000
#: Whoever did not use a URL by then asks the source for a new one.
AGE_MAX = timedelta(hours=1)


class Offers:
    """The URLs of artifacts that were told of and not fetched yet."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: OrderedDict[tuple[str, ArtifactId], tuple[DownloadUrl, datetime]] = (
            OrderedDict()
        )

    def put(self, session_id: str, artifact: ArtifactId, url: DownloadUrl) -> None:
        """Hold a URL; of several the last one counts."""
        self._held.pop((session_id, artifact), None)
        self._held[session_id, artifact] = (url, self._clock.now())
        while len(self._held) > OFFERS_MAX:
            self._held.popitem(last=False)

    def holds(self, session_id: SessionId, artifact: ArtifactId) -> bool:
        """Whether there is a URL for it."""
        return (session_id.session_id, artifact) in self._held

    def take(self, session_id: SessionId, artifact: ArtifactId) -> DownloadUrl | None:
        """The URL, which is then no longer held; None where there is none, or it is too old."""
        url, held_at = self._held.pop((session_id.session_id, artifact), (None, self._clock.now()))
        return url if abs(self._clock.now() - held_at) <= AGE_MAX else None
