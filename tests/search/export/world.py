"""An archive to export: sessions of two apps, one of them in two versions and one hostile."""

from __future__ import annotations

import dataclasses
import json
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from archiver.simulated import Faults, generate_meetings
from archiver.simulated.generated import awkward_meeting
from tests.console import console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from archiver.simulated import SimulatedSource
    from tests.console import Console, Ran

FORMATS = ("files", "bagit", "ocfl", "jsonl")
APPS = ("One app", "Another app")
#: In place of a test's `capsys`: what the commands say that make the archive, nobody asks.
NOT_READ = cast(Any, SimpleNamespace(readouterr=lambda: SimpleNamespace(out="", err="")))


@contextmanager
def archived(folder: Path, environment: pytest.MonkeyPatch) -> Iterator[SimulatedSource]:
    """A folder whose account is archived and indexed: the first session's summary came later."""
    made = generate_meetings(4, days=2, app_names=APPS)
    hostile = dataclasses.replace(awkward_meeting(), app_name=APPS[0])
    faults = Faults()
    with console(folder, NOT_READ, environment, meetings=(*made, hostile), faults=faults) as one:
        faults.on(session_id=one.source.session_ids[0], kind="summary", never=True)
        one.run("sync")
        faults.per_artifact.clear()
        assert one.run("sync").code == 0
        yield one.source


def export(shell: Console, format_: str, *argv: str, to: str = "") -> Ran:
    """`export` into a folder that is called after its format unless told otherwise."""
    target = to or f"out-{format_}"
    return shell.run("export", target, "--format", format_, "--reason", "a test", *argv)


def check(shell: Console, name: str) -> dict[str, str]:
    """What `export --check` finds wrong, by path."""
    ran = shell.run("export", name, "--check", "--json")
    problems = {each["path"]: each["problem"] for each in ran.document["problems"]}
    assert ran.code == (4 if problems else 0)
    return problems


def manifest(folder: Path) -> dict[str, Any]:
    """`export.json`, wherever the format has it."""
    (path,) = folder.rglob("export.json")
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document
