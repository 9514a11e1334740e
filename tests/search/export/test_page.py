"""Pages for people: whatever was said in a meeting is text on them, and nothing else."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.characters import visible
from search.export import page
from search.formats import Chat, Message, Participant, Summary, Transcript, Utterance
from search.index.seam import Document

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</td></tr></table></bdi><h1>Signed by the court</h1>",
    "\"><a href='javascript:alert(1)'>",
    "<!--",
    "]]><![CDATA[",
    "&lt;script&gt;",
    "\u202egnp.exe \u2066hidden\u2069",
    "nul \x00 bell \x07 escape \x1b[2J",
    "\U000e0041\U000e0042 tags",
    "=HYPERLINK(1)",
    "x" * 1_000_000,
]
#: The elements that a page is made of; only the list of sessions has links.
MADE_OF = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "h1",
    "h2",
    "dl",
    "dt",
    "dd",
    "table",
    "tbody",
    "tr",
    "th",
    "td",
    "bdi",
    "br",
    "code",
    "p",
    "div",
    "strong",
    "ul",
    "li",
}
SESSION: dict[str, Any] = {
    "app": "app",
    "session": "session",
    "meeting": "meeting",
    "started_at": "2026-11-20T12:00:00.000Z",
    "ended_at": None,
    "inventory": {"version": 2, "digest": "0" * 64, "problem": None},
    "seal": None,
    "artifacts": [
        {
            "kind": "chat",
            "format": None,
            "outcome": "lost",
            "reason": "x",
            "size": 1,
            "digest": None,
        }
    ],
}


class _Elements(HTMLParser):
    """The elements, attributes and words of a page, as a browser would find them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def _document(text: str) -> Document:
    """A session in which everything that can be said is this."""
    return Document(
        app_id="app",
        session_id="session",
        meeting_id="meeting",
        title=text,
        started_at_ms=0,
        ended_at_ms=None,
        version=1,
        digest="0" * 64,
        participants=[
            Participant(
                peer_id=text, user_id=text, custom_id=text, name=text, joined_at_ms=0, left_at_ms=1
            )
        ],
        transcript=Transcript(
            utterances=(Utterance(0, 1, text, text, text, text, text),), layout="csv-ms", notes=()
        ),
        chat=Chat(
            messages=(Message(None, text, text, text, text, "text", False, False),),
            layout="csv",
            notes=(),
            attachments=0,
        ),
        summary=Summary(text=text, layout="plain", notes=()),
    )


def _read(text: str) -> _Elements:
    document = _document(text)
    return _Elements("".join(page.session_page(SESSION, document, [text])))


@pytest.mark.parametrize("text", ATTACKS, ids=range(len(ATTACKS)))
def test_an_attack_is_shown_as_text(text: str) -> None:
    """In the title, a name, an utterance, a message, the summary and a finding."""
    found = _read(text)

    assert found.names <= MADE_OF
    assert not found.attributes & {"href", "src", "onerror", "onclick"}
    words = "".join(found.words)
    assert visible(text) in words
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]", words
    )


@given(st.text())
def test_no_text_becomes_markup(text: str) -> None:
    """Whatever was said, a page has the elements it always has."""
    usual = _read("words")
    found = _read(text)

    assert found.names - {"br"} == usual.names - {"br"}
    assert found.attributes == usual.attributes


def test_a_page_loads_and_runs_nothing() -> None:
    """Its policy allows its own style, by digest, and nothing more."""
    text = "".join(page.session_page(SESSION, None, []))

    assert "default-src 'none'" in text
    assert "script" not in text.replace("script-src", "")
    assert "http" not in re.sub("http-equiv", "", text)


def test_the_list_escapes_what_was_asked_and_titled() -> None:
    """The reason, the query, a title, and where a link leads."""
    text = ATTACKS[3]
    heading = {
        "archive": {"id": text, "account": text},
        "asked": {"user": text, "requested_by": text, "reason": text, "at": "now"},
        "selection": {"query": text, "apps": [text]},
        "made_with": {"release": "1"},
        "not_covered": {"pending": None, "live": [text], "ledger": {"gaps": [1, 2]}},
    }
    row = page.index_row(SESSION, text, 'a"b/session.html')
    found = _Elements(page.index_opening(heading) + row + page.index_closing(heading, [text]))

    assert found.names <= MADE_OF | {"a"}
    assert "onerror" not in found.attributes
    shown = "".join(found.words)
    assert "not known" in shown
    assert "gaps: 2" in shown


def test_a_session_without_words_has_its_outcomes() -> None:
    """What is archived of it, and why the rest is not, is on the page all the same."""
    quiet = dataclasses.replace(_document(""), transcript=None, chat=None, summary=None)

    text = "".join(page.session_page(SESSION, quiet, []))
    assert "There is none that can be read." in text
    assert "lost x" in text
    assert "(untitled)" in text
