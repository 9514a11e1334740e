"""Two apps in one archive, over the real index and ledger, and every route there is."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.testclient import TestClient

from archiver.model import to_ms, transcript
from archiver.records import states_of
from search.formats import Transcript, Utterance
from search.index.appfile import AppFile
from search.index.generations import Generations, app_path
from search.index.library import Library
from search.index.seam import Document, Position
from search.web import create_app
from search.web.rules import RULES, Area
from tests.search.web.world import (
    APP,
    BASE_URL,
    LOCAL,
    NOW,
    OTHER_APP,
    SESSION,
    STARTED,
    World,
    session,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

FOREIGN = "05e57591-0000-4000-8000-00000000000f"
ABSENT = "05e57591-0000-4000-8000-00000000000a"
#: Every route that is not open, with what stands in its braces filled in later.
ROUTES = [each for each in RULES if each.area is not Area.OPEN]


def document(app_id: str, session_id: str, *texts: str) -> Document:
    said = tuple(
        Utterance(1000 * at, 1000 * at + 900, "Ana Souza", "p1", "u1", "", text)
        for at, text in enumerate(texts)
    )
    return Document(
        app_id=app_id,
        session_id=session_id,
        meeting_id="weekly",
        title="Weekly sync",
        started_at_ms=to_ms(STARTED),
        ended_at_ms=to_ms(STARTED) + 1_800_000,
        version=1,
        digest="0" * 64,
        transcript=Transcript(utterances=said, layout="json-array", notes=()),
    )


def add_foreign(world: World, session_id: str = FOREIGN) -> str:
    """A session of the other app, archived and in the ledger; returns the name of its artifact."""
    which = session(session_id, OTHER_APP)
    committed = world.commit(which, {transcript("JSON"): b'[{"transcript": "a zebra"}]'})
    ledger = world.open_ledger()
    ledger.see([which], NOW)
    ledger.record(
        which.id,
        states_of(committed.inventory, NOW),
        next_attempt_at=None,
        now=NOW - timedelta(hours=1),
        committed=committed,
    )
    return committed.inventory.entries[0].name


@contextmanager
def library(world: World, *, foreign: bool = True) -> Iterator[Library]:
    """The real index: one session of the app, and, if there is to be one, a foreign one."""
    ledger = world.open_ledger()
    folder = Generations(world.root / "index").ensure()
    documents = [(APP, document(APP, SESSION, "we can hold the renewal price", "a zebra crossed"))]
    if foreign:
        texts = [f"renewal zebra number {number}" for number in range(50)]
        documents.append((OTHER_APP, document(OTHER_APP, FOREIGN, *texts)))
    for app_id, each in documents:
        writer = AppFile.open(app_path(folder, app_id))
        writer.put([each], Position(epoch=ledger.epoch, seq=ledger.newest_seq(app_id)))
        writer.close()
    found = Library(world.root / "index")
    try:
        yield found
    finally:
        found.close()


@contextmanager
def asking(world: World, index: Library, **services: Any) -> Iterator[TestClient]:
    """Somebody who asks this world over the real index."""
    app = create_app(replace(world.services(), index=index, **services))
    with TestClient(app, BASE_URL, client=LOCAL, follow_redirects=False) as client:
        yield client


def path_of(path: str, session_id: str, name: str) -> str:
    """A route's path, filled in."""
    filled = path.replace("{session_id}", session_id).replace("{name}", name)
    return filled.replace("{search_id}", "0" * 32)
