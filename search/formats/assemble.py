"""Raw rows of any transcript layout into a Transcript: times settled, words cleaned, order by start."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from search.formats.errors import FormatError
from search.formats.model import Transcript, Utterance
from search.formats.times import MAX_MS, clamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.formats.limits import Limits
    from search.formats.model import Notes

#: Start, end, speaker, peer id, user id, custom id, text: an Utterance whose times are still raw.
Row = tuple[float, float | None, str, str, str, str, str]

_by_start = operator.itemgetter(Utterance._fields.index("start_ms"))


def assemble(rows: Sequence[Row], layout: str, notes: Notes, limits: Limits) -> Transcript:
    """The transcript of these rows, whose times are in milliseconds."""
    if len(rows) > limits.utterances:
        message = f"more than {limits.utterances} utterances"
        raise FormatError(message, reason="too-many", layout=layout)
    make = tuple.__new__  # as `Utterance._make`, without its call: this runs for every utterance
    chars_max = limits.text_chars
    spoken: list[Utterance] = []
    cut = 0
    for row in rows:
        start, end, speaker, peer_id, user_id, custom_id, text = row
        text = text.strip()
        if not text:
            continue
        if len(text) > chars_max:
            text = text[:chars_max]
            cut += 1
        if type(start) is not int or not 0 <= start <= MAX_MS:
            start = clamp(start)
        if end is not None and (type(end) is not int or not start <= end <= MAX_MS):
            end = clamp(end) if clamp(end) >= start else None
        named = (start, end, speaker.strip(), peer_id, user_id, custom_id, text)
        spoken.append(make(Utterance, named))
    notes.count("empty-text", len(rows) - len(spoken))
    notes.count("text-cut", cut)
    return Transcript(utterances=_in_order(spoken, notes), layout=layout, notes=notes.codes())


def _in_order(spoken: list[Utterance], notes: Notes) -> tuple[Utterance, ...]:
    ordered = sorted(spoken, key=_by_start)
    if ordered != spoken:
        notes.flag("reordered")
    return tuple(ordered)
