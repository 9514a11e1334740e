"""What must hold after every run, whatever the seed drew."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.archive import Archive
from archiver.archive.inventory import Inventory, parse_inventory
from archiver.archive.journal import Journal
from archiver.archive.keys import CANARIES
from archiver.archive.seals import parse_seal
from archiver.follow import follow
from archiver.ledger import EVERYTHING, Ledger
from archiver.model import SESSION_RECORD, SETTLED, ArtifactId, Kind, Outcome, format_time
from archiver.rebuild import rebuild_ledger
from archiver.runtime import expectation_of
from archiver.sealing import Sealer
from archiver.simulated.library import SummaryMode, TranscriptMode
from archiver.verify import verify
from search.formats import Limits
from search.indexer import Indexer
from tests.simulation.bucket import MemoryStore
from tests.simulation.scenario import START
from tests.simulation.world import LASTS, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.clock import Clock

#: Whatever is there so long before its deadline is had, though every fault there is stands in the way.
LONG_ENOUGH = timedelta(hours=26)
#: What a worker's clock may be off, and it decides all the same.
OFF_MAX = timedelta(seconds=61)
PATIENCE = timedelta(hours=6)
DAY = timedelta(days=1)
NOTHING_STARTED = frozenset({400, 403, 404, 422, 429})


async def broken(world: World) -> list[str]:
    """Every invariant that does not hold, in words."""
    world.bucket.lost_answers = 0  # a fault that nobody came to is not for whoever looks now
    store = MemoryStore(world.bucket, world.now, lambda _step: None)
    try:
        archive = await Archive.open(store)
    except Exception as error:  # noqa: BLE001 — whatever it is, it belongs into the report
        return [f"the archive cannot be opened: {error}"]
    found = list(_one_spelling(world))
    found += [str(each) for each in (await verify(archive)).findings]
    found += _outcomes(world)
    found += _offered_is_archived(world)
    found += _posts(world)
    found += _wrong_clocks(world)
    found += _alarms(world)
    for number in range(len(world.processes)):
        found += await _ledger(world, archive, number)
    found += await _index(world, archive)
    return found


# ---------------------------------------------------------------------- the bucket


def _inventories(world: World) -> dict[str, list[Inventory]]:
    """Every session's chain, oldest first."""
    chains: dict[str, list[Inventory]] = defaultdict(list)
    for key in sorted(world.bucket.objects):
        parsed = keys.parse_key(key)
        if parsed is not None and parsed.version:
            chains[parsed.session_id.session_id].append(
                parse_inventory(world.bucket.objects[key][0], key)
            )
    return chains


def _one_spelling(world: World) -> Iterator[str]:
    """Nothing was overwritten, or written under a name that is not its digest."""
    written: dict[str, bytes] = {}
    for process in world.processes:
        for key, body, _ in process.puts:
            if key.startswith(CANARIES):
                continue
            if key in written:
                yield f"{key} was written twice"
            written[key] = body
            parsed = keys.parse_key(key)
            if parsed is not None and parsed.digest not in ("", hashlib.sha256(body).hexdigest()):
                yield f"{key} is not what its digest says"
    for key, (body, _) in world.bucket.objects.items():
        if not key.startswith(CANARIES) and written.get(key) != body:
            yield f"{key} is not what was written"


def _expected(world: World) -> list[ArtifactId]:
    expectation = expectation_of(world.processes[0].settings)
    return [
        each for each, state in expectation.initial().items() if state.outcome is Outcome.PENDING
    ]


def _outcomes(world: World) -> Iterator[str]:
    """Every artifact of every session ends in a recorded outcome, with a reason where it is not there."""
    chains = _inventories(world)
    for session_id in world.session_ids:
        if session_id not in chains:
            yield f"{session_id} has no inventory"
            continue
        newest = chains[session_id][-1]
        for artifact in _expected(world):
            entry = newest.entry(artifact)
            if entry is None:
                yield f"{session_id} {artifact}: no entry"
            elif entry.outcome not in {*SETTLED, Outcome.EMPTY}:
                yield f"{session_id} {artifact}: still {entry.outcome}"
            elif entry.outcome in {Outcome.ABSENT, Outcome.LOST} and not entry.reason:
                yield f"{session_id} {artifact}: {entry.outcome} without a reason"


