"""The extract of a long line around what is met in it."""

from __future__ import annotations

SNIPPET_CHARS = 240
SNIPPET_LEAD_CHARS = 80


def cut_snippet(
    text: str, ranges: list[tuple[int, int]]
) -> tuple[str, tuple[tuple[int, int], ...]]:
    """At most 240 characters of a text around its first match, and the matches in them.

    What was left out is shown by an ellipsis; cuts fall on white space where there is some near.
    """
    if len(text) <= SNIPPET_CHARS:
        return text, tuple(ranges)
    begin = ranges[0][0] - SNIPPET_LEAD_CHARS if ranges else 0
    begin = _word_start(text, begin) if begin > 0 else 0
    end = _word_end(text, begin + SNIPPET_CHARS)
    if ranges:
        end = max(end, min(ranges[0][1], begin + 2 * SNIPPET_CHARS))
    lead, tail = "… " if begin else "", " …" if end < len(text) else ""
    shift = len(lead) - begin
    kept = [
        ((a if a > begin else begin) + shift, (b if b < end else end) + shift)
        for a, b in ranges
        if a < end and b > begin
    ]
    return f"{lead}{text[begin:end]}{tail}", tuple(kept)


def _word_start(text: str, index: int) -> int:
    space = text.find(" ", index, index + 20)
    return space + 1 if space >= 0 else index


def _word_end(text: str, index: int) -> int:
    if index >= len(text):
        return len(text)
    space = text.rfind(" ", index - 20, index)
    return space if space >= 0 else index
