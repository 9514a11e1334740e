"""A meeting full of attacks, in everything the commands write: it steers no terminal and no table."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from typing import TYPE_CHECKING

import pytest

from archiver.simulated import generate_meetings
from archiver.simulated.library import ChatMessage, Participant, Utterance
from tests.console import console
from tests.search.mcp.attacks import ATTACKS, NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archiver.simulated import Meeting
    from tests.console import Console


def hostile() -> Meeting:
    """A meeting in which every text anybody could choose is an attack."""
    made = generate_meetings(1)[0]
    eve = Participant(name=NAME, custom_id=NAME)
    said = [
        Utterance(participant=0, start_ms=1000 * at, end_ms=1000 * at + 900, text=text)
        for at, text in enumerate(ATTACKS)
    ]
    typed = [
        ChatMessage(at_ms=1000 * at, participant=0, text=text) for at, text in enumerate(ATTACKS)
    ]
    return dataclasses.replace(
        made,
        title=f"needle {NAME}",
        participants=[eve],
        utterances=said,
        chat=typed,
        summary="\n\n".join(ATTACKS),
    )


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Console]:
    """A shell for an account that holds this meeting, captured and indexed."""
    with console(tmp_path, capsys, monkeypatch, meetings=(hostile(),)) as found:
        found.run("sync")
        yield found


def assert_inert(text: str) -> None:
    """Nothing in it but characters that are seen, and ends of lines."""
    harmful = {each for each in text if not each.isprintable()} - set("\n\u200c\u200d")
    assert not harmful, harmful
    assert not re.search("[\u034f\u115f\u3164\U000e0100-\U000e01ef]", text)


def test_no_command_can_be_steered(shell: Console) -> None:
    """Every command that tells of the meeting, for people and for programs, and in its errors."""
    (session_id,) = shell.source.session_ids
    commands = [
        ["search", "needle"],
        ["search", "needle", "in:chat", "--sort", "newest"],
        ["search", "in:summary", "needle"],
        ["search", "\x1b[2J\u202eneedle"],
        ["show", session_id],
        ["show", session_id, "--transcript", "--chat", "--summary"],
        ["show", session_id, "--inventory"],
        ["show", "no\u202e\x1b[31m"],
        ["status"],
        ["verify"],
        ["audit", "show"],
        ["export", "--format", "files", "--reason", "\x1b[2J", "out"],
    ]
    told = ""
    for argv in commands:
        for options in ([], ["--json"]):
            if argv[0] == "export" and options:
                continue
            ran = shell.run(*argv, *options)
            assert ran.out or ran.err, argv
            assert_inert(ran.out)
            assert_inert(ran.err)
            told += ran.out

    assert "\\u202e" in told  # it was shown, escaped
    assert "\\x1b" in told


def test_no_exported_table_calculates(shell: Console) -> None:
    """Every cell of an export's tables is text, and no bidi control or escape is in them."""
    exported = shell.run("export", "--format", "files", "--reason", "test", "out")
    assert exported.code == 0, exported.err
    tables = [*(shell.folder / "out").rglob("*.csv")]
    renderings = [each for each in tables if re.search(r"/(?:transcript|chat)\.csv\Z", str(each))]

    assert len(renderings) == 2
    for path in renderings:
        text = path.read_text(encoding="utf-8-sig")
        assert not re.search(
            "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text
        )
        _, *rows = csv.reader(text.splitlines(keepends=True))
        assert len(rows) == len(ATTACKS)
        for cell in (cell for row in rows for cell in row[2:]):
            assert not re.match(r"[\s\"]*[=+\-@]", cell), cell


def test_json_means_what_was_said(shell: Console) -> None:
    """Escaped as it is on its way, a program reads every character as it was."""
    (session_id,) = shell.source.session_ids
    ran = shell.run("show", session_id, "--transcript", "--json")

    assert ran.out.isascii()
    said = [each["text"] for each in json.loads(ran.out)["transcript"]]
    assert [" ".join(each.split()) for each in said[5:7]] == [
        " ".join(each.split()) for each in ATTACKS[5:7]
    ]
