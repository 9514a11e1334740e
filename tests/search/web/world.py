"""A small world to serve: an index that speaks the real protocol, an archive in a folder, a ledger."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.testclient import TestClient

from archiver.access import KeyRing, Role, create_key, revoke_key
from archiver.alerts import Shelf as Searches
from archiver.archive.archive import Archive, Origin
from archiver.archive.inventory import Entry, Inventory
from archiver.archive.stores import open_store
from archiver.archive.versions import next_version
from archiver.audit import Trail
from archiver.audit.shelf import trails_in
from archiver.errors import ArchiverError
from archiver.ledger import Ledger
from archiver.model import (
    CHAT,
    SESSION_RECORD,
    SUMMARY,
    ArtifactId,
    Fetched,
    Outcome,
    Session,
    to_ms,
    transcript,
)
from archiver.records import states_of
from archiver.schedule import ArtifactState
from archiver.settings import Secret, Settings
from search.errors import CursorError
from search.formats import Participant
from search.index.seam import Line, SearchRequest, SessionCard, Unread
from search.results import Hit, Moment, SearchResult
from search.web import Services, create_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archiver.access.assertions import Assertions
    from archiver.archive.chains import Committed
    from archiver.clock import Clock
    from search.web.signed_in import SignedIn

APP = "c94c437b-0000-4000-8000-000000000001"
OTHER_APP = "c94c437b-0000-4000-8000-000000000002"
SESSION = "05e57591-0000-4000-8000-000000000001"
PENDING = "05e57591-0000-4000-8000-000000000002"
STARTED = datetime(2026, 10, 3, 10, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LOCAL = ("127.0.0.1", 1)
BASE_URL = "http://127.0.0.1:8000"

MADE = {"at": "2026-11-20T10:00:00.000Z", "command": "test"}

Bodies = dict[ArtifactId, bytes]
SNIPPET_CHARS = 300
_FACETS = {
    "speaker": [("Ana Souza", 1)],
    "app": [(APP, 1)],
    "kind": [("transcript", 1)],
    "month": [("2026-10", 1)],
}
BODIES: Bodies = {
    SESSION_RECORD: b'{"session": {"id": "x"}}',
    transcript("JSON"): b"[" + b'{"transcript": "we can hold the renewal price"},' * 9 + b"{}]",
    transcript("CSV"): b"timestamp,transcript\r\n1,hello\r\n",
    CHAT: 'id,payload\n1,=HYPERLINK("http://x")\n2,ünïcode\n'.encode(),
    SUMMARY: b"# Summary\n\n<script>alert(1)</script>\n",
}


class FixedClock:
    """It is always the same moment."""

    def now(self) -> datetime:
        return NOW

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits")


@dataclass
class Shelf:
    """An index in memory: finds words as they are written, best those that are said most often."""

    cards: list[SessionCard] = field(default_factory=list)
    said: dict[str, list[Line]] = field(default_factory=dict)
    people: dict[str, list[Participant]] = field(default_factory=dict)
    places: dict[str, tuple[str, int]] = field(default_factory=dict)
    error: Exception | None = None
    asked: list[SearchRequest] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def add(self, card: SessionCard, lines: list[Line], *people: Participant) -> None:
        """Put a session on the shelf."""
        self.cards.append(card)
        self.said[card.session_id] = lines
        self.people[card.session_id] = list(people)

    def _enter(self) -> None:
        self.threads.add(threading.current_thread().name)
        if self.error is not None:
            raise self.error

    def search(self, request: SearchRequest) -> SearchResult:
        self._enter()
        self.asked.append(request)
        if request.cursor and not request.cursor.isdigit():
            raise CursorError("the cursor is not one of ours", hint="start again without one")
        hits = [hit for card in self._visible(request) if (hit := self._hit(card, request))]
        hits.sort(key=lambda hit: -hit.score)
        start = int(request.cursor or 0)
        page = hits[start : start + request.limit]
        more = len(hits) > start + request.limit
        return SearchResult(
            hits=tuple(page),
            total_sessions=len(hits),
            total_all_words=sum(self._holds_all(hit, request) for hit in hits),
            facets={name: _FACETS[name] for name in request.facets if hits},
            facets_of=len(hits) if request.facets else 0,
            next_cursor=str(start + request.limit) if more else None,
            positions={
                app: place
                for app, place in self.places.items()
                if request.apps is None or app in request.apps
            },
        )

    def _holds_all(self, hit: Hit, request: SearchRequest) -> bool:
        lines = self.said[hit.session_id]
        return all(any(word in line.text for line in lines) for word in request.query.words)

    def _visible(self, request: SearchRequest) -> list[SessionCard]:
        filters = request.query.filters
        return [
            each
            for each in self.cards
            if (request.apps is None or each.app_id in request.apps)
            and (not filters.apps or each.app_id in filters.apps)
            and (filters.after_ms is None or each.started_at_ms >= filters.after_ms)
            and (filters.before_ms is None or each.started_at_ms < filters.before_ms)
        ]

    def _hit(self, card: SessionCard, request: SearchRequest) -> Hit | None:
        kinds = request.query.filters.kinds
        found = [
            (line, line.text.find(word), len(word))
            for line in self.said[card.session_id]
            for word in request.query.words
            if word in line.text and (not kinds or line.kind in kinds)
        ]
        if request.query.words and not found:
            return None
        moments = tuple(
            Moment(
                kind=line.kind,
                speaker=line.speaker,
                start_ms=line.start_ms,
                end_ms=line.end_ms,
                snippet=line.text[:SNIPPET_CHARS],
                highlights=((start, start + length),),
            )
            for line, start, length in found
        )
        return Hit(
            app_id=card.app_id,
            session_id=card.session_id,
            meeting_id=card.meeting_id,
            meeting_title=card.title,
            started_at_ms=card.started_at_ms,
            ended_at_ms=card.ended_at_ms,
            score=float(len(found)),
            matches=len(found),
            moments=moments[: request.moments],
        )

    def sessions(
        self,
        *,
        apps: tuple[str, ...] | None,
        after_ms: int | None = None,
        before_ms: int | None = None,
        speaker: str = "",
        limit: int = 50,
        cursor: str = "",
    ) -> tuple[list[SessionCard], str | None]:
        self._enter()
        found = [
            each
            for each in sorted(self.cards, key=lambda card: -card.started_at_ms)
            if (apps is None or each.app_id in apps)
            and (after_ms is None or each.started_at_ms >= after_ms)
            and (before_ms is None or each.started_at_ms < before_ms)
            and (not speaker or speaker in each.speakers)
        ]
        start = int(cursor or 0)
        more = len(found) > start + limit
        return found[start : start + limit], str(start + limit) if more else None

    def session(self, session_id: str, *, apps: tuple[str, ...] | None) -> SessionCard | None:
        self._enter()
        for card in self.cards:
            if card.session_id == session_id and (apps is None or card.app_id in apps):
                return card
        return None

    def participants(self, card: SessionCard) -> list[Participant]:
        self._enter()
        return self.people[card.session_id]

    def lines(self, card: SessionCard, kind: str = "") -> list[Line]:
        self._enter()
        return [each for each in self.said[card.session_id] if not kind or each.kind == kind]

    def complete(
        self, field: str, text: str, *, apps: tuple[str, ...] | None, limit: int = 10
    ) -> list[tuple[str, int]]:
        self._enter()
        cards = [each for each in self.cards if apps is None or each.app_id in apps]
        names = [each.title for each in cards]
        if field == "speaker":
            names = [name for each in cards for name in each.speakers]
        found = Counter(each for each in names if text.casefold() in each.casefold())
        return found.most_common(limit)

    def count(self) -> int:
        self._enter()
        return len(self.cards)

    def unread(self, limit: int) -> tuple[list[Unread], int]:
        self._enter()
        return [], 0

    def positions(self, *, apps: tuple[str, ...] | None = None) -> dict[str, tuple[str, int]]:
        self._enter()
        return {app: place for app, place in self.places.items() if apps is None or app in apps}


def card(session_id: str = SESSION, app_id: str = APP, started: datetime = STARTED) -> SessionCard:
    """The card of a session of half an hour."""
    return SessionCard(
        app_id=app_id,
        session_id=session_id,
        meeting_id="weekly",
        title="Weekly sync",
        started_at_ms=to_ms(started),
        ended_at_ms=to_ms(started + timedelta(minutes=30)),
        version=1,
        attachments=1,
        speakers=("Ana Souza", "Ben"),
    )


def said(text: str, *, at_ms: int | None = 0, kind: str = "transcript", by: str = "Ana") -> Line:
    """A line of two seconds."""
    end_ms = at_ms + 2000 if at_ms is not None and kind == "transcript" else at_ms
    return Line(kind=kind, speaker=by, start_ms=at_ms, end_ms=end_ms, text=text)


LINES = [
    said("good morning", at_ms=1000, by="Ben"),
    said("we can hold the renewal price until March", at_ms=123_000, by="Ana Souza"),
    said("the renewal price is in the document", at_ms=130_000, kind="chat", by="Ben"),
    said("# Decisions", at_ms=None, kind="summary", by=""),
    said("- hold the price", at_ms=None, kind="summary", by=""),
]
ANA = Participant(
    peer_id="p1",
    user_id="u1",
    custom_id="ana@example.com",
    name="Ana Souza",
    joined_at_ms=0,
    left_at_ms=1_800_000,
)


def session(session_id: str = SESSION, app_id: str = APP, started: datetime = STARTED) -> Session:
    """A session of half an hour that has ended."""
    return Session(
        app_id=app_id,
        session_id=session_id,
        meeting_id="weekly",
        started_at=started,
        ended_at=started + timedelta(minutes=30),
        created_at=started,
        ended=True,
    )


@dataclass
class World:
    """All that an endpoint answers from."""

    root: Path
    shelf: Shelf
    archive: Archive | None
    ledger: Ledger | None
    settings: Settings = field(default_factory=Settings)
    clock: Clock = field(default_factory=FixedClock)
    keyring: KeyRing | None = None
    trail: Trail | None = None
    searches: Searches | None = None  #: the saved ones
    signed_in: SignedIn | None = None
    assertions: Assertions | None = None

    def services(self) -> Services:
        return Services(
            index=self.shelf,
            archive=self.archive,
            ledger=self.ledger,
            settings=self.settings,
            clock=self.clock,
            keyring=self.keyring,
            trail=self.trail,
            shelf=self.searches,
            signed_in=self.signed_in,
            assertions=self.assertions,
        )

    def recorded(self) -> Trail:
        """From now on every read is recorded."""
        self.set(data=self.root / "data")
        self.trail = Trail(self.settings.audit_path, self.clock)
        return self.trail

    def reads(self) -> list[dict[str, Any]]:
        """What is recorded by now, in order."""
        found = trails_in(self.settings.audit_path)
        return [json.loads(line) for path in found for line in path.read_bytes().splitlines()]

    def ring(self) -> KeyRing:
        """The keys of this world, which from now on are asked for; read from the bucket anew."""
        if self.keyring is None:
            patience = self.settings.keys_patience
            archive, clock = self.open_archive(), self.clock
            self.keyring = KeyRing(archive, self.root / "data", clock, patience=patience)
        asyncio.run(self.keyring.start())
        return self.keyring

    def key(
        self,
        name: str = "app",
        *apps: str,
        role: Role = Role.READER,
        expires_at: datetime | None = None,
    ) -> dict[str, str]:
        """Make a key; returns the headers of whoever has it."""
        making = create_key(
            self.open_archive(),
            name,
            role=role,
            apps=apps,
            expires_at=expires_at,
            now=self.clock.now(),
            made=MADE,
        )
        _, secret = asyncio.run(making)
        self.ring()
        return {"Authorization": f"Bearer {secret}"}

    def saved(self) -> Searches:
        """The saved searches, which from now on there can be; webhooks may be sent to one host."""
        self.set(
            data=self.root / "data",
            alert_secret=Secret("0123456789abcdef" * 2),
            alert_hosts=("hooks.example.com",),
        )
        self.searches = Searches(
            self.open_archive(), self.root / "data", self.clock, patience=timedelta(hours=1)
        )
        asyncio.run(self.searches.start())
        return self.searches

    def revoke(self, name: str) -> None:
        """Revoke a key, in the bucket alone: the ring learns of it when it reads again."""
        revoking = revoke_key(self.open_archive(), name, now=self.clock.now(), made=MADE)
        asyncio.run(revoking)

    def set(self, **changes: Any) -> None:
        """Change settings."""
        self.settings = replace(self.settings, **changes)

    @contextmanager
    def client(
        self, *, peer: tuple[str, int] = LOCAL, base_url: str = BASE_URL
    ) -> Iterator[TestClient]:
        """Somebody who asks."""
        with TestClient(create_app(self.services()), base_url, client=peer) as client:
            client.headers.pop("user-agent")
            yield client

    def open_archive(self) -> Archive:
        assert self.archive is not None
        return self.archive

    def open_ledger(self) -> Ledger:
        assert self.ledger is not None
        return self.ledger

    def commit(self, which: Session, bodies: Bodies, *more: Entry) -> Committed:
        """Archive these bodies and commit the inventory that names them."""
        return asyncio.run(_commit(self.open_archive(), self.root, which, bodies, more))


async def _commit(
    archive: Archive, root: Path, which: Session, bodies: Bodies, more: tuple[Entry, ...]
) -> Committed:
    entries = [await _store(archive, root, which, *each) for each in bodies.items()]
    base = Inventory(
        archive_id=archive.id,
        account=archive.origin.account,
        session=which,
        version=1,
        previous="",
        entries=(),
    )
    before = await archive.newest(which)
    current = (before.inventory, before.digest) if before else None
    inventory = next_version(current, base, (*entries, *more))
    assert inventory is not None
    return await archive.commit(inventory)


async def _store(
    archive: Archive, root: Path, which: Session, artifact: ArtifactId, body: bytes
) -> Entry:
    path = root / "body"
    path.write_bytes(body)
    fetched = Fetched(
        body=path,
        size_bytes=len(body),
        digest=hashlib.sha256(body).hexdigest(),
        media_type="text/html",
        encoding="gzip" if artifact == CHAT else "",
        host="example.com",
        fetched_at=NOW,
    )
    name, _ = await archive.put_artifact(which, artifact, fetched)
    path.unlink()
    return Entry(
        artifact=artifact,
        outcome=Outcome.ARCHIVED,
        name=name,
        size_bytes=fetched.size_bytes,
        digest=fetched.digest,
        encoding=fetched.encoding,
        media_type=fetched.media_type,
    )


def build(root: Path) -> World:
    """One session archived and indexed, another still pending, in an archive of their own."""
    world = open_world(root)
    waiting = session(PENDING, started=STARTED + timedelta(days=1))
    lost = Entry(artifact=transcript("SRT"), outcome=Outcome.LOST, reason="no healthy answer")
    committed = world.commit(session(), BODIES, lost)
    ledger = world.open_ledger()
    ledger.see([session(), waiting], NOW)
    ledger.record(
        session().id,
        states_of(committed.inventory, NOW),
        next_attempt_at=None,
        now=NOW - timedelta(hours=1),
        committed=committed,
    )
    pending = ArtifactState(artifact=CHAT, reason="no healthy answer", attempts=2)
    ledger.record(waiting.id, {CHAT: pending}, next_attempt_at=NOW, now=NOW)
    world.shelf.places = {APP: (ledger.epoch, ledger.newest_seq(APP))}
    return world


def open_world(root: Path) -> World:
    """What lies in this folder, or an empty world; the session on the shelf is always there."""
    archive = asyncio.run(_create(root))
    ledger = Ledger.open(root / "ledger.db")
    world = World(root=root, shelf=Shelf(), archive=archive, ledger=ledger)
    world.shelf.add(card(), list(LINES), ANA)
    world.shelf.places = {APP: (ledger.epoch, ledger.newest_seq(APP))}
    return world


async def _create(root: Path) -> Archive:
    store = open_store(f"file:{root / 'archive'}")
    origin = Origin(base_url="http://127.0.0.1:1", account="acc", simulated=True)
    return await Archive.open(store, origin=origin)


def close(world: World) -> None:
    """Let go of what the world has open."""
    if world.archive is not None:
        asyncio.run(world.archive.close())
    if world.ledger is not None:
        world.ledger.close()


class NamelessError(ArchiverError):
    """An error no answer was written for."""