def _offered_is_archived(world: World) -> Iterator[str]:
    """What the source offered long enough before its deadline is archived byte for byte."""
    chains = _inventories(world)
    for session_id in world.session_ids:
        session = world.source.session(session_id)
        deadline_at = session.started_at + timedelta(days=7) - timedelta(hours=1)
        newest = chains[session_id][-1] if session_id in chains else None
        for artifact in _expected(world):
            if artifact == SESSION_RECORD or newest is None:
                continue
            kind, format_ = artifact.kind, artifact.format
            if world.source.faults.of(session_id, kind, format_).never:
                continue
            ready_at = session.ready_at(kind, world.source.timing)
            asked_for = session.meeting.summary_mode is SummaryMode.ON_REQUEST
            if kind == Kind.SUMMARY and (asked_for or not _spoken(world, session_id)):
                continue
            if ready_at is None or max(ready_at, START) + LONG_ENOUGH > deadline_at:
                continue
            entry = newest.entry(artifact)
            wanted = world.source.artifact_bytes(session_id, kind, format_)
            if entry is None or entry.digest != hashlib.sha256(wanted).hexdigest():
                outcome = entry.outcome if entry else "not named"
                yield f"{session_id} {artifact}: was offered since {ready_at}, and is {outcome}"


def _spoken(world: World, session_id: str) -> bool:
    """Whether a transcript with words in it could be had: no summary is looked for without one."""
    faults = world.source.faults
    probe = world.processes[0].settings.formats
    meeting = world.source.session(session_id).meeting
    return meeting.transcript_mode is TranscriptMode.FULL and not any(
        faults.of(session_id, Kind.TRANSCRIPT, each).never
        or faults.of(session_id, Kind.TRANSCRIPT, each).empty_file
        for each in probe
    )


# ---------------------------------------------------------------------- requests and clocks


def _posts(world: World) -> Iterator[str]:
    """Never a POST while an earlier one may be at work, at most two, and each recorded before."""
    by_session = defaultdict(list)
    for session_id, at, status in world.posts:
        by_session[session_id].append((at, status))
    recorded: dict[str, int] = defaultdict(int)
    for key in world.bucket.objects:
        parsed = keys.parse_key(key)
        if parsed is not None and parsed.request:
            recorded[parsed.session_id.session_id] += 1
    for session_id, posts in by_session.items():
        if len(posts) > recorded[session_id]:
            yield f"{session_id}: {len(posts)} POSTs, {recorded[session_id]} recorded"
        if len(posts) > 2:
            yield f"{session_id}: {len(posts)} POSTs"
        for (first, status), (second, _) in pairwise(posts):
            waited = second - first >= PATIENCE - timedelta(minutes=5)
            # Whoever was killed with the answer, or is another, knows only that it was asked.
            if not (waited or status in NOTHING_STARTED):
                yield f"{session_id}: a POST {second - first} after one that was answered {status}"


def _wrong_clocks(world: World) -> Iterator[str]:
    """A clock more than a minute off decides nothing final."""
    final = {Outcome.ABSENT, Outcome.LOST}
    for process in world.processes:
        for key, body, skew in process.puts:
            parsed = keys.parse_key(key)
            if parsed is None or not parsed.version or abs(skew) <= OFF_MAX:
                continue
            made = parse_inventory(body, key)
            before: dict[ArtifactId, str] = {}
            if made.version > 1:
                earlier = parsed.folder + keys.inventory_name(made.version - 1)
                previous = parse_inventory(world.bucket.objects[earlier][0], earlier)
                before = {each.artifact: each.outcome for each in previous.entries}
            for entry in made.entries:
                if entry.outcome in final and before.get(entry.artifact) != entry.outcome:
                    yield f"{key}: {entry.artifact} {entry.outcome} by a clock that was {skew} off"


