"""What is told of saved searches, and what they send, as types, like those of `shapes`."""

from __future__ import annotations

from typing import Literal, TypedDict

from search.web.shapes import Card, Moment  # noqa: TC001 — read when `/openapi.json` is made


class SearchKey(TypedDict):
    """Whose a saved search is."""

    id: str
    name: str


class SearchTarget(TypedDict):
    """What is called: a webhook's URL (for an admin its host alone), or a command's name."""

    kind: str
    to: str


class SavedSearch(TypedDict):
    """A saved search, and how its alerts stand; `query` is null for an admin, who sees no content."""

    id: str
    name: str
    query: str | None
    match: str
    key: SearchKey | None
    target: SearchTarget
    created_at: str
    rests_because: str | None
    delivered: int
    pending: int
    failed: int
    last_delivered_at: str | None
    last_problem: str | None


class SavedSearches(TypedDict):
    """Saved searches, in the order in which they were made."""

    searches: list[SavedSearch]


class CreatedSearch(SavedSearch):
    """A saved search, and what its webhooks are signed with, which is shown this once."""

    secret: str


class DeletedSearch(TypedDict):
    """A saved search that is no more."""

    id: str
    name: str


class AlertedSearch(TypedDict):
    """The saved search that found a session."""

    id: str
    name: str
    query: str


class Alert(TypedDict):
    """What is sent to a webhook, or written to a command: a session that a saved search has found."""

    type: Literal["session.matched"]
    version: Literal[1]
    sent_at: str
    search: AlertedSearch
    session: Card
    matches: int
    moments: list[Moment]
