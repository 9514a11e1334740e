"""Capture: one session, one attempt.

`fetching` gets an artifact's bytes, `offers` holds the URLs that webhooks brought, `summaries` asks for
what is not made by itself, `commits` writes the inventory, `maker` says who writes, and `capture`
orders it all: ask, download, digest, store, record.
"""

from archiver.capture.capture import Attempt, Capture
from archiver.capture.commits import Commits
from archiver.capture.fetching import Fetching
from archiver.capture.maker import Maker
from archiver.capture.offers import Offers
from archiver.capture.summaries import SummaryRequests

__all__ = ["Attempt", "Capture", "Commits", "Fetching", "Maker", "Offers", "SummaryRequests"]
