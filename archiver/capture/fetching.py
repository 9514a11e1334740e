"""An artifact's bytes: asked for, downloaded whole into a private file, and never half."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import tenacity

from archiver.errors import DownloadError, DownloadExpiredError, DownloadInterruptedError
from archiver.model import CHAT, SUMMARY, ArtifactId, Fetched, SessionId
from archiver.realtimekit import peer_reports_record, session_record
from archiver.retries import retried

if TYPE_CHECKING:
    from archiver.capture.offers import Offers
    from archiver.clock import Clock
    from archiver.realtimekit import Downloader, DownloadUrl, Offer, RealtimeKit

log = logging.getLogger("archiver.capture")

DOWNLOAD_TRIES = 3

#: The status of the source's last answer, and the bytes, or None where it says that there are none.
Answered = tuple[str, Fetched | None]


class Fetching:
    """Fetches what a session's artifacts are; raises SourceError, DownloadError or StoreError."""

    def __init__(
        self,
        *,
        source: RealtimeKit,
        downloader: Downloader,
        base_url: str,
        clock: Clock,
        offers: Offers,
    ) -> None:
        self._source = source
        self._downloader = downloader
        self._host = urlsplit(base_url).hostname or ""
        self._clock = clock
        self.offers = offers

    def clock_agrees(self) -> bool:
        """Whether our clock was found just now to agree with the source's."""
        return self._source.clock_agrees(self._clock.now())

    async def session_record(self, session_id: SessionId, listed: str) -> Answered:
        """The session and its participants, as the source sends them.

        `listed` is the session's own text as a listing showed it after its end, which saves asking
        for it; "" where none did.
        """
        app_id, name = session_id.app_id, session_id.session_id
        session = listed or (await self._source.session(app_id, name)).raw
        participants = await self._source.participants(app_id, name)
        return "200", self._made(session_record(session, participants.pages))

    async def peer_reports(self, session_id: SessionId) -> Answered:
        """The report of every peer: one request for each."""
        app_id = session_id.app_id
        participants = await self._source.participants(app_id, session_id.session_id)
        reports = [
            (await self._source.peer_report(app_id, peer_id)).raw
            for peer_id in participants.peer_ids
        ]
        return "200", self._made(peer_reports_record(reports)) if reports else None

    async def artifact(self, session_id: SessionId, artifact: ArtifactId) -> Answered:
        """A transcript, chat or summary.

        The URL a webhook brought comes first; whatever is wrong with it, the source is asked. A body
        that breaks off is fetched again; a URL that no longer works is renewed once.
        """
        told = self.offers.take(session_id, artifact)
        if told is not None:
            try:
                return "200", await self._download(told)
            except DownloadError as error:
                log.info("offer.useless", extra={"error": type(error).__name__})
        offer = await self._offer(session_id, artifact)
        if offer.url is None:
            return str(offer.status), None
        try:
            return str(offer.status), await self._download(offer.url)
        except DownloadExpiredError:
            renewed = await self._offer(session_id, artifact)
            if renewed.url is None:
                return str(renewed.status), None
            return str(renewed.status), await self._download(renewed.url)

    async def _offer(self, session_id: SessionId, artifact: ArtifactId) -> Offer:
        names = (session_id.app_id, session_id.session_id)
        if artifact == CHAT:
            return await self._source.chat(*names)
        if artifact == SUMMARY:
            return await self._source.summary(*names)
        return await self._source.transcript(*names, artifact.format)

    async def _download(self, url: DownloadUrl) -> Fetched:
        def retrying() -> tenacity.AsyncRetrying:
            return tenacity.AsyncRetrying(
                retry=tenacity.retry_if_exception_type(DownloadInterruptedError),
                wait=tenacity.wait_exponential_jitter(initial=1, max=10),
                stop=tenacity.stop_after_attempt(DOWNLOAD_TRIES),
                sleep=self._clock.sleep,
                reraise=True,
            )

        return await retried(retrying, lambda: self._downloader.fetch(url))

    def _made(self, data: bytes) -> Fetched:
        """A record that is put together here, from what the source said."""
        return Fetched(
            body=data,
            size_bytes=len(data),
            digest=hashlib.sha256(data).hexdigest(),
            media_type="application/json",
            encoding="",
            host=self._host,
            fetched_at=self._clock.now(),
        )
