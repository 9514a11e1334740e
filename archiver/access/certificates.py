"""The keys a Cloudflare Access team signs with, fetched from where it publishes them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp

from archiver.errors import KeysStaleError

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.clock import Clock

#: Keys are used this long before they are fetched again, and longer only while they cannot be.
AGE_MAX = timedelta(hours=1)
#: A key that is not known has them fetched again, but no sooner than this after the last time.
REFETCH_MIN = timedelta(minutes=1)
#: By then a key that a team has withdrawn signs nothing any more.
USED_MAX = timedelta(hours=24)
TIMEOUT_S = 5.0
BODY_BYTES_MAX = 256 * 1024

#: What the team publishes of each key, by its id.
Published = dict[str, dict[str, Any]]


@dataclass(slots=True)
class TeamKeys:
    """The keys of one team."""

    issuer: str
    clock: Clock
    trust_env: bool = False
    _keys: Published = field(default_factory=dict)
    _fetched_at: datetime | None = None
    _tried_at: datetime | None = None
    _fetching: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, key_id: str) -> dict[str, Any] | None:
        """The key of this id, as it is published; None where the team has none.

        Raises KeysStaleError where the keys cannot be had.
        """
        async with self._fetching:
            if self._is_older(self._fetched_at, AGE_MAX) or key_id not in self._keys:
                await self._refetch()
            if self._is_older(self._fetched_at, USED_MAX):
                raise KeysStaleError("the keys of the Cloudflare Access team cannot be fetched")
            return self._keys.get(key_id)

    def _is_older(self, moment: datetime | None, age: timedelta) -> bool:
        # A clock that was set back makes nothing newer.
        return moment is None or abs(self.clock.now() - moment) > age

    async def _refetch(self) -> None:
        if not self._is_older(self._tried_at, REFETCH_MIN):
            return
        self._tried_at = self.clock.now()
        found = await self._fetch()
        if found is not None:
            self._keys, self._fetched_at = found, self._tried_at

    async def _fetch(self) -> Published | None:
        """What is published now; None for whatever goes wrong."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=self.trust_env) as session,
                session.get(f"{self.issuer}/cdn-cgi/access/certs", allow_redirects=False) as answer,
            ):
                body = b""
                async for chunk in answer.content.iter_chunked(BODY_BYTES_MAX):
                    body += chunk
                    if len(body) > BODY_BYTES_MAX:
                        return None
                return _published(body) if answer.status == 200 else None
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None


def _published(body: bytes) -> Published | None:
    try:
        keys = json.loads(body)["keys"]
        return {str(each["kid"]): each for each in keys if each.get("kty") == "RSA"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
