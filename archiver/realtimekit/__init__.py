"""The source: RealtimeKit's nine session operations, its apps and webhooks, and its downloads.

The documents describe the answers loosely, and they drifted (reference, sections 3, 4 and 13). So
everything here reads leniently what it needs, and keeps the exact text of what it does not:

* `slices`, `lenient`, `paging`, `results` and `payloads` are pure: text in, typed results out. A session keeps
  the slice of the answer it stood in, participants keep their pages' bodies; `session_record` sets
  both, verbatim, into the document that is archived.
* `budget` is the one window all requests of the process go through, and the pause that a 429 asks.
* `transport` sends one request and turns every failure into an error of `archiver.errors`;
  `client` is the operations. A POST is never sent twice.
* `events` reads what a webhook says, `signatures` knows who sent it.
* `addresses`, `download_rules` and `download` fetch artifacts. They know no token, and go nowhere
  but to public addresses.

Only this package imports the HTTP library.
"""

from __future__ import annotations

from archiver.realtimekit.budget import Budget, in_turn
from archiver.realtimekit.client import RealtimeKit
from archiver.realtimekit.download import Downloader
from archiver.realtimekit.events import EVENTS, SUBSCRIBED, WebhookEvent, parse_event
from archiver.realtimekit.payloads import (
    parse_saved_session,
    peer_reports_record,
    session_record,
)
from archiver.realtimekit.results import (
    App,
    DownloadUrl,
    Offer,
    ParticipantDetails,
    Participants,
    ParticipantsPage,
    PeerReport,
    SessionPage,
    SessionPayload,
    SummaryRequested,
    Webhook,
)

__all__ = [
    "EVENTS",
    "SUBSCRIBED",
    "App",
    "Budget",
    "DownloadUrl",
    "Downloader",
    "Offer",
    "ParticipantDetails",
    "Participants",
    "ParticipantsPage",
    "PeerReport",
    "RealtimeKit",
    "SessionPage",
    "SessionPayload",
    "SummaryRequested",
    "Webhook",
    "WebhookEvent",
    "in_turn",
    "parse_event",
    "parse_saved_session",
    "peer_reports_record",
    "session_record",
]
