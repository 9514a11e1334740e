"""What people who come by Cloudflare Access may do, by their verified e-mail address or their group; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

ROLES = ("reader", "auditor", "admin")
_GROUP = "group:"
_WHO = re.compile(r"(?:\*|[^\s@=:*]+)@[^\s@=:*]+\Z|group:[^=:]*[^=:\s]\Z")


@dataclass(frozen=True, slots=True)
class Grant:
    """One entry: to whom, which role, for which apps."""

    who: str  #: an address, `*@DOMAIN` or `group:NAME`, in lower case
    role: str
    apps: tuple[str, ...] = ()  #: none: every app

    def __str__(self) -> str:
        return f"{self.who}={self.role}" + (f":{'+'.join(self.apps)}" if self.apps else "")

    def is_for(self, email: str, groups: Collection[str]) -> bool:
        """Whether it is for somebody with this address, in these groups; whatever their case."""
        if self.who.startswith(_GROUP):
            return self.who.removeprefix(_GROUP) in {each.casefold() for each in groups}
        address = email.casefold()
        wanted = "*@" + address.rpartition("@")[2] if self.who.startswith("*") else address
        return bool(address) and wanted == self.who


def grants(text: str) -> tuple[Grant, ...]:
    """Comma-separated WHO=ROLE[:APP+APP]; the first that fits counts."""
    return tuple(_grant(part.strip()) for part in text.split(",") if part.strip())


def _grant(text: str) -> Grant:
    who, _, what = text.rpartition("=")
    role, _, apps = what.partition(":")
    named = tuple(dict.fromkeys(each.strip() for each in apps.split("+") if each.strip()))
    if not _WHO.match(who.strip()) or role not in ROLES or (":" in what and not named):
        raise ValueError(
            "wants WHO=ROLE[:APP+APP], such as ana@example.com=reader:APP, *@example.com=reader or"
            " group:legal=auditor"
        )
    if named and role != ROLES[0]:
        raise ValueError("limits only readers to apps: the other roles see no content")
    return Grant(who.strip().casefold(), role, named)
