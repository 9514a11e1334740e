"""What a bucket's lifecycle rules would do to what is archived; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: From these an object must be restored before it can be read.
_COLD = frozenset({"GLACIER", "DEEP_ARCHIVE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """The ids of the rules that touch an archive, by what they do to it."""

    expiring: tuple[str, ...] = ()  #: objects are deleted, or hidden under a marker
    noncurrent: tuple[str, ...] = ()  #: the record of a key is deleted once anything lies on top
    cold: tuple[str, ...] = ()  #: objects cannot be read at once any more
    aborting: tuple[str, ...] = ()  #: uploads left behind are cleared away: as it should be


def effects(rules: Sequence[Mapping[str, Any]], prefix: str, canaries: str) -> Effects:
    """What these rules do below a prefix; those for the canaries alone do no harm."""
    found: dict[str, list[str]] = {name: [] for name in Effects.__dataclass_fields__}
    for rule in rules:
        if rule.get("Status") != "Enabled" or not _touches(rule, prefix, canaries):
            continue
        name = str(rule.get("ID") or "unnamed")[:60]
        expiration = rule.get("Expiration", {})
        if expiration.get("Days") or expiration.get("Date"):
            found["expiring"].append(name)
        if rule.get("NoncurrentVersionExpiration"):
            found["noncurrent"].append(name)
        moves = [*rule.get("Transitions", []), *rule.get("NoncurrentVersionTransitions", [])]
        if any(each.get("StorageClass") in _COLD for each in moves):
            found["cold"].append(name)
        # An archive is covered only by a rule that holds for all of it.
        if rule.get("AbortIncompleteMultipartUpload") and prefix.startswith(_prefix(rule)):
            found["aborting"].append(name)
    return Effects(**{name: tuple(ids) for name, ids in found.items()})


def _touches(rule: Mapping[str, Any], prefix: str, canaries: str) -> bool:
    """Whether objects of ours may be meant: they have no tags, and any size."""
    chosen = rule.get("Filter", {})
    both = chosen.get("And", {})
    if chosen.get("Tag") or both.get("Tags"):
        return False
    at = _prefix(rule)
    if at.startswith(canaries):
        return False
    return at.startswith(prefix) or prefix.startswith(at)


def _prefix(rule: Mapping[str, Any]) -> str:
    chosen = rule.get("Filter", {})
    return str(
        rule.get("Prefix") or chosen.get("Prefix") or chosen.get("And", {}).get("Prefix") or ""
    )
