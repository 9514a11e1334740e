"""All the apps' indexes as one: opens only the files a reader may see, and merges their answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from archiver.model import SessionId
from search.formats import Participant
from search.index import cursors
from search.index.appfile import KINDS
from search.index.facets import FACET_VALUES, FACETS_OF, month_of, need_lines, parts_of
from search.index.filters import scope_of
from search.index.matching import Cut, Match, Matches, Matching, sort_key
from search.index.moments import find_moments
from search.index.planning import plan
from search.index.readers import Readers
from search.index.seam import Line, SearchRequest, SessionCard, Unread
from search.query import Matcher
from search.results import Hit, SearchResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from migrations.sqlite import Connection
    from search.index.filters import Scope
    from search.index.planning import Plan

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Found:
    """What matches in one app."""

    app_id: str
    path: Path
    plan: Plan
    scope: Scope
    matches: Matches
    newest_row: int


class Library:
    """The reading side of the index; any number of threads may ask at once."""

    def __init__(self, root: Path, *, timeout_s: float = 10.0) -> None:
        self._readers = Readers(root, timeout_s=timeout_s)

    def close(self) -> None:
        """Let go of the files."""
        self._readers.close()

    # ------------------------------------------------------------------ searching

    def search(self, request: SearchRequest) -> SearchResult:
        """Sessions that match, best or newest first, with their moments.

        Raises SearchTimeoutError, CursorError, IndexMissingError or IndexDamagedError.
        """
        return self._readers.retrying(lambda: self._search(request))

    def _search(self, request: SearchRequest) -> SearchResult:
        deadline = self._readers.deadline()
        belongs_to = cursors.fingerprint(request, self._readers.folder())
        cursor = cursors.decode(request.cursor, belongs_to)
        asked = request.query.filters
        files = {
            app_id: path
            for app_id, path in self._readers.files(request.apps).items()
            if (not asked.apps or app_id in asked.apps) and app_id not in asked.excluded_apps
        }
        wanted = cursor.offset + request.limit + 1
        if request.facets:
            wanted = max(wanted, FACETS_OF)
        matched = (
            self._match(*file, request, cursor=cursor, wanted=wanted, deadline=deadline)
            for file in files.items()
        )
        found = [each for each in matched if each is not None]
        order = sort_key(request.sort)
        by_app = [[(each, match) for match in each.matches.matches] for each in found]
        merged = list(merge(*by_app, key=lambda pair: order(pair[1])))
        rest = _not_shown(merged, cursor)
        page = rest[: request.limit]
        more = len(rest) > request.limit
        facets, facets_of = self._facets(merged[:FACETS_OF], request, deadline)
        return SearchResult(
            hits=tuple(self._hits(page, request, deadline)),
            total_sessions=sum(each.matches.total for each in found),
            total_all_words=sum(each.matches.all_words for each in found),
            facets=facets,
            facets_of=facets_of,
            next_cursor=_next(cursor, request, page, found, belongs_to) if more else None,
        )

    def _match(
        self,
        app_id: str,
        path: Path,
        request: SearchRequest,
        *,
        cursor: cursors.Cursor,
        wanted: int,
        deadline: float,
    ) -> _Found | None:
        made = plan(request.query, request.match)
        with self._readers.reading(path, deadline) as db:
            scope = scope_of(db, request.query.filters)
            if scope is None or (not made.matches and request.query.words):
                return None
            newest_row = db.execute("select coalesce(max(id), 0) from session").fetchone()[0]
            if cursor.newest_rows is not None:
                newest_row = cursor.newest_rows.get(app_id, 0)
            by_relevance = request.sort == "relevance"
            cut = Cut(
                sort=request.sort,
                count=wanted,
                after=cursor.after,
                newest_row=newest_row if by_relevance else None,
            )
            matches = Matching(db, made, scope).run(cut)
        return _Found(app_id, path, made, scope, matches, newest_row)

    def _hits(
        self, page: list[tuple[_Found, Match]], request: SearchRequest, deadline: float
    ) -> Iterator[Hit]:
        matcher = Matcher(request.query)
        for found, match in page:
            with self._readers.reading(found.path, deadline) as db:
                row = db.execute(
                    "select meeting_id, title, ended_at_ms, line_first, line_last from session"
                    " where id = ? and session_id = ?",
                    [match.row_id, match.session_id],
                ).fetchone()
                if row is None:  # removed since it was ranked
                    continue
                moments, count = find_moments(
                    db, found.plan, found.scope, matcher, (row[3], row[4]), request.moments
                )
            yield Hit(
                app_id=found.app_id,
                session_id=match.session_id,
                meeting_id=row[0],
                meeting_title=row[1],
                started_at_ms=match.started_at_ms,
                ended_at_ms=row[2],
                score=round(match.score, 4),
                matches=count,
                moments=tuple(moments),
            )

    def _facets(
        self, best: list[tuple[_Found, Match]], request: SearchRequest, deadline: float
    ) -> tuple[dict[str, list[tuple[str, int]]], int]:
        if not request.facets:
            return {}, 0
        counts: dict[str, Counter[str]] = {name: Counter() for name in request.facets}
        for found, match in best:
            values = {"app": {found.app_id}, "month": {month_of(match.started_at_ms)}}
            if need_lines(request.facets):
                with self._readers.reading(found.path, deadline) as db:
                    values |= parts_of(db, found.plan, found.scope, match.row_id)
            for name, counter in counts.items():
                counter.update(values[name])
        ordered = {
            name: sorted(counter.items(), key=lambda each: (-each[1], each[0]))[:FACET_VALUES]
            for name, counter in counts.items()
        }
        return ordered, len(best)

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
        cards = [self.session(each.session_id, apps=(each.app_id,)) for each in result.hits]
        return [each for each in cards if each is not None], result.next_cursor

    def session(self, session_id: str, *, apps: tuple[str, ...] | None) -> SessionCard | None:
        """One session by its id, in whichever of these apps."""
        cards = self._ask(apps, lambda app_id, db: _card(db, app_id, session_id))
        return next((each for each in cards if each is not None), None)

    def participants(self, card: SessionCard) -> list[Participant]:
        """Who took part in a session, one entry a connection."""

        def read(_app_id: str, db: Connection) -> list[Participant]:
            rows = db.execute(
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
        numbers = [KINDS.index(kind)] if kind else [*range(len(KINDS))]

        def read(_app_id: str, db: Connection) -> list[Line]:
            rows = db.execute(
                "select kind, coalesce(speaker.name, ''), start_ms, end_ms, text"
                " from line left join speaker on speaker.id = line.speaker"
                " where line.id between"
                "  (select line_first from session where session_id = ?1)"
                "  and (select line_last from session where session_id = ?1)"
                " order by line.id",
                [card.session_id],
            )
            return [
                Line(
                    kind=KINDS[row[0]], speaker=row[1], start_ms=row[2], end_ms=row[3], text=row[4]
                )
                for row in rows
                if row[0] in numbers
            ]

        return [each for found in self._ask((card.app_id,), read) for each in found]

    def positions(self) -> dict[str, tuple[str, int]]:
        """How far each app's index has followed the ledger: its epoch, and the place in its list."""

        def read(app_id: str, db: Connection) -> tuple[str, tuple[str, int]]:
            about = dict(db.execute("select name, value from about").fetchall())
            return app_id, (about.get("epoch", ""), int(about.get("seq", 0)))

        return dict(self._ask(None, read))

    def versions(self) -> dict[SessionId, int]:
        """Which version of its inventory each session was indexed from."""

        def read(app_id: str, db: Connection) -> dict[SessionId, int]:
            rows = db.execute("select session_id, version from session")
            return {SessionId(app_id, row[0]): row[1] for row in rows}

        return {name: version for found in self._ask(None, read) for name, version in found.items()}

    def count(self) -> int:
        """How many sessions the index holds."""

        def read(_app_id: str, db: Connection) -> int:
            return int(db.execute("select count(*) from session").fetchone()[0])

        return sum(self._ask(None, read))

    def unread(self, limit: int) -> tuple[list[Unread], int]:
        """Artifacts that are archived and could not be read, newest sessions first; and how many."""

        def read(_app_id: str, db: Connection) -> tuple[list[tuple[int, Unread]], int]:
            rows = db.execute(
                "select started_at_ms, session_id, name, reason from unread"
                " join session on session.id = unread.session"
                " order by started_at_ms desc, session_id, name limit ?",
                [limit],
            )
            found = [
                (row[0], Unread(session_id=row[1], name=row[2], reason=row[3])) for row in rows
            ]
            return found, int(db.execute("select count(*) from unread").fetchone()[0])

        answers = self._ask(None, read)
        newest = sorted((each for found, _ in answers for each in found), key=lambda each: -each[0])
        return [each for _, each in newest[:limit]], sum(count for _, count in answers)

    def _ask(self, apps: tuple[str, ...] | None, read: Callable[[str, Connection], T]) -> list[T]:
        """What each of these apps' files has to say."""

        def ask() -> list[T]:
            deadline, answers = self._readers.deadline(), list[T]()
            for app_id, path in self._readers.files(apps).items():
                with self._readers.reading(path, deadline) as db:
                    answers.append(read(app_id, db))
            return answers

        return self._readers.retrying(ask)


