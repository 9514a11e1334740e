"""What a store really does, found out on canaries: nothing else is ever written, changed or removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from archiver.archive.stores.store import Store
from archiver.model import UNLOCKED, Lock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from archiver.checks import Check
    from archiver.clock import Clock

__all__ = ["Claims", "Examinable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What the settings say of the store, to be held against what it does."""

    lock: Lock = UNLOCKED  #: the strictest that anything put at this moment would be under
    sole_worker: bool = False  #: no other worker writes to it
    #: How long canaries are locked that are to be gone afterwards: longer than a put takes.
    brief: timedelta = timedelta(seconds=8)


class Examinable(Store, Protocol):
    """A store that can be put on trial."""

    def examine(self, claims: Claims, clock: Clock) -> AsyncGenerator[Check]:
        """Try on canaries what the store does; close it if it is not read to its end.

        Nothing that goes wrong with the store is raised: it is a check that failed. Canaries that
        can be removed are, however this ends.
        """
        ...
