"""Which URLs may be requested, and which addresses their hosts may have: pure but for DNS."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from archiver.errors import DownloadForbiddenError
from archiver.realtimekit.addresses import (
    is_global,
    is_host_name,
    is_literal,
    is_loopback,
    is_loopback_host,
)
from archiver.realtimekit.lenient import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

URL_LENGTH_MAX = 8_000


class RefusedAddressError(OSError):
    """A connection was about to go to an address that is not public."""


class Rules:
    """HTTPS on 443, no userinfo, public hosts, of those the allowed; one loopback host excepted.

    The exempt one is the host and port of a base URL that is itself loopback: a simulated source
    serves its downloads there. `what` is requested, and `setting` names the allowed hosts, in messages.
    """

    def __init__(
        self,
        *,
        exempt_base_url: str = "",
        allowed_hosts: Sequence[str] = (),
        what: str = "download",
        setting: str = "RTK_ARCHIVE_DOWNLOAD_HOSTS",
    ) -> None:
        self._what = what
        self._setting = setting
        self._exempt = _exemption(exempt_base_url)
        self._allowed = tuple(_name(host) for host in allowed_hosts)

    def check(self, raw: str) -> URL:
        """The URL as it will be requested, byte for byte; DownloadForbiddenError if it may not be."""
        if len(raw) > URL_LENGTH_MAX or "\\" in raw or not raw.isascii() or not raw.isprintable():
            raise DownloadForbiddenError(f"the {self._what} URL holds characters no URL has")
        try:
            # Not requoted: a signature covers the very spelling.
            url = URL(raw.replace(" ", "%20"), encoded=True)
            # Read as it is shown, that it can be; compared as it is asked for.
            host, asked, port = url.host or "", url.raw_host or "", url.port
        except ValueError:
            raise DownloadForbiddenError(f"the {self._what} URL cannot be read") from None
        if not host or "%" in host or not is_host_name(asked):
            raise DownloadForbiddenError(f"the {self._what} URL has no host")
        if "@" in url.raw_authority:
            raise DownloadForbiddenError(
                f"the {self._what} URL at {escape(host)} holds a user name"
            )
        if not self.is_exempt(asked, port):
            self._check_public(url.scheme, asked, port)
        return url

    def is_exempt(self, host: str, port: int | None) -> bool:
        """Whether this is the loopback base URL's own host and port."""
        return self._exempt is not None and self._exempt == (_name(host), port)

    def check_address(self, host: str, port: int, address: str) -> None:
        """Refuse an address a host resolved to: the exempt host is loopback, all others public."""
        allowed = is_loopback(address) if self.is_exempt(host, port) else is_global(address)
        if not allowed:
            raise DownloadForbiddenError(
                f"the {self._what} host {escape(host)} has an address that is not public"
            )

    def connect(self, target: tuple[object, ...]) -> socket.socket:
        """The socket for a connection, and the last check: every connection comes through here."""
        family, kind, protocol, _, destination = target
        assert isinstance(destination, tuple)
        address, port = str(destination[0]), int(destination[1])
        exempt_port = self._exempt[1] if self._exempt else None
        if not is_global(address) and not (is_loopback(address) and port == exempt_port):
            raise RefusedAddressError("an address that is not public")
        made = socket.socket(family, kind, protocol)  # type: ignore[arg-type]  # ints, as getaddrinfo gives them
        made.setblocking(False)
        return made

    def _check_public(self, scheme: str, host: str, port: int | None) -> None:
        shown = escape(host)
        if scheme != "https" or port != 443:
            raise DownloadForbiddenError(
                f"the {self._what} URL at {shown} is not HTTPS on port 443"
            )
        if is_loopback_host(_name(host)) or (is_literal(host) and not is_global(host)):
            raise DownloadForbiddenError(f"the {self._what} host {shown} is not public")
        if self._allowed and not any(_matches(_name(host), allowed) for allowed in self._allowed):
            raise DownloadForbiddenError(
                f"the {self._what} host {shown} is not among those allowed",
                hint=f"see {self._setting}",
            )


class CheckedResolver(AbstractResolver):
    """Resolves a name once and refuses it whole if one of its addresses breaks the rules.

    The connection goes to the addresses given here, so that no second answer can differ.
    """

    def __init__(self, rules: Rules, resolver: AbstractResolver | None = None) -> None:
        self._rules = rules
        self._resolver = resolver or ThreadedResolver(asyncio.get_running_loop())

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        answers = await self._resolver.resolve(host, port, family)
        for answer in answers:
            self._rules.check_address(host, port, answer["host"])
        return answers

    async def close(self) -> None:
        await self._resolver.close()


def _exemption(base_url: str) -> tuple[str, int | None] | None:
    try:
        url = URL(base_url)
        host, port = url.raw_host or "", url.port
    except ValueError:
        return None
    return (_name(host), port) if is_loopback_host(host) else None


def _name(host: str) -> str:
    """A host's name as it is compared: in lower case, as it is written on the wire."""
    name = host.strip().lower().rstrip(".")
    if name.isascii():
        return name
    wildcard, letters = ("*.", name[2:]) if name.startswith("*.") else ("", name)
    try:
        # By the library that makes requests of URLs: there is more than one way to write a letter.
        return f"{wildcard}{URL.build(scheme='https', host=letters).raw_host}"
    except ValueError:
        return name


def _matches(host: str, allowed: str) -> bool:
    """`*.example.com` stands for every name below example.com, and not for that name itself."""
    return host.endswith(allowed[1:]) if allowed.startswith("*.") else host == allowed
