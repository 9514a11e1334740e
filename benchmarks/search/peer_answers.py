"""tantivy giving the same answer: each session with its title, its times and how many of its lines match,
and three moments that stand apart and say different things, with who said them and when.

What `benchmarks.search.peer` does, and beside it what an answer needs:

* words side by side rank by adjacent pairs as well, each asked for as a phrase;
* `speaker` is whoever said the word, so that lines decide which sessions match;
* sessions that hold every word are counted, by a query of their own;
* of a session more lines are found than shown, since moments stand apart;
* what is told of a session is kept in memory once it was read, as ours is.

Still it has less to do: a moment is chosen by its line alone and not by what is said around it, a phrase
or NEAR that crosses lines has no moment, a prefix is no part of the score, and nothing is said of what a
word may have been meant for or where the next page begins. Whatever is fastest in a class counts, as
there. For words, with filters or without, its totals, its counts of lines and what it tells of sessions
are those of ours; which sessions come first differs where many are nearly as good.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import tantivy

from benchmarks.search.peer import App, in_lines, marked_in, opened, ranked, within
from benchmarks.search.peer_index import about
from benchmarks.search.queries import LIMIT, MOMENTS
from search.index.snippets import cut_snippet
from search.results import Hit, Moment, SearchResult

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.search.queries import Asked

#: So many of a session's lines are looked at for moments that stand apart.
CANDIDATES = 12
LINES_APART = 5
#: More lines than this match in twenty sessions, or of one speaker, nowhere in the corpus.
_EVERY_LINE = 5_000
_MUST, _SHOULD = tantivy.Occur.Must, tantivy.Occur.Should


class _Told(NamedTuple):
    """What is told of a session."""

    number: int
    session_id: str
    meeting_id: str
    title: str
    started_at_ms: int
    ended_at_ms: int | None


class _Found(NamedTuple):
    """A session that matches, the best of its lines that do, and how many do."""

    told: _Told
    score: float
    lines: list[tantivy.DocAddress]
    matches: int


#: A line that is shown, and what is told of it.
_Line: TypeAlias = tuple[tantivy.Document, list[str]]


class Answers:
    """The reading side."""

    def __init__(self, root: Path) -> None:
        self._apps = opened(root)
        self._told: dict[tuple[str, int, int], _Told] = {}
        self._of_number: dict[tuple[str, int], _Told] = {}

    def search(self, asked: Asked, moments: str, marks: str) -> SearchResult:
        """The best sessions, and how many match."""
        app = self._apps[asked.app]
        query = in_lines(app.lines, asked)
        if asked.speaker:
            page, total = self._by_lines(asked, app, query)
        else:
            best, total = self._by_sessions(asked, app)
            page = (_by_set if moments == "a set" else _one_by_one)(app, query, best)
        all_words = total
        if len(asked.words) > 1 and asked.form == "words":
            all_words = _count(app.ranking.search(_every(app, asked), limit=1, count=True))
        chosen = [_apart(app, each.lines) for each in page]
        lines = [each for some in chosen for each in some]
        marked = marked_in([document for document, _ in lines], asked, marks, app, query)
        made = iter(map(_moment, lines, marked))
        return SearchResult(
            hits=tuple(
                _hit(asked.app, each, [next(made) for _ in some])
                for each, some in zip(page, chosen, strict=True)
            ),
            total_sessions=total,
            total_all_words=all_words,
        )

    def _by_sessions(self, asked: Asked, app: App) -> tuple[list[tuple[_Told, float]], int]:
        """The best sessions by their words, and by the pairs of words that stand side by side."""
        query = ranked(app.sessions, asked)
        if asked.form == "words" and len(asked.words) > 1:
            make = tantivy.Query.phrase_query
            pairs = [make(app.sessions, "text", [*each]) for each in pairwise(asked.words)]
            parts = [(_MUST, query), *((_SHOULD, each) for each in pairs)]
            query = tantivy.Query.boolean_query(parts)
        order = "started_at_ms" if asked.newest else None
        found = app.ranking.search(query, limit=LIMIT + 1, count=True, order_by_field=order)
        best = [
            (self._told_at(asked.app, app, address), 0.0 if asked.newest else float(score))
            for score, address in found.hits[:LIMIT]
        ]
        return best, _count(found)

    def _told_at(self, app_id: str, app: App, address: tantivy.DocAddress) -> _Told:
        place = app_id, address.segment_ord, address.doc
        told = self._told.get(place)
        if told is None:
            number, session_id, meeting_id, title, started, ended = about(app.ranking.doc(address))
            told = self._told[place] = _Told(
                int(number),
                session_id,
                meeting_id,
                title,
                int(started),
                int(ended) if ended else None,
            )
        return told

    def _by_lines(self, asked: Asked, app: App, query: tantivy.Query) -> tuple[list[_Found], int]:
        """The sessions with most lines that match, and how many there are."""
        by_session = _grouped(app, app.finding.search(query, limit=_EVERY_LINE, count=False).hits)
        most = Counter({number: len(lines) for number, lines in by_session.items()})
        page = [
            _Found(self._numbered(asked.app, app, number), count, by_session[number], count)
            for number, count in most.most_common(LIMIT)
        ]
        return page, len(by_session)

    def _numbered(self, app_id: str, app: App, number: int) -> _Told:
        told = self._of_number.get((app_id, number))
        if told is None:
            only = tantivy.Query.term_query(app.sessions, "number", number)
            ((_, address),) = app.ranking.search(only, limit=1, count=False).hits
            told = self._of_number[app_id, number] = self._told_at(app_id, app, address)
        return told


def _every(app: App, asked: Asked) -> tantivy.Query:
    """What finds sessions that hold every word."""
    make, field = tantivy.Query, "chat" if asked.kind else "text"
    words = [(_MUST, make.term_query(app.sessions, field, each)) for each in asked.words]
    return within(app.sessions, asked, make.boolean_query(words))


def _count(found: tantivy.SearchResult) -> int:
    return int(found.count)  # type: ignore[attr-defined]


def _grouped(app: App, hits: list[Any]) -> dict[int, list[tantivy.DocAddress]]:
    addresses = [each for _, each in hits]
    sessions: list[Any] = app.finding.fast_field_values("session", addresses)
    found: dict[int, list[tantivy.DocAddress]] = {}
    for session, address in zip(sessions, addresses, strict=True):
        known = found.get(session)
        if known is None:
            found[session] = [address]
        else:
            known.append(address)
    return found


def _by_set(app: App, query: tantivy.Query, best: list[tuple[_Told, float]]) -> list[_Found]:
    numbers = [told.number for told, _ in best]
    chosen = tantivy.Query.term_set_query(app.lines, "session", numbers)
    both = tantivy.Query.boolean_query([(_MUST, query), (_MUST, chosen)])
    lines = _grouped(app, app.finding.search(both, limit=_EVERY_LINE, count=False).hits)
    held = [lines.get(each, []) for each in numbers]
    return [
        _Found(told, score, some, len(some)) for (told, score), some in zip(best, held, strict=True)
    ]


def _one_by_one(app: App, query: tantivy.Query, best: list[tuple[_Told, float]]) -> list[_Found]:
    found = []
    for told, score in best:
        only = tantivy.Query.term_query(app.lines, "session", told.number)
        both = tantivy.Query.boolean_query([(_MUST, query), (_MUST, only)])
        answer = app.finding.search(both, limit=CANDIDATES, count=True)
        found.append(_Found(told, score, [each for _, each in answer.hits], _count(answer)))
    return found


def _apart(app: App, lines: list[tantivy.DocAddress]) -> list[_Line]:
    """The best of these that do not stand side by side."""
    taken: list[int] = []
    found: list[_Line] = []
    for address in lines[:CANDIDATES]:
        document = app.finding.doc(address)
        told = about(document)
        number = int(told[0])
        if all(not -LINES_APART <= number - other <= LINES_APART for other in taken):
            taken.append(number)
            found.append((document, told))
            if len(found) == MOMENTS:
                break
    return found


def _moment(line: _Line, marked: tuple[str, list[tuple[int, int]]]) -> Moment:
    _, kind, speaker, start, end = line[1]
    return Moment(kind, speaker, int(start), int(end), *cut_snippet(*marked))


def _hit(app_id: str, found: _Found, moments: list[Moment]) -> Hit:
    texts = {each.snippet.casefold(): each for each in moments}
    _, session_id, meeting_id, title, started_at_ms, ended_at_ms = found.told
    return Hit(
        app_id,
        session_id,
        meeting_id,
        title,
        started_at_ms,
        ended_at_ms,
        round(found.score, 4),
        found.matches,
        tuple(texts.values()),
    )
