"""Who says something: people under their names, numbered; and the lines of a session with those numbers."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

from search.index.records import CHAT, SUMMARY, TRANSCRIPT, LineRow
from search.text import prepare

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from migrations.sqlite import Connection
    from search.formats import Participant
    from search.index.seam import Document


class People:
    """The speakers of one app's index, each with the sessions they speak in counted."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._numbers: dict[tuple[str, str], int] = {}

    def forget(self) -> None:
        """Forget the numbers that are remembered, after a transaction that was rolled back."""
        self._numbers.clear()

    def number(self, name: str, participant_id: str) -> int:
        """The number of this person under this name; 0 is nobody."""
        who = (name, participant_id)
        if (known := self._numbers.get(who)) is not None:
            return known
        if who == ("", ""):
            return 0
        row = self._db.execute(
            "select id from speaker where name = ? and participant_id = ?", who
        ).fetchone()
        if row is None:
            row = self._db.execute(
                "insert into speaker (name, participant_id, sessions) values (?, ?, 0) returning id",
                who,
            ).fetchone()
            self._db.execute(
                "insert into names (rowid, name) values (?, ?)", [row[0], prepare(name)]
            )
        self._numbers[who] = int(row[0])
        return int(row[0])

    def speak(self, speakers: Iterable[int]) -> None:
        """Note that these speak in one session more."""
        self._db.executemany(
            "update speaker set sessions = sessions + 1 where id = ?",
            [(each,) for each in speakers if each],
        )

    def fall_silent(self, speakers: Iterable[int]) -> None:
        """Note that these speak in one session less; whoever speaks in none is forgotten."""
        for number in filter(None, speakers):
            self._db.execute("update speaker set sessions = sessions - 1 where id = ?", [number])
            row = self._db.execute(
                "delete from speaker where id = ? and sessions <= 0 returning name", [number]
            ).fetchone()
            if row is not None:
                self._db.execute(
                    "insert into names (names, rowid, name) values ('delete', ?, ?)",
                    [number, prepare(row[0])],
                )
                self._numbers.clear()


def rows_of(document: Document, people: People) -> Iterator[LineRow]:
    """The lines of a session, in order of their kinds."""
    ids = _by_name(document.participants)
    if document.transcript is not None and document.transcript.utterances:
        # By columns: this runs for every utterance there is.
        starts_ms, ends_ms, names, _, users, customs, texts = zip(
            *document.transcript.utterances, strict=True
        )
        said_by = list(zip(names, users, customs, strict=True))
        numbers = {
            (name, user_id, custom_id): people.number(
                name, user_id or custom_id or ids.get(name, "")
            )
            for name, user_id, custom_id in dict.fromkeys(said_by)
        }
        speakers = map(numbers.__getitem__, said_by)
        yield from map(LineRow, repeat(TRANSCRIPT), speakers, starts_ms, ends_ms, texts)
    if document.chat is not None:
        for message in document.chat.messages:
            known = message.participant_id
            who = people.number(message.speaker, known or ids.get(message.speaker, ""))
            at_ms = message.at_ms
            yield LineRow(CHAT, who, at_ms, at_ms, message.text)
    if document.summary is not None:
        for text in document.summary.text.splitlines():
            if text.strip():
                yield LineRow(SUMMARY, 0, None, None, text.strip())


def _by_name(participants: Iterable[Participant]) -> dict[str, str]:
    """Whose name it is, where only one participant has it: some layouts name nobody's id."""
    found: dict[str, str] = {}
    for each in participants:
        known = each.user_id or each.custom_id
        found[each.name] = known if found.get(each.name, known) == known else ""
    return found
