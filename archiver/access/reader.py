"""Whoever asks, as far as it matters to what they are answered and what is recorded of it."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a reader may do; `search/web/rules.py` says which route asks for which."""

    READER = "reader"  #: searches and reads
    AUDITOR = "auditor"  #: coverage, and the record of reads; no content
    ADMIN = "admin"  #: keys and settings; no content
    LOCAL = "local"  #: this machine asking itself while there are no keys: everything


#: What a key may be given.
ROLES = (Role.READER, Role.AUDITOR, Role.ADMIN)
#: Roles that are named already, for releases to come.
RESERVED_ROLES = ("records",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One who asks."""

    kind: str  #: key, access (Cloudflare Access), local (no key needed), os (the command line)
    name: str  #: of the key, the e-mail address, or the user of the system
    role: Role
    apps: tuple[str, ...] | None = None  #: what they may see; None: every app there is
    id: str = ""  #: of the key; for Access issuer and subject

    @property
    def owner(self) -> str:
        """What cursors and limits are bound to; "" for this machine, which shares its own."""
        return f"{self.kind}:{self.id}" if self.id else ""

    def document(self) -> dict[str, str]:
        """As the record of reads names them."""
        named = {"kind": self.kind, "name": self.name, "role": str(self.role), "id": self.id}
        return {name: value for name, value in named.items() if value}


LOCAL = Reader(kind="local", name="local", role=Role.LOCAL)


def os_user() -> Reader:
    """Whose process this is; not what an environment variable says."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid {os.getuid()}"
    return Reader(kind="os", name=name, role=Role.LOCAL)
