"""Made-up archives, and a server to keep one on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from archiver.archive.archive import Archive, Origin
from archiver.archive.inventory import Entry, Inventory
from archiver.archive.stores import open_store
from archiver.model import CHAT, SESSION_RECORD, SUMMARY, Fetched, Outcome, Session, transcript
from benchmarks.text import talk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archiver.archive.stores import Store
    from archiver.model import ArtifactId

START = datetime(2026, 1, 1, tzinfo=UTC)
ORIGIN = Origin(base_url="https://api.example/v4", account="benchmark", simulated=False)
ARTIFACTS = (SESSION_RECORD, transcript("JSON"), transcript("CSV"), CHAT, SUMMARY)


def session_of(number: int) -> Session:
    """The session of this number: a hundred a day."""
    started_at = START + timedelta(minutes=14.4 * number)
    return Session(
        app_id="00000000-0000-4000-8000-000000000001",
        session_id=f"00000000-0000-4000-8000-{number:012x}",
        meeting_id="meeting",
        started_at=started_at,
        ended_at=started_at + timedelta(minutes=30),
        created_at=started_at,
        ended=True,
    )


async def fill(store: Store, sessions: int, size_bytes: int) -> Archive:
    """An archive of so many sessions, each with five artifacts of that size."""
    archive = await Archive.open(store, origin=ORIGIN)
    for number in range(sessions):
        session = session_of(number)
        entries = [await _put(archive, session, each, os.urandom(size_bytes)) for each in ARTIFACTS]
        await archive.commit(inventory_of(archive.id, session, tuple(entries)))
    return archive


def inventory_of(archive_id: str, session: Session, entries: tuple[Entry, ...]) -> Inventory:
    """The first inventory of a session."""
    return Inventory(
        archive_id=archive_id,
        account=ORIGIN.account,
        session=session,
        version=1,
        previous="",
        entries=entries,
    )


async def _put(archive: Archive, session: Session, artifact: ArtifactId, data: bytes) -> Entry:
    digest = hashlib.sha256(data).hexdigest()
    fetched = Fetched(
        body=data,
        size_bytes=len(data),
        digest=digest,
        media_type="application/octet-stream",
        encoding="",
        host="",
        fetched_at=session.started_at,
    )
    name, _ = await archive.put_artifact(session, artifact, fetched)
    return Entry(
        artifact=artifact,
        outcome=Outcome.ARCHIVED,
        name=name,
        size_bytes=len(data),
        digest=digest,
    )


async def store_sessions(folder: Path, sessions: int) -> int:
    """Write an archive with so many sessions of 300 utterances; returns the bytes of their text."""
    origin = Origin(base_url="http://127.0.0.1:1", account=ORIGIN.account, simulated=True)
    archive = await Archive.open(open_store(f"file:{folder}"), origin=origin)
    text_bytes = 0
    for number in range(sessions):
        started_at = START + timedelta(minutes=40 * number)
        session = Session(
            app_id="benchmark",
            session_id=f"session-{number:06}",
            meeting_id="meeting",
            started_at=started_at,
            ended_at=started_at + timedelta(minutes=35),
            created_at=started_at,
            ended=True,
        )
        rows = list(talk(number, 300))
        text_bytes += sum(len(row["sentence"]) for row in rows)
        told = {"id": session.session_id, "meeting_display_name": f"Meeting {number}"}
        bodies = {
            SESSION_RECORD: json.dumps({"session": told, "participants": []}).encode(),
            transcript("JSON"): json.dumps(rows).encode(),
        }
        entries = [await _put(archive, session, *each) for each in bodies.items()]
        await archive.commit(inventory_of(archive.id, session, tuple(entries)))
    await archive.close()
    return text_bytes


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """An S3 server: the one that AWS_ENDPOINT_URL names, else ministack; yields its URL."""
    if url := os.environ.get("AWS_ENDPOINT_URL"):
        yield url
        return
    command = shutil.which("ministack")
    if command is None:
        raise SystemExit("set AWS_ENDPOINT_URL to an S3 server, or install ministack")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    process = subprocess.Popen(
        [command],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.environ |= {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{url}/_localstack/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.wait()
        del os.environ["AWS_ENDPOINT_URL"]
