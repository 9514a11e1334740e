"""Who is let in while no keys exist: this machine, asking itself, under a name that means itself.

A proxy, a tunnel or a page of another site that was rebound to this address each leave a trace: in
the peer's address, in `Host`, or in a forwarding header. Any trace needs a key, and there are none.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from archiver.registrations import PATH
from search.web.problems import Problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

#: Answered to anybody; the webhook asks for a signature.
OPEN_PATHS = frozenset({"/healthz", PATH})

_HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:/@\[\]]+))(?::\d{1,5})?\Z")
_FORWARDED = frozenset({b"forwarded", b"via", b"x-real-ip", b"x-forwarded"})
_FORWARDED_PREFIXES = (b"x-forwarded-", b"cf-")

MISDIRECTED = Problem(
    slug="misdirected-request",
    title="This host is not served here",
    status=421,
    detail="ask for a loopback name or address, or for the host of RTK_ARCHIVE_PUBLIC_URL",
)
UNAUTHORIZED = Problem(
    slug="unauthorized",
    title="A key is needed",
    status=401,
    detail="without a key only this machine is answered, directly and under a loopback name",
    headers={"WWW-Authenticate": "Bearer"},
)


def is_loopback(host: str) -> bool:
    """Whether this name or address means this very machine."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The keyless rule, of one place to listen and one public URL; pure."""

    listen_host: str
    public_url: str = ""

    def refusal(self, scope: Scope) -> Problem | None:
        """Why this request is not let in, or None."""
        host = _host(scope)
        if host is None or not self._is_ours(host):
            return MISDIRECTED
        if scope["path"] in OPEN_PATHS:
            return None
        client = scope.get("client")
        direct = client is not None and is_loopback(client[0]) and is_loopback(host)
        if direct and not self.public_url and not _is_forwarded(scope):
            return None
        return UNAUTHORIZED

    def _is_ours(self, host: str) -> bool:
        names = {self.listen_host.lower(), (urlsplit(self.public_url).hostname or "").lower()}
        return is_loopback(host) or host in names


def _host(scope: Scope) -> str | None:
    """The name that was asked for, in lower case, without its port; None unless there is exactly one."""
    values = [value for name, value in scope["headers"] if name == b"host"]
    match = _HOST.match(values[0].decode("latin-1")) if len(values) == 1 else None
    return (match[1] or match[2]).lower() if match else None


def _is_forwarded(scope: Scope) -> bool:
    return any(
        name in _FORWARDED or name.startswith(_FORWARDED_PREFIXES) for name, _ in scope["headers"]
    )


class Access:
    """Middleware that applies the rule, and says which apps a request may see."""

    def __init__(self, app: ASGIApp, *, rule: Rule) -> None:
        self._app = app
        self._rule = rule

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        problem = self._rule.refusal(scope)
        if problem is not None:
            await problem.response()(scope, receive, send)
            return
        # Without keys whoever is let in may see every app; a key will name its own here.
        scope.setdefault("state", {})["apps"] = None
        await self._app(scope, receive, send)
