"""Who is let in: whoever brings a key; while no key was ever made, this machine, asking itself.

A proxy, a tunnel or a page of another site that was rebound to this address each leave a trace: in
the peer's address, in `Host`, or in a forwarding header. Any trace needs a key.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from archiver.access import LOCAL
from archiver.access.keys import SECRET
from archiver.errors import KeysStaleError
from search.web import rules
from search.web.problems import Problem, problem_of
from search.web.rules import Area

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from archiver.access import KeyRing, Reader
    from search.web.rules import Match

_HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:/@\[\]]+))(?::\d{1,5})?\Z")
_FORWARDED = frozenset({b"forwarded", b"via", b"x-real-ip", b"x-forwarded"})
_FORWARDED_PREFIXES = (b"x-forwarded-", b"cf-")
_BEARER = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] (\S{1,200})\Z")

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
    detail="send `Authorization: Bearer KEY`; while no key was ever made this machine needs none, if"
    " it asks directly and under a loopback name",
    headers={"WWW-Authenticate": "Bearer"},
)
BAD_KEY = replace(
    UNAUTHORIZED,
    title="The key lets nobody in",
    detail="it is unknown, expired or revoked, or not sent as `Authorization: Bearer KEY`",
    headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
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
    """Which hosts are ours and who needs no key, of one place to listen and one public URL; pure."""

    listen_host: str
    public_url: str = ""

    def is_ours(self, scope: Scope) -> bool:
        """Whether the host that was asked for is served here."""
        host = _host(scope)
        names = {self.listen_host.lower(), (urlsplit(self.public_url).hostname or "").lower()}
        return host is not None and (is_loopback(host) or host in names)

    def is_this_machine(self, scope: Scope) -> bool:
        """Whether this machine asks itself, directly, and no others are invited."""
        host, client = _host(scope), scope.get("client")
        direct = client is not None and is_loopback(client[0]) and is_loopback(host or "")
        return direct and not self.public_url and not _is_forwarded(scope)


def _host(scope: Scope) -> str | None:
    """The name that was asked for, in lower case, without its port; None unless there is exactly one."""
    values = header_values(scope, b"host")
    match = _HOST.match(values[0].decode("latin-1")) if len(values) == 1 else None
    return (match[1] or match[2]).lower() if match else None


def header_values(scope: Scope, name: bytes) -> list[bytes]:
    """Every value of a header."""
    return [value for each, value in scope["headers"] if each == name]


def _is_forwarded(scope: Scope) -> bool:
    return any(
        name in _FORWARDED or name.startswith(_FORWARDED_PREFIXES) for name, _ in scope["headers"]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """By what somebody is let in."""

    rule: Rule
    keyring: KeyRing | None = None  #: None: there are no keys, and none can be made

    async def let_in(self, scope: Scope, found: Match | None) -> Reader | Problem | None:
        """Whoever asks; None where nobody needs to be anybody; or why they are not let in.

        Raises KeysStaleError.
        """
        area = found.rule.area if found is not None else None
        if area is Area.OPEN:
            return None
        if credentials := header_values(scope, b"authorization"):
            return self._bearer(credentials)
        if self.rule.is_this_machine(scope) and (
            area is Area.MONITORING or self.keyring is None or not self.keyring.are_needed
        ):
            return LOCAL
        return UNAUTHORIZED

    def _bearer(self, credentials: list[bytes]) -> Reader | Problem:
        sent = _BEARER.match(credentials[0]) if len(credentials) == 1 else None
        secret = sent[1].decode("latin-1") if sent else ""
        if self.keyring is None or not SECRET.match(secret):
            return BAD_KEY
        key = self.keyring.find(secret)
        return BAD_KEY if key is None else key.reader


class Access:
    """Middleware that lets in, and says who asks and which apps they may see."""

    def __init__(self, app: ASGIApp, *, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        found = rules.match(scope["path"])
        came = await self._came(scope, found)
        if isinstance(came, Problem):
            await came.response()(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["match"], state["reader"] = found, came
        # Whoever is nobody sees nothing.
        state["apps"] = () if came is None else came.apps
        await self._app(scope, receive, send)

    async def _came(self, scope: Scope, found: Match | None) -> Reader | Problem | None:
        if not self._door.rule.is_ours(scope):
            return MISDIRECTED
        try:
            return await self._door.let_in(scope, found)
        except KeysStaleError as error:
            return problem_of(error)