def _card(db: Connection, app_id: str, session_id: str) -> SessionCard | None:
    row = db.execute(
        "select meeting_id, title, started_at_ms, ended_at_ms, version, attachments,"
        " line_first, line_last from session where session_id = ?",
        [session_id],
    ).fetchone()
    if row is None:
        return None
    speakers = db.execute(
        "select speaker.name, count(*) from line join speaker on speaker.id = line.speaker"
        " where line.id between ? and ? group by 1 order by 2 desc, 1",
        [row[6], row[7]],
    )
    return SessionCard(
        app_id=app_id,
        session_id=session_id,
        meeting_id=row[0],
        title=row[1],
        started_at_ms=row[2],
        ended_at_ms=row[3],
        version=row[4],
        attachments=row[5],
        speakers=tuple(each[0] for each in speakers),
    )


def _not_shown(
    merged: list[tuple[_Found, Match]], cursor: cursors.Cursor
) -> list[tuple[_Found, Match]]:
    """What earlier pages did not show."""
    shown = cursor.shown
    if shown is None:
        return merged[cursor.offset :]
    nothing = frozenset[int]()
    return [
        (found, match)
        for found, match in merged
        if match.row_id not in shown.get(found.app_id, nothing)
    ]


def _next(
    cursor: cursors.Cursor,
    request: SearchRequest,
    page: list[tuple[_Found, Match]],
    found: list[_Found],
    belongs_to: str,
) -> str | None:
    """Where the next page begins; by relevance not beyond what is worth paging through."""
    if request.sort != "relevance":
        last = page[-1][1]
        after = cursors.Cursor(after=(last.started_at_ms, last.session_id))
        return cursors.encode(after, belongs_to)
    offset = cursor.offset + len(page)
    if offset > cursors.OFFSET_MAX:
        return None
    rows = {each.app_id: each.newest_row for each in islice(found, 1000)}
    return cursors.encode(
        cursors.Cursor(offset=offset, newest_rows=rows, shown=_shown(cursor, page)), belongs_to
    )


def _shown(
    cursor: cursors.Cursor, page: list[tuple[_Found, Match]]
) -> dict[str, frozenset[int]] | None:
    """What was shown up to here; None where an earlier page already lost count."""
    if cursor.offset and cursor.shown is None:
        return None
    shown = {app_id: set(rows) for app_id, rows in (cursor.shown or {}).items()}
    for found, match in page:
        shown.setdefault(found.app_id, set()).add(match.row_id)
    return {app_id: frozenset(rows) for app_id, rows in shown.items()}
