"""People who signed in with a key: who they are, for how long, and that it is their own page that asks.

The cookie is a random word, and never the key; here only its digest is kept, in memory: whoever starts
the endpoint anew signs everybody out.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.archive.canonical import sha256

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from starlette.types import Scope

    from archiver.access import ApiKey, KeyRing, Reader
    from archiver.clock import Clock

#: Over https. A browser takes this name only with Secure, from the host itself, for all its paths.
SECURE_COOKIE = "__Host-rtk"
#: On this machine over plain http, where browsers do not agree on what Secure means.
LOCAL_COOKIE = "rtk-local"
#: People that are signed in at the same time; the oldest make room.
SIGNED_IN_MAX = 10_000


@dataclass(frozen=True, slots=True)
class _SignedIn:
    key_id: str
    until: datetime


@dataclass(slots=True)
class SignedIn:
    """Everybody who is signed in."""

    keyring: KeyRing
    lifetime: timedelta
    clock: Clock
    _by_digest: dict[str, _SignedIn] = field(default_factory=dict)

    def begin(self, key: ApiKey) -> str:
        """Sign in with this key; returns the word for the cookie."""
        word = secrets.token_urlsafe(32)
        while len(self._by_digest) >= SIGNED_IN_MAX:
            del self._by_digest[next(iter(self._by_digest))]
        until = self.clock.now() + self.lifetime
        self._by_digest[sha256(word.encode())] = _SignedIn(key.id, until)
        return word

    def reader(self, word: str) -> Reader | None:
        """Whoever has this cookie, while their key lets them in; raises KeysStaleError."""
        digest = sha256(word.encode())
        found = self._by_digest.get(digest)
        if found is None:
            return None
        key = self.keyring.get(found.key_id)
        if key is None or self.clock.now() >= found.until:
            del self._by_digest[digest]
            return None
        return key.reader

    def end(self, word: str) -> None:
        """Sign out."""
        self._by_digest.pop(sha256(word.encode()), None)


def cookie_of(scope: Scope, name: str) -> str:
    """The one value of a cookie; "" where there is none, or more than one."""
    texts = [value.decode("latin-1") for each, value in scope["headers"] if each == b"cookie"]
    pairs = (pair.strip().partition("=") for text in texts for pair in text.split(";"))
    values = [value for each, _, value in pairs if each == name]
    return values[0] if len(values) == 1 else ""


def set_cookie(name: str, word: str, max_age_s: int) -> str:
    """The header that sets the cookie, or, with no word, takes it away."""
    secure = "; Secure" if name == SECURE_COOKIE else ""
    age_s = max_age_s if word else 0
    return f"{name}={word}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax{secure}"
