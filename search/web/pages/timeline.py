"""Who spoke when, and where the matches are, as paths of a picture a thousand units wide; pure."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from search.web.pages.words import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from search.index.seam import Line

WIDTH = 1000
#: Whoever speaks less than the first so many is named without a lane.
LANES = 8
#: How long somebody is taken to speak where no end is known.
_UNKNOWN_MS = 3000
_TICKS = 4
_SPOKEN = b"\1" * WIDTH
_STROKE = re.compile(b"\1+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One speaker's part of the session."""

    name: str
    colour: int
    path: str  #: of an SVG, along the line y = 5
    share: str  #: of all that was spoken


def lanes_of(lines: Sequence[Line], length_ms: int, colours: Mapping[str, int]) -> list[Lane]:
    """Who spoke most, with when; lines of the transcript alone."""
    spoken: dict[str, bytearray] = defaultdict(lambda: bytearray(WIDTH))
    totals: dict[str, int] = defaultdict(int)
    for kind, speaker, start_ms, end_ms, _ in lines:
        if start_ms is None or kind != "transcript":
            continue
        if end_ms is None:
            end_ms = start_ms + _UNKNOWN_MS
        elif end_ms <= start_ms:
            end_ms = start_ms + 1
        start = start_ms * WIDTH // length_ms
        end = end_ms * WIDTH // length_ms + 1
        # What begins or ends outside the picture is where it ends.
        if start < 0 or end > WIDTH:
            start, end = min(max(start, 0), WIDTH - 1), min(max(end, 1), WIDTH)
        spoken[speaker][start:end] = _SPOKEN[start:end]
        totals[speaker] += end_ms - start_ms
    whole = sum(totals.values())
    most = sorted(totals, key=lambda name: -totals[name])[:LANES]
    return [
        Lane(
            name=name_of(name) or "Unknown",
            colour=colours.get(name, 0),
            path=_path(spoken[name]),
            share=f"{round(100 * totals[name] / whole)}\u2009%",
        )
        for name in most
    ]


def length_of(lines: Iterable[Line], session_ms: int | None) -> int:
    """How long the picture is: the session, or what was said in it where that is longer."""
    ends = (line.end_ms or line.start_ms or 0 for line in lines)
    return max(session_ms or 0, max(ends, default=0), 1)


def matches_path(matches: Iterable[int | None], length_ms: int) -> str:
    """A tick for each match, no two at the same place."""
    places = sorted({_x(each, length_ms) for each in matches if each is not None})
    # Steps are short and much alike, and so compress to half of what places do.
    steps = (f"m{later - earlier}-10v10" for earlier, later in pairwise(places))
    return "".join([f"M{places[0]} 0v10", *steps]) if places else ""


def ticks_of(length_ms: int) -> list[int]:
    """The moments that are written below, evenly apart, from the start to the end."""
    return [length_ms * each // _TICKS for each in range(_TICKS + 1)]


def _x(ms: int, length_ms: int) -> int:
    return max(min(ms * WIDTH // length_ms, WIDTH - 1), 0)


def _path(spoken: bytearray) -> str:
    """Horizontal strokes; those that touch are one."""
    strokes = [each.span() for each in _STROKE.finditer(spoken)]
    path, at = [], 0
    for start, end in strokes:
        path.append(f"m{start - at} 0h{end - start}")
        at = end
    return f"M0 5{''.join(path)}" if path else ""
