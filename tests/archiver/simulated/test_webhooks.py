"""Webhook registrations, the published key, and signatures."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.archiver.simulated.api import Api

HOOK = {"name": "Archive", "url": "https://example.com/hook", "events": ["meeting.ended"]}


async def test_registration(api: Api) -> None:
    """A webhook can be made, listed, read, edited, replaced and deleted."""
    made = await api.app("/webhooks", "POST", json=HOOK)
    path = f"/webhooks/{made.data['id']}"
    edited = await api.app(path, "PATCH", json={"enabled": False})
    replaced = await api.app(path, "PUT", json={**HOOK, "name": "Other"})

    assert made.status == 201
    assert (made.data["enabled"], edited.data["enabled"]) == (True, False)
    assert replaced.data["name"] == "Other"
    assert (await api.app("/webhooks")).data == [(await api.app(path)).data]
    assert (await api.app(path, "DELETE")).status == 200
    assert (await api.app("/webhooks")).data == []
    assert (await api.app(path)).status == 404


async def test_bad_registrations(api: Api) -> None:
    """A registration without what it needs, or for unknown events, is refused."""
    bodies = [{**HOOK, "events": ["meeting.exploded"]}, {"name": "x"}, ["x"]]

    assert [(await api.app("/webhooks", "POST", json=body)).status for body in bodies] == [400] * 3
    assert (await api.app("/webhooks", "POST", data=b"{")).status == 400


async def test_events(api: Api) -> None:
    """The names of all events can be had."""
    assert "meeting.transcript" in (await api.app("/webhooks/all")).data


async def test_signature(api: Api) -> None:
    """A signature verifies with the published key, until the key is changed."""
    crypto = pytest.importorskip("cryptography.exceptions", reason="cryptography is not installed")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    async def verify(signature: str, body: bytes) -> None:
        answer = await api.send("GET", f"{api.server.origin}/.well-known/webhooks.json")
        key = serialization.load_pem_public_key(answer.data["publicKey"].encode())
        assert isinstance(key, rsa.RSAPublicKey)
        key.verify(base64.b64decode(signature), body, padding.PKCS1v15(), hashes.SHA256())

    signature = api.source.sign(b'{"event": "meeting.ended"}')
    await verify(signature, b'{"event": "meeting.ended"}')
    with pytest.raises(crypto.InvalidSignature):
        await verify(signature, b'{"event":"meeting.ended"}')
    api.source.webhooks.rotate_key()
    with pytest.raises(crypto.InvalidSignature):
        await verify(signature, b'{"event": "meeting.ended"}')


async def test_key_faults(api: Api) -> None:
    """The published key may not be had for a while."""
    api.source.faults.fail("webhook_key", status=503)

    assert (await api.send("GET", f"{api.server.origin}/.well-known/webhooks.json")).status == 503
