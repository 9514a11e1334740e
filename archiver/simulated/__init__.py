"""A RealtimeKit to try and to test with: the documented API over real HTTP, invented meetings, faults.

`SimulatedSource` is its state, `serve` and `serve_in_thread` put it on a port, `SettableClock` is its
time, and `Faults` is all that can go wrong with it. Nothing else in `archiver` imports this package,
and `serve` does not mount its controls unless it is told to.
"""

from archiver.simulated.app import create_app
from archiver.simulated.clock import SettableClock
from archiver.simulated.events import EventShape, Sent, sent
from archiver.simulated.faults import (
    ArtifactFaults,
    Csv,
    ErrorShape,
    Expiry,
    Faults,
    JsonUnit,
    Layout,
    Newline,
    Operation,
    OperationFault,
    PageZero,
    PagingFaults,
    Post,
    ShapeFaults,
)
from archiver.simulated.generated import (
    awkward_meeting,
    generate_meeting,
    generate_meetings,
    marker_word,
)
from archiver.simulated.library import (
    ChatMessage,
    ChatMode,
    Meeting,
    Participant,
    SummaryMode,
    TranscriptMode,
    Utterance,
    load_meetings,
)
from archiver.simulated.server import SimulatedServer, serve, serve_in_thread
from archiver.simulated.sessions import SimulatedSession, Timing
from archiver.simulated.source import SimulatedSource

__all__ = [
    "ArtifactFaults",
    "ChatMessage",
    "ChatMode",
    "Csv",
    "ErrorShape",
    "EventShape",
    "Expiry",
    "Faults",
    "JsonUnit",
    "Layout",
    "Meeting",
    "Newline",
    "Operation",
    "OperationFault",
    "PageZero",
    "PagingFaults",
    "Participant",
    "Post",
    "Sent",
    "SettableClock",
    "ShapeFaults",
    "SimulatedServer",
    "SimulatedSession",
    "SimulatedSource",
    "SummaryMode",
    "Timing",
    "TranscriptMode",
    "Utterance",
    "awkward_meeting",
    "create_app",
    "generate_meeting",
    "generate_meetings",
    "load_meetings",
    "marker_word",
    "sent",
    "serve",
    "serve_in_thread",
]
