"""One session's folder copied: artifacts first, then the inventories that name them, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.chains import read_chain
from archiver.copying.results import Moved, Problem, Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from archiver.archive.chains import Chain
    from archiver.archive.folders import Folder
    from archiver.archive.stores import ObjectInfo, Store
    from archiver.copying.transfer import Transfer
    from archiver.copying.walk import Pair

ENDED_THERE = "the session ends in a tombstone there: nothing is put back"


async def chain_of(store: Store, archive_id: str, folder: Folder | None) -> Chain | None:
    """The inventories that are listed of a folder, as far as they link."""
    if folder is None:
        return None
    listed = {each.key: each.version_id for each in folder.objects}
    return await read_chain(store, archive_id, folder.name, listed, version_ids=listed)


def is_ended(chain: Chain | None) -> bool:
    """Whether a chain ends in a tombstone."""
    return chain is not None and chain.newest is not None and chain.newest.inventory.tombstone


def destroyed(chain: Chain | None) -> frozenset[str]:
    """The names of the objects that need not be there: the chain says that they were destroyed."""
    if chain is None or chain.newest is None:
        return frozenset()
    gone = chain.newest.inventory.destroyed()
    return frozenset(name for name, entry in chain.named.items() if entry.artifact in gone)


async def copy_folder(transfer: Transfer, archive_id: str, pair: Pair) -> Moved:
    """Bring one folder to the target; an inventory whose artifacts are damaged here goes along.

    What the target says is missing is then exactly what is missing: its record is not.
    """
    moved = Moved()
    here, there = pair.here, pair.there
    if here is None:
        moved.only_there += len(there.objects) if there else 0
        return moved
    if here.session_id is None:
        moved.problems += [Problem(key=pair.name, trouble=Trouble.UNEXPLAINED)]
        return moved
    chain = await chain_of(transfer.source, archive_id, here)
    if is_ended(await chain_of(transfer.target, archive_id, there)) and not is_ended(chain):
        moved.problems.append(Problem(key=pair.name, trouble=Trouble.CONFLICT, detail=ENDED_THERE))
        return moved
    held = there.by_key() if there else {}
    ours = here.by_key()
    await _copy_payload(transfer, here.name, chain, ours, held, moved)
    await _copy_inventories(transfer, here.name, chain, ours, held, moved)
    moved.only_there += len(held.keys() - ours.keys())
    return moved


async def _copy_payload(
    transfer: Transfer,
    folder: str,
    chain: Chain | None,
    ours: Mapping[str, ObjectInfo],
    held: Mapping[str, ObjectInfo],
    moved: Moved,
) -> None:
    """Everything of a session but its inventories."""
    named = chain.named if chain is not None else {}
    gone = destroyed(chain)
    # An artifact may have been put after its part of the folder was listed, and named before the next.
    for key in sorted(ours.keys() | {folder + name for name in named}):
        parsed = keys.parse_key(key)
        if parsed is None:
            moved.problems.append(Problem(key=key, trouble=Trouble.UNEXPLAINED))
        elif not parsed.version and parsed.name not in gone:
            entry = named.get(parsed.name)
            await transfer.move(
                key,
                ours.get(key),
                held.get(key),
                moved,
                digest=parsed.digest,
                media_type=entry.media_type if entry else "",
            )


async def _copy_inventories(
    transfer: Transfer,
    folder: str,
    chain: Chain | None,
    ours: Mapping[str, ObjectInfo],
    held: Mapping[str, ObjectInfo],
    moved: Moved,
) -> None:
    """The inventories in their order, as far as they link here; one that differs there is the last."""
    if chain is None:
        return
    for version, digest in enumerate(chain.digests, start=1):
        key = folder + keys.inventory_name(version)
        if not await transfer.move(key, ours.get(key), held.get(key), moved, digest=digest):
            break
    if chain.problem:
        moved.problems.append(Problem(key=folder, trouble=Trouble.CHAIN, detail=chain.problem))
