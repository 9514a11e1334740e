"""A query's filters as conditions on one app's sessions, and on the lines inside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from migrations.sqlite import rows_in
from search.index.appfile import kind_bits
from search.index.records import KINDS
from search.text import phrase_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from migrations.sqlite import Connection
    from search.index.records import Record
    from search.index.view import View
    from search.query import Filters


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the filters leave of one app: of its sessions, and of the lines inside them."""

    sessions: NDArray[np.bool_]  #: by row id
    kinds: tuple[int, ...]
    speakers: tuple[int, ...] | None  #: only what these said counts; None: everyone
    silenced: tuple[int, ...]  #: what these said does not count

    @property
    def by_line(self) -> bool:
        """Whether it matters who said a word, so that lines decide and not whole sessions."""
        return self.speakers is not None or bool(self.silenced)

    @property
    def every_kind(self) -> bool:
        """Whether lines of all kinds count."""
        return len(self.kinds) == len(KINDS)

    @property
    def names_lines(self) -> bool:
        """Whether this says anything about lines: without words to look for, they are what is found."""
        return self.by_line or not self.every_kind

    def allowed(self, record: Record) -> NDArray[np.bool_]:
        """Which lines of a session count."""
        found = np.ones(record.size, np.bool_)
        for kind in range(len(KINDS)):
            if kind not in self.kinds:
                lines = record.lines_of(kind)
                found[lines.start : lines.stop] = False
        if self.speakers is not None:
            found &= _said_by(record, self.speakers)
        if self.silenced:
            found &= ~_said_by(record, self.silenced)
        return found


def _said_by(record: Record, speakers: Sequence[int]) -> NDArray[np.bool_]:
    places = [place for place, each in enumerate(record.speaker_numbers) if each in speakers]
    found: NDArray[np.bool_]
    if len(places) == 1:
        found = record.spoken_by() == places[0]
    else:
        found = np.isin(record.spoken_by(), places)
    return found


def scope_of(db: Connection, view: View, filters: Filters) -> Scope | None:
    """What these filters leave of the app `db` is the index of; None where that is nothing."""
    kinds = [
        number
        for number, name in enumerate(KINDS)
        if (not filters.kinds or name in filters.kinds) and name not in filters.excluded_kinds
    ]
    speakers = _wanted_speakers(db, filters)
    if not kinds or speakers == ():
        return None
    silenced = _speakers(db, filters.excluded_speakers)
    return Scope(
        sessions=_sessions(db, view, filters, kinds),
        kinds=tuple(kinds),
        speakers=speakers,
        silenced=tuple(sorted(silenced | _speakers_of(db, filters.excluded_participants))),
    )


def _sessions(
    db: Connection, view: View, filters: Filters, kinds: Sequence[int]
) -> NDArray[np.bool_]:
    if not filters:
        return view.present
    found = view.present.copy()
    if len(kinds) < len(KINDS):
        found &= (view.kinds & np.uint8(kind_bits(kinds))) > 0
    if filters.after_ms is not None:
        found &= view.started_at_ms >= filters.after_ms
    if filters.before_ms is not None:
        found &= view.started_at_ms < filters.before_ms
    if filters.sessions:
        found &= _named(db, view, filters.sessions)
    if filters.excluded_sessions:
        found &= ~_named(db, view, filters.excluded_sessions)
    if filters.meetings:
        found &= _of_meetings(db, view, filters.meetings)
    if filters.excluded_meetings:
        found &= ~_of_meetings(db, view, filters.excluded_meetings)
    return found


def _rows(view: View, rows: Iterable[tuple[Any, ...]]) -> NDArray[np.bool_]:
    found = np.zeros(view.size, np.bool_)
    found[[row[0] for row in rows]] = True
    return found


def _named(db: Connection, view: View, ids: Sequence[str]) -> NDArray[np.bool_]:
    return _rows(view, rows_in(db, "select id from session where session_id in", [*_ids(ids)]))


def _ids(texts: Iterable[str]) -> Iterator[str]:
    """Those of these texts that may be an id: half a character stands nowhere, and cannot be asked for."""
    for each in texts:
        if not any("\ud800" <= character <= "\udfff" for character in each):
            yield each


def _of_meetings(db: Connection, view: View, names: Iterable[str]) -> NDArray[np.bool_]:
    """A meeting is meant by its id, or by words of its title."""
    found = np.zeros(view.size, np.bool_)
    for name in names:
        for each in _ids([name]):
            found |= _rows(view, db.execute("select id from session where meeting_id = ?", [each]))
        if expression := _phrase(name):
            matches = "select rowid from titles where titles match ?"
            found |= _rows(view, db.execute(matches, [expression]))
    return found


def _phrase(text: str) -> str:
    """These words side by side, as FTS5 asks for them; "" where there are none."""
    terms, is_prefix = phrase_terms(text)
    return f'"{" ".join(terms)}"{"*" if is_prefix else ""}' if terms else ""


def _wanted_speakers(db: Connection, filters: Filters) -> tuple[int, ...] | None:
    if not filters.speakers and not filters.participants:
        return None
    by_name, by_id = _speakers(db, filters.speakers), _speakers_of(db, filters.participants)
    if filters.speakers and filters.participants:
        return tuple(sorted(by_name & by_id))
    return tuple(sorted(by_name | by_id))


def _speakers(db: Connection, names: Iterable[str]) -> set[int]:
    """The speakers whose names hold these words, side by side."""
    found: set[int] = set()
    for name in names:
        if expression := _phrase(name):
            rows = db.execute("select rowid from names where names match ?", [expression])
            found |= {row[0] for row in rows}
    return found


def _speakers_of(db: Connection, ids: Iterable[str]) -> set[int]:
    """All names that the participants of these ids speak under."""
    found: set[int] = set()
    for each in _ids(ids):
        rows = db.execute(
            "select id from speaker where participant_id = ?1 or participant_id <> ''"
            " and participant_id in"
            " (select user_id from participant where custom_id = ?1 or peer_id = ?1)",
            [each],
        ).fetchall()
        found |= {row[0] for row in rows}
    return found
