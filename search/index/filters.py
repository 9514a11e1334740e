"""A query's filters as conditions on one app's tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.index.appfile import KINDS, kind_bits, kind_word, speaker_word
from search.index.planning import without
from search.text import phrase_terms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrations.sqlite import Connection
    from search.query import Filters


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the filters leave of one app: of its sessions, and of the lines inside them."""

    session_sql: str  #: a condition on `session`
    session_values: tuple[Any, ...]
    columns: str  #: the kinds searched, as FTS5 names columns
    kinds: tuple[int, ...]
    speakers: tuple[int, ...] | None  #: only what these said counts; None: everyone
    silenced: tuple[int, ...]  #: what these said does not count

    @property
    def by_line(self) -> bool:
        """Whether it matters who said a word, so that lines decide and not whole sessions."""
        return self.speakers is not None or bool(self.silenced)

    @property
    def names_lines(self) -> bool:
        """Whether this says anything about lines: without words to look for, they are what is found."""
        return self.by_line or len(self.kinds) < len(KINDS)

    def line_sql(self) -> tuple[str, list[int]]:
        """The condition on `line`, for where there are no words to look for."""
        conditions: list[str] = []
        values: list[int] = []
        for column, negation, wanted in (
            ("kind", "", self.kinds),
            ("speaker", "", self.speakers),
            ("speaker", "not ", self.silenced or None),
        ):
            if wanted is not None:
                conditions.append(f"{column} {negation}in ({','.join('?' * len(wanted))})")
                values += wanted
        return " and ".join(conditions), values

    def on_lines(self, expression: str) -> str:
        """What `lines` is asked for these words, of the lines in scope."""
        wanted = [f"text : ({expression})", *self._line_words()]
        unwanted = " OR ".join(f'who : "{speaker_word(each)}"' for each in self.silenced)
        return without(" AND ".join(wanted), unwanted)

    def ids_sql(self, expression: str, first: int, last: int) -> tuple[str, list[Any]]:
        """A query for the ids of a session's lines in scope that match, or with "" of all of them."""
        if expression:
            sql = "select rowid from lines where lines match ? and rowid between ? and ?"
            return sql, [self.on_lines(expression), first, last]
        condition, values = self.line_sql()
        return f"select id from line where {condition} and id between ? and ?", [
            *values,
            first,
            last,
        ]

    def _line_words(self) -> list[str]:
        """The conditions on the second column of `lines`, as FTS5 writes them."""
        parts = []
        if len(self.kinds) < len(KINDS):
            parts.append(" OR ".join(f'"{kind_word(each)}"' for each in self.kinds))
        if self.speakers is not None:
            parts.append(" OR ".join(f'"{speaker_word(each)}"' for each in self.speakers))
        return [f"who : ({each})" for each in parts]


def scope_of(db: Connection, filters: Filters) -> Scope | None:
    """What these filters leave of the app `db` is the index of; None where that is nothing."""
    kinds = [
        number
        for number, name in enumerate(KINDS)
        if (not filters.kinds or name in filters.kinds) and name not in filters.excluded_kinds
    ]
    speakers = _wanted_speakers(db, filters)
    if not kinds or speakers == ():
        return None
    conditions, values = _session_conditions(filters)
    if len(kinds) < len(KINDS):
        conditions.append("session.kinds & ? <> 0")
        values.append(kind_bits(kinds))
    return Scope(
        session_sql=" and ".join(conditions) or "1",
        session_values=tuple(values),
        columns="{" + " ".join(KINDS[each] for each in kinds) + "}",
        kinds=tuple(kinds),
        speakers=speakers,
        silenced=tuple(
            sorted(
                _speakers(db, filters.excluded_speakers)
                | _speakers_of(db, filters.excluded_participants)
            )
        ),
    )


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
        terms, is_prefix = phrase_terms(name)
        if terms:
            pattern = f"% {' '.join(terms)}{'' if is_prefix else ' '}%"
            rows = db.execute(
                "select id from speaker where ' ' || words || ' ' like ?", [pattern]
            ).fetchall()
            found |= {row[0] for row in rows}
    return found


def _speakers_of(db: Connection, ids: Iterable[str]) -> set[int]:
    """All names that the participants of these ids speak under."""
    found: set[int] = set()
    for each in ids:
        rows = db.execute(
            "select id from speaker where participant_id = ?1 or participant_id <> ''"
            " and participant_id in"
            " (select user_id from participant where custom_id = ?1 or peer_id = ?1)",
            [each],
        ).fetchall()
        found |= {row[0] for row in rows}
    return found


def _session_conditions(filters: Filters) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    for operator, moment_ms in ((">=", filters.after_ms), ("<", filters.before_ms)):
        if moment_ms is not None:
            conditions.append(f"session.started_at_ms {operator} ?")
            values.append(moment_ms)
    for names, negation in ((filters.sessions, ""), (filters.excluded_sessions, "not ")):
        if names:
            conditions.append(f"session.session_id {negation}in ({','.join('?' * len(names))})")
            values += names
    for names, negation in ((filters.meetings, ""), (filters.excluded_meetings, "not ")):
        if names:
            choices, parameters = _meetings(names)
            conditions.append(f"{negation}({choices})")
            values += parameters
    return conditions, values


def _meetings(names: Iterable[str]) -> tuple[str, list[str]]:
    """A meeting is meant by its id, or by words of its title."""
    choices, values = [], []
    for name in names:
        choices.append("session.meeting_id = ?")
        values.append(name)
        terms, is_prefix = phrase_terms(name)
        if terms:
            choices.append("session.id in (select rowid from sessions where sessions match ?)")
            values.append(f'title : "{" ".join(terms)}"{"*" if is_prefix else ""}')
    return " or ".join(choices), values
