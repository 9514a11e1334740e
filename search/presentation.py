"""How results look in a terminal: matches coloured, times and speakers, and nothing that could steer it."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from archiver.characters import visible
from archiver.errors import LedgerError
from archiver.model import SessionId
from archiver.terminal import answer
from search.errors import SessionMissingError
from search.render import clock
from search.web.answers import (
    card_answer,
    entry_answer,
    participant_answer,
    state_answer,
    time_of,
    unindexed_answer,
)
from search.web.sessions import card_of

if TYPE_CHECKING:
    from archiver.archive.archive import Archive
    from archiver.archive.inventory import Inventory
    from archiver.ledger import Ledger, SessionState
    from search.index.library import Library
    from search.index.seam import Line, SessionCard
    from search.results import Hit, Moment, SearchResult
    from search.web.shapes import Artifact

_BOLD, _DIM, _MATCH, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[1;33m", "\x1b[0m"
_WIDTH_MAX = 100
_LINE_ENDS = str.maketrans("\r\n\t", "   ")


def has_colour() -> bool:
    """Whether standard output is a terminal that wants colour (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _width() -> int:
    return min(shutil.get_terminal_size((_WIDTH_MAX, 24)).columns, _WIDTH_MAX)


def _styled(text: str, style: str, *, colour: bool) -> str:
    return f"{style}{text}{_RESET}" if colour else text


# ---------------------------------------------------------------------- a search


def print_result(result: SearchResult, *, colour: bool | None = None) -> None:
    """Hits with their moments, and how many there are in all."""
    colour = has_colour() if colour is None else colour
    for hit in result.hits:
        answer("\n".join(hit_lines(hit, colour=colour)) + "\n")
    answer(_styled(total_text(result), _DIM, colour=colour))


def total_text(result: SearchResult) -> str:
    """How many sessions match, and how many of them hold every word."""
    total = result.total_sessions
    if not total:
        return "nothing found"
    shown = f", the first {len(result.hits)} shown" if len(result.hits) < total else ""
    whole = result.total_all_words
    words = f", {whole} with all words" if whole != total else ""
    return f"{total} session{'s' * (total != 1)}{words}{shown}"


def hit_lines(hit: Hit, *, colour: bool) -> list[str]:
    """A session that matches, and its moments."""
    title = visible(hit.meeting_title or "(untitled)")
    started_at = (time_of(hit.started_at_ms) or "")[:16].replace("T", " ")
    places = f"{hit.matches} match{'es' * (hit.matches != 1)}"
    lines = [
        f"{_styled(title, _BOLD, colour=colour)}  {started_at} UTC  "
        + _styled(f"{visible(hit.session_id)}  {places}", _DIM, colour=colour)
    ]
    for moment in hit.moments:
        lines += moment_lines(moment, colour=colour)
    return lines


def moment_lines(moment: Moment, *, colour: bool) -> list[str]:
    """A place: its time, who said it, and the words with the matches marked."""
    at = moment.kind if moment.start_ms is None else clock(moment.start_ms)
    if moment.kind == "chat":
        at += " chat"
    head = f"  {at:<13} {visible(moment.speaker)}".rstrip()
    return [
        _styled(head, _DIM, colour=colour),
        textwrap.indent(marked(moment, colour=colour), "    "),
    ]


def marked(moment: Moment, *, colour: bool) -> str:
    """The snippet, escaped, with its matches coloured, or between brackets where there is no colour."""
    begin, end = (_MATCH, _RESET) if colour else ("[", "]")
    pieces, last = [], 0
    for start, stop in moment.highlights:
        pieces += [_flat(moment.snippet[last:start]), begin]
        pieces += [_flat(moment.snippet[start:stop]), end]
        last = stop
    return "".join([*pieces, _flat(moment.snippet[last:])])


def _flat(text: str) -> str:
    """A piece of a snippet on one line."""
    return visible(text.translate(_LINE_ENDS))


# ---------------------------------------------------------------------- a session


async def session_document(
    session_id: str,
    parts: tuple[str, ...],
    *,
    archive: Archive,
    ledger: Ledger,
    library: Library,
) -> dict[str, Any]:
    """All that is known of a session: what is archived of it and, where asked for, what was said.

    Raises SessionMissingError where neither index nor ledger knows it.
    """
    card = card_of(library, session_id, None)
    state = _state(ledger, session_id, card)
    if card is None and state is None:
        raise SessionMissingError(
            f"there is no session {session_id}", hint="`rtk-archive status` tells what is known"
        )
    inventory = await _inventory(archive, state)
    document: dict[str, Any]
    if card is not None:
        document = {**card_answer(card, "")}
    else:
        document = {**unindexed_answer(state.session, "")} if state else {}
    document["artifacts"] = _artifacts(session_id, inventory, state)
    if card is not None:
        document["participants"] = [participant_answer(each) for each in library.participants(card)]
        document |= {
            part: _said(library.lines(card, part)) for part in parts if part != "inventory"
        }
    if "inventory" in parts and inventory is not None:
        document["inventory"] = inventory.to_bytes().decode("ascii")
    return document


def _state(ledger: Ledger, session_id: str, card: SessionCard | None) -> SessionState | None:
    names = [SessionId(card.app_id, session_id)] if card else ledger.find(session_id)
    try:
        return ledger.state(names[0]) if names else None
    except LedgerError:
        return None


async def _inventory(archive: Archive, state: SessionState | None) -> Inventory | None:
    if state is None:
        return None
    committed = await archive.newest(state.session)
    return committed.inventory if committed else None


def _artifacts(
    session_id: str, inventory: Inventory | None, state: SessionState | None
) -> list[Artifact]:
    if inventory is not None:
        return [entry_answer(each, session_id, "") for each in inventory.entries]
    return [state_answer(each) for each in state.states.values()] if state else []


def _said(lines: list[Line]) -> list[dict[str, Any]]:
    return [
        {"speaker": each.speaker, "start_ms": each.start_ms, "text": each.text} for each in lines
    ]


def print_session(document: dict[str, Any]) -> None:
    """A session for people."""
    if "inventory" in document:
        answer(document["inventory"].rstrip("\n"))
        return
    colour = has_colour()
    answer(_styled(visible(document["meeting_title"] or "(untitled)"), _BOLD, colour=colour))
    answer(f"session   {visible(document['session_id'])}  app {visible(document['app_id'])}")
    answer(f"time      {document['started_at']} to {document['ended_at'] or '–'}")
    names = dict.fromkeys(each["name"] for each in document.get("participants", ()))
    if names:
        answer(f"people    {visible(', '.join(names))}")
    for each in document["artifacts"]:
        kind = f"{each['kind']} {each['format'] or ''}".strip()
        detail = each["digest"] or each["reason"] or ""
        answer(visible(f"artifact  {kind:<16} {each['outcome']:<9} {detail}"))
    for part in ("summary", "transcript", "chat"):
        for line in document.get(part, ()):
            answer(_said_line(line))


def _said_line(line: dict[str, Any]) -> str:
    text = visible(line["text"])
    if line["start_ms"] is None:
        return f"  {text}"
    return f"  {clock(line['start_ms'])}  {visible(line['speaker'])}: {text}"
