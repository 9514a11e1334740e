"""What was read of sessions lately, kept in memory: people look again at what others just found."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeAlias, TypeVar

if TYPE_CHECKING:
    from search.index.forward import Forward
    from search.index.records import Record

T = TypeVar("T")

BODIES_MAX_BYTES = 64 * 2**20
CARDS_MAX = 20_000


#: One state of one session: the file, the row id, and the state of the index since when it is so.
Key: TypeAlias = tuple[int, int, int]


class Card(NamedTuple):
    """What is told of a session that was found."""

    session_id: str
    meeting_id: str
    title: str
    ended_at_ms: int | None


class Body(NamedTuple):
    """What was said in a session."""

    record: Record
    forward: Forward

    @property
    def size_bytes(self) -> int:
        """How much memory this takes, the text twice: as it is kept, and what will be opened of it."""
        record = self.record
        text_bytes = 2 * record.text_bytes if record.has_text else 0
        return record.meta_bytes + self.forward.size_bytes + text_bytes


class Cache(Generic[T]):
    """Values within a size, of which the oldest goes first; any number of threads may ask at once."""

    def __init__(self, size_max: int) -> None:
        self._size_max = size_max
        self._size = 0
        self._kept: dict[Key, tuple[T, int]] = {}
        self._lock = threading.Lock()

    def get(self, key: Key) -> T | None:
        """What is kept under this key."""
        found = self._kept.get(key)
        return None if found is None else found[0]

    def put(self, key: Key, value: T, size: int = 1) -> None:
        """Keep a value of this size; what stands under the key already is replaced."""
        with self._lock:
            self._size += size - self._kept.pop(key, (None, 0))[1]
            self._kept[key] = value, size
            self._make_room()

    def resize(self, key: Key, size: int) -> None:
        """Count what stands under the key, if anything does, as of this size from now on."""
        with self._lock:
            known = self._kept.get(key)
            if known is not None:
                self._size += size - known[1]
                self._kept[key] = known[0], size
                self._make_room()

    def _make_room(self) -> None:
        while self._size > self._size_max:
            oldest = next(iter(self._kept))
            self._size -= self._kept.pop(oldest)[1]


class Caches:
    """What all files of a reader share."""

    def __init__(self) -> None:
        self.bodies: Cache[Body] = Cache(BODIES_MAX_BYTES)
        self.cards: Cache[Card] = Cache(CARDS_MAX)
