"""The folders of sessions in the bucket, found by listing no more than is asked for."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.archive import keys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from archiver.archive.stores import Store
    from archiver.model import SessionId


@dataclass(slots=True)
class Folder:
    """A session's folder in the bucket, as a listing shows it."""

    name: str
    session_id: SessionId
    version: int = 0  #: of the newest inventory, by its key


async def folders_of(
    store: Store, apps: Sequence[str], days: tuple[str, str]
) -> AsyncIterator[Folder]:
    """Every session's folder in these apps (all, where none is named), on days in this half-open range.

    Days are written as folders write them; "" is no bound.
    """
    segments = sorted(map(keys.encode_id, apps)) or [each async for each in _apps(store)]
    first, end = days
    for segment in segments:
        current: Folder | None = None
        after = f"{segment}/{first}" if first else ""
        async with aclosing(store.list(f"{segment}/", start_after=after)) as infos:
            async for info in infos:
                if end and info.key >= f"{segment}/{end}":
                    break
                inside = keys.session_folder(info.key)
                if inside is None:
                    continue
                if current is None or inside.folder != current.name:
                    if current is not None:
                        yield current
                    current = Folder(inside.folder, inside.session_id)
                parsed = keys.parse_key(info.key)
                current.version = max(current.version, parsed.version if parsed else 0)
        if current is not None:
            yield current


async def _apps(store: Store) -> AsyncIterator[str]:
    """The first segments of the keys there are, but for the archive's own: one key is read of each."""
    after = ""
    while True:
        async with aclosing(store.list("", start_after=after)) as infos:
            info = await anext(infos, None)
        if info is None:
            return
        segment, slash, _ = info.key.partition("/")
        if slash and segment != keys.ARCHIVE_FOLDER:
            yield segment
        # "0" follows "/": the next key that is in no folder of this name.
        after = f"{segment}0" if slash else segment
