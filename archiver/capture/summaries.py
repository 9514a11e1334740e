"""Asking for a summary: the intent in the bucket first, then the POST, and never twice blindly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archiver.archive.requests import request_record
from archiver.errors import SourceConflictError, SourceError, SourceUnavailableError
from archiver.schedule import Fate, SummaryRequest

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.archive.archive import Archive
    from archiver.capture.maker import Maker
    from archiver.ledger import Ledger
    from archiver.model import Session, SessionId
    from archiver.realtimekit import RealtimeKit


class SummaryRequests:
    """Sends the requests that `may_request_summary` allows."""

    def __init__(
        self, *, source: RealtimeKit, archive: Archive, ledger: Ledger, maker: Maker
    ) -> None:
        self._source = source
        self._archive = archive
        self._ledger = ledger
        self._maker = maker

    async def ask(self, session: Session, number: int, now: datetime) -> dict[int, SummaryRequest]:
        """Record the intent, then POST; whoever's record is refused does not POST.

        Returns what is known of the session's requests afterwards, by number.
        """
        record = request_record(self._archive.id, session, number, self._maker.made(now))
        if await self._archive.claim_summary(session, number, record):
            request = SummaryRequest(number=number, at=now)
            self._ledger.record_request(session.id, request)
            known = {number: replace(request, fate=await self._post(session.id))}
        else:
            recorded = await self._archive.summary_requests(session)
            known = {each: SummaryRequest(number=each, at=at) for each, at in recorded.items()}
        for request in known.values():
            self._ledger.record_request(session.id, request)
        return known

    async def _post(self, session_id: SessionId) -> Fate:
        """POST once, and tell what is known of it."""
        try:
            await self._source.request_summary(session_id.app_id, session_id.session_id)
        except SourceConflictError:
            return Fate.UNKNOWN
        except SourceUnavailableError as error:
            return Fate.UNKNOWN if error.sent else Fate.NOT_STARTED
        except SourceError as error:
            started_nothing = error.status is not None and 400 <= error.status < 500
            return Fate.NOT_STARTED if started_nothing else Fate.UNKNOWN
        return Fate.ACCEPTED
