"""Two archives side by side: their listings, folder by folder, in the order of their keys."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.archive import keys

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from archiver.archive.stores import ObjectInfo, Store


@dataclass(frozen=True, slots=True)
class Folder:
    """What is listed of one session; or a single object that lies in no session's folder."""

    name: str
    is_session: bool
    objects: list[ObjectInfo] = field(default_factory=list)

    def by_key(self) -> dict[str, ObjectInfo]:
        """The objects by their keys."""
        return {each.key: each for each in self.objects}


@dataclass(frozen=True, slots=True)
class Pair:
    """One folder as it stands here and there."""

    name: str
    here: Folder | None
    there: Folder | None


async def folders(store: Store, prefix: str = "") -> AsyncGenerator[Folder]:
    """The objects of a store, a session's folder at a time; not those below `_archive/`."""
    current: Folder | None = None
    async with aclosing(store.list(prefix)) as listing:
        async for info in listing:
            if info.key.startswith(f"{keys.ARCHIVE_FOLDER}/"):
                continue
            if current is not None and current.is_session and info.key.startswith(current.name):
                current.objects.append(info)
                continue
            parsed = keys.session_folder(info.key)
            if current is not None:
                yield current
            current = Folder(parsed.folder if parsed else info.key, parsed is not None, [info])
    if current is not None:
        yield current


async def side_by_side(here: Store, there: Store) -> AsyncGenerator[Pair]:
    """Every folder that either of two stores has; memory holds one of each."""
    async with aclosing(folders(here)) as ours, aclosing(folders(there)) as theirs:
        one, other = await anext(ours, None), await anext(theirs, None)
        while one is not None or other is not None:
            name = min(each.name for each in (one, other) if each is not None)
            left = one if one is not None and one.name == name else None
            right = other if other is not None and other.name == name else None
            yield Pair(name, left, right)
            if left is not None:
                one = await anext(ours, None)
            if right is not None:
                other = await anext(theirs, None)
