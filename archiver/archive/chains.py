"""One session's inventories as they are found: read in order, as far as each names the one before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.canonical import sha256
from archiver.archive.inventory import Entry, Inventory, parse_inventory
from archiver.errors import InventoryError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from archiver.archive.stores import Store
    from archiver.model import SessionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """An inventory that is in the bucket, and the digest of its bytes."""

    inventory: Inventory
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What was found of one session's inventories: the newest of the whole part, and what broke it."""

    session_id: SessionId
    folder: str
    newest: Committed | None
    named: Mapping[str, Entry]  #: the objects named by any version, by bare name
    digests: tuple[str, ...]  #: of the versions of the whole part, from 1
    #: When each recorded request for a summary was written, where the folder was listed whole.
    requests: Mapping[int, datetime] = field(default_factory=dict)
    problem: str = (
        ""  #: "" where every version from 1 is there, readable and linked to the one before
    )


async def read_inventory(store: Store, key: str, *, version_id: str = "") -> Committed:
    """The inventory under this key; raises InventoryError or ObjectMissingError."""
    data = await store.get(key, version_id=version_id)
    return Committed(inventory=parse_inventory(data, key), digest=sha256(data))


async def read_chain(
    store: Store,
    archive_id: str,
    folder: str,
    inventory_keys: Iterable[str],
    *,
    version_ids: Mapping[str, str] | None = None,
) -> Chain | None:
    """Read the versions of one session in order, as far as they link; None where there is none.

    `version_ids`: the store's versions to read, by key, where they are known from a listing.
    """
    parsed = [each for each in map(keys.parse_key, inventory_keys) if each and each.version]
    newest: Committed | None = None
    named: dict[str, Entry] = {}
    digests: list[str] = []
    for position, key in enumerate(sorted(parsed, key=lambda each: each.version), start=1):
        problem = ""
        if key.version != position:
            problem = f"{folder}{keys.inventory_name(position)} is missing"
        else:
            at = folder + key.name
            version_id = (version_ids or {}).get(at, "")
            newest, problem = await _link(store, archive_id, at, version_id, newest)
        if problem:
            return Chain(
                session_id=key.session_id,
                folder=folder,
                newest=newest,
                named=named,
                digests=tuple(digests),
                problem=problem,
            )
        if newest is not None:
            named |= newest.inventory.named()
            digests.append(newest.digest)
    if newest is None:
        return None
    return Chain(
        session_id=newest.inventory.session.id,
        folder=folder,
        newest=newest,
        named=named,
        digests=tuple(digests),
    )


async def _link(
    store: Store, archive_id: str, key: str, version_id: str, before: Committed | None
) -> tuple[Committed | None, str]:
    """The inventory under this key if it follows `before`; else `before` and what is wrong."""
    try:
        committed = await read_inventory(store, key, version_id=version_id)
    except (InventoryError, StoreError) as error:
        if error.transient:
            raise
        return before, str(error)
    inventory = committed.inventory
    if before is not None and before.inventory.tombstone:
        return before, f"{key} follows a tombstone, which is the end"
    if inventory.archive_id != archive_id:
        return before, f"{key} is of another archive"
    if inventory.previous != (before.digest if before else ""):
        return before, f"{key} does not name the digest of the version before it"
    return committed, ""
