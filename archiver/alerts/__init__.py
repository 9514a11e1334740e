"""Saved searches, and the calls that tell of what they find.

A saved search is a write-once record below `_archive/searches/` (`records`, `making`); processes follow
that chain (`shelf`). Which sessions it finds is the business of `search.alerts`; what was found waits in
`alerts.db` (`queue`) until its target was called: a webhook (`webhooks`, signed by `signing`) or a
command of the settings file (`programs`).
"""

from archiver.alerts.making import create_search, delete_search
from archiver.alerts.records import Search, Searches, Target
from archiver.alerts.shelf import Shelf, read_searches

__all__ = [
    "Search",
    "Searches",
    "Shelf",
    "Target",
    "create_search",
    "delete_search",
    "read_searches",
]
