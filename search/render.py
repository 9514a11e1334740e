"""What was said, as text formats people and players read; pure.

Whatever a meeting holds stays text: no cue, row or line of a rendering can be forged from inside it.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from search.index.seam import Line

#: How long a cue without an end is shown, unless the next one begins sooner.
CUE_MS = 4000
#: Of bidi controls those that turn whole words around, and tags, which spell what nobody sees.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u206f\U000e0000-\U000e007f]"
)
#: What a spreadsheet calculates: also behind what it skips on import, and as wide characters.
_SKIPPED, _SIGN = r"\s\"'\u200b-\u200f\u2060\ufeff", r"[=+\-@＝＋－＠]"
_FORMULA = re.compile(rf"[\t\r\n]|[{_SKIPPED}]*{_SIGN}")
#: Where a cell begins for whoever splits at something else than commas, up to what is calculated there.
_BEGINNING = re.compile(rf"([;{_SKIPPED}]+)({_SIGN}?)")
_SPLITS = frozenset(";\t\r\n")
_LIST_OR_TABLE = re.compile(r"(?:[-*+|>]|\d{1,9}[.)]\s)")


def _shown(text: str) -> str:
    """Without control characters, which steer terminals, players and the order of words."""
    return _CONTROLS.sub("\ufffd", text)


def _one_line(text: str) -> str:
    """On one line, whatever a reader takes for a line break."""
    return " ".join(_shown(" ".join(text.splitlines())).split())


def clock(ms: int, separator: str = "") -> str:
    """hh:mm:ss, with milliseconds after the separator where there is one."""
    seconds, rest = divmod(max(ms, 0), 1000)
    minutes, seconds = divmod(seconds, 60)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    return f"{text}{separator}{rest:03d}" if separator else text


def _cues(lines: Sequence[Line]) -> Iterable[tuple[int, int, Line]]:
    """Start and end of each line that has a place in time; an end is always after its start."""
    timed = [line for line in lines if line.start_ms is not None]
    for position, line in enumerate(timed):
        start_ms = line.start_ms or 0
        end_ms = line.end_ms
        if end_ms is None or end_ms <= start_ms:
            following = timed[position + 1 : position + 2]
            next_ms = (following[0].start_ms or 0) if following else start_ms
            end_ms = min(next_ms, start_ms + CUE_MS) if next_ms > start_ms else start_ms + CUE_MS
        yield start_ms, end_ms, line


def _escaped(text: str) -> str:
    """Cue text in which WebVTT finds neither a tag nor an arrow."""
    return _one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_vtt(lines: Sequence[Line]) -> str:
    """WebVTT, the speaker as a voice."""
    cues = ["WEBVTT\n"]
    for start_ms, end_ms, line in _cues(lines):
        voice = f"<v {_escaped(line.speaker)}>" if line.speaker.strip() else ""
        times = f"{clock(start_ms, '.')} --> {clock(end_ms, '.')}"
        cues.append(f"{times}\n{voice}{_escaped(line.text)}\n")
    return "\n".join(cues)


def as_srt(lines: Sequence[Line]) -> str:
    """SubRip, which has no escapes: an arrow inside the text is broken up."""
    cues = []
    for number, (start_ms, end_ms, line) in enumerate(_cues(lines), start=1):
        times = f"{clock(start_ms, ',')} --> {clock(end_ms, ',')}"
        cues.append(f"{number}\n{times}\n{_named(line).replace('-->', '-- >')}\n")
    return "\n".join(cues)


def _named(line: Line) -> str:
    speaker = _one_line(line.speaker)
    text = _one_line(line.text)
    return f"{speaker}: {text}" if speaker else text


def as_txt(lines: Sequence[Line]) -> str:
    """A line for each; further lines of a message are indented, so that none passes for another's."""
    return "".join(f"{_txt_line(line)}\n" for line in lines)


def _txt_line(line: Line) -> str:
    untimed = "" if line.kind == "summary" else "[--:--:--] "
    time = untimed if line.start_ms is None else f"[{clock(line.start_ms)}] "
    speaker = _one_line(line.speaker)
    text = "\n    ".join(_shown(part) for part in line.text.splitlines())
    return f"{time}{speaker}: {text}" if speaker else f"{time}{text}"


def as_csv(lines: Sequence[Line]) -> str:
    """Comma-separated rows under a header, none of whose cells a spreadsheet takes for a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["start_ms", "end_ms", "speaker", "text"])
    for line in lines:
        writer.writerow([line.start_ms, line.end_ms, _cell(line.speaker), _cell(line.text)])
    return out.getvalue()


def _cell(text: str) -> str:
    """The text; behind an apostrophe, which spreadsheets do not show, where it may be a formula.

    Where semicolons or tabs part cells, quotes within a line part nothing: a formula may begin inside.
    """
    shown = _BEGINNING.sub(_disarmed, _shown(text))
    return f"'{shown}" if _FORMULA.match(shown) else shown


def _disarmed(found: re.Match[str]) -> str:
    if not found[2] or _SPLITS.isdisjoint(found[1]):
        return found[0]
    return f"{found[1]}'{found[2]}"


def as_markdown(lines: Sequence[Line]) -> str:
    """Lines of a summary as Markdown: paragraphs apart, lists and tables together."""
    parts: list[str] = []
    for line in lines:
        text = _shown(line.text)
        together = parts and _LIST_OR_TABLE.match(text) and _LIST_OR_TABLE.match(parts[-1])
        parts += [text] if together or not parts else ["", text]
    return "".join(f"{part}\n" for part in parts)


#: Every text format: how it is written, and its media type.
FORMATS: dict[str, tuple[Callable[[Sequence[Line]], str], str]] = {
    "vtt": (as_vtt, "text/vtt; charset=utf-8"),
    "srt": (as_srt, "application/x-subrip; charset=utf-8"),
    "csv": (as_csv, "text/csv; charset=utf-8"),
    "txt": (as_txt, "text/plain; charset=utf-8"),
    "md": (as_markdown, "text/markdown; charset=utf-8"),
}


def between(lines: Iterable[Line], from_ms: int | None, to_ms: int | None) -> list[Line]:
    """The lines that are heard in this half-open time; all of them where none is given."""
    if from_ms is None and to_ms is None:
        return list(lines)
    return [
        line
        for line in lines
        if line.start_ms is not None
        and (to_ms is None or line.start_ms < to_ms)
        and (from_ms is None or max(line.end_ms or 0, line.start_ms + 1) > from_ms)
    ]
