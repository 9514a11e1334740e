"""What memory moving or verifying an archive takes: the peak must not grow with the number of objects.

    python -m benchmarks.memory copy [--objects 1000000]
    python -m benchmarks.memory verify [--objects 1000000]

The stores make their objects up and keep none, so that what is measured is the work alone; a second
copy passes over all of the first, and a verification is held against seals that name every session.
Linux only: that is who tells a process its peak.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archiver.archive import keys
from archiver.archive.archive import Archive
from archiver.archive.canonical import with_own_digest
from archiver.archive.inventory import Entry, Inventory
from archiver.archive.journal import BEGINNING, Journal
from archiver.archive.seals import SEALED_AT_ONCE, Sealed, seal_body
from archiver.archive.stores import Capabilities, Fixity, ObjectInfo, Stored
from archiver.capture import Maker
from archiver.clock import SystemClock
from archiver.copying import Copying
from archiver.errors import ObjectExistsError, ObjectMissingError
from archiver.ledger.roster import Roster
from archiver.model import CHAT, SUMMARY, UNLOCKED, Lock, Outcome, Session, transcript
from archiver.verify import Verifier
from benchmarks.source import machine

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

OBJECTS = 1_000_000
BAR_BYTES = 200 * 10**6
ARCHIVE_ID = "made-up"
AT = datetime(2026, 1, 1, tzinfo=UTC)
ARTIFACTS = (CHAT, SUMMARY, transcript("CSV"), transcript("JSON"))
OBJECTS_PER_SESSION = len(ARTIFACTS) + 1
SESSIONS_PER_DAY = 5_000
_NUMBER = re.compile(r"/s([0-9]{9})/")


@lru_cache(maxsize=512)
def folder_of(number: int) -> dict[str, bytes]:
    """The objects of a session, by key."""
    started_at = AT + timedelta(days=number // SESSIONS_PER_DAY)
    session = Session(
        app_id="app",
        session_id=f"s{number:09}",
        meeting_id="meeting",
        started_at=started_at,
        ended_at=started_at,
        created_at=started_at,
        ended=True,
    )
    folder = keys.folder(session.id, started_at)
    objects: dict[str, bytes] = {}
    entries = []
    for artifact in ARTIFACTS:
        body = f"{artifact} {number}\n".encode() * 20
        digest = sha256(body).hexdigest()
        name = keys.artifact_name(artifact, digest)
        objects[folder + name] = body
        entries.append(
            Entry(
                artifact=artifact,
                outcome=Outcome.ARCHIVED,
                name=name,
                size_bytes=len(body),
                digest=digest,
            )
        )
    inventory = Inventory(
        archive_id=ARCHIVE_ID,
        account="account",
        session=session,
        version=1,
        previous="",
        entries=tuple(entries),
    )
    objects[inventory.key] = inventory.to_bytes()
    return dict(sorted(objects.items()))


class MadeUpStore:
    """So many sessions, or at first none; it remembers only the archive's own records."""

    def __init__(self, name: str, sessions: int, *, full: bool) -> None:
        self.url = f"made-up:{name}"
        self.full = full
        self.put_count = 0
        self._sessions = sessions
        self.records: dict[str, bytes] = {}

    def _body(self, key: str) -> bytes:
        if key in self.records:
            return self.records[key]
        match = _NUMBER.search(key)
        if match is None:
            raise ObjectMissingError(f"there is no {key}", key=key)
        return folder_of(int(match[1]))[key]

    async def put(
        self,
        key: str,
        body: bytes | Path,
        *,
        digest: str,
        size_bytes: int,  # noqa: ARG002 — the protocol's
        media_type: str,  # noqa: ARG002
        lock: Lock = UNLOCKED,  # noqa: ARG002
    ) -> Stored:
        if not isinstance(body, bytes) or sha256(body).hexdigest() != digest:
            raise AssertionError(key)
        if key in self.records:
            raise ObjectExistsError(f"{key} is taken", key=key)
        self.put_count += 1
        if key.startswith(keys.ARCHIVE_FOLDER):
            self.records[key] = body
        return Stored(key=key, etag="", version_id="", date="")

    async def get(self, key: str, *, version_id: str = "", max_bytes: int = 2**30) -> bytes:  # noqa: ARG002
        return self._body(key)

    async def stream(
        self,
        key: str,
        *,
        version_id: str = "",  # noqa: ARG002
        chunk_bytes: int = 2**20,  # noqa: ARG002
    ) -> AsyncGenerator[bytes]:
        yield self._body(key)

    async def fixity(self, key: str, *, version_id: str = "") -> Fixity:  # noqa: ARG002
        body = self._body(key)
        return Fixity(digest=sha256(body).hexdigest(), size_bytes=len(body))

    async def keep(self, key: str, lock: Lock, *, version_id: str = "") -> Lock:  # noqa: ARG002
        return UNLOCKED

    async def locks(self) -> bool:
        return False

    async def uploads(self) -> AsyncGenerator[Any]:
        return
        yield

    async def head(self, key: str) -> ObjectInfo | None:
        try:
            return _info(key, self._body(key))
        except ObjectMissingError:
            return None

    async def list(self, prefix: str, *, start_after: str = "") -> AsyncGenerator[ObjectInfo]:
        for key in sorted(self.records):
            if key.startswith(prefix) and key > start_after:
                yield _info(key, self.records[key])
        match = _NUMBER.search(prefix)
        listed = 0 if prefix.startswith(keys.ARCHIVE_FOLDER) or not self.full else self._sessions
        for number in [int(match[1])] if match else range(listed):
            for key, body in folder_of(number).items():
                if key.startswith(prefix) and key > start_after:
                    yield _info(key, body)

    async def remove(self, key: str) -> None:
        self.records.pop(key, None)

    async def probe(self, canary_prefix: str = keys.CANARIES) -> Capabilities:  # noqa: ARG002
        return Capabilities(
            put_if_absent=True, checksums_verified=True, versioned=False, locked=False
        )

    async def close(self) -> None:
        """There is nothing to let go of."""


