"""Signatures of webhooks, as the Standard Webhooks specification has them; pure.

Each search has a secret of its own, derived from the one in the settings, so that the bucket holds
none, and none is kept: what was shown once can be made again by whoever holds the setting, and by
nobody else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

_PREFIX = "whsec_"
_CONTEXT = b"realtimekit-archive/alerts/1 "


def secret_of(setting: str, search_id: str) -> str:
    """The signing secret of a search, as its receiver has it."""
    key = hmac.digest(setting.encode(), _CONTEXT + search_id.encode(), hashlib.sha256)
    return _PREFIX + base64.b64encode(key).decode("ascii")


def message_id(search_id: str, app_id: str, session_id: str) -> str:
    """What an alert is known by: the same however often it is sent, also from another machine."""
    named = "\n".join((search_id, app_id, session_id)).encode("utf-8", "surrogatepass")
    return f"msg_{hashlib.sha256(named).hexdigest()[:32]}"


def headers_of(secret: str, message: str, sent_at_s: int, body: bytes) -> dict[str, str]:
    """The three headers of a message."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{message}.{sent_at_s}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode("ascii")
    return {
        "webhook-id": message,
        "webhook-timestamp": str(sent_at_s),
        "webhook-signature": f"v1,{signature}",
    }
