"""Saved searches: which newly indexed sessions they find, and telling whoever wants to know.

    ledger's list ─▶ trace (what is new since when) ─▶ watch (what may match, cheaply; pure)
                                                         │
                     telling ◀─ alerts.db ◀─ deciding ◀──┘  by `Library.search`, as for everybody

An alert and a search never disagree: the same code decides both.
"""

from search.alerts.alerter import Alerter, open_alerter, run_alerts

__all__ = ["Alerter", "open_alerter", "run_alerts"]
