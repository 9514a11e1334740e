"""Saved searches, and what the records of them say; pure but for the making of an id.

The query is kept as the query language writes it, and is just a text here.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from archiver.archive.journal import BEGINNING, Link
from archiver.errors import RecordError
from archiver.model import format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from archiver.archive.journal import Record

ID = re.compile(r"[0-9a-f]{32}\Z")
NAME_MAX = 100
URL_MAX = 2000
#: Searches of one key that are not deleted, and of the command line.
OWNED_MAX = 10_000
WEBHOOK, COMMAND = "webhook", "command"
MATCHES = ("all", "best")


def new_id() -> str:
    """The id of another search."""
    return secrets.token_hex(16)


def is_name(text: str) -> bool:
    """Whether a search may be called so: something that can be written, and is not too long."""
    return bool(text.strip()) and text.isprintable() and len(text) <= NAME_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is called."""

    kind: str  #: webhook or command
    to: str  #: the webhook's URL, or the command's name in the settings file

    @property
    def shown(self) -> str:
        """Without what a URL may hold of a secret: its host, or the command's name."""
        return (urlsplit(self.to).hostname or "") if self.kind == WEBHOOK else self.to


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One saved search."""

    id: str
    name: str
    query: str  #: in normal form
    match: str  #: all or best
    key_id: str  #: whose it is; "" where it was made without a key, and sees every app
    key_name: str
    target: Target
    created_at: datetime

    def document(self) -> dict[str, Any]:
        """As the record that made it, and the copy, tell of it."""
        return {
            "id": self.id,
            "name": self.name,
            "query": self.query,
            "match": self.match,
            "key": {"id": self.key_id, "name": self.key_name} if self.key_id else None,
            "target": {"kind": self.target.kind, "to": self.target.to},
            "created_at": format_time(self.created_at),
        }


def search_of(document: Mapping[str, Any]) -> Search:
    """The search a document tells of; raises ValueError, KeyError, TypeError or AttributeError."""
    key = document["key"] or {"id": "", "name": ""}
    target = Target(kind=document["target"]["kind"], to=document["target"]["to"])
    texts = (document["name"], document["query"], key["id"], key["name"], target.to)
    if not ID.match(document["id"]) or not all(isinstance(each, str) for each in texts):
        raise ValueError("a search that is none of ours")
    if target.kind not in {WEBHOOK, COMMAND} or document["match"] not in MATCHES:
        raise ValueError("a search that this release does not know")
    return Search(
        id=document["id"],
        name=document["name"],
        query=document["query"],
        match=document["match"],
        key_id=key["id"],
        key_name=key["name"],
        target=target,
        created_at=parse_time(document["created_at"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Searches:
    """Every search that is not deleted, up to a place in the chain of their records."""

    head: Link = BEGINNING
    by_id: Mapping[str, Search] = field(default_factory=dict)

    def following(self, record: Record) -> Self:
        """With what the next record says; raises RecordError where it cannot be understood.

        A record that is not understood may delete a search, so nothing is guessed.
        """
        try:
            by_id = self._told(record.body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            told = f"{record.key} tells of no saved search: {error}"
            raise RecordError(told, key=record.key) from None
        return replace(self, head=record.link, by_id=by_id)

    def _told(self, body: Mapping[str, Any]) -> Mapping[str, Search]:
        match body["event"]:
            case "created":
                search = search_of(body["search"])
                return {**self.by_id, search.id: search}
            case "deleted":
                gone = self.by_id[body["id"]]
                parse_time(body["at"])
                return {name: each for name, each in self.by_id.items() if name != gone.id}
            case _:
                raise ValueError("an event that this release does not know")

    def documents(self) -> list[dict[str, Any]]:
        """Every search, as the copy tells of it."""
        return [each.document() for each in self.by_id.values()]

    @classmethod
    def of_documents(cls, head: Link, documents: list[dict[str, Any]]) -> Self:
        """What a copy tells; raises ValueError, KeyError, TypeError or AttributeError."""
        found = [search_of(each) for each in documents]
        return cls(head=head, by_id={each.id: each for each in found})

    def owned(self, key_id: str) -> list[Search]:
        """The searches of a key, or those made without one."""
        return [each for each in self.by_id.values() if each.key_id == key_id]


def created(search: Search) -> dict[str, Any]:
    """What the record says that makes a search."""
    return {"event": "created", "search": search.document()}


def deleted(search: Search, at: datetime) -> dict[str, Any]:
    """What the record says that deletes one."""
    return {"event": "deleted", "id": search.id, "at": format_time(at)}
