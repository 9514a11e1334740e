"""From an inventory to what is searched of it: read, check the digest, decode, parse."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from archiver.archive.canonical import sha256
from archiver.errors import ObjectMissingError, StoreError
from archiver.model import (
    CHAT,
    SESSION_RECORD,
    SUMMARY,
    ArtifactId,
    Outcome,
    Session,
    TranscriptFormat,
    to_ms,
    transcript,
)
from search.formats import (
    Chat,
    FormatError,
    Limits,
    SessionRecord,
    Summary,
    Transcript,
    expand,
    parse_chat,
    parse_session_record,
    parse_summary,
    parse_transcript,
)
from search.index.seam import Document

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from archiver.archive.archive import Archive
    from archiver.archive.chains import Committed
    from archiver.archive.inventory import Entry, Inventory

T = TypeVar("T")

#: Which transcript is indexed where several are archived: the one that says most comes first.
PREFERENCE = (
    TranscriptFormat.JSON,
    TranscriptFormat.CSV,
    TranscriptFormat.VTT,
    TranscriptFormat.SRT,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The bytes of a session's artifacts as far as they are whole, and what is wrong with others."""

    committed: Committed
    bodies: Mapping[ArtifactId, tuple[Entry, bytes]]
    problems: Mapping[str, str]  #: by object name

    @property
    def size_bytes(self) -> int:
        return sum(len(body) for _, body in self.bodies.values())


async def read_session(archive: Archive, committed: Committed, limits: Limits) -> Stored:
    """Read what is to be indexed of a session; bytes that are not their digest's are left out."""
    folder = committed.inventory.folder

    async def get(entry: Entry) -> bytes:
        return await archive.store.get(folder + entry.name, max_bytes=limits.size_bytes)

    return await read_bodies(committed, get, limits)


async def read_bodies(
    committed: Committed, get: Callable[[Entry], Awaitable[bytes]], limits: Limits
) -> Stored:
    """The same from wherever `get` finds an artifact's bytes; it raises StoreError where it does not."""
    bodies: dict[ArtifactId, tuple[Entry, bytes]] = {}
    problems: dict[str, str] = {}
    for entry in _wanted(committed.inventory):
        if entry.size_bytes > limits.size_bytes:
            problems[entry.name] = "too large to be indexed"
            continue
        try:
            data = await get(entry)
        except ObjectMissingError:
            problems[entry.name] = "not in the bucket"
            continue
        except StoreError as error:
            if error.transient:
                raise
            problems[entry.name] = "cannot be read from the bucket"
            continue
        if sha256(data) != entry.digest:
            problems[entry.name] = "not what its digest says"
        else:
            bodies[entry.artifact] = (entry, data)
    return Stored(committed=committed, bodies=bodies, problems=problems)


def _wanted(inventory: Inventory) -> list[Entry]:
    """The session record, one transcript, the chat and the summary."""
    held = {
        entry.artifact: entry
        for entry in inventory.entries
        if entry.has_object and entry.outcome in {Outcome.ARCHIVED, Outcome.EMPTY}
    }
    transcripts = [transcript(each) for each in PREFERENCE]
    best = [each for each in transcripts if each in held]
    full = [each for each in best if held[each].outcome == Outcome.ARCHIVED]
    chosen = [SESSION_RECORD, *(full or best)[:1], CHAT, SUMMARY]
    return [held[each] for each in chosen if each in held]


@dataclass(slots=True)
class _Parts:
    record: SessionRecord | None = None
    transcript: Transcript | None = None
    chat: Chat | None = None
    summary: Summary | None = None
    problems: dict[str, str] = field(default_factory=dict)


def parse_stored(stored: Stored, limits: Limits) -> Document:
    """Parse what was read; what cannot be parsed is left out and named in `unread`."""
    inventory = stored.committed.inventory
    session = inventory.session
    parsed = _Parts(problems=dict(stored.problems))
    for artifact, (entry, body) in stored.bodies.items():
        _parse_into(parsed, artifact, entry, body, session, limits)
    record = parsed.record
    return Document(
        app_id=session.app_id,
        session_id=session.session_id,
        meeting_id=session.meeting_id,
        title=record.title if record else "",
        started_at_ms=to_ms(session.started_at),
        ended_at_ms=to_ms(session.ended_at) if session.ended_at else None,
        version=inventory.version,
        digest=stored.committed.digest,
        participants=record.participants if record else (),
        transcript=parsed.transcript,
        chat=parsed.chat,
        summary=parsed.summary,
        unread=parsed.problems,
    )


def _parse_into(
    parsed: _Parts,
    artifact: ArtifactId,
    entry: Entry,
    body: bytes,
    session: Session,
    limits: Limits,
) -> None:
    def attempt(parse: Callable[[bytes], T]) -> T | None:
        try:
            return parse(expand(body, entry.encoding, limits) if entry.encoding else body)
        except FormatError as error:
            parsed.problems[entry.name] = error.reason
            return None

    started_at = session.started_at
    if artifact == SESSION_RECORD:
        parsed.record = attempt(lambda data: parse_session_record(data, limits=limits))
    elif artifact == CHAT:
        parsed.chat = attempt(lambda data: parse_chat(data, started_at=started_at, limits=limits))
    elif artifact == SUMMARY:
        parsed.summary = attempt(lambda data: parse_summary(data, limits=limits))
    else:
        length_ms = (
            to_ms(session.ended_at) - to_ms(started_at) if session.ended_at is not None else None
        )
        parsed.transcript = attempt(
            lambda data: parse_transcript(
                data,
                artifact.format,
                started_at=started_at,
                session_ms=length_ms,
                limits=limits,
            )
        )