def _alarms(world: World) -> Iterator[str]:
    """What is lost is told of by the status of whoever knows it."""
    lost = {
        (session_id, str(entry.artifact))
        for session_id, chain in _inventories(world).items()
        for entry in chain[-1].entries
        if entry.outcome == Outcome.LOST
    }
    told = set()
    for process in world.processes:
        ledger = Ledger.open(process.settings.ledger_path)
        told |= {
            (session_id.session_id, str(artifact))
            for session_id, artifact, _ in ledger.lost(EVERYTHING, 10_000)
        }
        ledger.close()
    for session_id, artifact in sorted(lost - told):
        yield f"{session_id} {artifact}: lost, and no status says so"


# ---------------------------------------------------------------------- the views


async def _ledger(world: World, archive: Archive, number: int) -> list[str]:
    """The ledger made again from the bucket says what the worker's own says."""
    process = world.processes[number]
    own = Ledger.open(process.settings.ledger_path)
    path = world.folder / f"rebuilt-{number}.db"
    rebuilt = await rebuild_ledger(archive, path, process.clock)
    again = Ledger.open(path)
    try:
        now = world.now()
        await follow(archive, own, own.apps(), since=now - LASTS - timedelta(days=10), now=now)
        mine, made = _facts(own), _facts(again)
        accused = (await verify(archive, ledger=own)).findings
        unsealed = await _unsealed(archive, own, process.clock)
    finally:
        own.close()
        again.close()
    found = [f"{process.name}: accused by what its ledger knows: {each}" for each in accused]
    found += [f"{process.name}: after a seal, nothing seals {each}" for each in unsealed]
    found += [f"{process.name}: rebuilding found {each}" for each in rebuilt.problems]
    found += [
        f"{process.name} {each}: the ledger says {mine.get(each)} and the bucket {made.get(each)}"
        for each in sorted(mine.keys() | made.keys())
        if mine.get(each) != made.get(each)
    ]
    return found


async def _unsealed(archive: Archive, ledger: Ledger, clock: Clock) -> list[str]:
    """What is committed and that no seal names, though one was made just now; nothing."""
    sealer = Sealer(archive, ledger, clock, made=lambda now: {"at": format_time(now)}, every=DAY)
    await sealer.seal()
    named: dict[str, int] = {}
    async for record in Journal(archive, keys.SEALS).records():
        named |= {each.folder: each.version for each in parse_seal(record).sealed}
    found: list[str] = []
    async for chain in archive.chains():
        newest = chain.newest.inventory if chain.newest else None
        if newest is not None and named.get(chain.folder) != newest.version:
            found.append(newest.key)
    return found


def _facts(ledger: Ledger) -> dict[str, object]:
    return {
        each.session.session_id: (
            each.session.deadline_at,
            each.inventory_version,
            each.inventory_digest,
            sorted(
                (str(state.artifact), str(state.outcome), state.reason, state.digest)
                for state in each.states.values()
            ),
        )
        for each in ledger.all_states()
    }


async def _index(world: World, archive: Archive) -> list[str]:
    """What is indexed is what is in the bucket: every session, in its newest version."""
    process = world.processes[0]
    ledger = Ledger.open(process.settings.ledger_path)
    indexer = Indexer(archive, ledger, process.settings.index_path, Limits(size_bytes=2**20))
    try:
        indexed = await indexer.catch_up()
        found = [f"indexing found {each}" for each in indexed.problems]
        versions: dict[str, int] = {}
        for file in indexer._files.values():
            versions |= file.versions()
    finally:
        indexer.close()
        ledger.close()
    newest = {each: chain[-1].version for each, chain in _inventories(world).items()}
    return [*found, *([f"indexed is {versions}, archived {newest}"] if versions != newest else [])]


def trace(world: World) -> str:
    """What happened, in one line that is the same whenever the seed is run."""
    record = [
        sorted(world.bucket.objects),
        [each.steps for each in world.processes],
        [each.ends for each in world.processes],
        [[str(at), status] for _, at, status in world.posts],
    ]
    return hashlib.sha256(json.dumps(record).encode()).hexdigest()
