"""Two stores of one archive compared, object by object: what one of them lacks, and what differs."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.lanes import in_order
from archiver.copying.transfer import read_fixity

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine
    from typing import Any

    from archiver.archive.stores import ObjectInfo, Store
    from archiver.model import SessionId

READS_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An object that two stores do not hold alike."""

    key: str
    #: The digest of what is held here and there: None where nothing is, "" where it is no object.
    here: str | None
    there: str | None

    @property
    def kind(self) -> str:
        """What it is, in a word or two."""
        if self.there is None:
            return "missing there"
        return "missing here" if self.here is None else "differs"


async def compare(
    here: Store,
    there: Store,
    *,
    session: SessionId | None = None,
    progress: Callable[[int], None] = lambda _objects: None,
) -> AsyncGenerator[Difference]:
    """Every object that the two do not hold alike, ascending by key; reads all of both.

    Memory holds a page of each listing. Canaries are nobody's. Raises StoreError where a store fails.
    """
    done = 0
    looks = _looks(here, there, session)
    async with aclosing(in_order(looks, READS_AT_ONCE)) as found:
        async for difference in found:
            done += 1
            progress(done)
            if difference is not None:
                yield difference


async def _looks(
    here: Store, there: Store, session: SessionId | None
) -> AsyncGenerator[Coroutine[Any, Any, Difference | None]]:
    prefix = keys.app_prefix(session.app_id) if session else ""
    async with aclosing(here.list(prefix)) as ours, aclosing(there.list(prefix)) as theirs:
        one, other = await anext(ours, None), await anext(theirs, None)
        while one is not None or other is not None:
            key = min(each.key for each in (one, other) if each is not None)
            left = one if one is not None and one.key == key else None
            right = other if other is not None and other.key == key else None
            if _counts(key, session):
                yield _look(here, there, key, left, right)
            if left is not None:
                one = await anext(ours, None)
            if right is not None:
                other = await anext(theirs, None)


def _counts(key: str, session: SessionId | None) -> bool:
    if session is None:
        return not key.startswith(keys.CANARIES)
    folder = keys.session_folder(key)
    return folder is not None and folder.session_id == session


async def _look(
    here: Store, there: Store, key: str, left: ObjectInfo | None, right: ObjectInfo | None
) -> Difference | None:
    ours, theirs = await _digest(here, key, left), await _digest(there, key, right)
    if ours == theirs and ours:
        return None
    return Difference(key=key, here=ours, there=theirs)


async def _digest(store: Store, key: str, info: ObjectInfo | None) -> str | None:
    if info is None:
        return None
    found = await read_fixity(store, key, info.version_id)
    return found.digest if found is not None else ""