def _info(key: str, body: bytes) -> ObjectInfo:
    return ObjectInfo(
        key=key, size_bytes=len(body), modified_at=AT, etag=str(len(body)), version_id=""
    )


def peak_bytes() -> int:
    """The most that this process has had resident."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


async def copy(objects: int, folder: Path) -> int:
    """Copy so many objects, then pass over them; returns how many were copied."""
    sessions = objects // OBJECTS_PER_SESSION
    source = MadeUpStore("source", sessions, full=True)
    source.records[keys.FORMAT_KEY] = _format()
    archive = await Archive.open(source)
    target = MadeUpStore("target", sessions, full=False)
    for _ in range(2):
        began = time.perf_counter()
        copied = await Copying(
            archive,
            target,
            lock_for=lambda _app: UNLOCKED,
            spool=folder,
            checked=folder,
            maker=Maker(instance="benchmark", command="copy"),
            clock=SystemClock(),
        ).run()
        print(
            f"{copied.copied:9} copied, {copied.passed:9} passed over, {copied.problems.count} problems"
            f" in {time.perf_counter() - began:.0f} s; peak {peak_bytes() / 10**6:.0f} MB",
            flush=True,
        )
        target.full = True
    return target.put_count


async def verify(objects: int, folder: Path) -> int:
    """Verify so many objects against the seals that name them; returns how many were read."""
    sessions = objects // OBJECTS_PER_SESSION
    store = MadeUpStore("source", sessions, full=True)
    store.records[keys.FORMAT_KEY] = _format()
    archive = await Archive.open(store)
    await _seal(archive, sessions)
    roster = Roster.open(folder / "roster.db")
    verifier = Verifier(archive, roster, SystemClock())
    began = time.perf_counter()
    await verifier.begin()
    await verifier.go_on()
    result = await verifier.finish()
    roster.delete()
    print(
        f"{result.sessions} sessions, {result.objects} objects, {result.damaged} damaged, held"
        f" against {result.sealed_sessions} sealed, in {time.perf_counter() - began:.0f} s",
        flush=True,
    )
    assert not result.damaged
    return result.objects


async def _seal(archive: Archive, sessions: int) -> None:
    """Seals that name every session."""
    journal, head = Journal(archive, keys.SEALS), BEGINNING
    for first in range(0, sessions, SEALED_AT_ONCE):
        last = min(first + SEALED_AT_ONCE, sessions)
        body = seal_body(
            sealed=[_sealed(number) for number in range(first, last)],
            sessions=last,
            listings=(),
            heads={},
            format_digest=sha256(archive.record).hexdigest(),
        )
        head = await journal.append(head, body, {"at": AT.isoformat()})


def _sealed(number: int) -> Sealed:
    (key,) = (each for each in folder_of(number) if keys.inventory_name(1) in each)
    digest = sha256(folder_of(number)[key]).hexdigest()
    return Sealed(folder=keys.folder_of(key), version=1, digest=digest)


def _format() -> bytes:
    return with_own_digest(
        {
            "format": "realtimekit-archive/1",
            "archive": ARCHIVE_ID,
            "base_url": "https://api.example/v4",
            "account": "account",
            "simulated": False,
            "made": {},
        }
    )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["copy", "verify"])
    parser.add_argument("--objects", type=int, default=OBJECTS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = copy if args.what == "copy" else verify
        asyncio.run(work(args.objects, Path(folder)))
    print(f"peak {peak_bytes() / 10**6:.0f} MB (bar: {BAR_BYTES / 10**6:.0f} MB)   [{machine()}]")


if __name__ == "__main__":
    main()
