"""What an answer does not hold yet, said quietly: what is pending, what was lost, how old the index is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from search.web.pages.places import Place
from search.web.pages.times import moment_text
from search.web.pages.words import counted

if TYPE_CHECKING:
    from search.web.shapes import Coverage

#: A fresh commit is in the index within seconds; only what lags longer is worth a word.
LAG_MAX = timedelta(minutes=2)
_RANGE = {"app", "after", "before"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A remark, and where more is said of it."""

    text: str
    url: str = ""


def coverage_notes(covered: Coverage | None, here: Place, now: datetime) -> list[Note]:
    """The remarks about the apps and dates of this place."""
    if covered is None:
        return []
    of = Place("/sessions", tuple(pair for pair in here.pairs if pair[0] in _RANGE))
    notes = []
    if covered["pending"]:
        text = f"{counted(covered['pending'], 'session')} of this range still pending"
        notes.append(Note(text=text, url=of.having(outcome="pending").url))
    if covered["lost"]:
        text = f"{counted(covered['lost'], 'session')} lost in part or whole"
        notes.append(Note(text=text, url=of.having(outcome="lost").url))
    if covered["indexed_through"] is None:
        return [*notes, Note(text="the index cannot be used")]
    through = datetime.fromisoformat(covered["indexed_through"])
    if now - through > LAG_MAX:
        notes.append(
            Note(text=f"what was archived after {moment_text(through)} is not indexed yet")
        )
    return notes
