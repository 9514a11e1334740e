"""The README, held against the program."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archiver.archive.keys import CANARIES
from archiver.cli import build_parser
from archiver.settings import definitions
from search.cli import COMMANDS
from search.web.app import ROUTES
from tests.archiver.verify.bench import bench
from tests.rig import rig

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def _rows(section: str) -> list[list[str]]:
    """The cells of the tables in a section, without their headings."""
    lines = [each for each in _section(section).splitlines() if each.startswith("| ")]
    rows = [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines
    ]
    return [row for row in rows if row[0] and not set(row[0]) <= set("- ")][1:]


def _marked(name: str) -> str:
    match = re.search(rf"<!-- {name} -->\n```sh\n(.*?)\n```", README, re.DOTALL)
    assert match is not None
    return match[1]


def test_the_settings_table_is_the_code() -> None:
    """Every setting stands in the table with its default and meaning, and nothing else does."""
    expected = [
        [
            f"`{definition['variable']}`",
            f"`{definition['default']}`" if definition["default"] else "–",
            definition["meaning"],
        ]
        for _, definition in definitions()
    ]

    assert expected == _rows("Settings")


def _options(parser: argparse.ArgumentParser) -> set[str]:
    found: set[str] = set()
    for action in parser._actions:
        found |= set(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            found |= {each for sub in action.choices.values() for each in _options(sub)}
    return found - {"-h", "--help", "--json"}


def test_the_commands_table_is_the_parser() -> None:
    """Every command and every option of it stands in the table, and no other."""
    parser = build_parser("rtk-archive", COMMANDS)
    subparsers = next(
        each for each in parser._actions if isinstance(each, argparse._SubParsersAction)
    )
    documented: dict[str, set[str]] = {}
    for row in _rows("Commands"):
        cells = row[0].removeprefix("`rtk-archive ").rstrip("`")
        for part in cells.split("` · `"):
            documented[part.split()[0]] = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", part))

    assert documented == {name: _options(each) for name, each in subparsers.choices.items()}
    for option in ("--config", "--data", "--store", "-v"):
        assert f"`{option}" in _section("Commands")


def test_the_routes_table_is_the_app() -> None:
    """Every route of the endpoint stands in the table of the HTTP API, and no other."""
    documented = set()
    for cell, _ in _rows("HTTP API"):
        path, *others = re.findall(r"(?:GET |POST )?(/[^`?, ]*)", cell)
        parent = path.rsplit("/", 1)[0]
        documented |= {
            path,
            *(each if cell.startswith("`GET /h") else parent + each for each in others),
        }

    served = {re.sub("(session|search)_id", "id", each.path) for each in ROUTES}
    assert documented == served


def test_two_commands_do_all_the_set_up() -> None:
    """The demo and the tests are one line each, which .ci/run and the workflow run word for word."""
    demo, tests = _marked("demo"), _marked("test")

    assert demo.count("\n") == tests.count("\n") == 0
    assert demo.endswith(".venv/bin/rtk-archive demo")
    assert tests.endswith(".venv/bin/python -m pytest")
    for part in (demo, tests):
        assert part.startswith("python3 -m venv .venv && .venv/bin/pip install -q -e ")


def _by_hand(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What the README's lines of this name say in a folder."""
    command = ["sh", "-c", _marked(name)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.skipif(
    not (shutil.which("jq") and shutil.which("sha256sum")), reason="needs jq and sha256sum"
)
async def test_the_archive_can_be_checked_by_hand(tmp_path: Path) -> None:
    """The README's line finds every object whole, and a flipped byte."""
    async with rig(tmp_path, meetings=1) as one:
        await one.sync_until_settled()
    (inventory,) = (tmp_path / "archive").rglob("inventory-0001.json")
    folder = inventory.parent

    whole = _by_hand("by hand", folder)
    assert (whole.returncode, whole.stdout.count(": OK")) == (0, 5)
    victim = next(folder.glob("summary.*.md"))
    victim.chmod(0o600)
    victim.write_bytes(victim.read_bytes() + b" ")
    assert _by_hand("by hand", folder).returncode != 0


@pytest.mark.skipif(
    not (shutil.which("jq") and shutil.which("sha256sum")), reason="needs jq and sha256sum"
)
@pytest.mark.parametrize(
    "harm", ["", "summary.*.md", "inventory-0001.json", "seals/00000002.json", "folder"]
)
async def test_the_seals_can_be_checked_by_hand(harm: str, tmp_path: Path) -> None:
    """The README's lines say which seal is the last, and fail at whatever is missing or changed."""
    async with bench(tmp_path) as one:
        last = one.ledger.sealing.head()
        folder = one.folders[1]
        if harm == "folder":
            shutil.rmtree(folder)
        elif harm.startswith("seals"):
            one.record(harm).unlink()
        elif harm:
            victim = one.one(harm, 1)
            victim.write_bytes(victim.read_bytes()[:-1] + b" ")
    checked = _by_hand("seals by hand", tmp_path / "archive")

    assert (checked.returncode == 0) == (not harm), checked.stdout + checked.stderr
    if not harm:
        assert checked.stdout.splitlines() == [
            f"last seal {last}",
            "every session that is sealed is whole: 3",
        ]


@pytest.mark.parametrize("name", ["worker policy", "reader policy"])
def test_the_policies_allow_no_more_than_they_say(name: str) -> None:
    """No right to delete but for canaries, and none to bypass a lock."""
    match = re.search(rf"<!-- {name} -->\n```json\n(.*?)\n```", README, re.DOTALL)
    assert match is not None
    statements = json.loads(match[1])["Statement"]

    actions = [
        (each, statement["Resource"]) for statement in statements for each in statement["Action"]
    ]
    assert all(statement["Effect"] == "Allow" for statement in statements)
    assert not [each for each, _ in actions if "*" in each or "Bypass" in each]
    deletes = [where for each, where in actions if "Delete" in each]
    assert all(where.endswith(f"/{CANARIES}*") for where in deletes)
    assert bool(deletes) == (name == "worker policy")


def test_every_file_it_links_to_is_there() -> None:
    """Pictures and files."""
    for target in _targets():
        assert (ROOT / target).exists(), target


def _targets() -> Iterator[str]:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            yield target
