"""A listing taken apart: one session's folder after the other, in the order of their keys."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.archive import keys

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from archiver.archive.stores import ObjectInfo, Store
    from archiver.model import SessionId


@dataclass(frozen=True, slots=True)
class Folder:
    """What is listed of one session; or a single object that lies in no session's folder."""

    name: str  #: of the folder, with its last slash; else the object's key
    session_id: SessionId | None
    objects: list[ObjectInfo] = field(default_factory=list)

    def by_key(self) -> dict[str, ObjectInfo]:
        """The objects by their keys."""
        return {each.key: each for each in self.objects}


async def folders(
    store: Store, prefix: str = "", *, start_after: str = ""
) -> AsyncGenerator[Folder]:
    """The objects of a store below a prefix and behind a key; memory holds one folder of them."""
    current: Folder | None = None
    async with aclosing(store.list(prefix, start_after=start_after)) as listing:
        async for info in listing:
            if current and current.session_id and info.key.startswith(current.name):
                current.objects.append(info)
                continue
            if current is not None:
                yield current
            parsed = keys.session_folder(info.key)
            current = (
                Folder(parsed.folder, parsed.session_id, [info])
                if parsed is not None
                else Folder(info.key, None, [info])
            )
    if current is not None:
        yield current
