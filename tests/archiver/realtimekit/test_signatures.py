"""Who sent a webhook: the published key, kept, fetched again, changed, or out of reach."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from archiver.realtimekit.signatures import Check, SigningKey
from archiver.simulated import SettableClock, SimulatedSource, serve
from tests.rig import NOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BODY = b'{ "event":  "meeting.ended" }'
KEY_PATH = "/.well-known/webhooks.json"


@dataclass(slots=True)
class Sender:
    source: SimulatedSource
    key: SigningKey
    clock: SettableClock

    @property
    def fetches(self) -> int:
        return self.source.counts["webhook_key"]


@asynccontextmanager
async def sender() -> AsyncIterator[Sender]:
    clock = SettableClock(NOW)
    source = SimulatedSource(clock=clock, meetings=())
    async with serve(source):
        yield Sender(source, SigningKey(source.origin + KEY_PATH, clock), clock)


async def test_the_raw_bytes_are_what_is_signed() -> None:
    """White space and all; the key is fetched once for many."""
    async with sender() as one:
        signature = one.source.sign(BODY)
        assert await one.key.check(BODY, signature) is Check.GOOD
        assert await one.key.check(BODY, signature) is Check.GOOD
        assert await one.key.check(BODY.replace(b"  ", b" "), signature) is Check.BAD
        assert one.fetches == 1


@pytest.mark.parametrize("signature", ["", "no base64!", "AAAA", "ü", "=" * 5000])
async def test_what_is_no_signature(signature: str) -> None:
    """Is refused like a wrong one: by a key of this minute, and by nothing less."""
    async with sender() as one:
        assert await one.key.check(BODY, signature) is Check.BAD
        one.clock.advance(120)
        one.source.faults.fail("webhook_key", status=500, times=1000)
        assert await one.key.check(BODY, signature) is Check.UNKNOWN


async def test_both_alphabets_of_base64() -> None:
    """Which of them is used, the documents show by one example."""
    async with sender() as one:
        signature = one.source.sign(BODY)
        urlsafe = signature.replace("+", "-").replace("/", "_")
        assert await one.key.check(BODY, f" {urlsafe}\n") is Check.GOOD


async def test_a_key_that_was_changed_is_fetched_at_the_first_failure() -> None:
    """And by it what was signed with the new one is good; with the old one, bad."""
    async with sender() as one:
        old = one.source.sign(BODY)
        assert await one.key.check(BODY, old) is Check.GOOD
        one.clock.advance(600)
        one.source.webhooks.rotate_key()
        assert await one.key.check(BODY, one.source.sign(BODY)) is Check.GOOD
        assert await one.key.check(BODY, old) is Check.BAD
        assert one.fetches == 2


async def test_forgeries_fetch_the_key_at_most_once_a_minute() -> None:
    """However many come, each is refused by a key of this minute."""
    async with sender() as one:
        for _ in range(120):
            assert await one.key.check(BODY, "AAAA") is Check.BAD
            one.clock.advance(1)
        assert one.fetches <= 3


async def test_while_the_key_cannot_be_fetched_nothing_is_refused() -> None:
    """What the kept key proves is good; anything else is unknown, and tried at most once a minute."""
    async with sender() as one:
        signature = one.source.sign(BODY)
        one.source.faults.fail("webhook_key", status=500, times=10_000)
        assert await one.key.check(BODY, signature) is Check.UNKNOWN
        assert await one.key.check(BODY, signature) is Check.UNKNOWN
        assert one.fetches == 1
        one.source.faults.operations.clear()
        one.clock.advance(60)
        assert await one.key.check(BODY, signature) is Check.GOOD

        one.source.faults.fail("webhook_key", status=500, times=10_000)
        one.clock.advance(30 * 3600)
        assert await one.key.check(BODY, signature) is Check.GOOD
        assert await one.key.check(BODY, "AAAA") is Check.UNKNOWN


@pytest.mark.parametrize("shape", ["html", "empty", "message"])
async def test_an_answer_without_a_key(shape: str) -> None:
    """Is no key: unknown, not refused."""
    async with sender() as one:
        one.source.faults.fail("webhook_key", status=200, shape=shape)
        assert await one.key.check(BODY, one.source.sign(BODY)) is Check.UNKNOWN


async def test_no_connection() -> None:
    """Unknown as well."""
    key = SigningKey("http://127.0.0.1:9/none", SettableClock(NOW))
    assert await key.check(BODY, "AAAA") is Check.UNKNOWN


@pytest.mark.parametrize("weak", ["ed25519", "rsa-1024", "not a key"])
async def test_a_key_that_is_of_no_use(weak: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another kind, a short one, or no PEM at all: unknown."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    pem = "no key"
    if weak != "not a key":
        made = (
            ed25519.Ed25519PrivateKey.generate()
            if weak == "ed25519"
            else rsa.generate_private_key(65537, 1024)
        )
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        pem = made.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    async with sender() as one:
        monkeypatch.setattr(one.source.webhooks, "public_key", lambda: pem)
        assert await one.key.check(BODY, "AAAA") is Check.UNKNOWN


async def test_a_clock_that_was_set_back_makes_no_key_young() -> None:
    """A key fetched in what is now the future is fetched again."""
    async with sender() as one:
        assert await one.key.check(BODY, one.source.sign(BODY)) is Check.GOOD
        one.clock.advance(-7200)
        one.source.webhooks.rotate_key()
        assert await one.key.check(BODY, one.source.sign(BODY)) is Check.GOOD
