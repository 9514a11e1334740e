"""Making and revoking keys: a record at the end of the chain, decided by all that stands before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.access import keys as api_keys
from archiver.access.keys import ApiKey, Keys
from archiver.archive import keys
from archiver.archive.canonical import sha256
from archiver.archive.following import append_decided
from archiver.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from archiver.access.reader import Role
    from archiver.archive.archive import Archive


async def create_key(
    archive: Archive,
    name: str,
    *,
    role: Role,
    apps: tuple[str, ...],
    expires_at: datetime | None,
    now: datetime,
    made: Mapping[str, str],
) -> tuple[ApiKey, str]:
    """Make a key; returns it and its secret, which is kept nowhere.

    No `apps` are all of them. Raises AccessError where the name is in use.
    """
    secret = api_keys.new_secret()
    key = ApiKey(
        name=name,
        digest=sha256(secret.encode()),
        role=role,
        apps=tuple(dict.fromkeys(apps)) or None,
        created_at=now,
        expires_at=expires_at,
    )

    def decide(known: Keys) -> dict[str, Any]:
        if known.named(name) is not None:
            raise AccessError(
                f"there is a key {name} already",
                hint=f"revoke it first (`rtk-archive keys revoke {name}`), or choose another name",
            )
        return api_keys.created(key)

    await append_decided(archive, keys.ACCESS, Keys(), decide, made)
    return key, secret


async def revoke_key(
    archive: Archive, name: str, *, now: datetime, made: Mapping[str, str]
) -> ApiKey:
    """Revoke the key of this name, for good; raises AccessError where there is none to revoke."""
    found: list[ApiKey] = []

    def decide(known: Keys) -> dict[str, Any]:
        key = known.named(name)
        if key is None:
            raise AccessError(
                f"there is no key {name} that could be revoked", hint="see `rtk-archive keys list`"
            )
        found.append(key)
        return api_keys.revoked(key, now)

    await append_decided(archive, keys.ACCESS, Keys(), decide, made)
    return found[-1]
