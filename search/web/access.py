"""Who is let in: whoever brings a key; while no key was ever made, this machine, asking itself.

A proxy, a tunnel or a page of another site that was rebound to this address each leave a trace: in
the peer's address, in `Host`, or in a forwarding header. Any trace needs a key.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from starlette.responses import RedirectResponse, Response

from archiver.access import LOCAL
from archiver.access.keys import SECRET
from archiver.errors import KeysStaleError
from search.web import rules
from search.web.problems import Problem, problem_of
from search.web.rules import Area
from search.web.signed_in import LOCAL_COOKIE, SECURE_COOKIE, cookie_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from archiver.access import KeyRing, Reader
    from archiver.access.assertions import Assertions
    from search.web.rules import Match
    from search.web.signed_in import SignedIn

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
CROSS_SITE = Problem(
    slug="cross-site",
    title="Another site asks",
    status=403,
    detail="with a cookie only the pages of this endpoint may ask so: send a key instead",
)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class SignInFirst:
    """A person without credentials is shown where to sign in, and comes back from there."""

    path: str

    def response(self) -> Response:
        """The way there."""
        return RedirectResponse(f"/sign-in?next={quote(self.path, safe='/')}", 303)


@lru_cache(maxsize=1024)
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

    def origin(self, scope: Scope) -> str:
        """The origin a person's own page has here; "" where nobody can sign in: it is in the clear."""
        host, public = _host(scope), urlsplit(self.public_url)
        if host is not None and host == (public.hostname or "").lower():
            return f"https://{public.netloc.lower()}" if public.scheme == "https" else ""
        if host is None or not is_loopback(host) or _is_forwarded(scope):
            return ""
        return "http://" + header_values(scope, b"host")[0].decode("latin-1").lower()


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
    signed_in: SignedIn | None = None
    assertions: Assertions | None = None  #: None: nobody comes through Cloudflare Access

    async def let_in(
        self, scope: Scope, found: Match | None
    ) -> Reader | Problem | SignInFirst | None:
        """Whoever asks; None where nobody needs to be anybody; or why they are not let in.

        Raises KeysStaleError.
        """
        area = found.rule.area if found is not None else None
        if area is Area.OPEN:
            return None
        if credentials := header_values(scope, b"authorization"):
            return self._bearer(credentials)
        person = None
        if found is None or not found.rule.takes_keys_alone:
            person = await self._asserted(scope) or self._signed_in(scope)
        if person is not None:
            is_safe = scope.get("method", "GET") in _SAFE
            return person if is_safe or self.is_own_page(scope) else CROSS_SITE
        if self.rule.is_this_machine(scope) and (area is Area.MONITORING or self._is_keyless()):
            return LOCAL
        if found is not None and found.rule.is_page and scope.get("method") in _SAFE:
            return SignInFirst(_asked_path(scope))
        return UNAUTHORIZED

    def _is_keyless(self) -> bool:
        """Whether nobody else was ever invited: by a key, or through Access."""
        return self.assertions is None and (self.keyring is None or not self.keyring.are_needed)

    async def _asserted(self, scope: Scope) -> Reader | None:
        """Whoever Cloudflare Access vouches for; its header with the e-mail address counts for nothing."""
        sent = header_values(scope, b"cf-access-jwt-assertion")
        if self.assertions is None or len(sent) != 1:
            return None
        return await self.assertions.reader(sent[0].decode("latin-1"))

    def _signed_in(self, scope: Scope) -> Reader | None:
        name = self.cookie_name(scope)
        word = cookie_of(scope, name) if name else ""
        return self.signed_in.reader(word) if self.signed_in is not None and word else None

    def cookie_name(self, scope: Scope) -> str:
        """What the cookie of whoever signs in here is called; "" where nobody can."""
        origin = self.rule.origin(scope)
        return "" if not origin else SECURE_COOKIE if origin.startswith("https:") else LOCAL_COOKIE

    def is_own_page(self, scope: Scope) -> bool:
        """Whether a page of this endpoint asks, as browsers tell; who does not tell is none."""
        if sites := header_values(scope, b"sec-fetch-site"):
            return sites == [b"same-origin"]
        origins = [each.decode("latin-1").lower() for each in header_values(scope, b"origin")]
        return len(origins) == 1 and origins[0] == self.rule.origin(scope) != ""

    def _bearer(self, credentials: list[bytes]) -> Reader | Problem:
        sent = _BEARER.match(credentials[0]) if len(credentials) == 1 else None
        secret = sent[1].decode("latin-1") if sent else ""
        if self.keyring is None or not SECRET.match(secret):
            return BAD_KEY
        key = self.keyring.find(secret)
        return BAD_KEY if key is None else key.reader


def _asked_path(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return f"{quote(scope['path'], safe='/')}?{query}" if query else quote(scope["path"], safe="/")


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
        if isinstance(came, Problem | SignInFirst):
            await came.response()(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["match"], state["reader"], state["door"] = found, came, self._door
        # Whoever is nobody sees nothing.
        state["apps"] = () if came is None else came.apps
        await self._app(scope, receive, send)

    async def _came(
        self, scope: Scope, found: Match | None
    ) -> Reader | Problem | SignInFirst | None:
        if not self._door.rule.is_ours(scope):
            return MISDIRECTED
        try:
            return await self._door.let_in(scope, found)
        except KeysStaleError as error:
            return problem_of(error)
