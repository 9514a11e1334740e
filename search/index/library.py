"""All the apps' indexes as one: opens only the files a reader may see, and merges their answers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from archiver.model import SessionId
from migrations.sqlite import rows_in
from search.formats import Participant
from search.index import watched
from search.index.completion import completions
from search.index.names import Names
from search.index.position import position_in
from search.index.readers import Readers
from search.index.records import KINDS, Record
from search.index.seam import Line, SearchRequest, SessionCard, Unread
from search.index.searching import Searching

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from migrations.sqlite import Connection
    from search.index.watched import Glimpse
    from search.results import SearchResult

T = TypeVar("T")


class _Asked(NamedTuple):
    """One app's file, inside one snapshot of it."""

    app_id: str
    db: Connection
    names: Names


class Library:
    """The reading side of the index; any number of threads may ask at once."""

    def __init__(self, root: Path, *, timeout_s: float = 10.0) -> None:
        self._readers = Readers(root, timeout_s=timeout_s)
        self._searching = Searching(self._readers)

    def close(self) -> None:
        """Let go of the files."""
        self._readers.close()

    # ------------------------------------------------------------------ searching

    def search(self, request: SearchRequest) -> SearchResult:
        """Sessions that match, best or newest first, with their moments.

        Raises SearchTimeoutError, CursorError, IndexMissingError or IndexDamagedError.
        """
        return self._readers.retrying(lambda: self._searching.search(request))

    # ------------------------------------------------------------------ looking up

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
        """Sessions newest first, and the cursor of the next page."""
        from search.query import Filters, Query

        filters = Filters(
            after_ms=after_ms, before_ms=before_ms, speakers=(speaker,) if speaker else ()
        )
        request = SearchRequest(
            query=Query(filters=filters),
            apps=apps,
            sort="newest",
            limit=limit,
            moments=0,
            cursor=cursor,
        )
        result = self.search(request)
        hits = [(each.app_id, each.session_id) for each in result.hits]
        cards = {
            (each.app_id, each.session_id): each
            for app_id in {app_id for app_id, _ in hits}
            for each in self._cards([found for app, found in hits if app == app_id], (app_id,))
        }
        return [cards[each] for each in hits if each in cards], result.next_cursor

    def session(self, session_id: str, *, apps: tuple[str, ...] | None) -> SessionCard | None:
        """One session by its id, in whichever of these apps."""
        return next(iter(self._cards([session_id], apps)), None)

    def _cards(self, ids: Sequence[str], apps: tuple[str, ...] | None) -> list[SessionCard]:
        found = self._ask(apps, lambda asked: _cards(asked, ids))
        return [each for cards in found for each in cards]

    def participants(self, card: SessionCard) -> list[Participant]:
        """Who took part in a session, one entry a connection."""

        def read(asked: _Asked) -> list[Participant]:
            rows = asked.db.execute(
                "select peer_id, user_id, custom_id, name, joined_at_ms, left_at_ms"
                " from participant join session on session.id = participant.session"
                " where session_id = ? order by coalesce(joined_at_ms, 0), peer_id",
                [card.session_id],
            )
            names = ("peer_id", "user_id", "custom_id", "name", "joined_at_ms", "left_at_ms")
            return [Participant(**dict(zip(names, row, strict=True))) for row in rows]

        return [each for found in self._ask((card.app_id,), read) for each in found]

    def lines(self, card: SessionCard, kind: str = "") -> list[Line]:
        """What was said, typed or summed up in a session, in order."""

        def read(asked: _Asked) -> list[Line]:
            row = asked.db.execute(
                "select meta, text from body"
                " where id = (select id from session where session_id = ?)",
                [card.session_id],
            ).fetchone()
            if row is None:
                return []
            found = Record(*row).columns()
            names = {number: asked.names.of(number) for number in set(found.speakers)}
            lines = map(
                Line,
                map(KINDS.__getitem__, found.kinds),
                map(names.__getitem__, found.speakers),
                *found[2:],
            )
            return [line for line in lines if not kind or line.kind == kind]

        return [each for found in self._ask((card.app_id,), read) for each in found]

    def complete(
        self, field: str, text: str, *, apps: tuple[str, ...] | None, limit: int = 10
    ) -> list[tuple[str, int]]:
        """Speakers or meetings whose names hold what was typed, and in how many sessions; most first."""
        said: Counter[str] = Counter()
        for found in self._ask(apps, lambda asked: completions(asked.db, field, text, limit)):
            said.update(dict(found))
        return sorted(said.items(), key=lambda each: (-each[1], each[0]))[:limit]

    def positions(self, *, apps: tuple[str, ...] | None = None) -> dict[str, tuple[str, int]]:
        """How far each of these apps' index has followed the ledger: its epoch, and the place in its list."""

        def read(asked: _Asked) -> tuple[str, tuple[str, int]]:
            found = position_in(asked.db)
            return asked.app_id, (found.epoch, found.seq)

        return dict(self._ask(apps, read))

    def versions(self) -> dict[SessionId, int]:
        """Which version of its inventory each session was indexed from."""

        def read(asked: _Asked) -> dict[SessionId, int]:
            rows = asked.db.execute("select session_id, version from session")
            return {SessionId(asked.app_id, row[0]): row[1] for row in rows}

        return {name: version for found in self._ask(None, read) for name, version in found.items()}

    def count(self) -> int:
        """How many sessions the index holds."""

        def read(asked: _Asked) -> int:
            return int(asked.db.execute("select count(*) from session").fetchone()[0])

        return sum(self._ask(None, read))

    def unread(self, limit: int) -> tuple[list[Unread], int]:
        """Artifacts that are archived and could not be read, newest sessions first; and how many."""

        def read(asked: _Asked) -> tuple[list[tuple[int, Unread]], int]:
            rows = asked.db.execute(
                "select started_at_ms, session_id, name, reason from unread"
                " join session on session.id = unread.session"
                " order by started_at_ms desc, session_id, name limit ?",
                [limit],
            )
            found = [
                (row[0], Unread(session_id=row[1], name=row[2], reason=row[3])) for row in rows
            ]
            return found, int(asked.db.execute("select count(*) from unread").fetchone()[0])

        answers = self._ask(None, read)
        newest = sorted((each for found, _ in answers for each in found), key=lambda each: -each[0])
        return [each for _, each in newest[:limit]], sum(count for _, count in answers)

    def glimpses(
        self, app_id: str, session_ids: Sequence[str], hashes: NDArray[np.uint32]
    ) -> list[Glimpse]:
        """What these sessions hold of the words with these hashes, which ascend."""
        found = self._ask((app_id,), lambda asked: watched.glimpses(asked.db, session_ids, hashes))
        return [each for some in found for each in some]

    def beginnings(
        self, app_id: str, session_ids: Sequence[str], prefixes: Sequence[str]
    ) -> dict[str, set[str]]:
        """The words that begin so, of each prefix: all that these sessions hold, and others of the app."""
        found = self._ask(
            (app_id,), lambda asked: watched.beginnings(asked.db, session_ids, prefixes)
        )
        return found[0] if found else {}

    def _ask(self, apps: tuple[str, ...] | None, read: Callable[[_Asked], T]) -> list[T]:
        """What each of these apps' files has to say."""

        def ask() -> list[T]:
            deadline, answers = self._readers.deadline(), list[T]()
            for app_id, path in self._readers.files(apps).items():
                with self._readers.reading(path, deadline) as (db, views):
                    answers.append(read(_Asked(app_id, db, Names(db, views.names))))
            return answers

        return self._readers.retrying(ask)


def _cards(asked: _Asked, ids: Sequence[str]) -> list[SessionCard]:
    """Those of these sessions that are in this app's index, in any order."""
    rows = rows_in(
        asked.db,
        "select session_id, meeting_id, title, started_at_ms, ended_at_ms, version, attachments, meta"
        " from session join body on body.id = session.id where session_id in",
        ids,
    )
    return [
        SessionCard(
            app_id=asked.app_id,
            session_id=row[0],
            meeting_id=row[1],
            title=row[2],
            started_at_ms=row[3],
            ended_at_ms=row[4],
            version=row[5],
            attachments=row[6],
            speakers=_speakers(Record(row[7]), asked.names),
        )
        for row in rows
    ]


def _speakers(record: Record, names: Names) -> tuple[str, ...]:
    """Who said anything, those first who have most lines."""
    lines = np.bincount(record.spoken_by(), minlength=len(record.speakers)).tolist()
    said: Counter[str] = Counter()
    for speaker, count in zip(record.speakers.tolist(), lines, strict=True):
        if speaker:
            said[names.of(speaker)] += count
    return tuple(sorted(said, key=lambda each: (-said[each], each)))
