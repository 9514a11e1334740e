"""From one version of an inventory to the next: what is stored gives way only to more; pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archiver.archive.inventory import IMPORT, KNOWN_OUTCOMES, LATER_MAX, Entry, Inventory
from archiver.model import Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What the source serves as one file: records that are put together here may differ without a loss.
TOLD_OF = frozenset({Kind.TRANSCRIPT, Kind.CHAT, Kind.SUMMARY})
#: The reason of an artifact that is archived while a body that came later held less.
REASON_LESS_CAME_LATER = "a later body held less"


def next_version(
    current: tuple[Inventory, str] | None, base: Inventory, entries: tuple[Entry, ...]
) -> Inventory | None:
    """The version to write after `current` (an inventory and its digest), or None if nothing changed.

    `base` says whose inventory it is, by whom and under which settings. What `current` holds of
    artifacts that `entries` does not name is carried over.
    """
    if current is None:
        return _with(base, version=1, previous="", entries=entries, extra={})
    inventory, digest = current
    if inventory.tombstone:
        return None
    named = {each.artifact: each for each in entries}
    merged = [_newer(each, named.pop(each.artifact, each)) for each in inventory.entries]
    merged += named.values()
    if [each.says() for each in merged] == [each.says() for each in inventory.entries]:
        return None
    return _with(
        base,
        version=inventory.version + 1,
        previous=digest,
        entries=tuple(merged),
        extra=inventory.extra,
    )


def _newer(before: Entry, after: Entry) -> Entry:
    """The entry that counts from now on; what a later release wrote in the old one stays in it."""
    if yields_to(before, after):
        return replace(after, later=before.later, extra={**before.extra, **after.extra})
    if _is_less(before, after) and len(before.later) < LATER_MAX:
        aside = replace(after, later=())
        return replace(before, reason=REASON_LESS_CAME_LATER, later=(*before.later, aside))
    return before


def yields_to(before: Entry, newer: Entry) -> bool:
    """Whether `newer` may take the place of `before`.

    What is stored gives way only to more: to content where it is empty, else to more bytes. That
    there was none, once it is known, is not lost again. What was imported takes the place of nothing
    that is stored, and gives way to whatever content the source itself serves.
    """
    if before.outcome not in KNOWN_OUTCOMES or before.outcome == Outcome.DESTROYED:
        return False
    if not before.has_object:
        return not (before.outcome == Outcome.ABSENT and newer.outcome == Outcome.LOST)
    if not newer.has_object:
        return False
    if newer.origin == IMPORT:
        return False
    if before.origin == IMPORT and newer.outcome != Outcome.EMPTY:
        return True
    if (before.outcome == Outcome.EMPTY) != (newer.outcome == Outcome.EMPTY):
        return before.outcome == Outcome.EMPTY
    return newer.size_bytes > before.size_bytes


def _is_less(before: Entry, after: Entry) -> bool:
    """Whether another body came after one that is good, and is kept aside."""
    known = {before.digest, *(each.digest for each in before.later)}
    good = before.outcome == Outcome.ARCHIVED and before.artifact.kind in TOLD_OF
    return good and after.has_object and after.origin != IMPORT and after.digest not in known


def _with(
    base: Inventory,
    *,
    version: int,
    previous: str,
    entries: tuple[Entry, ...],
    extra: Mapping[str, Any],
) -> Inventory:
    return Inventory(
        archive_id=base.archive_id,
        account=base.account,
        session=base.session,
        version=version,
        previous=previous,
        entries=entries,
        made=base.made,
        settings=base.settings,
        extra=extra,
    )
