"""API keys, and what the records of them say; pure but for the making of a secret.

A secret is 256 random bits. Its SHA-256 is kept, which tells nobody the secret, and is compared in
constant time.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from archiver.access.reader import ROLES, Reader, Role
from archiver.archive.canonical import sha256
from archiver.archive.journal import BEGINNING, Link
from archiver.errors import RecordError
from archiver.model import format_time, is_digest, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from archiver.archive.journal import Record

SECRET = re.compile(r"rtka_[A-Za-z0-9_-]{43}\Z")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
ID_DIGITS = 16


def new_secret() -> str:
    """A key as its holder has it."""
    return f"rtka_{secrets.token_urlsafe(32)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key, without its secret."""

    name: str
    digest: str  #: SHA-256 of the secret
    role: Role
    apps: tuple[str, ...] | None  #: None: every app
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def id(self) -> str:
        """What it is called in records: the beginning of its digest."""
        return self.digest[:ID_DIGITS]

    def is_usable(self, now: datetime) -> bool:
        """Whether it lets anybody in."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def state(self, now: datetime) -> str:
        """In one word."""
        if self.revoked_at is not None:
            return "revoked"
        return "usable" if self.is_usable(now) else "expired"

    @property
    def reader(self) -> Reader:
        """Whoever comes with it."""
        return Reader(kind="key", name=self.name, role=self.role, apps=self.apps, id=self.id)

    def document(self) -> dict[str, Any]:
        """As the record that made it, and the cache, tell of it."""
        return {
            "id": self.id,
            "name": self.name,
            "digest": self.digest,
            "role": str(self.role),
            "apps": None if self.apps is None else list(self.apps),
            "created_at": format_time(self.created_at),
            "expires_at": _text(self.expires_at),
            "revoked_at": _text(self.revoked_at),
        }

    def shown(self, now: datetime, used_at: datetime | None) -> dict[str, Any]:
        """As whoever manages keys is told of it: without its digest."""
        document = {name: each for name, each in self.document().items() if name != "digest"}
        return {**document, "state": self.state(now), "last_used_at": _text(used_at)}


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)


def key_of(document: Mapping[str, Any]) -> ApiKey:
    """The key a document tells of; raises ValueError, KeyError or TypeError."""
    apps, role, digest = document["apps"], Role(document["role"]), document["digest"]
    if role not in ROLES or not is_digest(digest) or not NAME.match(document["name"]):
        raise ValueError("a key that is none of ours")
    if apps is not None and not (apps and all(isinstance(each, str) for each in apps)):
        raise ValueError("a key without apps")
    return ApiKey(
        name=document["name"],
        digest=digest,
        role=role,
        apps=None if apps is None else tuple(apps),
        created_at=parse_time(document["created_at"]),
        expires_at=_moment(document["expires_at"]),
        revoked_at=_moment(document["revoked_at"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Every key there ever was, up to a place in the chain of their records."""

    head: Link = BEGINNING
    by_id: Mapping[str, ApiKey] = field(default_factory=dict)

    def following(self, record: Record) -> Keys:
        """With what the next record says; raises RecordError where it cannot be understood.

        A record that is not understood may revoke a key, so nothing is guessed.
        """
        try:
            key = self._told(record.body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RecordError(f"{record.key} tells of no key: {error}", key=record.key) from None
        return Keys(head=record.link, by_id={**self.by_id, key.id: key})

    def _told(self, body: Mapping[str, Any]) -> ApiKey:
        match body["event"]:
            case "created":
                return key_of(body["key"])
            case "revoked":
                return replace(self.by_id[body["id"]], revoked_at=parse_time(body["at"]))
            case _:
                raise ValueError("an event that this release does not know")

    def documents(self) -> list[dict[str, Any]]:
        """Every key, as the copy tells of it."""
        return [each.document() for each in self.by_id.values()]

    @classmethod
    def of_documents(cls, head: Link, documents: list[dict[str, Any]]) -> Self:
        """What a copy tells; raises ValueError, KeyError, TypeError or AttributeError."""
        found = [key_of(each) for each in documents]
        return cls(head=head, by_id={each.id: each for each in found})

    def find(self, secret: str) -> ApiKey | None:
        """The key with this secret, usable or not."""
        digest = sha256(secret.encode())
        key = self.by_id.get(digest[:ID_DIGITS])
        return key if key is not None and hmac.compare_digest(key.digest, digest) else None

    def named(self, name: str) -> ApiKey | None:
        """The key of this name that is not revoked; there is at most one."""
        found = (each for each in self.by_id.values() if each.name == name)
        return next((each for each in found if each.revoked_at is None), None)

    def any_usable(self, now: datetime) -> bool:
        """Whether any key lets anybody in."""
        return any(each.is_usable(now) for each in self.by_id.values())


def created(key: ApiKey) -> dict[str, Any]:
    """What the record says that makes a key."""
    return {"event": "created", "key": key.document()}


def revoked(key: ApiKey, at: datetime) -> dict[str, Any]:
    """What the record says that revokes one."""
    return {"event": "revoked", "id": key.id, "at": format_time(at)}
