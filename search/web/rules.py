"""What each role may do: one row for every route there is, and no way around it.

A path without a row here is answered 404, whoever asks: a route is open to nobody until it says to whom.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from archiver.access import Role
from archiver.registrations import PATH

if TYPE_CHECKING:
    from collections.abc import Mapping


class Area(StrEnum):
    """What a route is about, as far as roles care."""

    INTERFACE = "interface"  #: what can be asked, the same for everybody with a key
    OPEN = "open"  #: anybody; nothing of a meeting
    CONTENT = "content"  #: what was said
    COVERAGE = "coverage"  #: what stands where
    AUDIT = "audit"  #: who read what
    MANAGEMENT = "management"  #: keys and settings
    SEARCHES = "searches"  #: saved searches: whose is which, the handlers say
    MONITORING = "monitoring"  #: numbers that name no session, meeting or person


MAY: Mapping[Area, frozenset[Role]] = {
    Area.OPEN: frozenset(Role),
    Area.INTERFACE: frozenset(Role),
    Area.CONTENT: frozenset({Role.LOCAL, Role.READER}),
    Area.COVERAGE: frozenset({Role.LOCAL, Role.READER, Role.AUDITOR}),
    Area.AUDIT: frozenset({Role.LOCAL, Role.AUDITOR}),
    Area.MANAGEMENT: frozenset({Role.LOCAL, Role.ADMIN}),
    Area.SEARCHES: frozenset({Role.LOCAL, Role.READER, Role.ADMIN}),
    Area.MONITORING: frozenset({Role.LOCAL, Role.AUDITOR, Role.ADMIN}),
}


@dataclass(frozen=True, slots=True)
class RouteRule:
    """Who may ask at a path, and what that is called where it is recorded."""

    path: str
    action: str
    area: Area
    is_page: bool = False  #: for people: without credentials they are asked to sign in
    #: For programs: nobody is let in for a cookie, or through Cloudflare Access.
    takes_keys_alone: bool = False

    def admits(self, role: Role) -> bool:
        """Whether this role may ask here."""
        return role in MAY[self.area]

    @property
    def is_recorded(self) -> bool:
        """Whether an answer from here belongs into the record of reads."""
        return self.area not in {Area.OPEN, Area.INTERFACE, Area.MONITORING}


@dataclass(frozen=True, slots=True)
class Match:
    """The row for a path, and what its places in braces stand for."""

    rule: RouteRule
    names: Mapping[str, str]


MCP_PATH = "/mcp"
_SESSION = "/v1/sessions/{session_id}"
RULES = (
    RouteRule("/healthz", "health", Area.OPEN),
    RouteRule(PATH, "webhook", Area.OPEN),
    RouteRule("/sign-in", "sign-in", Area.OPEN, is_page=True),
    RouteRule("/sign-out", "sign-out", Area.OPEN, is_page=True),
    RouteRule("/static/{digest}/{name}", "static", Area.OPEN),
    RouteRule("/", "search page", Area.CONTENT, is_page=True),
    RouteRule("/sessions", "sessions page", Area.CONTENT, is_page=True),
    RouteRule("/sessions/{session_id}", "session page", Area.CONTENT, is_page=True),
    RouteRule("/coverage", "coverage page", Area.COVERAGE, is_page=True),
    RouteRule("/readyz", "ready", Area.MONITORING),
    RouteRule("/metrics", "metrics", Area.MONITORING),
    RouteRule("/openapi.json", "interface", Area.INTERFACE),
    RouteRule("/v1/search", "search", Area.CONTENT),
    RouteRule("/v1/complete", "complete", Area.CONTENT),
    RouteRule("/v1/sessions", "sessions", Area.CONTENT),
    RouteRule(_SESSION, "session", Area.CONTENT),
    RouteRule(f"{_SESSION}/transcript", "transcript", Area.CONTENT),
    RouteRule(f"{_SESSION}/chat", "chat", Area.CONTENT),
    RouteRule(f"{_SESSION}/summary", "summary", Area.CONTENT),
    RouteRule(f"{_SESSION}/artifacts/{{name}}", "artifact", Area.CONTENT),
    RouteRule(MCP_PATH, "mcp", Area.CONTENT, takes_keys_alone=True),
    RouteRule("/v1/coverage", "coverage", Area.COVERAGE),
    RouteRule("/v1/audit", "audit", Area.AUDIT),
    RouteRule("/v1/keys", "keys list", Area.MANAGEMENT),
    RouteRule("/v1/settings", "settings", Area.MANAGEMENT),
    RouteRule("/v1/searches", "searches", Area.SEARCHES),
    RouteRule("/v1/searches/{search_id}", "searches", Area.SEARCHES),
)


def _pattern(path: str) -> re.Pattern[str]:
    spelled = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path))
    return re.compile(rf"{spelled}\Z")


_EXACT = {each.path: Match(each, {}) for each in RULES if "{" not in each.path}
_PATTERNS = [(_pattern(each.path), each) for each in RULES if "{" in each.path]


def match(path: str) -> Match | None:
    """The row for this path; None where there is none."""
    if (exact := _EXACT.get(path)) is not None:
        return exact
    for pattern, rule in _PATTERNS:
        if (found := pattern.match(path)) is not None:
            return Match(rule, found.groupdict())
    return None
