"""An export for people: pages that any browser opens, offline, in which a meeting stays text; pure.

Everything that came from a meeting or a source is escaped, what could steer its display is shown as
an escape, and each piece is isolated from the direction of what stands beside it. No page holds or
loads a script, and its policy says so.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING, Any

from archiver.characters import visible
from search.export.lines import spoken, typed
from search.render import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from search.formats import Participant
    from search.index.seam import Document, Line

_STYLE = (
    "body{font:16px/1.5 sans-serif;margin:2em auto;max-width:60em;padding:0 1em}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{border-bottom:1px solid #ccc;padding:.3em .6em;text-align:start;vertical-align:top}"
    "td,h1,pre,dd{overflow-wrap:anywhere}pre{white-space:pre-wrap;font:inherit}"
    "code{font-size:85%}dt{font-weight:bold}.warn{border:2px solid #b00;padding:.5em 1em}"
)
_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'"
)


def shown(text: str) -> str:
    """Text from a meeting as HTML, isolated, with what cannot be seen shown as an escape."""
    lines = (each if each.isprintable() else visible(each) for each in text.splitlines())
    return f'<bdi dir="auto">{"<br>".join(map(escape, lines))}</bdi>'


def _opened(title: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(visible(title))}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    )


_CLOSED = "</body>\n</html>\n"


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>\n" for name, value in facts)
    return f"<dl>\n{rows}</dl>\n"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "<table>\n<tr>" + "".join(f"<th>{escape(each)}</th>" for each in headings) + "</tr>\n"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n"
    yield "</table>\n"


def _code(text: str | None) -> str:
    return f"<code>{escape(visible(text))}</code>" if text else "–"


def _warnings(findings: Sequence[str]) -> str:
    if not findings:
        return ""
    items = "".join(f"<li>{escape(visible(each))}</li>" for each in findings)
    return f'<div class="warn"><strong>Not as it should be</strong><ul>{items}</ul></div>\n'


# ---------------------------------------------------------------------- one session


def session_page(
    session: Mapping[str, Any], document: Document | None, findings: Sequence[str]
) -> Iterator[str]:
    """A session: when, who, what was said and typed, and what the archive vouches for.

    `session` is as the manifest has it.
    """
    title = (document.title if document else "") or "(untitled)"
    yield _opened(title)
    yield f"<h1>{shown(title)}</h1>\n{_warnings(findings)}"
    yield _facts(
        [
            ("Session", _code(session["session"])),
            ("App", _code(session["app"])),
            ("Meeting", _code(session["meeting"])),
            ("Began (UTC)", _code(session["started_at"])),
            ("Ended (UTC)", _code(session["ended_at"])),
            ("Newest inventory", _inventory(session["inventory"])),
            ("Seal", _seal(session["seal"])),
        ]
    )
    if document is not None:
        yield from _people(document.participants)
        yield from _summary(document)
        yield from _lines("Conversation", "There is none that can be read.", spoken(document))
        yield from _lines("Chat", "There is none that can be read.", typed(document))
    yield from _outcomes(session["artifacts"])
    yield _CLOSED


def _seal(seal: Mapping[str, Any] | None) -> str:
    if seal is None:
        return "not sealed yet"
    return f"{seal['sequence']} {_code(seal['digest'])}, over version {seal['version']}"


def _inventory(inventory: Mapping[str, Any]) -> str:
    return f"version {inventory['version']} {_code(inventory['digest'])}"


def _people(participants: Sequence[Participant]) -> Iterator[str]:
    yield "<h2>Participants</h2>\n"
    rows = (
        (shown(each.name), _time(each.joined_at_ms), _time(each.left_at_ms))
        for each in participants
    )
    yield from _table(("Name", "Joined", "Left"), rows)


def _time(ms: int | None) -> str:
    return "–" if ms is None else clock(ms)


def _summary(document: Document) -> Iterator[str]:
    yield "<h2>Summary</h2>\n"
    text = document.summary.text if document.summary else ""
    yield f"<p>{shown(text)}</p>\n" if text.strip() else "<p>There is none.</p>\n"


def _lines(heading: str, nothing: str, lines: Sequence[Line]) -> Iterator[str]:
    yield f"<h2>{heading}</h2>\n"
    if not lines:
        yield f"<p>{nothing}</p>\n"
        return
    rows = ((_time(each.start_ms), shown(each.speaker), shown(each.text)) for each in lines)
    yield from _table(("Time", "Speaker", "Words"), rows)


def _outcomes(artifacts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "<h2>What the archive holds</h2>\n"
    rows = (
        (
            escape(f"{each['kind']} {each['format'] or ''}".strip()),
            escape(f"{each['outcome']} {each['reason']}".strip()),
            str(each["size"] if each["size"] is not None else "–"),
            _code(each["digest"]),
        )
        for each in artifacts
    )
    yield from _table(("Artifact", "Outcome", "Bytes", "SHA-256"), rows)


# ---------------------------------------------------------------------- the list of them


def index_opening(heading: Mapping[str, Any]) -> str:
    """The cover: who asked for what, and why; the list of sessions follows."""
    asked, archive = heading["asked"], heading["archive"]
    chosen = (f"{name}: {_said(value)}" for name, value in heading["selection"].items() if value)
    facts = [
        ("Archive", f"{_code(archive['id'])} of account {_code(archive['account'])}"),
        ("Asked for by", f"{shown(asked['requested_by'])} {_code(asked['user'])}"),
        ("Reason", shown(asked["reason"])),
        ("Made (UTC)", _code(asked["at"])),
        ("Selection", "<br>".join(map(shown, chosen)) or "everything"),
        ("Made with", _code(f"realtimekit-archive {heading['made_with']['release']}")),
    ]
    return f"{_opened('Export')}<h1>Export</h1>\n{_facts(facts)}<h2>Sessions</h2>\n<table>\n"


def _said(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def index_row(session: Mapping[str, Any], title: str, href: str) -> str:
    """One session in the list, with a link to its page where it has one."""
    name = shown(title or "(untitled)")
    linked = f'<a href="{escape(href)}">{name}</a>' if href else name
    stands = (f"{each['kind']} {each['outcome']}" for each in session["artifacts"])
    cells = (
        _code(session["started_at"]),
        linked,
        _code(session["session"]),
        escape(", ".join(stands)),
    )
    return "<tr>" + "".join(f"<td>{each}</td>" for each in cells) + "</tr>\n"


def index_closing(heading: Mapping[str, Any], findings: Sequence[str]) -> str:
    """What the export does not cover, and what is wrong in it."""
    missed = heading["not_covered"]
    facts = [(name.replace("_", " ").capitalize(), _count(value)) for name, value in missed.items()]
    return f"</table>\n<h2>Not covered</h2>\n{_facts(facts)}{_warnings(findings)}{_CLOSED}"


def _count(value: Any) -> str:
    if isinstance(value, list):
        return str(len(value))
    if isinstance(value, dict):
        return "<br>".join(f"{escape(name)}: {_count(each)}" for name, each in value.items())
    return "not known" if value is None else escape(visible(str(value)))
