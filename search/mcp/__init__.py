"""Search and sessions for models, over the Model Context Protocol: read-only tools on the same functions
as the JSON interface, so that they never disagree.

What people said in a meeting may be written for the model that reads it. So it is told as what it is, a
quote, between delimiters that no text can know of (`telling`), with unseen characters escaped and links
that lead nowhere (`inert`).

    server ▶ tools ▶ telling ▶ inert        stdio ▶ server

`server` alone knows the SDK, which is an extra and takes a second or more to import.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from archiver.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SDK = frozenset({"mcp", "mcp_types"})


@contextmanager
def needing_sdk() -> Iterator[None]:
    """Around imports of what needs the SDK; raises SettingsError where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _SDK:
            raise
        raise SettingsError(
            "RTK_ARCHIVE_MCP is on, and the package `mcp` is not installed",
            hint="pip install 'realtimekit-archive[mcp]'",
        ) from None
