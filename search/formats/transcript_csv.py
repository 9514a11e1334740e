"""Transcripts in CSV: headerless in milliseconds, or with a header and ISO 8601 times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.formats.assemble import Row, assemble
from search.formats.errors import FormatError
from search.formats.rows import fit, header_names, read_rows
from search.formats.times import Offset, read_time

if TYPE_CHECKING:
    from datetime import datetime

    from search.formats.limits import Limits
    from search.formats.model import Notes, Transcript

#: The documented order, with the other names a column may have.
_COLUMNS = (
    ("timestamp", "time", "start", "starttime", "startms"),
    ("participantid", "peerid"),
    ("userid",),
    ("customparticipantid", "cpi", "customid"),
    ("participantname", "displayname", "name", "speaker"),
    ("transcript", "sentence", "text"),
)
_WIDTH = len(_COLUMNS)
_TEXT = _WIDTH - 1
_HEADER_NAMES_MIN = 3


def parse_csv(text: str, notes: Notes, limits: Limits, *, started_at: datetime) -> Transcript:
    """The transcript in a CSV text."""
    reader = _Reader(started_at)
    for cells in read_rows(text, limits):
        reader.take(cells)
    reader.finish()
    if not reader.rows and reader.order is None:
        raise FormatError("no row starts with a time", reason="unrecognised", layout="csv")
    notes.count("rows-skipped", reader.skipped)
    notes.count("rows-continued", reader.continued)
    layout = "csv-ms" if reader.rows and type(reader.rows[0][0]) is not Offset else "csv-iso"
    return assemble(reader.rows, layout, notes, limits)


class _Reader:
    """Takes row after row; words that a line end outside quotes cut off are put back."""

    def __init__(self, started_at: datetime) -> None:
        self.rows: list[Row] = []
        self.order: list[int] | None = None  #: of a header: where each documented column is
        self.skipped = 0
        self.continued = 0
        self._started_at = started_at
        self._width = _WIDTH
        self._wide = _TEXT
        self._first = True
        self._tail: list[str] = []

    def take(self, cells: list[str]) -> None:
        if self._first:
            self._first = False
            self._read_header(cells)
            if self.order is not None:
                return
        full = self._arrange(cells)
        start = read_time(full[0].strip(), self._started_at) if len(cells) > 1 else None
        if start is not None:
            self.finish()
            _, peer_id, user_id, custom_id, name, text = full
            ids = peer_id.strip(), user_id.strip(), custom_id.strip()
            self.rows.append((start, None, name, *ids, text))
        elif self.rows and len(cells) < self._width:
            self.continued += 1
            self._tail.append(",".join(cells))
        else:
            self.skipped += 1

    def finish(self) -> None:
        """Join what followed the last row to its text."""
        if self._tail:
            start, end, name, peer_id, user_id, custom_id, text = self.rows[-1]
            text = "\n".join([text, *self._tail])
            self.rows[-1] = (start, end, name, peer_id, user_id, custom_id, text)
            self._tail = []

    def _read_header(self, cells: list[str]) -> None:
        names = header_names(cells)
        places = [_find(names, aliases) for aliases in _COLUMNS]
        found = sum(place >= 0 for place in places)
        if places[0] < 0 or (found < _HEADER_NAMES_MIN and names[0] != "timestamp"):
            return
        self.order = places
        self._width = len(cells)
        self._wide = places[_TEXT] if places[_TEXT] >= 0 else len(cells) - 1

    def _arrange(self, cells: list[str]) -> list[str]:
        """The cells in the documented order."""
        if self.order is not None:
            whole = fit(cells, self._width, self._wide)
            return [whole[place] if place >= 0 else "" for place in self.order]
        if len(cells) >= _WIDTH:
            return fit(cells, _WIDTH, _TEXT)
        # Too few: the time is first, the words are last, and the name stands before them.
        named = cells[1:][-2:]
        between = cells[1:][:-2]
        gap = _WIDTH - 1 - len(between) - len(named)
        return [*cells[:1], *between, *[""] * gap, *named]


def _find(names: tuple[str, ...], aliases: tuple[str, ...]) -> int:
    return next((names.index(alias) for alias in aliases if alias in names), -1)
