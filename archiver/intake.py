"""The taking in of webhooks: whether an event is ours, is new, and is durably noted before it is confirmed.

A webhook is a hint. Whoever has an account at the source can have one signed, so an event counts only
if it names an app of ours, or, where it names none, once the API knows its session among ours.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from enum import StrEnum
from typing import TYPE_CHECKING

from archiver.ledger import Delivery, Ledger
from archiver.realtimekit import EVENTS, SUBSCRIBED, parse_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from archiver.capture import Offers
    from archiver.clock import Clock
    from archiver.realtimekit import WebhookEvent
    from archiver.settings import Settings

#: Ids in headers are the sender's own; longer ones are cut.
HEADER_LENGTH_MAX = 100


class Verdict(StrEnum):
    """What became of an event whose signature is good."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    FOREIGN = "foreign"  #: of an app that is not ours
    IGNORED = "ignored"  #: of a kind we do not use
    UNKNOWN = "unknown"  #: of a kind nobody told us of
    MALFORMED = "malformed"  #: without an event or a session


class Intake:
    """Takes events in; `take` may be called in any thread, at any time.

    `offers` and `told` are those of a worker in the same process: it may use an event's URL at once,
    and is woken. Elsewhere the ledger alone tells it.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        offers: Offers | None = None,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._offers = offers
        self._told = told

    def take(self, body: bytes, *, webhook_id: str = "", uuid: str = "") -> Verdict:
        """Take in the event of a body whose signature is good; blocks.

        When this returns, the event, its session and its artifact are durably in the ledger. Raises
        LedgerError where that cannot be.
        """
        with closing(Ledger.open(self._settings.ledger_path, durable=True)) as ledger:
            name, verdict = self._take(ledger, body, webhook_id=webhook_id, uuid=uuid)
            ledger.events.count(name, verdict, self._clock.now())
        return verdict

    def wake(self) -> None:
        """Tell the worker of this process; to be called in its event loop."""
        self._told()

    def _take(
        self, ledger: Ledger, body: bytes, *, webhook_id: str, uuid: str
    ) -> tuple[str, Verdict]:
        try:
            event = parse_event(body)
        except ValueError:
            return "", Verdict.MALFORMED
        if event.name not in EVENTS:
            return "", Verdict.UNKNOWN
        if event.name not in SUBSCRIBED:
            return event.name, Verdict.IGNORED
        if not event.session_id:
            return event.name, Verdict.MALFORMED
        if event.app_id and not self._is_ours(ledger, event.app_id):
            return event.name, Verdict.FOREIGN
        self._offer(event)
        is_new = ledger.events.take(
            Delivery(
                name=event.name,
                app_id=event.app_id,
                session_id=event.session_id,
                artifact=event.artifact,
                body_digest=hashlib.sha256(body).hexdigest(),
                webhook_id=webhook_id[:HEADER_LENGTH_MAX],
                uuid=uuid[:HEADER_LENGTH_MAX],
            ),
            self._clock.now(),
            summary_after=self._settings.summary_wait,
        )
        return event.name, Verdict.ACCEPTED if is_new else Verdict.DUPLICATE

    def _is_ours(self, ledger: Ledger, app_id: str) -> bool:
        return app_id in (self._settings.apps or ledger.known_apps())

    def _offer(self, event: WebhookEvent) -> None:
        """Hold the URL before the artifact is due: whoever then finds it due finds the URL too."""
        if self._offers is not None and event.artifact is not None and event.url is not None:
            self._offers.put(event.session_id, event.artifact, event.url)
