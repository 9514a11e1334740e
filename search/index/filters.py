"""A query's filters as conditions on one app's tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.index.appfile import KINDS, kind_word, speaker_word
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

    def line_words(self) -> str:
        """The condition on the second column of `lines`, as FTS5 writes it; "" for none."""
        parts = []
        if len(self.kinds) < len(KINDS):
            parts.append(" OR ".join(f'"{kind_word(each)}"' for each in self.kinds))
        if self.speakers is not None:
            parts.append(" OR ".join(f'"{speaker_word(each)}"' for each in self.speakers))
        return " AND ".join(f"who : ({each})" for each in parts)

    def silenced_words(self) -> str:
        """What must not stand in the second column of `lines`."""
        return " OR ".join(f'who : "{speaker_word(each)}"' for each in self.silenced)


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
    found = _speakers(db, filters.speakers) | _speakers_of(db, filters.participants)
    return tuple(sorted(found))


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
    """The speakers that participants of these ids appear as."""
    found: set[int] = set()
    for each in ids:
        rows = db.execute(
            "select distinct speaker.id from participant join speaker using (name)"
            " where user_id = ?1 or custom_id = ?1 or peer_id = ?1",
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
    if filters.participants:
        marks = ",".join("?" * len(filters.participants))
        conditions.append(
            "exists (select 1 from participant where participant.session = session.id"
            f" and (user_id in ({marks}) or custom_id in ({marks}) or peer_id in ({marks})))"
        )
        values += [*filters.participants] * 3
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
