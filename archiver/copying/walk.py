"""Two archives side by side: their listings, folder by folder, in the order of their keys."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.folders import Folder, folders

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from archiver.archive.stores import Store


@dataclass(frozen=True, slots=True)
class Pair:
    """One folder as it stands here and there."""

    name: str
    here: Folder | None
    there: Folder | None


async def _of_sessions(store: Store) -> AsyncGenerator[Folder]:
    """The folders of a store, and what lies astray; not the archive's own records."""
    async with aclosing(folders(store)) as found:
        async for folder in found:
            if not folder.name.startswith(f"{keys.ARCHIVE_FOLDER}/"):
                yield folder


async def side_by_side(here: Store, there: Store) -> AsyncGenerator[Pair]:
    """Every folder that either of two stores has; memory holds one of each."""
    async with aclosing(_of_sessions(here)) as ours, aclosing(_of_sessions(there)) as theirs:
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
