"""Who Cloudflare Access says somebody is: its signed word alone, never a header in the clear.

RS256 by a key the team publishes, and nothing else: which algorithm and key count is decided here, not
by the token. Issuer, audience and times are held to the settings and to our clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt

from archiver.access.reader import Reader, Role

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from archiver.access.certificates import TeamKeys
    from archiver.clock import Clock
    from archiver.settings.grants import Grant

ALGORITHM = "RS256"
KEY_BITS_MIN = 2048
TOKEN_MAX = 16 * 1024
#: By how much the team's clock and ours may differ.
LEEWAY = timedelta(seconds=30)
_REQUIRED = ["iss", "aud", "sub", "exp", "iat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertions:
    """Reads the word of one team about who comes to one application."""

    keys: TeamKeys
    audiences: tuple[str, ...]
    grants: tuple[Grant, ...]
    clock: Clock

    async def reader(self, token: str) -> Reader | None:
        """Who this token speaks of; None where it is not to be believed, or nothing is granted them.

        Raises KeysStaleError where the team's keys cannot be had.
        """
        key_id = _key_id(token)
        published = await self.keys.get(key_id) if key_id else None
        claims = self._claims(token, published) if published is not None else None
        return None if claims is None else self._granted(claims)

    def _claims(self, token: str, published: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            key = jwt.PyJWK(dict(published), algorithm=ALGORITHM)
            if key.key.key_size < KEY_BITS_MIN:
                return None
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[ALGORITHM],
                audience=self.audiences,
                issuer=self.keys.issuer,
                # Times are held to our own clock, below.
                options={
                    "require": _REQUIRED,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
            return None
        return claims if _is_now(claims, self.clock.now()) else None

    def _granted(self, claims: Mapping[str, Any]) -> Reader | None:
        email, subject = claims.get("email"), claims["sub"]
        # A service token has no subject; who comes by one has a key instead.
        if not isinstance(email, str) or not isinstance(subject, str) or not subject:
            return None
        groups = _groups(claims)
        grant = next((each for each in self.grants if each.is_for(email, groups)), None)
        if grant is None:
            return None
        return Reader(
            kind="access",
            name=email,
            role=Role(grant.role),
            apps=grant.apps or None,
            id=f"{claims['iss']}#{subject}",
        )


def _key_id(token: str) -> str:
    """Which key a token claims to be signed with; "" where it cannot be one of ours."""
    if len(token) > TOKEN_MAX:
        return ""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError):
        return ""
    key_id = header.get("kid")
    return key_id if header.get("alg") == ALGORITHM and isinstance(key_id, str) else ""


def _is_now(claims: Mapping[str, Any], now: datetime) -> bool:
    """Whether it is issued and in force by now, and not expired."""
    moment, leeway_s = now.timestamp(), LEEWAY.total_seconds()
    begun = [claims["iat"], claims.get("nbf", claims["iat"])]
    times = [claims["exp"], *begun]
    if not all(type(each) is int for each in times):
        return False
    return all(each <= moment + leeway_s for each in begun) and moment - leeway_s < claims["exp"]


def _groups(claims: Mapping[str, Any]) -> set[str]:
    """The groups the identity provider tells of, where it was asked to."""
    custom = claims.get("custom")
    places = [claims.get("groups"), custom.get("groups") if isinstance(custom, dict) else None]
    lists = [each for each in places if isinstance(each, list)]
    return {each for found in lists for each in found if isinstance(each, str)}
