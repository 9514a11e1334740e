"""Who sent a webhook: the source's signature over the raw body, by the key it publishes.

RSASSA-PKCS1-v1_5 with SHA-256 (reference, 9.2). The signature proves the sender and nothing else: one
key serves every customer, and neither headers nor the time of sending are signed.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

import aiohttp
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from archiver.errors import SourceUnavailableError
from archiver.realtimekit import slices
from archiver.realtimekit.lenient import Fields, decode

if TYPE_CHECKING:
    from archiver.clock import Clock

#: A key is used this long before it is fetched again, and longer only while it cannot be.
KEY_AGE_MAX = timedelta(hours=1)
#: After a failure the key is fetched again no sooner than this.
REFETCH_MIN = timedelta(minutes=1)
TIMEOUT_S = 5.0
BODY_BYTES_MAX = 64 * 1024
KEY_BITS_MIN = 2048


class Check(Enum):
    """What is known of a signature."""

    GOOD = "good"
    BAD = "bad"  #: by a key fetched within the last minute
    UNKNOWN = "unknown"  #: the key could not be had: ask again later


@dataclass(frozen=True, slots=True)
class _Key:
    public: rsa.RSAPublicKey
    fetched_at: datetime

    def signed(self, body: bytes, signature: bytes) -> bool:
        try:
            self.public.verify(signature, body, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """The key at this URL, fetched when it is needed."""

    def __init__(self, url: str, clock: Clock, *, trust_env: bool = False) -> None:
        self._url = url
        self._clock = clock
        self._trust_env = trust_env
        self._key: _Key | None = None
        self._failed_at: datetime | None = None
        self._fetching = asyncio.Lock()

    async def check(self, body: bytes, signature: str) -> Check:
        """Whether these bytes were signed so, in base64, by the source."""
        given = _decoded(signature)
        key = await self._newer_than(KEY_AGE_MAX)
        if key is not None and key.signed(body, given):
            return Check.GOOD
        # The key may have been changed a moment ago: only a fresh one refuses.
        key = await self._newer_than(REFETCH_MIN)
        if key is None or self._age(key) > REFETCH_MIN:
            return Check.UNKNOWN
        return Check.GOOD if key.signed(body, given) else Check.BAD

    async def published_bits(self) -> int:
        """How long the key is that is published now; raises SourceUnavailableError without one."""
        return (await self._fetch()).key_size

    def _age(self, key: _Key) -> timedelta:
        # A clock that was set back makes no key younger.
        return abs(self._clock.now() - key.fetched_at)

    async def _newer_than(self, age: timedelta) -> _Key | None:
        """The key, fetched again if it is older than that; the old one where it cannot be had."""
        async with self._fetching:
            now = self._clock.now()
            if self._key is not None and self._age(self._key) <= age:
                return self._key
            if self._failed_at is None or abs(now - self._failed_at) >= REFETCH_MIN:
                try:
                    self._key = _Key(await self._fetch(), now)
                    self._failed_at = None
                except SourceUnavailableError:
                    self._failed_at = now
            return self._key

    async def _fetch(self) -> rsa.RSAPublicKey:
        """The published key; raises SourceUnavailableError for whatever goes wrong."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=self._trust_env) as session,
                session.get(self._url, allow_redirects=False) as answer,
            ):
                body = await answer.content.read(BODY_BYTES_MAX)
                while chunk := await answer.content.read(BODY_BYTES_MAX):
                    body += chunk
                    if len(body) > BODY_BYTES_MAX:
                        raise SourceUnavailableError("the webhook key is too large")
                if answer.status != 200:
                    raise SourceUnavailableError(f"the webhook key: {answer.status}")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise SourceUnavailableError("the webhook key cannot be fetched") from error
        return _parsed(body)


def _decoded(signature: str) -> bytes:
    """The signature in either alphabet of base64; what is neither is no key's signature of anything."""
    text = signature.strip().replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _parsed(body: bytes) -> rsa.RSAPublicKey:
    try:
        root = Fields(slices.parse(decode(body)).value)
        pem = Fields(root.get("data")).text("publickey") or root.text("publickey")
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, RecursionError, UnsupportedAlgorithm) as error:
        raise SourceUnavailableError("the webhook key cannot be read") from error
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < KEY_BITS_MIN:
        raise SourceUnavailableError("the webhook key is of a kind that is not used")
    return key
