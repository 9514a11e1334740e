"""Webhook registrations, and the key that deliveries are signed with."""

from __future__ import annotations

import base64
import uuid
from typing import TYPE_CHECKING, Any

from archiver.model import format_time

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from archiver.clock import Clock

EVENTS = (
    "meeting.started",
    "meeting.ended",
    "meeting.participantJoined",
    "meeting.participantLeft",
    "meeting.chatSynced",
    "recording.statusUpdate",
    "livestreaming.statusUpdate",
    "meeting.transcript",
    "meeting.summary",
)
_KEY_BITS = 2048


class Webhooks:
    """The registrations of every app, and one key pair, made when it is first needed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._registered: dict[tuple[str, str], dict[str, Any]] = {}
        self._key: RSAPrivateKey | None = None

    def of(self, app_id: str) -> list[dict[str, Any]]:
        return [record for (app, _), record in self._registered.items() if app == app_id]

    def get(self, app_id: str, webhook_id: str) -> dict[str, Any] | None:
        return self._registered.get((app_id, webhook_id))

    def create(self, app_id: str, body: object) -> dict[str, Any]:
        """Register; ValueError says which field is wrong."""
        fields = _checked(body, complete=True)
        now = format_time(self._clock.now())
        webhook_id = str(uuid.uuid4())
        record = {"id": webhook_id, "enabled": True, **fields, "created_at": now, "updated_at": now}
        self._registered[app_id, webhook_id] = record
        return record

    def change(
        self, app_id: str, webhook_id: str, body: object, *, complete: bool
    ) -> dict[str, Any]:
        """Replace or edit; ValueError says which field is wrong."""
        record = self._registered[app_id, webhook_id]
        record.update(_checked(body, complete=complete))
        record["updated_at"] = format_time(self._clock.now())
        return record

    def delete(self, app_id: str, webhook_id: str) -> dict[str, Any]:
        return self._registered.pop((app_id, webhook_id))

    def sign(self, body: bytes) -> str:
        """RSASSA-PKCS1-v1_5 with SHA-256 over the raw bytes, in base64: reference, 9.2."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        signature = self._private_key().sign(body, padding.PKCS1v15(), hashes.SHA256())
        return base64.b64encode(signature).decode("ascii")

    def public_key(self) -> str:
        """The public half, SPKI in PEM."""
        from cryptography.hazmat.primitives import serialization

        pem = (
            self._private_key()
            .public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        return pem.decode("ascii")

    def rotate_key(self) -> None:
        """Sign with a new key from now on."""
        self._key = None

    def _private_key(self) -> RSAPrivateKey:
        # It takes a while to import, and is wanted only by those who try webhooks.
        from cryptography.hazmat.primitives.asymmetric import rsa

        if self._key is None:
            self._key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        return self._key


def _checked(body: object, *, complete: bool) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ValueError('"body" must be an object')  # noqa: TRY004 — answered as a 400
    for name in ("name", "url", "events"):
        if complete and name not in body:
            raise ValueError(f'"{name}" is required')
    events = body.get("events", [])
    if not isinstance(events, list) or any(event not in EVENTS for event in events):
        raise ValueError('"events" must hold supported events')
    return {name: body[name] for name in ("name", "url", "events", "enabled") if name in body}
