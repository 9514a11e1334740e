"""The archive's own records copied: each journal from where the target's ends, the seals last."""

from __future__ import annotations

from contextlib import aclosing
from hashlib import sha256
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.journal import BEGINNING, Journal
from archiver.copying.results import Moved, Problem, Trouble
from archiver.errors import ArchiveError, ObjectExistsError, ObjectMissingError

if TYPE_CHECKING:
    from archiver.archive.archive import Archive
    from archiver.archive.journal import Link
    from archiver.archive.stores import Store
    from archiver.copying.transfer import Transfer

#: A seal names inventories and where the other journals end, so they are there before it.
JOURNALS = (*sorted(keys.JOURNALS - {keys.COPIES, keys.SEALS}), keys.COPIES, keys.SEALS)


async def last_number(store: Store, name: str) -> int:
    """The number of a journal's newest record, by its key alone; 0 where there is none."""
    newest = 0
    async for info in store.list(keys.record_prefix(name)):
        newest = max(newest, keys.record_sequence(name, info.key) or 0)
    return newest


async def is_prefix(link: Link, of: Journal) -> bool:
    """Whether a chain that ends in this link is the beginning of another one."""
    if link == BEGINNING:
        return True
    try:
        return (await of.read(link.sequence)).link == link
    except ObjectMissingError:
        return False


async def copy_journal(
    transfer: Transfer, here: Archive, there: Archive, name: str, *, until: int, check: bool
) -> Moved:
    """Bring one journal to the target, up to the record of this number, each behind the one before.

    The last record of the target vouches for those before it; with `check` they are read as well.
    """
    moved = Moved()
    ours, theirs = Journal(here, name), Journal(there, name)
    at = theirs.prefix
    try:
        ends_there = await theirs.head()
        at = theirs.key(ends_there.sequence)
        if ends_there != BEGINNING and not await is_prefix(ends_there, ours):
            ends_here = await ours.head()
            if not await is_prefix(ends_here, theirs):
                moved.problems.append(Problem(key=at, trouble=Trouble.CONFLICT))
                return moved
            moved.only_there += ends_there.sequence - ends_here.sequence
        at = ours.prefix
        start = BEGINNING if check else ends_there
        async with aclosing(ours.records(start)) as records:
            async for record in records:
                at = record.key
                if record.link.sequence > until:
                    break
                is_there = record.link.sequence <= ends_there.sequence
                if not await transfer.move_record(
                    record.key, record.data, moved, is_there=is_there
                ):
                    break
    except (ArchiveError, ObjectMissingError) as error:
        moved.problems.append(Problem(key=at, trouble=Trouble.CHAIN, detail=error.message))
    return moved


async def copy_others(transfer: Transfer, name: str) -> Moved:
    """What else lies in a reserved folder: copied as it is."""
    moved = Moved()
    async for info in transfer.source.list(keys.record_prefix(name)):
        if keys.record_sequence(name, info.key) is None:
            there = await transfer.target.head(info.key)
            await transfer.move(info.key, info, there, moved)
    return moved


async def bring_back_copies(here: Archive, there: Archive) -> None:
    """Take over the records of copies that the target has and the source does not.

    Both sides tell of a copy in one chain: a repair there, or a copy from there, went on with it.
    """
    ours, theirs = Journal(here, keys.COPIES), Journal(there, keys.COPIES)
    try:
        ends_here = await ours.head()
        if not await is_prefix(ends_here, theirs):
            return
        async with aclosing(theirs.records(ends_here)) as records:
            async for record in records:
                await put_record(here, record.key, record.data)
    except (ArchiveError, ObjectMissingError):
        return  # what is damaged is told of when the journal is copied


async def put_record(archive: Archive, key: str, data: bytes) -> bool:
    """Put a record as it stands on the other side; False where something else is there."""
    digest = sha256(data).hexdigest()
    try:
        await archive.store.put(
            key,
            data,
            digest=digest,
            size_bytes=len(data),
            media_type="application/json",
            lock=archive.lock_for(""),
        )
    except ObjectExistsError:
        return (await archive.store.fixity(key)).digest == digest
    return True
