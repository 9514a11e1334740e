"""Break each promise on purpose, and see the simulation catch it: `python -m tests.simulation.sabotage`."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from archiver import records, schedule
from archiver.archive.archive import Archive
from archiver.capture import capture
from archiver.capture.fetching import Fetching
from archiver.ledger import Ledger
from archiver.model import CHAT
from archiver.realtimekit.timekeeping import Timekeeping
from search.indexer import Indexer
from tests.simulation.bucket import MemoryStore
from tests.simulation.check import check

if TYPE_CHECKING:
    from collections.abc import Callable

Patch = pytest.MonkeyPatch
SEEDS_MAX = 60


def _a_byte_changes(patch: Patch) -> None:
    put = MemoryStore.put

    async def changed(self: MemoryStore, key: str, body: Any, **more: Any) -> Any:
        stored = await put(self, key, body, **more)
        if "/chat." in key:
            data, at = self._bucket.objects[key]
            self._bucket.objects[key] = (data + b"!", at)
        return stored

    patch.setattr(MemoryStore, "put", changed)


def _an_inventory_is_written_before_its_artifacts(patch: Patch) -> None:
    put = Archive.put_artifact

    async def unwritten(self: Archive, session: Any, artifact: Any, fetched: Any) -> Any:
        name, stored = await put(self, session, artifact, fetched)
        if artifact == CHAT:
            self.store._bucket.objects.pop(stored.key)  # type: ignore[attr-defined]
        return name, stored

    patch.setattr(Archive, "put_artifact", unwritten)


def _a_wrong_clock_decides(patch: Patch) -> None:
    patch.setattr(Timekeeping, "agrees", lambda _self, _now: True)


def _a_summary_is_asked_for_again_at_once(patch: Patch) -> None:
    def impatient(_session: Any, requests: Any, *_: Any) -> int | None:
        return len(requests) + 1 if len(requests) < 2 else None

    patch.setattr(capture, "may_request_summary", impatient)


def _a_summary_is_asked_for_without_a_record(patch: Patch) -> None:
    async def claimed(*_: Any) -> bool:
        return True

    patch.setattr(Archive, "claim_summary", claimed)


def _what_is_offered_is_not_taken(patch: Patch) -> None:
    artifact = Fetching.artifact

    async def none(self: Fetching, session_id: Any, which: Any) -> Any:
        return ("404", None) if which == CHAT else await artifact(self, session_id, which)

    patch.setattr(Fetching, "artifact", none)


def _nothing_is_ever_decided(patch: Patch) -> None:
    patch.setattr(capture, "decide", lambda states, *_, **__: dict(states))


def _what_is_lost_is_not_told_of(patch: Patch) -> None:
    patch.setattr(Ledger, "lost", lambda *_: [])


def _the_index_stops(patch: Patch) -> None:
    parse = Indexer._news
    patch.setattr(Indexer, "_news", lambda self, *args: list(parse(self, *args))[:-1])


def _the_bucket_forgets_a_reason(patch: Patch) -> None:
    entry_of = records.entry_of

    def reasonless(state: schedule.ArtifactState) -> Any:
        entry = entry_of(state)
        return replace(entry, reason="because") if entry.outcome == "absent" else entry

    patch.setattr("archiver.capture.commits.entry_of", reasonless)


SABOTAGES: dict[str, Callable[[Patch], None]] = {
    each.__name__.strip("_").replace("_", " "): each
    for each in (
        _a_byte_changes,
        _an_inventory_is_written_before_its_artifacts,
        _a_wrong_clock_decides,
        _a_summary_is_asked_for_again_at_once,
        _a_summary_is_asked_for_without_a_record,
        _what_is_offered_is_not_taken,
        _nothing_is_ever_decided,
        _what_is_lost_is_not_told_of,
        _the_index_stops,
        _the_bucket_forgets_a_reason,
    )
}


def caught(sabotage: Callable[[Patch], None]) -> tuple[int, str]:
    """The first seed that catches it, and what it says; (-1, "") where none does."""
    with pytest.MonkeyPatch.context() as patch:
        sabotage(patch)
        for seed in range(SEEDS_MAX):
            if broken := check(seed).broken:
                return seed, broken[0].strip().splitlines()[-1][:150]
    return -1, ""


def main() -> int:
    """Exit with 1 where something goes unnoticed."""
    unnoticed = 0
    for name, sabotage in SABOTAGES.items():
        seed, said = caught(sabotage)
        unnoticed += seed < 0
        print(f"{name}: {f'seed {seed}: {said}' if seed >= 0 else 'UNNOTICED'}", flush=True)
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
