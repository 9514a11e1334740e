"""Transcripts as SubRip or WebVTT cues, and the speaker's name out of a cue's first words."""

from __future__ import annotations

import html
import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from search.formats.assemble import Row, assemble
from search.formats.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from search.formats.limits import Limits
    from search.formats.model import Notes, Transcript

_CLOCK = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?"
_TIMING = re.compile(rf"\s*{_CLOCK}\s*-->\s*{_CLOCK}(?:\s.*)?\Z", re.ASCII | re.DOTALL)
_LINE_END = re.compile(r"\r\n|\r|\n")
_VTT_COMMENT = re.compile(r"(?:WEBVTT|NOTE|STYLE|REGION)(?:\s|\Z)")
# Nothing is given back: a row of spaces without an end would be tried from each of them.
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?+[ \t]++([^<>]*+)>")
_TAG = re.compile(
    r"</?(?:[bciuv]|ruby|rt|lang|font)(?:[.\s][^<>]*)?>|<\d[\d:.]*>", re.IGNORECASE | re.ASCII
)
_NAME_CHARS_MAX = 100
_NAME_PARTS_MAX = 3


@dataclass(slots=True)
class _Cue:
    start_ms: int
    end_ms: int
    lines: list[str] = field(default_factory=list)


def has_timing(head: str) -> bool:
    """Whether any line of this text is a cue's timing."""
    return any("-->" in line and _TIMING.match(line) for line in _LINE_END.split(head))


def parse_cues(text: str, notes: Notes, limits: Limits, *, layout: str) -> Transcript:
    """The transcript in an SRT or VTT text."""
    lines = text.count("\n") + text.count("\r")
    # Words may hold arrows too, but not as many as there are cues.
    marks = max(text.count("<v"), text.count("-->") // 2)
    if lines > limits.values or marks > limits.utterances:
        raise FormatError("too many lines, cues or voices", reason="too-many", layout=layout)
    cues = _read_cues(_LINE_END.split(text), is_vtt=layout == "vtt")
    if len(cues) > limits.utterances:
        raise FormatError(f"more than {limits.utterances} cues", reason="too-many", layout=layout)
    if not cues and layout == "srt":
        raise FormatError("no cue has a time", reason="unrecognised", layout=layout)
    spoken = [voice for cue in cues for voice in _voices(cue, is_vtt=layout == "vtt")]
    names = _known_names(words for _, name, words in spoken if name is None)
    rows: list[Row] = []
    for cue, name, words in spoken:
        if name is None:
            name, words = _split_name(words, names)
        rows.append((cue.start_ms, cue.end_ms, name, "", "", "", words))
    return assemble(rows, layout, notes, limits)


def _read_cues(lines: list[str], *, is_vtt: bool) -> list[_Cue]:
    cues: list[_Cue] = []
    stray: list[str] = []  # lines under no timing: an identifier, or words after a blank line
    is_inside = is_comment = False
    was_blank = True
    for line in lines:
        is_blank = not line or line.isspace()
        times = _read_timing(line) if "-->" in line else None
        if times is not None:
            _drop_identifier(
                stray or (cues[-1].lines if is_inside else []),
                is_any=is_vtt and not was_blank and bool(stray),
            )
            _give_back(stray, cues)
            cues.append(_Cue(*times))
            is_inside, is_comment = True, False
        elif is_blank:
            is_inside = is_comment = False
        elif is_inside:
            cues[-1].lines.append(line)
        elif is_vtt and (is_comment or (was_blank and _VTT_COMMENT.match(line))):
            is_comment = True
        else:
            stray.append(line)
        was_blank = is_blank
    _give_back(stray, cues)
    return cues


def _drop_identifier(lines: list[str], *, is_any: bool) -> None:
    """The line above a timing: in SRT a number, in VTT anything."""
    if lines and (is_any or lines[-1].strip().isdecimal()):
        lines.pop()


def _give_back(stray: list[str], cues: list[_Cue]) -> None:
    """Words that a blank line cut off belong to the cue before it."""
    if cues:
        cues[-1].lines.extend(stray)
    stray.clear()


def _read_timing(line: str) -> tuple[int, int] | None:
    match = _TIMING.match(line)
    if match is None:
        return None
    parts = match.groups(default="0")
    return _clock_ms(*parts[:4]), _clock_ms(*parts[4:])


def _clock_ms(hours: str, minutes: str, seconds: str, fraction: str) -> int:
    whole_s = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
    return whole_s * 1000 + int(f"{fraction}00"[:3])


def _voices(cue: _Cue, *, is_vtt: bool) -> list[tuple[_Cue, str | None, str]]:
    """What is said in a cue, by voice; the name is None where no tag gives one."""
    first, *tagged = _VOICE.split("\n".join(cue.lines))
    spoken: list[tuple[_Cue, str | None, str]] = []
    if not tagged or first.strip():
        spoken.append((cue, None, _plain(first, is_vtt=is_vtt)))
    for name, words in zip(tagged[::2], tagged[1::2], strict=True):
        spoken.append((cue, _plain(name, is_vtt=is_vtt).strip(), _plain(words, is_vtt=is_vtt)))
    return spoken


def _plain(text: str, *, is_vtt: bool) -> str:
    text = _TAG.sub("", text) if "<" in text else text
    if is_vtt and "&" in text:
        try:
            return html.unescape(text)
        except ValueError:  # a reference of thousands of digits
            return text
    return text


def _prefixes(words: str) -> list[str]:
    """Every beginning that may be the speaker's name: up to a colon and a space."""
    found: list[str] = []
    head = words[: _NAME_CHARS_MAX + 2].lstrip().split("\n", 1)[0]
    place = head.find(": ")
    while place > 0 and len(found) < _NAME_PARTS_MAX:
        found.append(head[:place])
        place = head.find(": ", place + 1)
    if head.endswith(":") and head == words.strip() and not found:
        found.append(head[:-1])
    return found


def _known_names(unnamed: Iterable[str]) -> set[str]:
    """Names that hold a colon themselves: whoever begins like this always goes on like this."""
    counts: Counter[str] = Counter()
    pairs: set[tuple[str, str]] = set()
    for words in unnamed:
        found = _prefixes(words)
        counts.update(found)
        pairs.update(pairwise(found))
    return {longer for shorter, longer in pairs if 1 < counts[shorter] == counts[longer]}


def _split_name(words: str, names: set[str]) -> tuple[str, str]:
    found = _prefixes(words)
    if not found:
        return "", words
    known = [prefix for prefix in found if prefix in names]
    name = known[-1] if known else found[0]
    return name.strip(), words.lstrip()[len(name) + 1 :]
