"""The ledger: a view of the work that can be deleted and made again from the bucket and the source.

What it alone knows are counts. `rows` says what its rows mean, `reader` answers questions, `ledger`
takes news. It holds ids, times, outcomes and digests: no name, title or URL.
"""

from archiver.ledger.events import Delivery, Events, Heard, Told
from archiver.ledger.ledger import Found, Ledger
from archiver.ledger.reader import LedgerReader
from archiver.ledger.rows import (
    BUDGET_LEFT,
    BUDGET_PAUSE,
    EVERYTHING,
    FIXITY_FAILURES,
    LISTED,
    UNDERLOCKED,
    VERIFIED,
    WHOLE,
    WORKER_SEEN,
    InventoryLine,
    Range,
    SessionState,
    Share,
    Vital,
    Waiting,
)

__all__ = [
    "BUDGET_LEFT",
    "BUDGET_PAUSE",
    "EVERYTHING",
    "FIXITY_FAILURES",
    "LISTED",
    "UNDERLOCKED",
    "VERIFIED",
    "WHOLE",
    "WORKER_SEEN",
    "Delivery",
    "Events",
    "Found",
    "Heard",
    "InventoryLine",
    "Ledger",
    "LedgerReader",
    "Range",
    "SessionState",
    "Share",
    "Told",
    "Vital",
    "Waiting",
]
